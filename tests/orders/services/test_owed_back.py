"""What a store cancels, edits or gives back by itself, and the refund that matches it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.models import Connection
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import Order, OrderPush, Payment
from orders.services import decisions, owed_back, refund_quotes
from orders.services.owed_back import Owed, Why
from tests.factories import NOON, make_connection, make_order
from tests.orders.services.pushed import Pushed, make_pushed
from tests.orders.services.refundable import issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def pushed() -> Pushed:
    """Two stools and a vase at 15.00 each: 45.00, taken."""
    there = make_pushed()
    Payment.objects.update(captured=there.order.total)
    return there


def change(pushed: Pushed, **fields) -> Owed:
    pushed.store.change(pushed.push.remote_id, **fields)
    pushed.pull()
    return owed_back.of(pushed.order)


def suggested(order: Order) -> dict[str, object]:
    found = owed_back.suggested(order, refund_quotes.left_of(order))
    return {line.id: line.quantity for line in found.lines} | {"shipping": found.shipping, "amount": found.amount}


def test_nothing_is_owed_while_the_store_holds_what_was_paid(pushed: Pushed):
    assert owed_back.of(pushed.order) == Owed(Decimal(0))
    assert owed_back.suggested(pushed.order, refund_quotes.left_of(pushed.order)) is None


def test_a_cancellation_there_suggests_all_that_was_cancelled(pushed: Pushed):
    owed = change(pushed, cancelled=True)

    assert owed == Owed(Decimal(45), Why.CANCELLED)
    assert suggested(pushed.order) == {"1": 2, "2": 1, "shipping": 0, "amount": None}


def test_an_order_that_was_deleted_there_is_owed_as_well(pushed: Pushed):
    pushed.record(None)

    assert owed_back.of(pushed.order) == Owed(Decimal(45), Why.CANCELLED)


def test_an_edit_to_less_suggests_the_units_that_it_took_off(pushed: Pushed):
    owed = change(pushed, total=Decimal(30))

    assert owed == Owed(Decimal(15), Why.CHANGED)
    assert suggested(pushed.order) == {"1": 1, "shipping": 0, "amount": None}


def test_an_edit_to_more_is_owed_to_nobody(pushed: Pushed):
    assert change(pushed, total=Decimal(50)).amount == 0


def test_an_edit_whose_difference_the_store_gave_back_is_owed_once(pushed: Pushed):
    pushed.store.refund(pushed.push.remote_id, "15.00")

    assert change(pushed, total=Decimal(30)).amount == 15


def test_what_is_given_here_is_not_owed_any_more(pushed: Pushed):
    change(pushed, cancelled=True)

    issue(pushed.order, {"1": 2})

    assert owed_back.of(pushed.order) == Owed(Decimal(15), Why.CANCELLED)
    assert suggested(pushed.order) == {"2": 1, "shipping": 0, "amount": None}


def test_an_order_that_is_called_off_here_owes_nothing_more(pushed: Pushed):
    change(pushed, cancelled=True)

    decisions.cancel(order_id=pushed.order.pk, reason="Gone.", by="ana", at=NOON)

    assert owed_back.of(pushed.order).amount == 0


def test_what_is_kept_out_of_the_store_is_still_sold(pushed: Pushed):
    change(pushed, cancelled=True)
    OrderPush.objects.update(status=PushStatus.CANCELLED)

    assert owed_back.of(pushed.order).amount == 0


def test_a_supplier_s_price_is_no_concern_of_the_customer(pushed: Pushed):
    Connection.objects.update(platform="ssactivewear")

    assert change(pushed, total=Decimal(3)).amount == 0


def test_an_order_that_nobody_paid_owes_nothing(pushed: Pushed):
    Payment.objects.all().delete()

    assert change(pushed, cancelled=True).amount == 0


# --- the list ---


def listed(pushed: Pushed) -> list[tuple[Order, Owed]]:
    return owed_back.listed(pushed.order.merchant)


@pytest.mark.parametrize(
    "there",
    [
        {"cancelled": True},
        {"total": Decimal(30)},
        {"total": Decimal("44.99")},
        {"total": Decimal(50)},
        {"total": Decimal(45)},
    ],
    ids=str,
)
@pytest.mark.parametrize("refund", [None, {"1": 1}, {"1": 2}])
def test_the_list_has_what_the_order_s_page_has(pushed: Pushed, there: dict, refund: dict | None):
    change(pushed, **there)
    if refund:
        issue(pushed.order, refund)

    owed = owed_back.of(pushed.order)
    assert listed(pushed) == ([(pushed.order, owed)] if owed.amount else [])


def test_a_debt_stands_in_the_list_however_many_newer_orders_are_settled(pushed: Pushed, monkeypatch):
    monkeypatch.setattr(owed_back, "SHOWN", 2)
    change(pushed, cancelled=True)
    for _ in range(3):
        newer = make_pushed(merchant=pushed.order.merchant)
        Payment.objects.filter(order=newer.order).update(captured=newer.order.total)
        newer.store.refund(newer.push.remote_id, "15.00")
        newer.pull()
        issue(newer.order, {"1": 1})

    assert listed(pushed) == [(pushed.order, Owed(Decimal(45), Why.CANCELLED))]


def test_what_a_supplier_or_a_store_that_was_paid_itself_holds_is_not_listed(pushed: Pushed):
    change(pushed, total=Decimal(30))
    Connection.objects.update(platform="ssactivewear")
    assert listed(pushed) == []

    Connection.objects.update(platform="shopify")
    assert len(listed(pushed)) == 1
    Payment.objects.update(gateway="store")
    assert listed(pushed) == []


def test_the_list_takes_as_many_reads_for_one_debt_as_for_three(pushed: Pushed):
    change(pushed, cancelled=True)
    counts = []
    for more in (0, 2):
        for _ in range(more):
            other = make_pushed(merchant=pushed.order.merchant)
            Payment.objects.filter(order=other.order).update(captured=other.order.total)
            change(other, cancelled=True)
        merchant = pushed.order.merchant
        with CaptureQueriesContext(connection) as queries:
            assert len(owed_back.listed(merchant)) == more + 1
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_of_a_split_order_the_cancelled_part_alone_is_suggested():
    order = make_order(
        lines=[{"sku": "A", "quantity": 2}, {"sku": "B"}], connections=[make_connection()],
        status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED, payment={"captured_at": NOON, "captured": 45},
    )  # fmt: skip
    push = order.pushes.get()
    push.push_lines.exclude(line__sku="B").delete()
    OrderPush.objects.filter(pk=push.pk).update(
        status=PushStatus.HELD, reason="Gone.", wait_for="", remote_id="9", pushed_at=NOON, remote_cancelled=True,
        subtotal=15, total=15, carries_shipping=False,
    )  # fmt: skip

    assert owed_back.of(order) == Owed(Decimal(15), Why.CANCELLED)
    assert suggested(order) == {"2": 1, "shipping": 0, "amount": None}
