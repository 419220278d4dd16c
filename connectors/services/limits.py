"""Rate limit and circuit breaker of each connection, in its row, so that all workers share them.

Every change is one UPDATE with conditions: two workers that record at once lose nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Case, DateTimeField, F, Q, Value, When

from connectors.base import Budget
from connectors.models import Connection, ConnectionState

WINDOW = timedelta(minutes=5)
CALLS_BEFORE_OPENING = 10
OPEN_FIRST = timedelta(seconds=30)
OPEN_LONGEST = timedelta(minutes=15)
SUCCESSES_TO_CLOSE = 3
PROBE_FOR = timedelta(seconds=30)  # while half open: one call at a time, each within this

CallOutcome = Literal["ok", "failed", "throttled"]


def eligible(at: datetime) -> Q:
    """Connections that take calls now: active, not told to wait, circuit closed or due for a probe."""
    return Q(state=ConnectionState.ACTIVE) & (Q(open_until=None) | Q(open_until__lte=at))


def begin_probe(connection_id: int, *, at: datetime) -> bool:
    """Claim the one call that an open circuit lets through. True when the circuit is closed or the claim was won."""
    rows = Connection.objects.filter(pk=connection_id)
    if rows.filter(breaker_opened=0).exists():
        return True
    return bool(rows.filter(breaker_opened__gt=0, open_until__lte=at).update(open_until=at + PROBE_FOR))


def record(
    connection_id: int,
    *,
    outcome: CallOutcome,
    at: datetime,
    after_s: float | None = None,
    budget: Budget | None = None,
) -> None:
    """Count how a message's calls went. `after_s` is the other side's wish to be left alone."""
    row = Connection.objects.filter(pk=connection_id)
    if budget is not None:
        row.update(
            budget_available=budget.available,
            budget_maximum=budget.maximum,
            budget_restore_per_s=budget.restore_per_s,
            budget_at=at,
        )
    match outcome:
        case "throttled":
            _leave_alone(connection_id, until=at + timedelta(seconds=after_s or 1.0))
        case "ok":
            _count_success(connection_id, at)
        case "failed":
            _count_failure(connection_id, at)


def wait_for_budget(connection: Connection, cost: float, at: datetime) -> float:
    """Seconds until the platform's own budget holds `cost`; 0 when it told us nothing."""
    if connection.budget_at is None or connection.budget_available is None or not connection.budget_restore_per_s:
        return 0.0
    restored = (at - connection.budget_at).total_seconds() * connection.budget_restore_per_s
    available = min(connection.budget_available + restored, connection.budget_maximum or cost)
    return max(0.0, (cost - available) / connection.budget_restore_per_s)


def open_for(times: int) -> timedelta:
    """How long the circuit stays open the n-th time in a row: 30 s, doubling, at most 15 minutes."""
    doubled: timedelta = OPEN_FIRST * 2 ** max(times - 1, 0)
    return min(doubled, OPEN_LONGEST)


def _leave_alone(connection_id: int, *, until: datetime) -> None:
    later = Q(open_until=None) | Q(open_until__lt=until)
    Connection.objects.filter(later, pk=connection_id).update(open_until=until)


def _count_success(connection_id: int, at: datetime) -> None:
    row = Connection.objects.filter(pk=connection_id)
    row.update(last_success_at=at, breaker_calls=F("breaker_calls") + 1)
    half_open = row.filter(breaker_opened__gt=0)
    if half_open.update(breaker_successes=F("breaker_successes") + 1, open_until=None):
        half_open.filter(breaker_successes__gte=SUCCESSES_TO_CLOSE).update(
            breaker_opened=0,
            breaker_successes=0,
            breaker_calls=0,
            breaker_failures=0,
            breaker_window_at=at,
            last_error="",
        )


def _count_failure(connection_id: int, at: datetime) -> None:
    row = Connection.objects.filter(pk=connection_id)
    stale = Q(breaker_window_at=None) | Q(breaker_window_at__lt=at - WINDOW)
    row.filter(stale, breaker_opened=0).update(breaker_window_at=at, breaker_calls=0, breaker_failures=0)
    row.update(last_failure_at=at, breaker_calls=F("breaker_calls") + 1, breaker_failures=F("breaker_failures") + 1)
    _open_again(connection_id, at)
    row.filter(
        breaker_opened=0, breaker_calls__gte=CALLS_BEFORE_OPENING, breaker_failures__gte=F("breaker_calls") / 2
    ).update(breaker_opened=1, breaker_successes=0, open_until=at + OPEN_FIRST)


def _open_again(connection_id: int, at: datetime) -> None:
    """A probe failed: twice as long as last time."""
    doubled = Case(
        *(When(breaker_opened=times, then=Value(at + open_for(times + 1))) for times in range(1, 6)),
        default=Value(at + OPEN_LONGEST),
        output_field=DateTimeField(),
    )
    probing = Q(open_until=None) | Q(open_until__lte=at + PROBE_FOR)
    Connection.objects.filter(probing, pk=connection_id, breaker_opened__gt=0).update(
        open_until=doubled, breaker_opened=F("breaker_opened") + 1, breaker_successes=0
    )
