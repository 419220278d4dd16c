"""The only place where the status of an order, a payment or a push changes: table, row and history together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.enums import (
    ORDER_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    PUSH_TRANSITIONS,
    OrderStatus,
    PaymentStatus,
    PushStatus,
)
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush, Payment
from orders.services import history, summary


def lock(order_id: int) -> Order:
    """The order, for this transaction alone. Everything that decides about an order takes this lock first."""
    return Order.objects.select_for_update(of=("self",)).select_related("merchant", "channel").get(pk=order_id)


def lock_status(order_id: int) -> OrderStatus:
    """The same lock where the order's status is all that is asked."""
    return OrderStatus(Order.objects.select_for_update().values_list("status", flat=True).get(pk=order_id))


def move_order(order: Order, *, to: OrderStatus, by: str, at: datetime, text: str, **fields: Any) -> None:
    """Change a locked order's status and the fields that go with it. Raises TransitionNotAllowed."""
    came_from = order.status
    if to not in ORDER_TRANSITIONS[came_from]:
        raise TransitionNotAllowed(_already(order))
    order.status = to
    for name, value in fields.items():
        setattr(order, name, value)
    order.save(update_fields=["status", *fields])
    history.note(order, kind=f"order.{to}", text=text, by=by, at=at, axis="order", **{"from": came_from, "to": to})


def move_payment(payment: Payment, *, to: PaymentStatus, by: str, at: datetime, text: str, **fields: Any) -> None:
    """Change a payment's status under the order's lock. Raises TransitionNotAllowed."""
    came_from = payment.status
    _check(PAYMENT_TRANSITIONS, came_from, to, f"The payment is {PaymentStatus(came_from).label.lower()} already.")
    payment.status = to
    for name, value in fields.items():
        setattr(payment, name, value)
    payment.save(update_fields=["status", *fields])
    history.note(
        payment.order, kind=f"payment.{to}", text=text, by=by, at=at, axis="payment", **{"from": came_from, "to": to}
    )
    summary.refresh(payment.order_id)


def move_push(
    push: OrderPush,
    *,
    to: PushStatus,
    by: str,
    at: datetime,
    text: str = "",
    reason: str = "",
    wait_for: str = "",
    **fields: Any,
) -> None:
    """Change a push's status; without `text` it leaves no line in the history. Raises TransitionNotAllowed."""
    came_from = push.status
    if came_from != to:
        _check(PUSH_TRANSITIONS, came_from, to, f"This push is {PushStatus(came_from).label.lower()} already.")
    fields |= {"status": to, "reason": reason[:500], "wait_for": wait_for}
    for name, value in fields.items():
        setattr(push, name, value)
    push.save(update_fields=list(fields))
    if text:
        history.note(
            push.order, kind=f"push.{to}", text=text, by=by, at=at,
            axis="push", push=push.public_id, **{"from": came_from, "to": to},
        )  # fmt: skip
    summary.refresh_pushes(push.order_id)


def _check(table: Mapping[str, frozenset[str]], came_from: str, to: str, refusal: str) -> None:
    if to not in table[came_from]:
        raise TransitionNotAllowed(refusal)


def _already(order: Order) -> str:
    status = OrderStatus(order.status).label.lower()
    who = f" by {order.decided_by}" if order.decided_by else ""
    return f"Order {order.number} is already {status}{who}."
