"""What an order's fulfillments come to, less what was given back unsent: its lines, its status, whether it is complete."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from orders.enums import Delivery, FulfillmentStatus, OrderStatus, RefundStatus
from orders.models import Fulfillment, Order, OrderLine, OrderPush, PushLine, RefundLine, StoreOrigin
from orders.services import looks, missing_lines, ready_notices, shipments, summary
from orders.services.transitions import lock, move_order


def recount(order_id: int, *, by: str, at: datetime) -> None:
    """Make lines, order and headline agree with the fulfillments and refunds that stand, no line beyond what was ordered.

    Inside a transaction, under the order's lock.
    """
    sent = shipments.sent(Fulfillment.objects.filter(order=order_id))
    called_off = _called_off(order_id)
    lines = list(OrderLine.objects.filter(order=order_id))
    changed = []
    for line in lines:
        counted = min(sent.get(line.pk, 0), line.quantity), min(called_off.get(line.pk, 0), line.quantity)
        if counted != (line.fulfilled_quantity, line.called_off_quantity):
            line.fulfilled_quantity, line.called_off_quantity = counted
            changed.append(line)
    OrderLine.objects.bulk_update(changed, ["fulfilled_quantity", "called_off_quantity"])
    units = sum(line.called_off_quantity for line in lines)
    Order.objects.filter(pk=order_id).exclude(called_off_units=units).update(called_off_units=units)
    summary.refresh(order_id)
    missing_lines.follow(order_id, by=by, at=at)
    status, delivery = Order.objects.values_list("fulfillment_status", "delivery").get(pk=order_id)
    if delivery == Delivery.PICKUP:
        ready_notices.follow(order_id, at=at)
    decide = complete if status == FulfillmentStatus.FULFILLED or _is_over(order_id, lines) else reopen
    decide(order_id=order_id, by=by, at=at)


def _called_off(order_id: int) -> Counter[int]:
    """Units that were given back before they were sent, by line: by standing refunds, or where the customer paid."""
    standing = RefundLine.objects.filter(refund__order=order_id).exclude(refund__status=RefundStatus.WITHDRAWN)
    units = Counter(dict(standing.values_list("line").annotate(units=Sum("not_sent")).order_by()))
    there = PushLine.objects.filter(push__order=order_id, given_back_there__gt=0)
    return units + Counter(dict(there.values_list("line").annotate(units=Sum("given_back_there")).order_by()))


def _is_over(order_id: int, lines: list[OrderLine]) -> bool:
    """All was given back before anything was sent, and no destination has it: what one has is cancelled with the order."""
    if not lines or any(line.due_quantity for line in lines):
        return False
    return not OrderPush.objects.filter(order=order_id).exclude(status__in=looks.ELSEWHERE).exists()


@transaction.atomic
def complete(*, order_id: int, by: str, at: datetime) -> None:
    """Nothing is left to send. Nothing happens when the order is completed, or not open, already."""
    order = lock(order_id)
    if order.status == OrderStatus.CONFIRMED:
        move_order(
            order,
            to=OrderStatus.COMPLETED,
            by=by,
            at=at,
            text="Completed: nothing of it is left to send.",
            completed_at=at,
        )


@transaction.atomic
def reopen(*, order_id: int, by: str, at: datetime) -> None:
    """A fulfillment, or a refund of what was never sent, was taken back. Nothing happens unless it was completed.

    One that the shop where it was placed sent itself stays so: it would be sent twice.
    """
    order = lock(order_id)
    if order.status == OrderStatus.COMPLETED and not _was_sent_by_its_shop(order_id):
        text = "Open again: not everything of it is sent."
        move_order(order, to=OrderStatus.CONFIRMED, by=by, at=at, text=text, completed_at=None)


def _was_sent_by_its_shop(order_id: int) -> bool:
    ended_there = StoreOrigin.objects.filter(order=order_id, is_over=True).exists()
    return ended_there and not Fulfillment.objects.filter(order=order_id).exists()
