"""What happens on the way to an order's deadline: reminders, and what the merchant chose as the last resort.

An order says in `wake_at` when it is to be looked at. Orders of merchants without opening hours have none before they
are confirmed: orders.services.clock reminds of those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Merchant
from orders import business_time
from orders.due import LastResort, is_to_ship
from orders.enums import OrderStatus, PaymentStatus
from orders.errors import OrderError
from orders.models import BusinessHours, Order
from orders.services import deadlines, decisions, history, notices
from orders.services.transitions import lock

RETRY = timedelta(minutes=10)  # while the last resort is to accept and a destination would not take the order yet
_REMINDED = {
    "confirm_soon": "Reminded: the time to confirm ends soon.",
    "complete_soon": "Reminded: the time to complete it ends soon.",
    "payment_soon": "Reminded: the time to take the payment ends soon.",
    "ship_soon": "Reminded: it is to be shipped soon.",
}
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)
RELEASED = "Nobody decided in time."
_UNTAKEN = (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)


@dataclass(frozen=True, slots=True)
class _Countdown:
    """A deadline of an order that is reminded of, and from when the time runs that reminders divide."""

    kind: notices.MerchantNotice
    start: datetime
    end: datetime


def awake(*, at: datetime, limit: int) -> list[tuple[int, int]]:
    """(merchant, order) of what is to be looked at now. What was given back whole sleeps on: its refund may come back."""
    rows = Order.objects.filter(wake_at__lte=at, is_archived=False).exclude(payment_status=PaymentStatus.REFUNDED)
    rows = rows.filter(status__in=[*_UNDECIDED, OrderStatus.CONFIRMED])
    return list(rows.order_by("wake_at", "pk").values_list("merchant_id", "pk")[:limit])


@transaction.atomic
def resort(order_id: int, *, at: datetime) -> None:
    """The last resort of an order whose time for it has come; nothing happens to any other. Safe to repeat."""
    order = lock(order_id)
    if order.status != OrderStatus.PENDING or order.is_archived or not order.deadline or at >= order.confirm_by:
        return
    hours = _hours(order.merchant)
    resort_at = _plan(order, _countdowns(order)[0], hours).resort_at
    if resort_at is None or at < resort_at:
        return
    if hours.last_resort == LastResort.RELEASE:
        decisions.decline(order_id=order_id, reason=RELEASED, by=history.STOREWARD, at=at)
        reason = f"{RELEASED} It was declined, as your deadline settings say. {decisions.ends_money(order)}".strip()
        notices.promise_merchant(order, kind="released", cause_key=order.public_id, at=at, reason=reason)
    elif not _accepted(order, at=at):
        reason = f"It could not be accepted by itself. It expires on {_in_words(order, order.confirm_by)}."
        notices.promise_merchant(order, kind="not_accepted", cause_key=order.public_id, at=at, reason=reason)


@transaction.atomic
def remind(order_ids: Iterable[int], *, at: datetime) -> None:
    """Tell one merchant of what is due, in one mail each for orders to confirm, to complete, to be paid and to ship."""
    hours: BusinessHours | None = None
    to_tell: dict[notices.MerchantNotice, list[tuple[datetime, Order]]] = {}
    for order in map(lock, sorted(order_ids)):
        if order.wake_at is None or order.wake_at > at:
            continue  # another worker was faster
        hours = hours or _hours(order.merchant)
        countdowns = _countdowns(order)
        due = [countdown for countdown in countdowns if _is_due(order, countdown, hours, at=at)]
        for countdown in due:
            to_tell.setdefault(countdown.kind, []).append((countdown.end, order))
            order.reminded_at = at
        order.wake_at = min(
            filter(None, (_next(order, countdown, hours, at=at) for countdown in countdowns)), default=None
        )
        order.save(update_fields=["wake_at", "reminded_at"])
    for kind, ends in to_tell.items():
        _tell(kind, ends, hours, at=at)


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


def _countdowns(order: Order) -> list[_Countdown]:
    """What the order's reminders are about; empty when there is nothing to remind of."""
    if order.status in _UNDECIDED:
        kind: notices.MerchantNotice = "complete_soon" if order.status == OrderStatus.DRAFT else "confirm_soon"
        return [_Countdown(kind, order.received_at, order.confirm_by)] if order.deadline else []
    if order.status != OrderStatus.CONFIRMED:
        return []
    start, found = order.decided_at or order.received_at, []
    if order.payment_status in _UNTAKEN and order.deadline:
        found.append(_Countdown("payment_soon", start, order.confirm_by))
    if order.ship_by and is_to_ship(
        status=order.status, payment=order.payment_status, fulfillment=order.fulfillment_status
    ):
        found.append(_Countdown("ship_soon", start, order.ship_by))
    return found


def _plan(order: Order, countdown: _Countdown, hours: BusinessHours) -> deadlines.Plan:
    return deadlines.plan(hours, start=countdown.start, end=countdown.end, resort=order.status == OrderStatus.PENDING)


def _is_due(order: Order, countdown: _Countdown, hours: BusinessHours, *, at: datetime) -> bool:
    """A reminder's moment has passed since the last one; none is sent for what is over."""
    since = max(countdown.start, order.reminded_at or countdown.start)
    reminders = _plan(order, countdown, hours).reminders
    return at < countdown.end and any(since < moment <= at for moment in reminders)


def _next(order: Order, countdown: _Countdown, hours: BusinessHours, *, at: datetime) -> datetime | None:
    """None when nothing is left to do before the end; then the order expires, or is overdue."""
    if at >= countdown.end:
        return None
    plan = _plan(order, countdown, hours)
    if plan.resort_at is not None and plan.resort_at <= at:
        return min(at + RETRY, countdown.end)
    return deadlines.next_wake(plan, end=countdown.end, at=at)


def _tell(
    kind: notices.MerchantNotice, ends: list[tuple[datetime, Order]], hours: BusinessHours | None, *, at: datetime
) -> None:
    end, first = min(ends, key=lambda pair: pair[0])
    reason = _reason(kind, first, _in_words(first, end))
    if hours is not None and hours.pk and end > at:
        reason += f" {_left(business_time.between(hours.calendar, at, end))} of your opening hours are left."
    if len(ends) > 1:
        reason += f" So it is with {len(ends) - 1} more."
    cause = f"{first.public_id}:{int(at.timestamp())}"
    notices.promise_merchant(first, kind=kind, cause_key=cause, at=at, reason=reason)
    for _, order in ends:
        history.note(order, kind="order.reminded", text=_REMINDED[kind], by=history.STOREWARD, at=at)


def _reason(kind: notices.MerchantNotice, order: Order, until: str) -> str:
    if kind == "ship_soon":
        return f"Order {order.number} is to be shipped by {until}."
    released = ", and the customer's payment is released" if order.payment_status == PaymentStatus.AUTHORIZED else ""
    if kind == "payment_soon":
        return f"The payment of order {order.number} is not taken yet. The order expires on {until}{released}."
    return f"Order {order.number} expires on {until}{released}."


def _in_words(order: Order, at: datetime) -> str:
    return f"{at.astimezone(order.merchant.zone):%A %d %B, %H:%M}"


def _left(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
