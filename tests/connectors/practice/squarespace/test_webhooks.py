"""Subscriptions, and what is delivered: which, to whom, signed how."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import responses

from connectors.base import Account
from connectors.errors import BadSignatureError
from connectors.practice import deliveries, services, tasks
from connectors.practice.models import PracticeDelivery
from connectors.practice.squarespace import ids
from connectors.squarespace import webhook
from tests.connectors.practice.squarespace.site import ORDERS, SUBSCRIPTIONS, call, create, get, oauth

URI = "https://portal.example/webhooks/squarespace/abc/"
SHIPMENT = {"shipDate": "2026-11-24T09:00:00Z", "carrierName": "NZ Post", "service": "Courier", "trackingNumber": "NZ1"}


def subscribe(site, *topics, uri=URI):
    body = {"endpointUrl": uri, "topics": list(topics or ("order.update",))}
    answer = call(site, "POST", SUBSCRIPTIONS, body, token=oauth(site))
    return answer.status_code, json.loads(answer.content)


@pytest.fixture
def secret(site) -> str:
    return subscribe(site, "order.update", "order.create")[1]["secret"]


def parsed(site, secret: str):
    """The last delivery as the portal reads it."""
    delivery = PracticeDelivery.objects.select_related("shop").latest("pk")
    account = Account(base_url="", credentials={}, remote_id=site.settings["websiteId"])
    body = deliveries.of(delivery).body
    return webhook.parse(headers=deliveries.of(delivery).headers, body=body, secrets=[secret], account=account)


# --- subscriptions ---


def test_the_secret_is_told_once(site):
    status, made = subscribe(site)
    (listed,) = get(site, SUBSCRIPTIONS, token=oauth(site))["webhookSubscriptions"]

    assert (status, len(bytes.fromhex(made["secret"]))) == (201, 32)
    assert listed == {name: value for name, value in made.items() if name != "secret"}


@pytest.mark.parametrize(
    ("uri", "topics"),
    [(None, ["order.update"]), ("http://portal.example/", ["order.update"]), (URI, []), (URI, ["x"]), (URI, None)],
)
def test_a_subscription_that_makes_no_sense_is_refused(site, uri, topics):
    body = {"endpointUrl": uri, "topics": topics}

    assert call(site, "POST", SUBSCRIPTIONS, body, token=oauth(site)).status_code == 400


@pytest.mark.parametrize(
    ("scopes", "topic", "status"),
    [
        (["website.orders"], "order.update", 201),
        (["website.orders.read"], "order.create", 201),
        (["website.inventory"], "order.update", 403),
        (["website.inventory"], "order.create", 403),
        (["website.inventory"], "extension.uninstall", 201),
    ],
)
def test_news_of_orders_need_a_scope_of_orders(site, scopes, topic, status):
    site.scopes = scopes
    site.save()

    assert subscribe(site, topic)[0] == status


def test_a_subscription_is_not_changed_to_what_its_scopes_do_not_allow(site):
    site.scopes = ["website.inventory"]
    site.save()
    _, made = subscribe(site, "extension.uninstall")
    path = f"{SUBSCRIPTIONS}/{made['id']}"

    answer = call(site, "POST", path, {"topics": ["order.update"]}, token=oauth(site))

    assert (answer.status_code, get(site, path, token=oauth(site))["topics"]) == (403, ["extension.uninstall"])


def test_a_site_has_twenty_five_subscriptions_at_most(site):
    statuses = [subscribe(site, uri=f"{URI}{number}")[0] for number in range(26)]

    assert statuses == [201] * 25 + [400]


def test_a_subscription_is_changed_read_and_ended(site):
    _, made = subscribe(site)
    path, key = f"{SUBSCRIPTIONS}/{made['id']}", oauth(site)

    call(site, "POST", path, {"topics": ["order.create"]}, token=key)
    assert get(site, path, token=key)["topics"] == ["order.create"]
    assert call(site, "DELETE", path, token=key).status_code == 204
    assert call(site, "GET", path, token=key).status_code == 404


# --- deliveries ---


@pytest.mark.parametrize(
    ("update", "act"),
    [
        ("FULFILLED", lambda order: services.fulfill(order_id=order.pk, quantities=None, parcels=[])),
        ("CANCELED", lambda order: services.cancel_order(order_id=order.pk)),
        ("REFUNDED", lambda order: services.refund(order_id=order.pk, amount=Decimal(1))),
    ],
)
def test_each_change_is_told_by_a_webhook_that_leads_to_the_order(site, secret, update, act):
    order = create(site)
    act(order)

    notice = parsed(site, secret)

    assert (notice.topic, notice.remote_order_id) == ("order.update", ids.of_order(order))
    assert json.loads(deliveries.of(PracticeDelivery.objects.latest("pk")).body)["data"]["update"] == update


def test_a_new_order_is_told_and_holds_no_order(site, secret):
    order = create(site)

    assert parsed(site, secret).topic == "order.create"
    body = json.loads(deliveries.of(PracticeDelivery.objects.get()).body)
    assert sorted(body) == ["createdOn", "data", "id", "subscriptionId", "topic", "websiteId"]
    assert body["data"] == {"orderId": ids.of_order(order)}


def test_marking_pending_and_more_tracking_are_told(site, secret):
    sent = services.fulfill(order_id=create(site).pk, quantities=None, parcels=[])
    services.add_tracking(fulfillment_id=sent.pk, parcels=[{"number": "NZ1"}])
    services.cancel_fulfillment(fulfillment_id=sent.pk)

    updates = [row.payload.get("update") for row in PracticeDelivery.objects.order_by("pk")]
    assert updates == [None, "FULFILLED", "FULFILLED", "MARKED_PENDING"]


def test_a_delivery_keeps_its_id_when_it_is_sent_again(site, secret):
    create(site)
    delivery = PracticeDelivery.objects.get()

    assert deliveries.of(delivery).body == deliveries.of(delivery).body
    assert deliveries.of(delivery).headers["User-Agent"] == "Squarespace/1.0"


def test_a_topic_that_nobody_asked_for_is_not_told(site):
    subscribe(site, "order.update")

    create(site)

    assert not PracticeDelivery.objects.exists()


def test_a_rotated_secret_kills_the_old_one_at_once(site, secret):
    create(site)
    (standing,) = get(site, SUBSCRIPTIONS, token=oauth(site))["webhookSubscriptions"]
    rotated = call(site, "POST", f"{SUBSCRIPTIONS}/{standing['id']}/actions/rotateSecret", token=oauth(site))
    site.refresh_from_db()

    with pytest.raises(BadSignatureError):
        parsed(site, secret)
    assert parsed(site, json.loads(rotated.content)["secret"]).event_id


def test_after_its_last_failure_the_subscription_is_deleted(site, secret):
    subscribe(site, "order.create", uri=f"{URI}other/")
    create(site)
    delivery = PracticeDelivery.objects.get(uri=URI)

    act, attempts = tasks.deliver, 0
    with responses.mock:
        responses.add(responses.POST, URI, status=500)
        while not attempts or delivery.next_attempt_at:
            act(delivery.pk)
            delivery.refresh_from_db()
            act, attempts = tasks.retry, attempts + 1

    assert attempts == 7
    assert list(site.webhooks.values_list("uri", flat=True)) == [f"{URI}other/"]


# --- shipments by the API ---


def ship(site, order, **fields):
    body = {"shouldSendNotification": False, "shipments": [SHIPMENT], **fields}
    return call(site, "POST", f"{ORDERS}/{ids.of_order(order)}/fulfillments", body)


def test_shipments_fulfill_an_order_and_more_can_be_added(site):
    order = create(site)

    statuses = [
        ship(site, order).status_code,
        ship(site, order, shipments=[{**SHIPMENT, "trackingNumber": "NZ2"}]).status_code,
    ]

    seen = get(site, f"{ORDERS}/{ids.of_order(order)}")
    assert (statuses, seen["fulfillmentStatus"]) == ([204, 204], "FULFILLED")
    assert [parcel["trackingNumber"] for parcel in seen["fulfillments"]] == ["NZ1", "NZ2"]


@pytest.mark.parametrize(
    "fields",
    [
        {"shouldSendNotification": None},
        {"shipments": []},
        {"shipments": [{**SHIPMENT, "service": None}]},
        {"shipments": [{**SHIPMENT, "shipDate": "soon"}]},
        {"shipments": [{**SHIPMENT, "trackingUrl": "nowhere"}]},
    ],
)
def test_a_shipment_that_lacks_something_is_refused(site, fields):
    assert ship(site, create(site), **fields).status_code == 400


def test_a_cancelled_order_is_not_shipped(site):
    order = create(site)
    services.cancel_order(order_id=order.pk)

    assert ship(site, order).status_code == 400
