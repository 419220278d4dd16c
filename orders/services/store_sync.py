"""Reading what changed among a store's own orders: page by page, by a worker, going on where the last one stopped.

A row says how far the reading is; whoever reads holds its lease and its token. Each page's orders are brought first, then
the place where it ends is kept: a crash in between reads the page again, which changes nothing that was brought. The next
reading begins where every change was seen, and that far earlier by which a store's index lags behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django_q.tasks import async_task

from connectors.base import Connector
from connectors.errors import ConnectionGoneError, ConnectorError, CredentialsError, RejectedError, RetryableError
from connectors.models import Connection, ConnectionState
from connectors.services import connections, limits, places
from connectors.storefront import StoreOrder, StoreOrderPage
from orders import alarms
from orders.enums import SkipReason, SyncState
from orders.errors import SyncRefused
from orders.models import OrderSync
from orders.services import store_channels, store_hints, store_orders
from orders.services.store_orders import Brought, Result
from orders.world import World

logger = getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # read again each time: a store's index lags behind, its clock may differ from ours
LEASE = timedelta(seconds=120)  # longer than any one page; a reader that died is replaced after it
AGAIN_AFTER = timedelta(seconds=60)  # a passing fault
FAILURES_ALLOWED = 10  # in a row
KEPT_FREE = 0.5  # the share of the store's rate budget that belongs to orders on their way out
LISTED_AT_MOST = 50  # skipped orders that are named
BY_ITSELF = "Storeward"


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of turning a store's orders on: why it is not read now, else whether it tells of orders by itself."""

    not_read: str = ""
    tells: bool = True


def open_channel(*, connection_id: int, placed_from: datetime, by: str, at: datetime) -> Opened:
    """Take the store's orders from that date on, read them at once, and have the store tell of new ones.

    Network: never in a transaction. Raises SyncRefused as store_channels.turn_on does, and then nothing was changed.
    """
    store_channels.turn_on(connection_id=connection_id, placed_from=placed_from, by=by, at=at)
    try:
        start(connection_id=connection_id, by=by, at=at)
    except SyncRefused as refusal:  # paused, or shut out: read as soon as that is over
        return Opened(not_read=str(refusal))
    return Opened(tells=not connections.register_webhooks(connection_id=connection_id, at=at))


@transaction.atomic
def start(*, connection_id: int, by: str, at: datetime) -> OrderSync:
    """Promise to read what changed; a reading that is under way is followed by another.

    Raises SyncRefused when the store is no channel, or cannot be asked now.
    """
    connection = Connection.objects.select_for_update(of=("self",)).get(pk=connection_id)
    sync = OrderSync.objects.select_related("channel").filter(channel__connection=connection).first()
    if sync is None or not connection.is_channel:
        raise SyncRefused(f"Orders from {connection.name} are off. Turn them on first.")
    if connection.state != ConnectionState.ACTIVE:
        raise SyncRefused(f"{connection.name}: {connection.get_state_display().lower()}. Its orders were not read.")
    if by != BY_ITSELF:
        store_hints.read_again(connection_id, at=at)
    if sync.is_running:
        OrderSync.objects.filter(pk=sync.pk, state=SyncState.RUNNING).update(again=True)
    else:
        _begin(sync, by=by, at=at)
    _call(sync.pk)
    sync.refresh_from_db()
    return sync


def start_due(*, at: datetime) -> int:
    """Every few minutes, for what no webhook told. Returns how many were begun."""
    old = Q(started_at=None) | Q(started_at__lte=at - settings.CHANGE_POLL_EVERY)
    rows = _on().filter(old).exclude(state=SyncState.RUNNING).order_by(F("started_at").asc(nulls_first=True), "pk")
    return sum(_started(sync, at=at) for sync in rows)


def call_due(*, at: datetime, limit: int = 50) -> int:
    """Every minute: wake a reader for each reading that is due, whatever became of the one before."""
    due = OrderSync.objects.filter(state=SyncState.RUNNING, due_at__lte=at).order_by("due_at", "pk")
    found = list(due.values_list("pk", flat=True)[:limit])
    for sync_id in found:
        async_task(settings.STORE_ORDERS_TASK, sync_id)
    return len(found)


def read_on(*, sync_id: int, world: World) -> bool:
    """Read the next page and bring its orders. False when there is nothing (more) to do now.

    Network: never in a transaction. Two readers at once do no harm: the one with the older token keeps nothing.
    """
    sync = _claim(sync_id, at=world.now())
    if sync is None or sync.reading_from is None:
        return False
    connection = _connection(sync)
    try:
        connector = world.connector_for(connection)
        with places.beside(connection, at=world.now()):
            page = connector.store_orders(since=sync.reading_from, cursor=sync.cursor)
        if page.next_cursor and page.next_cursor == sync.cursor:
            raise RetryableError("The store sent the same page of its orders again.")
    except ConnectorError as error:
        _fail(sync, error, at=world.now())
        return False
    limits.record(connection.pk, outcome="ok", at=world.now())
    if connector.budget is not None:
        limits.learn(connection.pk, connector.budget, at=world.now())
    _bring_all(sync, page.orders, at=world.now())
    return _keep(sync, page, wait_s=_courtesy_s(connection.pk, connector, at=world.now()), at=world.now())


