"""Axes, and the headline that the database derives from them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, PushStatus, RefundStatus
from orders.models import (
    Lane,
    Order,
)
from orders.services.summary import fulfillment_summary, push_summary
from orders.states import (
    HEADLINE_RULES,
    ORDER_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    PUSH_TRANSITIONS,
    REFUND_TRANSITIONS,
    headline_of,
)
from tests.factories import NOON, make_connection, make_order

pytestmark = pytest.mark.django_db


def test_every_table_names_every_state_and_leads_to_known_ones():
    for states, table in (
        (OrderStatus, ORDER_TRANSITIONS),
        (PaymentStatus, PAYMENT_TRANSITIONS),
        (PushStatus, PUSH_TRANSITIONS),
        (RefundStatus, REFUND_TRANSITIONS),
    ):
        assert set(table) == set(states.values)
        assert set().union(*table.values()) <= set(states.values)


def test_the_last_headline_rule_always_holds():
    assert HEADLINE_RULES[-1].holds(status="x", payment="x", push="x", fulfillment="x")


def test_the_database_derives_the_same_headline_as_python():
    """Every combination of the four axes, written past the services into one row."""
    order = make_order()
    axes = itertools.product(
        [OrderStatus.PENDING, OrderStatus.CONFIRMED],
        PaymentStatus.values,
        ["", *PushStatus.values],
        FulfillmentStatus.values,
    )
    for status, payment, push, fulfillment in axes:
        decided = {} if status == OrderStatus.PENDING else {"decided_at": NOON, "decided_by": "ana"}
        Order.objects.filter(pk=order.pk).update(
            **{"decided_at": None, "decided_by": "", **decided},
            status=status, payment_status=payment, push_status=push, fulfillment_status=fulfillment,
        )  # fmt: skip
        stored = Order.objects.values_list("headline", flat=True).get(pk=order.pk)
        assert stored == headline_of(status=status, payment=payment, push=push, fulfillment=fulfillment)


def test_pushes_are_summed_up_by_the_worst():
    assert push_summary([PushStatus.PUSHED, PushStatus.HELD, PushStatus.QUEUED]) == PushStatus.HELD
    assert push_summary([]) == ""


def test_lines_are_summed_up():
    assert fulfillment_summary([(2, 2, 0), (1, 1, 0)]) == FulfillmentStatus.FULFILLED
    assert fulfillment_summary([(2, 1, 0)]) == FulfillmentStatus.PARTIAL
    assert fulfillment_summary([(2, 1, 1)]) == FulfillmentStatus.READY
    assert fulfillment_summary([(2, 0, 1)]) == FulfillmentStatus.UNFULFILLED
    assert fulfillment_summary([]) == FulfillmentStatus.UNFULFILLED


def test_sums_that_floating_point_would_miss_are_kept():
    line = {"sku": "A", "unit_price": "0.1"}

    order = make_order(lines=[line], shipping=Decimal("0.2"))

    assert order.total == Decimal("0.3")


def test_overdue_orders_are_those_whose_time_ran_out_undecided_or_unpaid():
    late = {"confirm_by": NOON - timedelta(hours=1)}
    pending = make_order(**late)
    unpaid = make_order(status=OrderStatus.CONFIRMED, **late)
    make_order()

    assert set(Order.objects.overdue(at=NOON)) == {pending, unpaid}


def test_a_destination_has_one_lane():
    connection = make_connection()
    Lane.objects.create(connection=connection)

    with pytest.raises(IntegrityError, match="connection_id"), transaction.atomic():
        Lane.objects.create(connection=connection)
