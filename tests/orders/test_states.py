"""Axes, headline and constraints: what must never be true is refused by the database."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, PushStatus, RefundStatus
from orders.models import (
    Channel,
    Fulfillment,
    FulfillmentLine,
    IntakeKey,
    Lane,
    Order,
    OrderAddress,
    OrderLine,
    OrderPush,
    OutboxMessage,
    Parcel,
    Payment,
    PushLine,
    Refund,
    RefundLine,
    RefundRequest,
    RefundRequestLine,
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
from tests.factories import NOON, make_channel, make_connection, make_order

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


def broken(model: Any, pk: int, **fields: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=pk).update(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost"},
        {"payment_status": "lost"},
        {"push_status": "lost"},
        {"fulfillment_status": "lost"},
        {"decided_at": NOON},
        {"status": "confirmed"},
        {"completed_at": NOON},
        {"total": Decimal("1.00")},
        {"discount": Decimal("-1.00")},
        {"pickup_name": "Showroom"},
        {"status": "draft"},
    ],
    ids=str,
)
def test_an_order_cannot_become(fields: dict[str, Any]):
    broken(Order, make_order().pk, **fields)


def test_sums_that_floating_point_would_miss_are_kept():
    line = {"sku": "A", "unit_price": "0.1"}

    order = make_order(lines=[line], shipping=Decimal("0.2"))

    assert order.total == Decimal("0.3")


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost"},
        {"captured": Decimal(1)},
        {"status": "captured"},
        {"voided_at": NOON},
        {"authorized": Decimal(-1)},
        {"status": "captured", "captured_at": NOON, "captured": Decimal(10**6)},
        {"status": "captured", "captured_at": NOON, "captured": Decimal(1), "refunded": Decimal(2)},
    ],
    ids=str,
)
def test_a_payment_cannot_become(fields: dict[str, Any]):
    broken(Payment, make_order().payment.pk, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost", "wait_for": ""},
        {"wait_for": ""},
        {"status": "queued"},
        {"status": "held", "wait_for": "", "reason": ""},
        {"status": "pushed", "wait_for": ""},
        {"remote_id": "gid://1"},
    ],
    ids=str,
)
def test_a_push_cannot_become(fields: dict[str, Any]):
    order = make_order(connections=[make_connection()])
    broken(OrderPush, order.pushes.get().pk, **fields)


def make_message(**fields: Any) -> OutboxMessage:
    order = make_order()
    lane = Lane.objects.create(merchant=order.merchant)
    values = {
        "topic": "push_order",
        "key": f"k{order.pk}",
        "order": order,
        "lane": lane,
        "next_attempt_at": NOON,
        "created_at": NOON,
    }
    return OutboxMessage.objects.create(**{**values, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost"},
        {"topic": "lost"},
        {"status": "running"},
        {"lease_until": NOON},
        {"status": "done"},
        {"status": "held"},
        {"status": "held", "reason": "x", "wait_for": "sku:1:A"},
    ],
    ids=str,
)
def test_a_message_cannot_become(fields: dict[str, Any]):
    broken(OutboxMessage, make_message().pk, **fields)


@pytest.mark.parametrize("fields", [{"quantity": 0}, {"unit_price": Decimal(-1)}, {"fulfilled_quantity": 9}], ids=str)
def test_a_line_cannot_become(fields: dict[str, Any]):
    broken(OrderLine, make_order().lines.first().pk, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "lost"},
        {"reason": "lost"},
        {"amount": Decimal(0)},
        {"amount": Decimal(-1)},
        {"amount": Decimal(11)},
        {"shipping": Decimal(11)},
        {"shipping": Decimal(-1)},
        {"status": "done"},
        {"done_at": NOON},
        {"status": "failed"},
    ],
    ids=str,
)
def test_a_refund_cannot_become(fields: dict[str, Any]):
    refund = Refund.objects.create(
        order=make_order(), currency="NZD", amount=10, computed=10, reason="late", requested_by="ana", requested_at=NOON
    )
    broken(Refund, refund.pk, **fields)


@pytest.mark.parametrize(
    "fields",
    [{"status": "lost"}, {"reason": "lost"}, {"status": "issued"}, {"decided_by": "ana"},
     {"status": "declined", "decided_by": "ana", "decided_at": NOON}],
    ids=str,
)  # fmt: skip
def test_a_refund_request_cannot_become(fields: dict[str, Any]):
    request = RefundRequest.objects.create(order=make_order(), reason="late", created_at=NOON)
    broken(RefundRequest, request.pk, **fields)


def test_what_belongs_to_refunds_is_there_once():
    order = make_order()
    line = order.lines.first()
    request = RefundRequest.objects.create(order=order, reason="late", created_at=NOON)
    asked = {"currency": "NZD", "reason": "late", "requested_by": "ana", "requested_at": NOON}
    refund = Refund.objects.create(order=order, amount=1, key="k", **asked)

    with pytest.raises(IntegrityError), transaction.atomic():
        RefundRequest.objects.create(order=order, reason="late", created_at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(order=order, amount=1, key="k", **asked)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundLine.objects.create(refund=refund, line=line, quantity=0, amount=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundRequestLine.objects.create(request=request, line=line, quantity=0)
    twice(lambda: RefundLine.objects.create(refund=refund, line=line, quantity=1, amount=1))
    twice(lambda: RefundRequestLine.objects.create(request=request, line=line, quantity=1))


def twice(make: Any) -> None:
    make()
    with pytest.raises(IntegrityError), transaction.atomic():
        make()


def test_what_may_be_there_once_is_there_once():
    connection = make_connection()
    order = make_order(connections=[connection], external_id="E1")
    push, line = order.pushes.get(), order.lines.first()
    fulfillment = Fulfillment.objects.create(order=order, push=push, remote_id="F1", status="success", created_at=NOON)
    lane = Lane.objects.create(connection=connection)

    with pytest.raises(IntegrityError), transaction.atomic():
        make_order(channel=order.channel, external_id="E1")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_order(payment={"reference": order.payment.reference})
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(
            order=order, position=9, external_id=line.external_id, title="x", quantity=1, unit_price=1
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(order=order, position=0, external_id="new", title="x", quantity=1, unit_price=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderAddress.objects.create(order=order, kind="shipping")
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderAddress.objects.create(order=order, kind="holiday")
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderPush.objects.create(order=order, connection=connection, reference="new", status="queued")
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderPush.objects.create(
            order=order, connection=connection, generation=2, reference=push.reference, status="queued"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        PushLine.objects.create(push=push, line=line)
    with pytest.raises(IntegrityError), transaction.atomic():
        Fulfillment.objects.create(order=order, push=push, remote_id="F1", status="success", created_at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        Fulfillment.objects.create(order=order, push=push, remote_id="F2", status="lost", created_at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        FulfillmentLine.objects.create(fulfillment=fulfillment, line=line, quantity=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lane.objects.create(connection=connection)
    with pytest.raises(IntegrityError), transaction.atomic():
        Lane.objects.create(connection=make_connection(), merchant=order.merchant)
    assert lane.pk
    twice(lambda: Parcel.objects.create(fulfillment=fulfillment, number="P1"))
    twice(lambda: FulfillmentLine.objects.create(fulfillment=fulfillment, line=line, quantity=1))
    twice(
        lambda: IntakeKey.objects.create(channel=order.channel, key="k", body_digest="d", order=order, created_at=NOON)
    )


def test_one_remote_order_belongs_to_one_push():
    connection = make_connection()
    first, second = (make_order(connections=[connection]).pushes.get() for _ in range(2))
    there = {"remote_id": "gid://1", "pushed_at": NOON}
    OrderPush.objects.filter(pk=first.pk).update(**there)

    broken(OrderPush, second.pk, **there)


def test_a_channel_is_a_marketplace_or_a_store():
    with pytest.raises(IntegrityError), transaction.atomic():
        Channel.objects.create(name="neither")
    with pytest.raises(IntegrityError), transaction.atomic():
        Channel.objects.filter(pk=make_channel().pk).update(connection=make_connection())


def test_overdue_orders_are_those_whose_time_ran_out_undecided_or_unpaid():
    late = {"confirm_by": NOON - timedelta(hours=1)}
    pending = make_order(**late)
    unpaid = make_order(status=OrderStatus.CONFIRMED, **late)
    make_order()

    assert set(Order.objects.overdue(at=NOON)) == {pending, unpaid}