# --- one reading -----------------------------------------------------------------------------------


def _on() -> QuerySet[OrderSync]:
    return OrderSync.objects.filter(
        channel__connection__is_channel=True, channel__connection__state=ConnectionState.ACTIVE
    ).select_related("channel")


def _started(sync: OrderSync, *, at: datetime) -> bool:
    try:
        start(connection_id=sync.channel.connection_id or 0, by=BY_ITSELF, at=at)
    except SyncRefused as refusal:  # turned off, paused or lost since it was looked at
        logger.info("orders not read", extra={"sync_id": sync.pk, "why": str(refusal)})
        return False
    return True


def _begin(sync: OrderSync, *, by: str, at: datetime) -> None:
    """A new token, so that a reader of the one before writes nothing."""
    since = (sync.read_until or sync.placed_from) - OVERLAP
    OrderSync.objects.filter(pk=sync.pk).update(
        state=SyncState.RUNNING, reading_from=since, cursor="", newest=None, pages=0, new=0, drafts=0, changed=0,
        unchanged=0, skipped=[], skipped_count=0, started_by=by[:254], started_at=at, finished_at=None, due_at=at,
        again=False, attempts=F("attempts") + 1, failures=0, error="",
    )  # fmt: skip


def _claim(sync_id: int, *, at: datetime) -> OrderSync | None:
    """Lease the reading when it is due and its store takes calls; the token grows.

    It counts as a failure until a page is kept, so that a reader that dies each time ends too.
    """
    due = OrderSync.objects.filter(pk=sync_id, state=SyncState.RUNNING, due_at__lte=at)
    takes_calls = Connection.objects.filter(limits.eligible(at), breaker_opened=0, channel__sync=sync_id)
    if not takes_calls.exists():  # whether an open circuit may close is for orders on their way out to try
        due.update(due_at=at + AGAIN_AFTER)
        return None
    if not due.update(due_at=at + LEASE, attempts=F("attempts") + 1, failures=F("failures") + 1):
        return None
    sync = OrderSync.objects.select_related("channel__connection").get(pk=sync_id)
    if sync.failures > FAILURES_ALLOWED:
        _end(sync, "The reading stopped again and again.", at=at)
        return None
    return sync


def _mine(sync: OrderSync) -> QuerySet[OrderSync]:
    return OrderSync.objects.filter(pk=sync.pk, attempts=sync.attempts, state=SyncState.RUNNING)


def _bring_all(sync: OrderSync, found: Iterable[StoreOrder], *, at: datetime) -> None:
    for order in found:
        with transaction.atomic():
            result = _brought(sync, order, at=at)
            _count(sync, order, result)


def _brought(sync: OrderSync, order: StoreOrder, *, at: datetime) -> Result:
    """One order that cannot be brought must not keep the others away: the reading goes on past it.

    It is read once more by a promise of its own, since the next reading may begin after it.
    """
    try:
        return store_orders.bring(channel_id=sync.channel_id, order=order, placed_from=sync.placed_from, at=at)
    except Exception:
        logger.exception("store order not brought", extra={"sync_id": sync.pk, "remote_id": order.remote_id})
        cause = f"not-brought:{order.updated_at.isoformat()}"  # once for each change of it, however often it is polled
        store_hints.ask(_connection(sync), remote_id=order.remote_id, cause=cause, at=at)
        return Result(Brought.SKIPPED, skipped=SkipReason.INTERNAL_ERROR)


def _count(sync: OrderSync, order: StoreOrder, result: Result) -> None:
    """With the order itself: a page that is read again counts as unchanged what it brought before."""
    match result.brought:
        case Brought.DRAFT:
            _mine(sync).update(new=F("new") + 1, drafts=F("drafts") + 1)
        case Brought.SKIPPED:
            _count_skipped(sync, order, result.skipped or SkipReason.INTERNAL_ERROR)
        case Brought.UNCHANGED if _came_now(sync, result):
            pass  # at the edge of two pages, or read again after a crash
        case _:
            _mine(sync).update(**{result.brought.value: F(result.brought.value) + 1})


def _came_now(sync: OrderSync, result: Result) -> bool:
    """Whether this very reading brought it."""
    return bool(result.order and sync.started_at and result.order.received_at >= sync.started_at)


