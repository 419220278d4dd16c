"""What a person can do about a push, a payment or a change in the store, over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, StoreOrigin
from orders.services import reexports
from orders.world import World
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import Api, make_api
from tests.orders.services.pushed import Pushed, make_pushed
from tests.orders.services.test_payments import confirmed, drained
from tests.orders.services.test_push_findings import ID, doubtful, put_there
from tests.orders.services.test_pushes import captured

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


def post(api: Api, path: str, **kwargs):
    return api.send("POST", path, key=api.merchant_key, **kwargs)


def make_held(api: Api) -> OrderPush:
    """Paid, and refused by its store."""
    store = FakeStore()
    push = captured(store)
    Order.objects.filter(pk=push.order_id).update(merchant=api.merchant)
    store.next_fault = "rejected"
    drained(store, push.order)
    return OrderPush.objects.get(pk=push.pk, status=PushStatus.HELD)


def make_exported(api: Api) -> Pushed:
    return make_pushed(connection=make_connection(api.merchant, name="Kauri Shopify", created_at=NOON))


def test_a_held_push_is_sent_again(api: Api):
    push = make_held(api)

    response = post(api, f"pushes/{push.public_id}/retry/")

    assert (response.status_code, response.json()["pushes"][0]["status"]) == (200, "queued")
    assert "API key tests" in push.order.events.get(text__contains="again").text


def test_a_held_push_is_kept_out(api: Api):
    push = make_held(api)

    response = post(api, f"pushes/{push.public_id}/skip/")

    assert (response.status_code, response.json()["pushes"][0]["status"]) == (200, "skipped")


def test_what_was_kept_out_is_brought_back(api: Api):
    push = make_held(api)
    post(api, f"pushes/{push.public_id}/skip/")

    response = post(api, f"pushes/{push.public_id}/bring-back/")

    assert (response.status_code, response.json()["pushes"][0]["status"]) == (200, "queued")
    assert "API key tests" in push.order.events.get(text__contains="brought it back for").text
    assert post(api, f"pushes/{push.public_id}/bring-back/").status_code == 409


def test_what_is_there_is_neither_sent_again_nor_kept_out(api: Api):
    push = make_exported(api).push

    answers = [post(api, f"pushes/{push.public_id}/{action}/") for action in ("retry", "skip", "bring-back", "cancel")]

    assert [(one.status_code, one["Content-Type"]) for one in answers] == [(409, "application/problem+json")] * 4


def test_what_still_stands_there_is_cancelled_again(api: Api):
    pushed = make_exported(api)
    Order.objects.filter(pk=pushed.order.pk).update(status=OrderStatus.CANCELLED, decided_at=NOON, decided_by="ana")
    OrderPush.objects.filter(pk=pushed.push.pk).update(status=PushStatus.HELD, reason="It could not be cancelled.")

    response = post(api, f"pushes/{pushed.push.public_id}/cancel/")

    assert response.status_code == 200
    assert OutboxMessage.objects.filter(topic=Topic.CANCEL_REMOTE, push=pushed.push).exists()


def test_a_payment_that_failed_is_taken_again(api: Api):
    store = FakeStore()
    order = drained(store, confirmed(store, behaviour="declined"))
    Order.objects.filter(pk=order.pk).update(merchant=api.merchant)

    response = post(api, f"orders/{order.public_id}/capture/")

    assert (response.status_code, response.json()["payment"]["status"]) == (200, PaymentStatus.AUTHORIZED)
    assert post(api, f"orders/{order.public_id}/capture/").status_code == 409


def test_a_change_in_the_store_is_read_and_settled(api: Api):
    order = make_order(api.merchant)
    StoreOrigin.objects.create(
        order=order, read_at=NOON, remote_updated_at=NOON, digest="x", attention="Cancelled there.", attention_at=NOON
    )
    seen = api.send("GET", f"orders/{order.public_id}/", key=api.merchant_key).json()

    response = post(api, f"orders/{order.public_id}/settle-change/")

    assert (seen["attention"], response.json()["attention"]) == ("Cancelled there.", "")
    assert post(api, f"orders/{order.public_id}/settle-change/").status_code == 409


def test_a_re_export_looks_at_the_destination_again(api: Api):
    pushed = make_exported(api)
    row = reexports.ask(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()

    response = post(api, f"re-exports/{row.public_id}/look/")

    assert (response.status_code, response.json()["status"]) == (200, "looking")


ACTIONS = ("pushes/{push}/retry/", "pushes/{push}/skip/", "pushes/{push}/bring-back/", "pushes/{push}/cancel/", "orders/{order}/capture/",
           "orders/{order}/settle-change/")  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_another_merchants_does_not_exist_and_a_marketplace_may_not(api: Api, action: str):
    order = make_order(make_merchant(slug="other"), connections=[make_connection()])
    path = action.format(push=OrderPush.objects.first().public_id, order=order.public_id)

    assert post(api, path).status_code == 404
    assert api.send("POST", path).status_code == 403


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    """The store that the API asks."""
    store = FakeStore()
    monkeypatch.setattr(World, "real", lambda: make_world(store))
    monkeypatch.setattr("orders.services.push_findings.connector_for", lambda connection, deadline_s: store)
    return store


def test_what_was_found_there_is_recorded_after_it_was_read(api: Api, asked: FakeStore):
    push = doubtful(asked)
    Order.objects.filter(pk=push.order_id).update(merchant=api.merchant)
    assert post(api, f"pushes/{push.public_id}/found/", body={}).status_code == 400
    refused = post(api, f"pushes/{push.public_id}/found/", body={"remote_id": "1001"})
    assert (refused.status_code, refused.json()["code"]) == (409, "finding_refused")
    put_there(asked, push)

    response = post(api, f"pushes/{push.public_id}/found/", body={"remote_id": "1001"})

    assert (response.status_code, response.json()["pushes"][0]["remote_id"]) == (200, ID)


def test_what_is_not_there_is_freed_after_a_look(api: Api, asked: FakeStore):
    push = doubtful(asked)
    Order.objects.filter(pk=push.order_id).update(merchant=api.merchant)
    day_before = timezone.now() - timedelta(days=1)
    OutboxMessage.objects.filter(push=push, topic=Topic.PUSH_ORDER).update(maybe_sent_at=day_before)

    assert post(api, f"pushes/{push.public_id}/not-there/").status_code == 200

    assert post(api, f"pushes/{push.public_id}/skip/").json()["pushes"][0]["status"] == "skipped"


@pytest.mark.parametrize("door", ["found", "not-there"])
def test_nobody_finds_another_merchants_push(api: Api, door: str):
    push = make_order(connections=[make_connection()]).pushes.get()

    assert post(api, f"pushes/{push.public_id}/{door}/", body={"remote_id": "1"}).status_code == 404
