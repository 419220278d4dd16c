"""What time alone brings about: reminders, expiry, forgotten events, and the end of what was kept long enough."""

from __future__ import annotations

from datetime import datetime, timedelta
from logging import getLogger

from django.db import transaction
from django_q.models import Success

from connectors.services import clients
from orders.enums import OrderStatus, OutboxStatus
from orders.errors import OrderError
from orders.models import Order, OutboxMessage
from orders.services import decisions, history, inbound, notices
from orders.services.transitions import lock

logger = getLogger(__name__)

REMIND_BEFORE = timedelta(hours=24)
AT_ONCE = 200  # per tick and kind; the next tick goes on
KEEP_CALLS = timedelta(days=90)
KEEP_MESSAGES = timedelta(days=30)
KEEP_RESULTS = timedelta(days=2)


def tick(*, at: datetime) -> None:
    """Once a minute. Everything in it is safe to repeat and to run twice at once."""
    remind(at=at)
    expire(at=at)
    inbound.process_forgotten(at=at)


def remind(*, at: datetime) -> int:
    """Tell merchants of orders whose time to confirm ends soon: a day before, or at half time when that is shorter."""
    open_orders = Order.objects.filter(status=OrderStatus.PENDING, reminded_at=None, confirm_by__gt=at)
    soon = open_orders.filter(confirm_by__lte=at + REMIND_BEFORE).order_by("confirm_by", "pk")[:AT_ONCE]
    due = [order for order in soon if at >= _remind_at(order)]
    for order in due:
        _remind(order.pk, at=at)
    return len(due)


def expire(*, at: datetime) -> int:
    """End the orders whose time ran out. One that cannot be ended now is tried again by the next tick."""
    overdue = Order.objects.overdue(at=at).order_by("confirm_by", "pk").values_list("pk", flat=True)[:AT_ONCE]
    ended = 0
    for order_id in list(overdue):
        try:
            with transaction.atomic():
                order = decisions.expire(order_id=order_id, at=at)
                reason = "It was not confirmed in time. The customer's authorization is released."
                notices.promise_merchant(order, kind="expired", cause_key=order.public_id, at=at, reason=reason)
        except OrderError as refusal:
            logger.info("order not expired yet", extra={"order_id": order_id, "why": refusal.code})
        else:
            ended += 1
    return ended


def prune(*, at: datetime) -> None:
    """Once a night: call records, promises that were kept, and django-q2's own results."""
    clients.prune(before=at - KEEP_CALLS)
    OutboxMessage.objects.filter(status=OutboxStatus.DONE, done_at__lt=at - KEEP_MESSAGES).delete()
    Success.objects.filter(stopped__lt=at - KEEP_RESULTS).delete()


def _remind_at(order: Order) -> datetime:
    half = order.received_at + (order.confirm_by - order.received_at) / 2
    return max(order.confirm_by - REMIND_BEFORE, half)


@transaction.atomic
def _remind(order_id: int, *, at: datetime) -> None:
    order = lock(order_id)
    if order.reminded_at is not None or order.status != OrderStatus.PENDING:
        return
    Order.objects.filter(pk=order_id).update(reminded_at=at)
    until = f"{order.confirm_by.astimezone(order.merchant.zone):%a %d %b, %H:%M}"
    reason = f"Confirm or decline it before {until}. After that it expires and the customer keeps the money."
    notices.promise_merchant(order, kind="confirm_soon", cause_key=order.public_id, at=at, reason=reason)
    history.note(order, kind="order.reminded", text="Reminded the merchant.", by=history.STOREWARD, at=at)
