"""What happens on the way to an order's deadline: reminders, and what the merchant chose as the last resort.

An order says in `wake_at` when it is to be looked at. Orders of merchants without opening hours have none before they
are confirmed: orders.services.clock reminds of those.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Merchant
from orders import business_time
from orders.due import SENT, LastResort
from orders.enums import OrderStatus, PaymentStatus
from orders.errors import OrderError
from orders.models import BusinessHours, Order
from orders.services import deadlines, decisions, history, notices
from orders.services.transitions import lock

RETRY = timedelta(minutes=10)  # while the last resort is to accept and a destination would not take the order yet
_REMINDED = {
    "confirm_soon": "Reminded: the time to confirm ends soon.",
    "complete_soon": "Reminded: the time to complete it ends soon.",
    "ship_soon": "Reminded: it is to be shipped soon.",
}
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)
RELEASED = "Nobody decided in time."


def awake(*, at: datetime, limit: int) -> list[tuple[int, int]]:
    """(merchant, order) of what is to be looked at now."""
    rows = Order.objects.filter(wake_at__lte=at, is_archived=False)
    rows = rows.filter(status__in=[*_UNDECIDED, OrderStatus.CONFIRMED])
    return list(rows.order_by("wake_at", "pk").values_list("merchant_id", "pk")[:limit])


@transaction.atomic
def resort(order_id: int, *, at: datetime) -> None:
    """The last resort of an order whose time for it has come; nothing happens to any other. Safe to repeat."""
    order = lock(order_id)
    if order.status != OrderStatus.PENDING or order.is_archived or not order.deadline or at >= order.confirm_by:
        return
    hours = _hours(order.merchant)
    resort_at = _plan(order, hours).resort_at
    if resort_at is None or at < resort_at:
        return
    if hours.last_resort == LastResort.RELEASE:
        decisions.decline(order_id=order_id, reason=RELEASED, by=history.STOREWARD, at=at)
        reason = f"{RELEASED} It was declined, as your deadline settings say, and the customer's payment is released."
        notices.promise_merchant(order, kind="released", cause_key=order.public_id, at=at, reason=reason)
    elif not _accepted(order, at=at):
        reason = f"It could not be accepted by itself. It expires on {_in_words(order, order.confirm_by)}."
        notices.promise_merchant(order, kind="not_accepted", cause_key=order.public_id, at=at, reason=reason)


@transaction.atomic
def remind(order_ids: Iterable[int], *, at: datetime) -> None:
    """Tell one merchant of what is due, in one mail each for orders to confirm, to complete and to ship."""
    hours: BusinessHours | None = None
    to_tell: dict[str, list[Order]] = {}
    for order in map(lock, sorted(order_ids)):
        if order.wake_at is None or order.wake_at > at:
            continue  # another worker was faster
        hours = hours or _hours(order.merchant)
        kind = _kind(order)
        if kind and _is_due(order, _plan(order, hours), at=at):
            to_tell.setdefault(kind, []).append(order)
            order.reminded_at = at
        order.wake_at = _next(order, hours, at=at) if kind else None
        order.save(update_fields=["wake_at", "reminded_at"])
    for kind, orders in to_tell.items():
        _tell(kind, orders, hours, at=at)


def _accepted(order: Order, *, at: datetime) -> bool:
    try:
        with transaction.atomic():
            return decisions.accept_at_last(order_id=order.pk, at=at)
    except OrderError:
        return False


def _hours(merchant: Merchant) -> BusinessHours:
    """The merchant's, else open around the clock with the reminders that opening hours begin with."""
    hours = BusinessHours.objects.of(merchant).first() or BusinessHours(merchant=merchant, week={})
    hours.merchant = merchant
    return hours


def _kind(order: Order) -> str:
    """What the order's reminders are about; empty when there is nothing to remind of."""
    if order.status in _UNDECIDED:
        kind = "complete_soon" if order.status == OrderStatus.DRAFT else "confirm_soon"
        return kind if order.deadline else ""
    to_ship = order.status == OrderStatus.CONFIRMED and order.fulfillment_status not in SENT
    return "ship_soon" if to_ship and order.ship_by else ""


def _window(order: Order) -> tuple[datetime, datetime]:
    """From when to when the time runs that reminders divide."""
    if order.status in _UNDECIDED:
        return order.received_at, order.confirm_by
    return order.decided_at or order.received_at, order.ship_by or order.confirm_by


def _plan(order: Order, hours: BusinessHours) -> deadlines.Plan:
    start, end = _window(order)
    return deadlines.plan(hours, start=start, end=end, resort=order.status == OrderStatus.PENDING)


def _is_due(order: Order, plan: deadlines.Plan, *, at: datetime) -> bool:
    """A reminder's moment has passed since the last one; none is sent for what is over."""
    start, end = _window(order)
    since = max(start, order.reminded_at or start)
    return at < end and any(since < moment <= at for moment in plan.reminders)


def _next(order: Order, hours: BusinessHours, *, at: datetime) -> datetime | None:
    """None when nothing is left to do before the end; then the order expires, or is overdue."""
    end = _window(order)[1]
    if at >= end:
        return None
    plan = _plan(order, hours)
    if plan.resort_at is not None and plan.resort_at <= at:
        return min(at + RETRY, end)
    return deadlines.next_wake(plan, end=end, at=at)


def _tell(kind: str, orders: list[Order], hours: BusinessHours | None, *, at: datetime) -> None:
    first = min(orders, key=lambda order: _window(order)[1])
    end = _window(first)[1]
    until = _in_words(first, end)
    if kind == "ship_soon":
        reason = f"Order {first.number} is to be shipped by {until}."
    else:
        released = (
            ", and the customer's payment is released" if first.payment_status == PaymentStatus.AUTHORIZED else ""
        )
        reason = f"Order {first.number} expires on {until}{released}."
    if hours is not None and hours.pk and end > at:
        reason += f" {_left(business_time.between(hours.calendar, at, end))} of your opening hours are left."
    if len(orders) > 1:
        reason += f" So it is with {len(orders) - 1} more."
    cause = f"{first.public_id}:{int(at.timestamp())}"
    notices.promise_merchant(first, kind=kind, cause_key=cause, at=at, reason=reason)  # type: ignore[arg-type]  # of _kind()
    for order in orders:
        history.note(order, kind="order.reminded", text=_REMINDED[kind], by=history.STOREWARD, at=at)


def _in_words(order: Order, at: datetime) -> str:
    return f"{at.astimezone(order.merchant.zone):%A %d %B, %H:%M}"


def _left(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
