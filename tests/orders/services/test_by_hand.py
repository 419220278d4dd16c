"""Pushing by hand and at times: what is paid waits for a person or the clock, and goes out once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.models import Connection, SyncSettings
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.errors import FeeRefused, TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import by_hand, decisions, order_data, pushes, slots
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


class Shop:
    """A store in memory, its connection, and orders that are paid."""

    def __init__(self, **settings) -> None:
        self.store = FakeStore()
        self.store.stock_up("A")
        self.connection: Connection = make_connection(make_merchant(), name="Kauri", settings=settings)
        self.world = make_world(self.store)

    def paid(self, **fields) -> OrderPush:
        order = make_order(
            self.connection.merchant, connections=[self.connection], lines=[{"sku": "A", "unit_price": "50"}], **fields
        )
        decisions.confirm(order_id=order.pk, by="ana", at=self.now)
        self.drain()
        return self.push(order)

    @property
    def now(self):
        return self.store.clock.now()

    def drain(self) -> None:
        outbox.drain(at=self.now, world=self.world)

    def push(self, order: Order) -> OrderPush:
        return OrderPush.objects.select_related("order", "connection").get(order=order)

    def change(self, **chosen) -> None:
        order_data.save(connection_id=self.connection.pk, by="ana", at=self.now, **chosen)


def status(push: OrderPush) -> str:
    return OrderPush.objects.get(pk=push.pk).status


# --- by hand --------------------------------------------------------------------------------------


def test_a_paid_order_waits_until_somebody_pushes_it():
    shop = Shop(push_by_hand=True)

    push = shop.paid()

    assert (push.status, push.wait_for, push.reason) == (
        PushStatus.WAITING,
        conditions.pushed_by_hand(push.pk),
        by_hand.REASON,
    )
    assert (push.order.payment_status, shop.store.orders) == ("captured", {})


def test_pushed_now_it_is_there_once_and_says_who_did_it():
    shop = Shop(push_by_hand=True)
    push = shop.paid()

    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now)
    shop.drain()

    assert (status(push), len(shop.store.orders)) == (PushStatus.PUSHED, 1)
    assert "ben pushed it to Kauri." in push.order.events.values_list("text", flat=True)
    assert OrderPush.objects.get().pushed_by == "ben"


def test_pushed_twice_it_is_refused_and_promised_once():
    shop = Shop(push_by_hand=True)
    push = shop.paid()
    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now)

    with pytest.raises(TransitionNotAllowed, match="waits to be pushed"):
        by_hand.push_now(push_id=push.pk, by="ana", at=shop.now)

    assert OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).count() == 1


def test_an_order_that_is_not_paid_yet_cannot_be_pushed():
    shop = Shop(push_by_hand=True)
    order = make_order(shop.connection.merchant, connections=[shop.connection], lines=[{"sku": "A"}])

    with pytest.raises(TransitionNotAllowed):
        by_hand.push_now(push_id=shop.push(order).pk, by="ben", at=NOON)
    with pytest.raises(TransitionNotAllowed):
        by_hand.push_order(order_id=order.pk, by="ben", at=NOON)


def test_all_of_an_order_that_waits_is_pushed_at_once():
    shop = Shop(push_by_hand=True)
    push = shop.paid()

    by_hand.push_order(order_id=push.order_id, by="ben", at=shop.now)
    shop.drain()

    assert status(push) == PushStatus.PUSHED


def test_a_cancelled_order_is_not_pushed():
    shop = Shop(push_by_hand=True)
    push = shop.paid()
    decisions.cancel(order_id=push.order_id, reason="Sold out", by="ana", at=shop.now)

    with pytest.raises(TransitionNotAllowed):
        by_hand.push_now(push_id=push.pk, by="ben", at=shop.now)


def test_turned_to_by_hand_what_is_promised_and_not_sent_waits_too():
    shop = Shop()
    order = make_order(shop.connection.merchant, connections=[shop.connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = outbox.claim(at=NOON, limit=1)
    outbox.carry_out(capture, shop.world)
    shop.change(push_by_hand=True)

    shop.drain()

    push = shop.push(order)
    assert (push.status, push.waits_for_hand, shop.store.orders) == (PushStatus.WAITING, True, {})
    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now)
    shop.drain()
    assert (status(push), len(shop.store.orders)) == (PushStatus.PUSHED, 1)


def test_turned_to_automatic_what_waits_still_waits_and_the_next_goes_out():
    shop = Shop(push_by_hand=True)
    waiting = shop.paid()

    shop.change(push_by_hand=False)
    later = shop.paid()

    assert (status(waiting), later.status) == (PushStatus.WAITING, PushStatus.PUSHED)


def test_changed_after_a_lost_answer_the_order_is_found_and_not_sent_again():
    shop = Shop()
    order = make_order(shop.connection.merchant, connections=[shop.connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = outbox.claim(at=NOON, limit=1)
    outbox.carry_out(capture, shop.world)
    shop.store.next_fault = "timeout_after_create"
    shop.drain()
    assert shop.push(order).status == PushStatus.UNKNOWN

    shop.change(push_by_hand=True, push_every_minutes=60, financial_status="unpaid", note_template="New {order_number}")
    shop.store.clock.advance(3600)
    shop.drain()

    push = shop.push(order)
    assert (push.status, push.adopted, len(shop.store.orders)) == (PushStatus.PUSHED, True, 1)


def test_changed_before_a_repeat_it_goes_out_as_it_is_set_then():
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    push = shop.paid()
    shop.store.next_fault = "throttled"
    shop.store.clock.advance(1740)
    shop.drain()
    assert (status(push), shop.store.orders) == (PushStatus.QUEUED, {})

    shop.change(financial_status="unpaid", tag_template="Late")
    shop.store.clock.advance(10)
    shop.drain()

    (sent,) = shop.store.sent.values()
    assert (status(push), sent.options.mark_paid, sent.options.tag) == (PushStatus.PUSHED, False, "Late")


# --- the price of shipping ------------------------------------------------------------------------


def test_a_typed_fee_is_what_the_destination_is_to_hold():
    shop = Shop(push_by_hand=True, financial_status="unpaid")
    push = shop.paid(shipping=7)

    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal("12.50"))
    shop.drain()

    push.refresh_from_db()
    (there,) = shop.store.orders.values()
    assert (there.total, push.due_total, push.total) == (Decimal("62.50"), Decimal("62.50"), Decimal(57))
    assert (push.status, push.remote_total, push.blockers) == (PushStatus.PUSHED, Decimal("62.50"), [])


def test_a_fee_that_would_break_what_the_customer_paid_is_refused_and_nothing_is_sent():
    shop = Shop(push_by_hand=True)
    push = shop.paid(shipping=7)

    with pytest.raises(FeeRefused, match="must hold what the customer paid, to the cent"):
        by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(12))

    assert status(push) == PushStatus.WAITING


@pytest.mark.parametrize("fee", ["-1", "0.005", "NaN", "Infinity", "500.01"])
def test_a_fee_that_cannot_be_is_refused(fee):
    shop = Shop(push_by_hand=True, financial_status="unpaid")
    push = shop.paid()

    with pytest.raises(FeeRefused):
        by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(fee))


class Picky(FakeStore):
    """Refuses every shipping price but one."""

    def preflight(self, order, variants):
        if order.shipping in (0, 7):
            return super().preflight(order, variants)
        return (Blocker(BlockerCode.TOTAL_MISMATCH, "It would come to another total.", "total"),)


def picky(**fields) -> tuple[Shop, OrderPush]:
    shop = Shop(push_by_hand=True, financial_status="unpaid")
    shop.store = Picky()
    shop.store.stock_up("A")
    shop.world = make_world(shop.store)
    return shop, shop.paid(**fields)


def test_a_price_that_the_destination_would_refuse_is_held_unsent_and_another_can_be_typed():
    shop, push = picky()
    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(5))
    shop.drain()
    held = status(push), len(shop.store.orders)

    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(7))
    shop.drain()

    assert (held, status(push), len(shop.store.orders)) == ((PushStatus.HELD, 0), PushStatus.PUSHED, 1)
    assert OrderPush.objects.get().blockers == []


def test_what_is_out_of_stock_when_it_is_pushed_waits_for_it_and_keeps_its_price():
    shop, push = picky()
    shop.store.stock_up("A", stock=0)
    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(7))
    shop.drain()
    waits = OrderPush.objects.get().wait_for

    shop.store.stock_up("A")
    conditions.cleared(waits)
    shop.drain()

    assert waits == conditions.stock_back(shop.connection.pk, "A")
    assert [order.total for order in shop.store.orders.values()] == [57]


def test_an_age_limit_does_not_hold_what_is_paid():
    shop, push = picky()
    shop.change(max_age_days=1)
    shop.store.clock.advance(5 * 86400)

    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now, shipping_fee=Decimal(7))
    shop.drain()

    assert status(push) == PushStatus.PUSHED


# --- at times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "after", "due"),
    [(0, 100, 100), (30, 0, 0), (30, 1, 1800), (30, 1799, 1800), (7, 60, 300), (1440, 1, 43200)],
)
def test_the_next_time_is_a_whole_multiple(minutes, after, due):
    at = NOON + timedelta(seconds=after)

    found = slots.next_for(SyncSettings(push_every_minutes=minutes), at=at)

    assert found >= at
    assert (found.timestamp() % (minutes * 60) if minutes else found - at) in (0, timedelta(0))
    if minutes in (0, 30):
        assert found == NOON + timedelta(seconds=due)


def test_one_time_sends_all_that_waits():
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    first = shop.paid()
    shop.store.clock.advance(600)
    second = shop.paid()
    assert [push.status for push in (first, second)] == [PushStatus.WAITING] * 2
    assert "Goes out with all the others at 01:30 (24 November)." in first.reason

    shop.store.clock.advance(30 * 60 - 661)
    shop.drain()
    before = len(shop.store.orders)
    shop.store.clock.advance(1)
    shop.drain()

    assert (before, [status(push) for push in (first, second)]) == (0, [PushStatus.PUSHED] * 2)


def test_what_waits_for_its_time_can_be_pushed_now():
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    push = shop.paid()

    by_hand.push_now(push_id=push.pk, by="ben", at=shop.now)
    shop.drain()

    assert (status(push), len(shop.store.orders)) == (PushStatus.PUSHED, 1)


@pytest.mark.parametrize(("minutes", "later_s", "sent"), [(0, 0, 1), (10, 0, 0), (10, 9 * 60, 1), (120, 60 * 60, 0)])
def test_another_interval_moves_what_waits(minutes, later_s, sent):
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    push = shop.paid()

    shop.change(push_every_minutes=minutes)
    shop.store.clock.advance(later_s)
    shop.drain()

    assert len(shop.store.orders) == sent
    assert status(push) == (PushStatus.PUSHED if sent else PushStatus.WAITING)


def test_an_order_cancelled_before_its_time_never_leaves():
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    push = shop.paid()

    decisions.cancel(order_id=push.order_id, reason="Sold out", by="ana", at=shop.now)
    shop.store.clock.advance(3600)
    shop.drain()

    assert (status(push), shop.store.orders) == (PushStatus.CANCELLED, {})
    assert not OutboxMessage.objects.exclude(status=OutboxStatus.DONE).exists()


def test_a_push_that_waits_is_retried_by_hand_at_once():
    shop = Shop(push_every_minutes=30)
    shop.store.clock.advance(60)
    push = shop.paid()

    pushes.retry(push_id=push.pk, by="ben", at=shop.now)
    shop.drain()

    assert status(push) == PushStatus.PUSHED
