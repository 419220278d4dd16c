"""Decisions about an order, and what each promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.base import Blocker, BlockerCode
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.errors import ConfirmationClosed, OrderBlocked, TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, fulfilled, preflight
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db
ANA = "ana@kauri.example"


def promised(order: Order) -> list[str]:
    return list(OutboxMessage.objects.filter(order=order, status="waiting").values_list("topic", flat=True))


def test_confirming_promises_the_capture_and_nothing_else():
    order = make_order(connections=[make_connection()])

    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    order.refresh_from_db()
    assert (order.status, order.decided_by, order.decided_at) == (OrderStatus.CONFIRMED, ANA, NOON)
    assert promised(order) == [Topic.CAPTURE_PAYMENT]
    assert order.events.get().text == f"Confirmed by {ANA}."


def test_confirming_twice_is_refused_and_promises_nothing_more():
    order = make_order()
    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    with pytest.raises(TransitionNotAllowed, match=f"already confirmed by {ANA}"):
        decisions.confirm(order_id=order.pk, by="ben@kauri.example", at=NOON)

    assert OutboxMessage.objects.count() == 1


def test_confirming_after_the_time_is_refused():
    order = make_order(confirm_by=NOON)

    with pytest.raises(ConfirmationClosed):
        decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    assert promised(order) == []


def test_a_blocked_order_is_not_confirmed_and_says_why():
    order = make_order(connections=[make_connection()])
    blocker = Blocker(BlockerCode.OUT_OF_STOCK, "Oak stool is out of stock.", value="STOOL")
    OrderPush.objects.update(status=PushStatus.HELD, wait_for="", reason="x", blockers=[blocker.as_json()])

    with pytest.raises(OrderBlocked, match="out of stock") as refusal:
        decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    assert refusal.value.blockers == (blocker,)
    assert promised(order) == []


def test_declining_releases_the_money_and_keeps_the_order_out_of_the_store():
    order = make_order(connections=[make_connection()])

    decisions.decline(order_id=order.pk, reason="Sold out.", by=ANA, at=NOON)

    order.refresh_from_db()
    assert (order.status, order.decision_reason, order.push_status) == (
        OrderStatus.DECLINED,
        "Sold out.",
        PushStatus.CANCELLED,
    )
    assert promised(order) == [Topic.VOID_PAYMENT]


def test_a_confirmed_order_cannot_be_declined():
    order = make_order()
    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    with pytest.raises(TransitionNotAllowed):
        decisions.decline(order_id=order.pk, reason="x", by=ANA, at=NOON)


def test_cancelling_before_the_capture_takes_its_promise_back():
    order = make_order()
    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)

    decisions.cancel(order_id=order.pk, reason="Customer changed her mind.", by=ANA, at=NOON)

    assert promised(order) == [Topic.VOID_PAYMENT]


def test_cancelling_while_the_payment_is_being_taken_is_kept_as_a_wish():
    order = make_order()
    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)
    outbox.claim(at=NOON)

    order = decisions.cancel(order_id=order.pk, reason="x", by=ANA, at=NOON)

    assert (order.status, order.cancel_wish) == (
        OrderStatus.CONFIRMED, {"by": ANA, "reason": "x", "at": NOON.isoformat()},
    )  # fmt: skip
    assert not decisions.cancel_as_wished(order_id=make_order().pk, at=NOON)


def test_cancelling_a_paid_order_gives_the_money_back_and_cancels_it_in_the_store():
    store = FakeStore()
    order = place_and_drain(store)

    decisions.cancel(order_id=order.pk, reason="Broken kiln.", by=ANA, at=NOON)
    outbox.drain(world=make_world(store))

    order.refresh_from_db()
    assert order.payment.status == PaymentStatus.REFUNDED
    assert order.payment.refunded == order.total
    assert [remote.cancelled for remote in store.orders.values()] == [True]
    assert order.pushes.get().status == PushStatus.CANCELLED


def test_an_order_expires_only_when_its_time_ran_out():
    order = make_order()

    with pytest.raises(TransitionNotAllowed):
        decisions.expire(order_id=order.pk, at=NOON)
    decisions.expire(order_id=order.pk, at=order.confirm_by)

    order.refresh_from_db()
    assert order.status == OrderStatus.EXPIRED
    assert promised(order) == [Topic.VOID_PAYMENT]


def test_completing_twice_and_reopening_are_harmless():
    order = place_and_drain(FakeStore())

    fulfilled.complete(order_id=order.pk, by="store", at=NOON)
    fulfilled.complete(order_id=order.pk, by="store", at=NOON)
    fulfilled.reopen(order_id=order.pk, by="store", at=NOON)

    order.refresh_from_db()
    assert (order.status, order.completed_at) == (OrderStatus.CONFIRMED, None)


def test_auto_accept_confirms_what_every_destination_will_take():
    store = FakeStore()
    order = make_order(make_merchant(auto_accept=True), connections=[make_connection()], lines=[{"sku": "A"}])
    store.stock_up("A")
    ask(order)

    outbox.drain(world=make_world(store))

    order.refresh_from_db()
    assert (order.auto_accepted, order.decided_by, order.payment_status) == (
        True,
        "Auto-accept",
        PaymentStatus.CAPTURED,
    )
    assert len(store.orders) == 1


def test_auto_accept_leaves_a_blocked_order_alone():
    order = make_order(make_merchant(auto_accept=True), connections=[make_connection()], lines=[{"sku": "A"}])
    ask(order)

    outbox.drain(world=make_world(FakeStore()))

    order.refresh_from_db()
    assert (order.status, order.headline) == (OrderStatus.PENDING, "blocked")


def test_without_auto_accept_a_green_check_confirms_nothing():
    store = FakeStore()
    store.stock_up("A")
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    ask(order)

    outbox.drain(world=make_world(store))

    order.refresh_from_db()
    assert (order.status, order.pushes.get().checked_at) == (OrderStatus.PENDING, NOON)


def test_a_late_check_does_not_confirm_an_order_whose_time_ran_out():
    store = FakeStore()
    store.stock_up("A")
    merchant = make_merchant(auto_accept=True)
    order = make_order(merchant, connections=[make_connection()], lines=[{"sku": "A"}], confirm_by=NOON)
    ask(order)

    outbox.drain(world=make_world(store))

    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING


def ask(order: Order) -> None:
    from django.db import transaction

    with transaction.atomic():
        preflight.ask(order, at=NOON)


def place_and_drain(store: FakeStore) -> Order:
    """Confirmed, captured and in the store."""
    store.stock_up("A")
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}], confirm_by=NOON + timedelta(days=2))
    decisions.confirm(order_id=order.pk, by=ANA, at=NOON)
    outbox.drain(world=make_world(store))
    order.refresh_from_db()
    return order
