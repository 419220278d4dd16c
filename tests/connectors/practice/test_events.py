"""Webhooks of a practice store: which, to whom, signed how."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import responses
from django.conf import settings
from django_q.models import OrmQ

from connectors.base import Account
from connectors.practice import deliveries, dials, services, tasks
from connectors.practice.models import PracticeDelivery, PracticeWebhook
from connectors.shopify import webhook
from tests.connectors.practice.shop import bag, create, line
from tests.factories import NOON

URI = "https://portal.example/webhooks/shopify/abc/"
TOPICS = (
    "FULFILLMENTS_CREATE",
    "FULFILLMENTS_UPDATE",
    "ORDERS_CANCELLED",
    "ORDERS_EDITED",
    "ORDERS_DELETE",
    "REFUNDS_CREATE",
)
SALE = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("50.00")}


@pytest.fixture
def order(shop):
    for topic in TOPICS:
        PracticeWebhook.objects.create(shop=shop, topic=topic, uri=URI, created_at=NOON)
    row = create(shop, sourceIdentifier="SW-1", lineItems=[line(shop)], transactions=[SALE])
    PracticeDelivery.objects.all().delete()
    return row


def parsed(delivery):
    """The delivery as the portal reads it."""
    account = Account(base_url="https://kauri.myshopify.com", credentials={}, shop_domain=delivery.shop.domain)
    return webhook.parse(
        headers=deliveries.of(delivery).headers,
        body=deliveries.of(delivery).body,
        secrets=settings.SHOPIFY_APP_SECRETS,
        account=account,
    )


@pytest.mark.parametrize(
    ("topic", "act"),
    [
        ("fulfillments/create", lambda order: services.fulfill(order_id=order.pk, quantities=None, parcels=[])),
        ("orders/cancelled", lambda order: services.cancel_order(order_id=order.pk)),
        ("orders/edited", lambda order: services.edit_quantity(line_id=order.lines.get().pk, quantity=2)),
        ("orders/delete", lambda order: services.delete_order(order_id=order.pk)),
        ("refunds/create", lambda order: services.refund(order_id=order.pk, amount=Decimal(1))),
    ],
)
def test_each_change_is_told_by_a_webhook_that_leads_to_the_order(order, topic, act):
    number = order.pk
    act(order)

    notice = parsed(PracticeDelivery.objects.get())

    assert (notice.topic, notice.remote_order_id) == (topic, f"gid://shopify/Order/{number}")


def test_a_change_of_a_fulfillment_is_told(order):
    sent = services.fulfill(order_id=order.pk, quantities=None, parcels=[])
    services.add_tracking(fulfillment_id=sent.pk, parcels=[{"number": "NZ1", "company": "NZ Post", "url": ""}])

    assert parsed(PracticeDelivery.objects.latest("pk")).topic == "fulfillments/update"


def test_an_order_webhook_carries_our_reference(order):
    services.cancel_order(order_id=order.pk)

    assert parsed(PracticeDelivery.objects.get()).reference == "SW-1"


def test_each_refund_has_an_id_of_its_own(order):
    for _ in range(2):
        services.refund(order_id=order.pk, amount=Decimal(1))

    assert len({delivery.payload["id"] for delivery in PracticeDelivery.objects.all()}) == 2


def test_nobody_subscribed_nobody_is_told(shop, order):
    shop.webhooks.all().delete()

    services.cancel_order(order_id=order.pk)

    assert not PracticeDelivery.objects.exists()


def test_a_webhook_is_promised_when_the_change_is_committed(order, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel_order(order_id=order.pk)
        assert not OrmQ.objects.exists()

    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(("dial", "deliveries", "sends"), [("webhooks_off", 0, 0), ("webhooks_twice", 1, 2)])
def test_webhooks_can_be_lost_and_doubled(order, dial, deliveries, sends, django_capture_on_commit_callbacks):
    dials.turn(order.shop_id, dial, left=1)

    with django_capture_on_commit_callbacks(execute=True):
        services.cancel_order(order_id=order.pk)

    assert (PracticeDelivery.objects.count(), OrmQ.objects.count()) == (deliveries, sends)


def test_a_late_webhook_waits_once(order, monkeypatch):
    waited = []
    monkeypatch.setattr(tasks.time, "sleep", waited.append)
    dials.turn(order.shop_id, "webhooks_late", left=1, seconds=600)
    services.cancel_order(order_id=order.pk)
    delivery = PracticeDelivery.objects.get()

    with responses.mock:
        responses.add(responses.POST, URI)
        tasks.deliver(delivery.pk)
        tasks.deliver(delivery.pk)

    assert waited == [tasks.LONGEST_WAIT_S]


def test_what_is_sent_is_what_was_signed(order):
    services.cancel_order(order_id=order.pk)
    delivery = PracticeDelivery.objects.get()

    with responses.mock:
        responses.add(responses.POST, URI)
        tasks.deliver(delivery.pk)
        request = responses.calls[0].request

    assert request.headers["X-Shopify-Hmac-Sha256"] == webhook.sign(request.body, settings.SHOPIFY_APP_SECRETS[0])
    assert json.loads(request.body) == delivery.payload
    delivery.refresh_from_db()
    assert delivery.outcome == "answered 200"


def test_what_became_of_a_delivery_is_written_down(order):
    services.cancel_order(order_id=order.pk)
    delivery = PracticeDelivery.objects.get()

    with responses.mock:
        responses.add(responses.POST, URI, status=500)
        tasks.deliver(delivery.pk)

    delivery.refresh_from_db()
    assert delivery.outcome == "failed: portal.example answered with status 500."


def test_a_delivery_that_is_gone_is_nothing_to_do(order):
    services.cancel_order(order_id=order.pk)
    gone = PracticeDelivery.objects.get().pk
    PracticeDelivery.objects.all().delete()

    with responses.mock:
        responses.add(responses.POST, URI)
        tasks.deliver(gone)

        assert len(responses.calls) == 0
    assert not PracticeDelivery.objects.exists()