def _count_skipped(sync: OrderSync, order: StoreOrder, reason: SkipReason) -> None:
    row = _mine(sync).first()
    if row is None or any(known["id"] == order.remote_id for known in row.skipped):
        return
    named = {"id": order.remote_id, "number": order.number[:60], "code": reason.value}
    listed = [*row.skipped, named] if len(row.skipped) < LISTED_AT_MOST else row.skipped
    _mine(sync).update(skipped=listed, skipped_count=row.skipped_count + 1)


def _keep(sync: OrderSync, page: StoreOrderPage, *, wait_s: float, at: datetime) -> bool:
    """The place where the page ends. True when another may follow at once."""
    seen = [order.updated_at for order in page.orders] + ([sync.newest] if sync.newest else [])
    sync.newest = max(seen, default=None)
    written = _mine(sync).update(
        cursor=page.next_cursor,
        newest=sync.newest,
        pages=F("pages") + 1,
        due_at=at + timedelta(seconds=wait_s),
        failures=0,
        error="",
    )
    if not written:
        return False
    if page.next_cursor:
        return wait_s == 0
    return _complete(sync, at=at)


@transaction.atomic
def _complete(sync: OrderSync, *, at: datetime) -> bool:
    """Never past the newest change that was really seen, nor past the beginning of this reading: what changed while it
    went on may have been on a page that was read before. True when another reading was asked for meanwhile."""
    began = sync.started_at or at
    until = min(sync.newest, began) if sync.newest else sync.read_until
    if sync.read_until and until:
        until = max(until, sync.read_until)
    if not _mine(sync).update(state=SyncState.DONE, read_until=until, due_at=None, finished_at=at, cursor=""):
        return False
    _comes_in(sync, at=at)
    fresh = OrderSync.objects.get(pk=sync.pk)
    if fresh.again:
        _begin(fresh, by=fresh.started_by, at=at)
    return fresh.again


def _comes_in(sync: OrderSync, *, at: datetime) -> None:
    """The store lets its orders be read: those that it would not tell are asked for once more.

    Until each of them was read they do not all come in.
    """
    connection_id = _connection(sync).pk
    asked = store_hints.allowed_again(connection_id, at=at)
    if not asked and not store_hints.unread([connection_id]):
        OrderSync.objects.filter(pk=sync.pk).update(failing_since=None)


def _courtesy_s(connection_id: int, connector: Connector, *, at: datetime) -> float:
    """Seconds to leave the store alone, so that orders on their way out find half of its rate budget."""
    if connector.budget is None or connector.budget.available is None:
        return 0.0
    connection = Connection.objects.get(pk=connection_id)
    return limits.wait_for_budget(connection, connector.budget.maximum * KEPT_FREE, at=at)


def _fail(sync: OrderSync, error: ConnectorError, *, at: datetime) -> None:
    """A passing fault is tried again; what needs a person ends the reading and says why."""
    connection, told = _connection(sync), False
    match error:
        case CredentialsError(code="scope_missing"):
            pass  # what goes out may still be allowed
        case CredentialsError():
            alarms.auth_lost(connection, reason=str(error), at=at)
            told = True
        case ConnectionGoneError():
            alarms.gone(connection, reason=str(error), at=at)
            told = True
        case RetryableError():
            outcome: limits.CallOutcome = "throttled" if error.throttled else "failed"
            limits.record(connection.pk, outcome=outcome, at=at, after_s=error.after_s)
            if sync.failures < FAILURES_ALLOWED:
                _try_again(sync, str(error), wait=max(AGAIN_AFTER, timedelta(seconds=error.after_s or 0)), at=at)
                return
        case RejectedError() if sync.cursor and sync.failures < FAILURES_ALLOWED:
            _mine(sync).update(cursor="")  # the place may be forgotten there: from the beginning of this reading
            _try_again(sync, str(error), wait=AGAIN_AFTER, at=at)
            return
    _end(sync, str(error), at=at, code=error.code, told=told)


def _try_again(sync: OrderSync, why: str, *, wait: timedelta, at: datetime) -> None:
    _mine(sync).update(due_at=at + wait, error=why[:500])


@transaction.atomic
def _end(sync: OrderSync, why: str, *, at: datetime, code: str = "stopped", told: bool = False) -> None:
    reason = why[:500] or "It failed."
    if not _mine(sync).update(state=SyncState.FAILED, due_at=None, finished_at=at, again=False, error=reason):
        return
    store_hints.failing(sync.pk, code=code, reason=reason, at=at, told=told)
    logger.warning("orders not read", extra={"sync_id": sync.pk})


def _connection(sync: OrderSync) -> Connection:
    connection = sync.channel.connection
    assert connection is not None  # noqa: S101  # a store channel has one
    return connection


def _call(sync_id: int) -> None:
    transaction.on_commit(lambda: async_task(settings.STORE_ORDERS_TASK, sync_id), robust=True)
