"""Rate budget and circuit breaker of each connection, in its row, so that all workers share them.

Whoever is about to talk to a connection asks `admit`, and says afterwards how it went with `record` and what the
platform told of its budget with `learn`. What must wait, for a Retry-After, for the budget or for an open circuit,
stands in `open_until` alone: until then the connection is not `eligible`, and nothing counts as failed.

The circuit opens when half of at least ten calls within five minutes failed: for 30 seconds, then twice as long each
time, two minutes at most. When its time is over one message alone goes through, the probe; the rest wait until it has
ended. Three that succeed close the circuit, one that fails opens it again. The first that succeeds clears a condition,
so that what is to be tried again much later comes at once. A probe is known by the instant in
`open_until` until which it has the connection to itself: the end of one whose instant has passed, or of a call that
was under way before the circuit opened, changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When

from connectors import conditions
from connectors.base import Budget
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class, knows
from connectors.together import Together

WINDOW = timedelta(minutes=5)
CALLS_BEFORE_OPENING = 10
OPEN_FIRST = timedelta(seconds=30)
OPEN_LONGEST = timedelta(minutes=2)  # so late it is seen at the latest that the other side answers again
SUCCESSES_TO_CLOSE = 3
PROBE_FOR = timedelta(minutes=2)  # as long as a lease: a probe that has not ended by then died with its worker
LEAST_WAIT_S, LONGEST_WAIT_S = 0.1, 3600.0

CallOutcome = Literal["ok", "failed", "throttled", "not asked"]


@dataclass(frozen=True, slots=True)
class Admission:
    """How many messages may start. `probe` marks the one that goes through a circuit that is not closed."""

    count: int
    probe: datetime | None = None


def eligible(at: datetime) -> Q:
    """Connections that take calls now: active, not told to wait, circuit closed or due for a probe."""
    return Q(state=ConnectionState.ACTIVE) & (Q(open_until=None) | Q(open_until__lte=at))


def cost(platform: str, verb: str) -> float:
    """What a driver's verb may ask of the budget, in the platform's units; 0 when that is not known."""
    return connector_class(platform).costs.get(verb, 0.0) if knows(platform) else 0.0


@transaction.atomic(savepoint=False)
def admit(connection_id: int, *, costs: Sequence[float], at: datetime) -> Admission:
    """Let through as many of these messages, in their order, as the connection takes now, and spend their costs.

    Where the budget ends the connection is left alone until it holds the next cost. After a count of 0 it is not
    `eligible`. Two that ask at once wait for each other.
    """
    rows = Connection.objects.select_for_update(no_key=True).only(
        "open_until", "breaker_opened", "budget_available", "budget_maximum", "budget_restore_per_s", "budget_at"
    )
    connection = rows.filter(eligible(at), pk=connection_id).first()
    if connection is None:
        return Admission(0)
    wanted = costs[:1] if connection.breaker_opened else costs
    count = _spend(connection, wanted, at)
    if connection.breaker_opened and count:
        return Admission(count, _begin_probe(connection, at))
    return Admission(count)


def record(
    connection_id: int,
    *,
    outcome: CallOutcome,
    at: datetime,
    after_s: float | None = None,
    probe: datetime | None = None,
) -> None:
    """Count how a message's calls went. `after_s` is the other side's wish to be left alone, `probe` what `admit` gave.

    A refusal is "ok" here: the other side answers. "not asked" gives a probe back that came to nothing.
    """
    match outcome:
        case "throttled":
            _end_probe(connection_id, probe)
            _leave_alone(connection_id, seconds=after_s or 1.0, at=at)
        case "ok":
            _count_success(connection_id, probe, at)
        case "failed":
            _count_failure(connection_id, probe, at)
        case "not asked":
            _end_probe(connection_id, probe)


def learn(connection_id: int, budget: Budget, *, at: datetime) -> None:
    """Write down what the platform said of its budget; one that is older than what we know is left out.

    A platform that does not say what is left has our own count of it, which begins with a full budget.
    """
    told = [number for number in (budget.available, budget.maximum, budget.restore_per_s) if number is not None]
    if not all(map(math.isfinite, told)):
        return
    _write_told(_Told(connection_id, budget, at))


def budget_left(connection: Connection, *, at: datetime) -> float | None:
    """What the budget holds by now, in the platform's units; None when it told us nothing that can be counted with."""
    available, restore = connection.budget_available, connection.budget_restore_per_s
    if connection.budget_at is None or available is None or not restore or restore < 0:
        return None
    restored = max((at - connection.budget_at).total_seconds(), 0.0) * restore
    return min(available + restored, connection.budget_maximum or math.inf)


def wait_for_budget(connection: Connection, cost: float, *, at: datetime) -> float:
    """Seconds until the budget holds `cost`, or all that it ever holds; 0 when it told us nothing."""
    left = budget_left(connection, at=at)
    if left is None:
        return 0.0
    missing = _at_most_all(connection, cost) - left
    return max(missing, 0.0) / (connection.budget_restore_per_s or 1.0)


def closed_for(connection_id: int, *, at: datetime) -> float:
    """Seconds until the connection may be asked again; never quite 0."""
    until = Connection.objects.filter(pk=connection_id).values_list("open_until", flat=True).first()
    return max((until - at).total_seconds() if until else 0.0, LEAST_WAIT_S)


def open_for(times: int) -> timedelta:
    """How long the circuit stays open the n-th time in a row: 30 s, doubling, at most two minutes."""
    doubled: timedelta = OPEN_FIRST * 2 ** max(times - 1, 0)
    return min(doubled, OPEN_LONGEST)


@dataclass(frozen=True, slots=True)
class _Told:
    connection_id: int
    budget: Budget
    at: datetime


