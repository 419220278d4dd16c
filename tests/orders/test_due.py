"""The one clock: the database's columns and the rows in memory say the same, for every state and order of deadlines."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection

from connectors.gateway.base import Authorization
from orders.due import NO_DEADLINE, Dates, DueKind, due_of
from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus
from orders.models import Order
from orders.models.fields import ZERO
from orders.services import payment_news
from tests.factories import NOON, make_order

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
AUTHORIZED = {"status": "authorized"}  # the payment's own row; the clock reads the order's
MOMENTS = (None, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR)


def test_the_columns_say_what_the_table_says_for_every_state_and_order_of_deadlines():
    order = make_order()
    for status, payment, fulfillment in itertools.product(OrderStatus, PaymentStatus, FulfillmentStatus):
        _set_status(order, status, payment, fulfillment)
        for authorized_until, ship_by in itertools.product(MOMENTS, MOMENTS):
            Order.objects.update(confirm_by=NOON + 2 * HOUR, authorized_until=authorized_until, ship_by=ship_by)
            found = Order.objects.values_list("due_at", "due_kind").get()

            dates = Dates(status, payment, fulfillment, False, NOON + 2 * HOUR, authorized_until, ship_by)
            assert found == due_of(dates), dates


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        ("pending", {}, (NOON + 5 * HOUR, DueKind.ACCEPT)),
        ("pending", {"ship_by": NOON + HOUR}, (NOON + HOUR, DueKind.SHIP)),
        ("pending", {"authorized_until": NOON + 2 * HOUR}, (NOON + 2 * HOUR, DueKind.PAYMENT)),
        (
            "pending",
            {"authorized_until": NOON + 9 * HOUR, "ship_by": NOON + 8 * HOUR},
            (NOON + 5 * HOUR, DueKind.ACCEPT),
        ),
        ("confirmed", {}, (NOON + 5 * HOUR, DueKind.PAYMENT)),
        ("confirmed", {"payment_status": "captured", "ship_by": NOON + 9 * HOUR}, (NOON + 9 * HOUR, DueKind.SHIP)),
        ("confirmed", {"payment_status": "captured"}, (None, "")),
        ("declined", {"ship_by": NOON}, (None, "")),
    ],
)
def test_the_nearest_deadline_is_the_clock(status: str, fields: dict, expected: tuple[datetime | None, str]):
    order = make_order(status=status, confirm_by=NOON + 5 * HOUR, payment=AUTHORIZED, **fields)

    assert (order.due_at, order.due_kind) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, "")),
        ({"ship_by": NOON + HOUR}, (NOON + HOUR, DueKind.SHIP)),
        ({"authorized_until": NOON}, (NOON, DueKind.PAYMENT)),
    ],
    ids=str,
)
def test_an_order_that_waits_for_ever_has_the_other_deadlines_alone(fields: dict, expected: tuple):
    order = make_order(confirm_by=NO_DEADLINE, **{"authorized_until": None, **fields})

    assert (order.due_at, order.due_kind) == expected
    ends = {"authorized_until": None, "ship_by": None, **fields}
    assert due_of(Dates("pending", "authorized", "unfulfilled", False, NO_DEADLINE, **ends)) == expected


def test_what_is_archived_has_no_clock():
    order = make_order(is_archived=True, ship_by=NOON + HOUR)

    assert (order.due_at, order.due_kind) == (None, "")
    dates = Dates(order.status, order.payment_status, order.fulfillment_status, True, order.confirm_by, None, NOON)
    assert due_of(dates) == (None, "")


def test_what_is_fulfilled_has_no_clock():
    sent = {"status": "confirmed", "payment_status": "captured", "fulfillment_status": "fulfilled"}
    order = make_order(ship_by=NOON + HOUR, payment=AUTHORIZED, **sent)

    assert (order.due_at, order.due_kind) == (None, "")


def test_what_was_given_back_whole_is_not_to_be_shipped_although_a_store_holds_it():
    order = make_order(ship_by=NOON + HOUR, status="confirmed", payment=AUTHORIZED, payment_status="refunded")

    assert (order.due_at, order.due_kind) == (None, "")


def test_what_was_given_back_in_part_is():
    order = make_order(ship_by=NOON + HOUR, status="confirmed", payment=AUTHORIZED, payment_status="partially_refunded")

    assert (order.due_at, order.due_kind) == (NOON + HOUR, DueKind.SHIP)


def test_a_gateway_that_holds_the_money_for_less_time_moves_the_clock():
    order = make_order(confirm_by=NOON + 5 * HOUR, payment={"reference": "sandbox_ok_clock"})
    payment = order.payment
    until = NOON + 14 * HOUR
    truth = Authorization(payment.reference, "requires_capture", "NZD", order.total, ZERO, ZERO, capture_before=until)

    with patch("connectors.gateway.sandbox.SandboxGateway.read", return_value=truth):
        payment_news.notice(gateway="sandbox", reference=payment.reference, at=NOON)

    order.refresh_from_db()
    assert (order.due_at, order.due_kind) == (NOON + 2 * HOUR, DueKind.ACCEPT)


def test_lists_by_deadline_have_an_index():
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, Order._meta.db_table)

    assert names["order_by_due"]["columns"] == ["merchant_id", "due_at", "id"]


def _set_status(order: Order, status: str, payment: str, fulfillment: str) -> None:
    is_open = status in (OrderStatus.DRAFT, OrderStatus.PENDING)
    Order.objects.filter(pk=order.pk).update(
        status=status,
        payment_status=payment,
        fulfillment_status=fulfillment,
        blockers=[{"code": "not_paid", "message": "x"}] if status == OrderStatus.DRAFT else [],
        decided_at=None if is_open else NOON,
        decided_by="" if is_open else "ana",
        completed_at=NOON if status == OrderStatus.COMPLETED else None,
    )
