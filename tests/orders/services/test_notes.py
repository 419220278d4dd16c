"""Notes that a store keeps beside its orders: a promise of their own, never a reason to send an order again."""

from __future__ import annotations

import pytest

from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import decisions
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


def captured(store: FakeStore, *, platform: str = "woocommerce") -> OrderPush:
    """An order whose payment is taken and whose push is due."""
    order = make_order(connections=[make_connection(platform=platform)], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    step(store)
    return order.pushes.get()


def step(store: FakeStore) -> None:
    """Carry out what is due now, and nothing that this promises."""
    for message in outbox.claim(at=store.clock.now()):
        outbox.carry_out(message, make_world(store))


def notes_message() -> OutboxMessage:
    return OutboxMessage.objects.get(topic=Topic.ADD_NOTES)


def test_notes_are_promised_with_the_record_of_the_order_and_written_after_it(store):
    push = captured(store)
    step(store)
    push.refresh_from_db()

    assert (push.status, notes_message().status, store.notes) == (PushStatus.PUSHED, OutboxStatus.WAITING, {})
    step(store)
    assert store.notes == {push.remote_id: f"{push.order.channel.name} order {push.order.number}\n{url_of(push)}"}


def url_of(push: OrderPush) -> str:
    return f"http://127.0.0.1:8000/orders/{push.order.public_id}/"


def test_a_store_that_takes_notes_with_the_order_is_promised_none(store):
    captured(store, platform="shopify")
    step(store)

    assert not OutboxMessage.objects.filter(topic=Topic.ADD_NOTES).exists()


@pytest.mark.parametrize("fault", ["down", "throttled"])
def test_a_note_that_failed_is_tried_again_alone(store, fault):
    captured(store)
    step(store)
    store.next_fault = fault
    step(store)
    assert (notes_message().status, store.notes) == (OutboxStatus.WAITING, {})

    store.clock.advance(3600)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert (notes_message().status, len(store.notes)) == (OutboxStatus.DONE, 1)
    assert (store.calls.count("create"), len(store.orders)) == (1, 1)


def test_a_failing_note_leaves_the_push_as_it_is(store):
    push = captured(store)
    step(store)
    store.next_fault = "down"
    step(store)

    push.refresh_from_db()
    assert (push.status, push.blockers) == (PushStatus.PUSHED, [])


def test_an_adopted_order_gets_its_notes_too(store):
    push = captured(store)
    store.next_fault = "timeout_after_create"
    step(store)

    store.clock.advance(60)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    push.refresh_from_db()
    assert (push.adopted, len(store.notes)) == (True, 1)


def test_notes_that_a_store_refuses_are_told_to_the_merchant(store):
    push = captured(store)
    step(store)
    store.next_fault = "rejected"
    step(store)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert notes_message().status == OutboxStatus.HELD
    assert push.order.events.filter(kind="push.notes_failed").count() == 1
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, order=push.order).count() == 1


def test_an_order_that_was_called_off_meanwhile_is_cancelled_and_gets_none(store):
    push = captured(store)
    store.next_fault = "timeout_after_create"
    step(store)
    decisions.cancel(order_id=push.order_id, by="ana", reason="Sold out", at=store.clock.now())

    store.clock.advance(600)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    assert store.orders["fake-1001"].cancelled
    assert not OutboxMessage.objects.filter(topic=Topic.ADD_NOTES).exists()