def _write_newest(told: Sequence[_Told]) -> None:
    """What was told last of each connection."""
    for newest in {each.connection_id: each for each in sorted(told, key=lambda each: each.at)}.values():
        _write_budget(newest.connection_id, newest.budget, newest.at)


def _write_budget(connection_id: int, budget: Budget, at: datetime) -> None:
    rows = Connection.objects.filter(Q(budget_at=None) | Q(budget_at__lte=at), pk=connection_id)
    bounds = {"budget_maximum": budget.maximum, "budget_restore_per_s": budget.restore_per_s}
    if budget.available is not None:
        rows.update(budget_available=budget.available, budget_at=at, **bounds)
        return
    rows.filter(budget_available=None).update(budget_available=budget.maximum, budget_at=at)
    rows.update(**bounds)


_write_told: Together[_Told] = Together(_write_newest)


# --- the budget ----------------------------------------------------------------------------------


def _spend(connection: Connection, costs: Sequence[float], at: datetime) -> int:
    """Take the costs off, in their order, as far as the budget goes. Returns how many it paid."""
    left = budget_left(connection, at=at)
    if left is None:
        return len(costs)
    for paid, asked in enumerate(costs):
        price = _at_most_all(connection, asked)
        if price > left:
            _set_left(connection, left, at)
            _leave_alone(connection.pk, seconds=wait_for_budget(connection, asked, at=at), at=at)
            return paid
        left -= price
    _set_left(connection, left, at)
    return len(costs)


def _set_left(connection: Connection, left: float, at: datetime) -> None:
    connection.budget_available, connection.budget_at = left, at
    connection.save(update_fields=["budget_available", "budget_at"])


def _at_most_all(connection: Connection, cost: float) -> float:
    """A budget that never holds the cost is asked for all it holds, or nothing would ever be sent."""
    return min(cost, connection.budget_maximum or cost)


def _leave_alone(connection_id: int, *, seconds: float, at: datetime) -> None:
    until = at + timedelta(seconds=min(max(seconds, LEAST_WAIT_S), LONGEST_WAIT_S))
    later = Q(open_until=None) | Q(open_until__lt=until)
    Connection.objects.filter(later, pk=connection_id).update(open_until=until)


# --- the circuit breaker -------------------------------------------------------------------------


def _begin_probe(connection: Connection, at: datetime) -> datetime:
    until = at + PROBE_FOR
    Connection.objects.filter(pk=connection.pk).update(open_until=until)
    return until


def _end_probe(connection_id: int, probe: datetime | None) -> None:
    """The next message may probe."""
    if probe is not None:
        _probing(connection_id, probe).update(open_until=None)


def _probing(connection_id: int, probe: datetime | None) -> QuerySet[Connection]:
    """The connection's row, as long as this probe has it to itself."""
    rows = Connection.objects.filter(pk=connection_id, breaker_opened__gt=0, open_until=probe)
    return rows if probe is not None else rows.none()


@dataclass(frozen=True, slots=True)
class _Success:
    connection_id: int
    at: datetime


def _write_successes(successes: Sequence[_Success]) -> None:
    for connection_id in sorted({success.connection_id for success in successes}):
        times = [success.at for success in successes if success.connection_id == connection_id]
        _active(connection_id).update(last_success_at=max(times), breaker_calls=F("breaker_calls") + len(times))


_write_success: Together[_Success] = Together(_write_successes)


def _active(connection_id: int) -> QuerySet[Connection]:
    """Not one that has just shut us out."""
    return Connection.objects.filter(pk=connection_id, state=ConnectionState.ACTIVE)


def _count_success(connection_id: int, probe: datetime | None, at: datetime) -> None:
    _write_success(_Success(connection_id, at))
    row = _active(connection_id)
    if _probing(connection_id, probe).update(breaker_successes=F("breaker_successes") + 1, open_until=None):
        if row.filter(breaker_opened__gt=0, breaker_successes=1).exists():
            conditions.cleared(conditions.answers_again(connection_id))
        row.filter(breaker_opened__gt=0, breaker_successes__gte=SUCCESSES_TO_CLOSE).update(
            breaker_opened=0,
            breaker_successes=0,
            breaker_calls=0,
            breaker_failures=0,
            breaker_window_at=at,
            last_error="",
        )


def _count_failure(connection_id: int, probe: datetime | None, at: datetime) -> None:
    row = Connection.objects.filter(pk=connection_id)
    stale = Q(breaker_window_at=None) | Q(breaker_window_at__lt=at - WINDOW)
    row.filter(stale, breaker_opened=0).update(breaker_window_at=at, breaker_calls=0, breaker_failures=0)
    row.update(last_failure_at=at, breaker_calls=F("breaker_calls") + 1, breaker_failures=F("breaker_failures") + 1)
    _open_again(connection_id, probe, at)
    half = Q(breaker_calls__gte=CALLS_BEFORE_OPENING, breaker_calls__lte=F("breaker_failures") * 2)
    if row.filter(half, breaker_opened=0).update(breaker_opened=1, breaker_successes=0):
        _leave_alone(connection_id, seconds=OPEN_FIRST.total_seconds(), at=at)


def _open_again(connection_id: int, probe: datetime | None, at: datetime) -> None:
    """The probe failed: twice as long as last time."""
    doubled = Case(
        *(When(breaker_opened=times, then=Value(at + open_for(times + 1))) for times in (1, 2)),
        default=Value(at + OPEN_LONGEST),
        output_field=DateTimeField(),
    )
    _probing(connection_id, probe).update(
        open_until=doubled, breaker_opened=F("breaker_opened") + 1, breaker_successes=0
    )
