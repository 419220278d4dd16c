"""What time alone brings about: reminders, expiry, forgotten events, and the end of what was kept long enough.

Each part does a bounded amount per call and goes on with the next; one row that cannot be dealt with stops no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby
from logging import getLogger
from typing import Any

from django.db import models, transaction
from django.db.models import ExpressionWrapper, F, Q, Value
from django_q.models import Task

from connectors.errors import ConnectorError
from connectors.models import CallLog, InboundEvent, InboundState
from connectors.services import authorizing
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus
from orders.errors import OrderError
from orders.models import DocumentJob, Order, OutboxMessage, PumpBeat, RefundPicture
from orders.services import (
    decisions,
    disconnected,
    draft_faults,
    escalation,
    gateways,
    history,
    inbound,
    label_rows,
    notices,
    privacy,
    ready_notices,
    remote_cancel,
    sync_faults,
    write_backs,
)
from orders.services.transitions import lock

logger = getLogger(__name__)

REMIND_BEFORE = timedelta(hours=24)
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)
AT_ONCE = 200  # per tick and kind
FORGOTTEN_AFTER = timedelta(seconds=30)  # an event's own task has had its chance by then
FORGOTTEN_BUDGET_S = 15.0  # for all of one call, with one question to the gateway on top
EVENT_ATTEMPTS = 200  # then it has failed; one in its hour of grace is tried about sixty times

KEEP_CALLS = timedelta(days=90)
KEEP_EVENTS = timedelta(days=90)
KEEP_MESSAGES = timedelta(days=30)
KEEP_PICTURES = timedelta(days=180)  # that customers sent, after their request was answered
KEEP_DOCUMENTS = timedelta(days=7)
KEEP_LABELS = timedelta(days=30)  # their pictures; the carrier gives them out as long
KEEP_TASKS = timedelta(days=2)
KEEP_BEATS = timedelta(days=1)
BATCH, BATCHES = 1000, 200


def tick(*, at: datetime) -> None:
    """Once a minute, without the network. Safe to repeat, and to run twice at once."""
    escalate(at=at)
    remind(at=at)
    expire(at=at)
    disconnected.hold_all(at=at)
    disconnected.take_up_all(at=at)
    remote_cancel.tell_stranded(at=at)
    write_backs.take_up_all(at=at)
    write_backs.hold_stranded(at=at)
    ready_notices.hold_stranded(at=at)
    sync_faults.report_failing(at=at)
    sync_faults.sweep(at=at)
    draft_faults.sweep(at=at)
    privacy.go_on(at=at)
    gateways.try_one(at=at)


def escalate(*, at: datetime) -> None:
    """Reminders and last resorts of orders whose deadlines run in opening hours, and of orders to ship."""
    for _, rows in groupby(sorted(escalation.awake(at=at, limit=AT_ONCE)), key=lambda row: row[0]):
        order_ids = [order_id for _, order_id in rows]
        for order_id in order_ids:
            _contained(escalation.resort, order_id, at=at)
        _contained(escalation.remind, order_ids, at=at)


def remind(*, at: datetime) -> None:
    """Tell merchants once of orders that end soon: 24 hours before, or at half time when that is nearer to the end.

    These are orders that arrived while their merchant had no opening hours; escalate() does the others.
    Orders of one merchant that come due together make one mail; its drafts, which are to be completed, another.
    """
    due = Order.objects.filter(_half_gone(at), status__in=_UNDECIDED, reminded_at=None, is_archived=False)
    due = due.filter(wake_at=None)
    due = due.filter(confirm_by__gt=at, confirm_by__lte=at + REMIND_BEFORE)
    found = due.order_by("confirm_by", "pk").values_list("merchant_id", "status", "pk")[:AT_ONCE]
    for _, rows in groupby(sorted(found), key=lambda row: row[:2]):
        order_ids = [order_id for *_, order_id in rows]
        _contained(_remind, order_ids, at=at)


def expire(*, at: datetime) -> None:
    """End the orders whose time ran out. One whose payment is just being taken is tried again by the next tick."""
    overdue = Order.objects.overdue(at=at).order_by("confirm_by", "pk").values_list("pk", flat=True)
    for order_id in list(overdue[:AT_ONCE]):
        _contained(_expire, order_id, at=at)


def process_forgotten(*, at: datetime) -> None:
    """Events whose task was lost or failed, and those that wait for their order to be recorded.

    Not in tick(): those of payments ask the gateway. Those that were tried least come first, so that the next call goes
    on where the time was up; one is done by each call, however slow the machine.
    """
    began = time.monotonic()
    forgotten = InboundEvent.objects.filter(state=InboundState.NEW, received_at__lte=at - FORGOTTEN_AFTER)
    rows = forgotten.order_by("attempts", "received_at", "pk").values_list("pk", "attempts")
    for event_id, attempts in list(rows[:AT_ONCE]):
        if attempts >= EVENT_ATTEMPTS:
            inbound.give_up(event_id=event_id, why="It failed too often.", at=at)
        elif not _contained(_process, event_id, at=at):
            InboundEvent.objects.filter(pk=event_id).update(attempts=F("attempts") + 1)
        if time.monotonic() - began >= FORGOTTEN_BUDGET_S:
            break


def prune(*, at: datetime) -> None:
    """Once a night: delete what was kept long enough."""
    _delete(CallLog.objects.filter(at__lt=at - KEEP_CALLS))
    _delete(InboundEvent.objects.exclude(state=InboundState.NEW).filter(processed_at__lt=at - KEEP_EVENTS))
    _delete(OutboxMessage.objects.filter(status=OutboxStatus.DONE, done_at__lt=at - KEEP_MESSAGES))
    _delete(RefundPicture.objects.filter(request_line__request__decided_at__lt=at - KEEP_PICTURES))
    _delete(DocumentJob.objects.filter(created_at__lt=at - KEEP_DOCUMENTS))
    label_rows.forget_pictures(before=at - KEEP_LABELS)
    _delete(Task.objects.filter(stopped__lt=at - KEEP_TASKS))
    authorizing.forget(at=at)
    _delete(PumpBeat.objects.filter(at__lt=at - KEEP_BEATS))


def _half_gone(at: datetime) -> Q:
    """Orders of which at least half the time between arrival and `confirm_by` is over."""
    now = Value(at, output_field=models.DateTimeField())
    left = ExpressionWrapper(F("confirm_by") - now, output_field=models.DurationField())
    gone = ExpressionWrapper(now - F("received_at"), output_field=models.DurationField())
    return Q(models.lookups.LessThanOrEqual(left, gone))


@transaction.atomic
def _remind(order_ids: list[int], *, at: datetime) -> None:
    orders = [order for order in map(lock, sorted(order_ids)) if _needs_reminder(order)]
    if not orders:
        return
    first = min(orders, key=lambda order: order.confirm_by)
    until = f"{first.confirm_by.astimezone(first.merchant.zone):%A %d %B, %H:%M}"
    others = len(orders) - 1
    released = ", and the customer's payment is released" if first.payment_status == PaymentStatus.AUTHORIZED else ""
    reason = f"Order {first.number} expires on {until}{released}."
    if others:
        reason += f" So do {others} more soon after." if others > 1 else " So does one more soon after."
    draft = first.status == OrderStatus.DRAFT
    kind: notices.MerchantNotice = "complete_soon" if draft else "confirm_soon"
    notices.promise_merchant(first, kind=kind, cause_key=first.public_id, at=at, reason=reason)
    for order in orders:
        order.reminded_at = at
        order.save(update_fields=["reminded_at"])
        text = f"Reminded: the time to {'complete it' if draft else 'confirm'} ends soon."
        history.note(order, kind="order.reminded", text=text, by=history.STOREWARD, at=at)


def _needs_reminder(order: Order) -> bool:
    return order.reminded_at is None and order.status in _UNDECIDED


@transaction.atomic
def _expire(order_id: int, *, at: datetime) -> None:
    order = decisions.expire(order_id=order_id, at=at)
    reason = f"It was not confirmed in time. {decisions.ends_money(order)}".strip()
    notices.promise_merchant(order, kind="expired", cause_key=order.public_id, at=at, reason=reason)


def _process(event_id: int, *, at: datetime) -> None:
    inbound.process(event_id=event_id, at=at)


def _contained(act: Callable[..., None], subject: Any, *, at: datetime) -> bool:
    """Run one step; a fault in it is logged and stays there. False when there was one."""
    try:
        act(subject, at=at)
    except (OrderError, ConnectorError) as refusal:
        logger.info("put off", extra={"what": act.__name__, "subject": subject, "why": refusal.code})
    except Exception:
        logger.exception("step of the clock failed", extra={"what": act.__name__, "subject": subject})
    else:
        return True
    return False


def _delete(rows: models.QuerySet[Any]) -> None:
    """In batches, so that no lock is held for long; what is left is deleted the next night."""
    for _ in range(BATCHES):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            return
        rows.model._default_manager.filter(pk__in=keys).delete()
