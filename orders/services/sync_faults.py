"""What keeps orders from their destination, by cause: one mail when it begins, one a day while it lasts, one when it ends.

Five hundred orders that fail on one dead token or one unlinked SKU are one fault. Which orders it keeps is read off
their pushes whenever a mail is written, so that no count can be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Q, QuerySet

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.models import Connection
from orders import alarms
from orders.enums import OrderStatus, OutboxStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, SyncFault

SETTLE = timedelta(minutes=2)  # so that the first mail of a burst counts all of it
DIGEST_EVERY = timedelta(days=1)
SAME_AGAIN = timedelta(hours=1)  # a cause that comes back so soon is the one that was told
AT_ONCE = 200
FAILING_FOR = timedelta(minutes=15)  # of one failure after another; then the merchant is told
FAILING = "failing"  # the value of that cause; without it a destination that is unreachable was paused

# Each of these has a repair of its own, so the value is part of the cause; all else is one cause per destination.
BY_VALUE = frozenset(
    {
        BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE, BlockerCode.OUT_OF_STOCK,
        BlockerCode.NOT_SELLABLE, BlockerCode.SHIPPING_METHOD_UNMAPPED, BlockerCode.PICKUP_LOCATION_UNMAPPED,
    }
)  # fmt: skip
# Of these the connection's own mail tells the beginning: orders.alarms.
_TOLD_BY_ALARM = frozenset({BlockerCode.CREDENTIALS_EXPIRED, BlockerCode.STORE_UNREACHABLE})
_OPEN = (OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.COMPLETED)


def report(push: OrderPush, blockers: Sequence[Blocker], *, at: datetime) -> None:
    """An order cannot go on. The first of a cause promises a mail. Inside a transaction."""
    if not blockers:
        return
    first = blockers[0]
    value = first.value[:200] if first.code in BY_VALUE else ""
    told = first.code in _TOLD_BY_ALARM and push.status != PushStatus.HELD  # what is held goes on after no repair
    _begin(push.connection, first.code, value, reason=first.message, told=told, at=at)


def _begin(connection: Connection, code: BlockerCode, value: str, *, reason: str, told: bool, at: datetime) -> None:
    """`told`: somebody else tells the beginning."""
    cause = {"connection": connection, "code": code.value, "value": value}
    if SyncFault.objects.open().filter(**cause).exists():
        return
    again = SyncFault.objects.filter(repaired_at__gte=at - SAME_AGAIN, **cause).order_by("-pk").first()
    if again is not None:
        SyncFault.objects.filter(pk=again.pk).update(repaired_at=None)
        return
    fault, created = SyncFault.objects.get_or_create(
        **cause,
        repaired_at=None,
        defaults={
            "reason": reason[:500], "began_at": at, "mails": int(told), "told_at": at if told else None,
        },
    )  # fmt: skip
    if created and not told:
        _tell(fault, "sync_fault", at=at, delay=SETTLE)


def sweep(*, at: datetime) -> None:
    """Faults that are over, and those that were told a day ago and last. Safe to repeat."""
    rows = SyncFault.objects.open().order_by(F("told_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
    for fault_id in list(rows[:AT_ONCE]):
        with transaction.atomic():
            _look(fault_id, at=at)


def report_failing(*, at: datetime) -> None:
    """Destinations that have taken an order or a question for a while only to fail: one cause each. Safe to repeat."""
    failing = _failing().filter(status__in=[OutboxStatus.WAITING, OutboxStatus.RUNNING], wait_for="")
    failing = failing.filter(first_failed_at__lte=at - FAILING_FOR)
    known = SyncFault.objects.open().filter(code=BlockerCode.STORE_UNREACHABLE, value=FAILING)
    found = failing.exclude(push__connection__in=known.values("connection")).values("push__connection")
    for message_id in list(found.annotate(first=Min("pk")).order_by("first").values_list("first", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            message = OutboxMessage.objects.select_related("push__connection").get(pk=message_id)
            if message.push is None:
                continue
            connection = message.push.connection
            minutes = FAILING_FOR.total_seconds() / 60
            reason = (
                f"{connection.name} has not answered as it should for more than {minutes:.0f} minutes: "
                f"{message.reason or 'it is being asked again just now.'} Orders for it are tried again by themselves."
            )
            _begin(connection, BlockerCode.STORE_UNREACHABLE, FAILING, reason=reason, told=False, at=at)


def _failing() -> QuerySet[OutboxMessage]:
    """Promises to a destination that failed since they last went well; held when that went on for too long."""
    rows = OutboxMessage.objects.filter(topic__in=[Topic.PUSH_ORDER, Topic.CHECK_ORDER], push__isnull=False)
    return rows.filter(first_failed_at__isnull=False).exclude(status=OutboxStatus.DONE)


def _look(fault_id: int, *, at: datetime) -> None:
    fault = SyncFault.objects.select_for_update(of=("self",)).select_related("connection").get(pk=fault_id)
    if fault.repaired_at is not None:
        return
    if not kept_by(fault).exists():
        fault.repaired_at = at
        fault.save(update_fields=["repaired_at"])
        if fault.orders_told:
            _tell(fault, "sync_repaired", at=at)
    elif fault.told_at is not None and at - fault.told_at >= DIGEST_EVERY:
        _tell(fault, "sync_fault", at=at)


def kept_by(fault: SyncFault) -> QuerySet[Order]:
    """The orders that this cause keeps now."""
    if fault.value == FAILING and fault.code == BlockerCode.STORE_UNREACHABLE:
        failing = _failing().filter(push__connection=fault.connection, order__status__in=_OPEN)
        return Order.objects.filter(pk__in=failing.values("order")).order_by("placed_at", "pk")
    because = Q(blockers__0__code=fault.code)
    if fault.value:
        because &= Q(blockers__0__value=fault.value)
    key = _condition(fault.connection, fault.code, fault.value)
    if key:
        because |= Q(wait_for=key)
    pushes = OrderPush.objects.filter(because, connection=fault.connection, order__status__in=_OPEN)
    pushes = pushes.filter(status__in=[PushStatus.HELD, PushStatus.WAITING, PushStatus.UNKNOWN])
    return Order.objects.filter(pk__in=pushes.values("order")).order_by("placed_at", "pk")


def _condition(connection: Connection, code: str, value: str) -> str:
    """What waits for the repair without showing a blocker."""
    match BlockerCode(code):
        case BlockerCode.CREDENTIALS_EXPIRED:
            return conditions.token_renewed(connection.pk)
        case BlockerCode.STORE_UNREACHABLE:
            return conditions.pause_lifted(connection.pk)
        case BlockerCode.OUT_OF_STOCK:
            return conditions.stock_back(connection.pk, value)
        case BlockerCode.UNMAPPED_SKU | BlockerCode.DUPLICATE_SKU | BlockerCode.SKU_GONE:
            return conditions.sku_linked(connection.pk, value)
    return ""


def _tell(fault: SyncFault, kind: str, *, at: datetime, delay: timedelta = timedelta(0)) -> None:
    """Promise one mail, about no order of its own: it stands in the merchant's lane."""
    if kind == "sync_fault":
        fault.mails, fault.told_at = fault.mails + 1, at
        fault.save(update_fields=["mails", "told_at"])
    payload: dict[str, Any] = {"kind": kind, "fault": fault.pk, "connection": fault.connection_id}
    key = f"tell:{kind}:{fault.public_id}:{fault.mails}:{at.isoformat()}"
    merchant_id = fault.connection.merchant_id
    alarms.post_mail(merchant_id=merchant_id, key=key, payload=payload, at=at, delay_s=delay.total_seconds())
