"""Bringing back what somebody kept out of a destination: it takes its usual way again, as if nobody had."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connectors.models import ConnectionState
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderLine, OrderPush, ShippingLabel
from orders.services import open_units, preflight, rerouting
from orders.services.keys import capture_key
from orders.services.transitions import lock, move_push

_LEFT_OUT_BY = "Left out by "
_OPEN_ORDER = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED)
_GIVEN_BACK = (PaymentStatus.REFUNDED, PaymentStatus.VOIDED)


def reason(by: str) -> str:
    """What stands on a push that a person kept out; the settings, and lines that went elsewhere, say something else."""
    return f"{_LEFT_OUT_BY}{by}."


def is_by_hand(push: OrderPush) -> bool:
    return push.status == PushStatus.SKIPPED and push.reason.startswith(_LEFT_OUT_BY)


@transaction.atomic
def bring_back(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Let a part that a person kept out of its destination go there after all.

    It is checked before the decision and the money, as at first; where the money is in, it is promised. Raises
    TransitionNotAllowed when it was not kept out by anybody, something of it was sent or given back, or its destination
    takes nothing any more; and while the payment is being taken.
    """
    order = lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection__sync_settings").get(pk=push_id)
    refusal = _why_not(order, push)
    if refusal:
        raise TransitionNotAllowed(refusal)
    capturing = rerouting.stop_capture(order, at=at)
    status, wait_for, why = preflight.ready(order)
    move_push(
        push, to=status, by=by, at=at, wait_for=wait_for, reason=why, pushed_by="", blockers=[],
        text=f"{by} brought it back for {push.connection.name}.",
    )  # fmt: skip
    rerouting.follow_return(order, push, by=by, at=at)
    if capturing:
        outbox.renew(capture_key(order), at=at)  # it asks this destination too, right before the money
    return OrderPush.objects.get(pk=push_id)


def _why_not(order: Order, push: OrderPush) -> str:
    """Under the order's lock; empty when it may come back."""
    connection = push.connection
    lines = list(OrderLine.objects.filter(push_lines__push=push))
    if not is_by_hand(push):
        return "Nobody kept this part of the order out."
    if not lines:
        return rerouting.EMPTIED
    if order.status not in _OPEN_ORDER or order.payment_status in _GIVEN_BACK:
        status = OrderStatus(order.status).label.lower()
        money = PaymentStatus(order.payment_status).label.lower()
        return f"Order {order.number} is {status}, its payment {money}: nothing is sent any more."
    if connection.state == ConnectionState.REMOVED:
        return f"{preflight.disconnected(connection)} Move the lines to another store."
    if not connection.sync_settings.sync_orders:
        return f"Order sync is off for {connection.name}: switch it on first."
    if gone := _gone(order, lines):
        return f"{gone} was shipped, set aside or given back here, or has a label: it would be sent twice."
    return ""


def _gone(order: Order, lines: list[OrderLine]) -> str:
    """The first of the lines of which something was sent, set aside, given back, or has a label; empty when there is none."""
    left = {row.line.pk: row for row in open_units.open_lines(order)}
    labelled = set(ShippingLabel.objects.filter(order=order).holding().values_list("lines__line", flat=True))
    for line in lines:
        row = left[line.pk]
        touched = open_units.is_sent_from_here(line) if row.sender else row.quantity < line.quantity
        if touched or line.pk in labelled:
            return line.title
    return ""
