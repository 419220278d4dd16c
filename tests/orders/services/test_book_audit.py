"""Books that contradict themselves are found, and sound ones, whatever an order went through, are not."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import book_audit, decisions
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db


def found(at=NOON) -> list[tuple[str, int]]:
    return [(each.what, each.count) for each in book_audit.look(at=at)]


def test_sound_books_say_nothing_at_any_step(caplog: pytest.LogCaptureFixture):
    store = FakeStore()
    store.stock_up("A")
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    seen = [found()]

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    while messages := outbox.claim(at=NOON, limit=1):
        seen.append(found())
        outbox.carry_out(messages[0], make_world(store))
        seen.append(found())
    with caplog.at_level(logging.ERROR):
        book_audit.report(at=NOON)

    assert OrderPush.objects.get().status == PushStatus.PUSHED
    assert (seen, caplog.records) == ([[]] * len(seen), [])


def test_money_that_was_taken_for_an_order_nobody_confirmed_is_found():
    pushed = make_pushed()
    Order.objects.update(status=OrderStatus.PENDING, decided_at=None, decided_by="")

    assert found() == [("money taken for an order that was not confirmed", 1)]
    pushed.order.payment.__class__.objects.update(gateway="store")
    assert found() == []


@pytest.mark.plants("I4", "its promise is deleted")
def test_a_confirmed_order_whose_money_nobody_will_take_is_found():
    order = make_order(connections=[make_connection()])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    assert found() == []

    OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).delete()

    assert found() == [("confirmed, and nobody is going to take its money", 1)]


def test_a_push_that_nobody_will_send_is_found_and_named(caplog: pytest.LogCaptureFixture):
    order = make_order(
        connections=[make_connection()], status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1},
    )  # fmt: skip
    OrderPush.objects.update(status=PushStatus.QUEUED, wait_for="")

    with caplog.at_level(logging.ERROR):
        book_audit.report(at=NOON)

    (record,) = caplog.records
    assert (record.message, record.what) == (
        "books do not agree",
        "a push on its way that nobody is going to send",
    )
    assert (record.count, record.examples) == (1, [order.number])


def test_a_promise_whose_worker_is_gone_and_that_nobody_takes_back_is_found():
    order = make_order(connections=[make_connection()])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON, limit=1)
    message.refresh_from_db()

    assert found(message.lease_until + timedelta(minutes=9)) == []
    assert found(message.lease_until + timedelta(minutes=10)) == [("a promise whose worker is gone for ten minutes", 1)]
