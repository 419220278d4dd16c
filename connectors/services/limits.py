"""Rate budget and circuit breaker of each connection, in its row, so that all workers share them.

Whoever is about to talk to a connection asks `admit`, and says afterwards how it went with `record` and what the
platform told of its budget with `learn`, or both with `answered` when it went well. What must wait, for a Retry-After,
for the budget or for an open circuit, stands in `open_until` alone: until then the connection is not `eligible`, and
nothing counts as failed.

The circuit opens when half of at least ten calls within five minutes failed: for 30 seconds, then twice as long each
time, two minutes at most. When its time is over one message alone goes through, the probe; the rest wait until it has
ended. While no shop of a platform answers, one of all its connections is tried each second. Three that succeed close the
circuit, one that fails opens it again. The first that succeeds clears a condition, so that what is to be tried again
much later comes at once. A probe is known by the instant in `open_until` until which it has the connection to itself:
the end of one whose instant has passed, or of a call that was under way before the circuit opened, changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Literal

from django.db import connection as database
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When

from accounts.formed import Read
from connectors import conditions, rows
from connectors.base import Budget
from connectors.models import Connection, ConnectionState, PlatformPace
from connectors.registry import connector_class, knows
from connectors.services import places
from connectors.services.buckets import Bucket, Prices
from connectors.together import Later

WINDOW = timedelta(minutes=5)
CALLS_BEFORE_OPENING = 10
OPEN_FIRST = timedelta(seconds=30)
OPEN_LONGEST = timedelta(minutes=2)  # so late it is seen at the latest that the other side answers again
SUCCESSES_TO_CLOSE = 3
PROBE_EVERY = timedelta(seconds=1)  # of one platform that answers nobody
ANSWERS_FOR = timedelta(minutes=1)  # after a probe that went well the platform is taken to be there
TURN_WITHIN_S = 30  # whoever finds that another connection of the platform was just tried comes again so soon
PROBE_FOR = timedelta(minutes=2)  # as long as a lease: a probe that has not ended by then died with its worker
LEAST_WAIT_S, LONGEST_WAIT_S = 0.1, 3600.0

_TOLD_LEFT, _COUNTED_LEFT = ("budget_available", "budget_at"), ("requests_left", "requests_at")

CallOutcome = Literal["ok", "failed", "throttled", "not asked"]


@dataclass(frozen=True, slots=True)
class Admission:
    """How many messages may start. `probe` marks the one that goes through a circuit that is not closed.

    Each has a `place` at a connection that bears so many at a time, and gives it back with `places.leave`.
    """

    count: int
    probe: datetime | None = None
    place: datetime | None = None


def eligible(at: datetime) -> Q:
    """Connections that take calls now: active, not told to wait, circuit closed or due for a probe."""
    return Q(state=ConnectionState.ACTIVE) & (Q(open_until=None) | Q(open_until__lte=at))


def ready(at: datetime) -> Q:
    """Connections that take messages now: those besides that have a free place. Polls and people need none."""
    return eligible(at) & places.has_room(at)


def cost(platform: str, verb: str) -> float:
    """What a driver's verb may ask of the budget, in the platform's units; 0 when that is not known."""
    return connector_class(platform).costs.get(verb, 0.0) if knows(platform) else 0.0


def requests(platform: str, verb: str) -> float:
    """How many requests a driver's verb makes, one where it does not say; 0 where nobody counts them."""
    if not knows(platform) or connector_class(platform).pace is None:
        return 0.0
    return connector_class(platform).requests.get(verb, 1.0)


@transaction.atomic(savepoint=False)
def admit(
    connection_id: int,
    *,
    costs: Sequence[float],
    requests: Sequence[float] = (),
    at: datetime,
    bounded: bool = True,
    first: bool = False,
) -> Admission:
    """Let through as many of these messages, in their order, as the connection takes now, and spend their costs.

    `requests` are those that each makes, where the platform has a pace for them. Where a budget ends the connection is
    left alone until it holds the next cost. After a count of 0 it is not `ready`. Two that ask at once wait for each
    other. Who is not `bounded` takes a place though none is free; one that was kept is for who comes `first`.
    """
    connection = next(iter(_budgets([connection_id], at=at)), None)
    if connection is None:
        return Admission(0)
    if connection.breaker_opened and not _is_platforms_turn(connection, at):
        _leave_alone(connection.pk, seconds=1 + connection.pk % TURN_WITHIN_S, at=at)
        return Admission(0)
    most = 1 if connection.breaker_opened else len(costs)
    free = places.left(connection, at=at, first=first) if bounded else None
    most = most if free is None else min(most, free)
    count = _spend(connection, costs[:most], requests[:most], at)
    place = places.take(connection, count, at=at, first=first)
    probe = _begin_probe(connection, at) if connection.breaker_opened and count else None
    return Admission(count, probe, place)


@transaction.atomic(savepoint=False)
def count_request(connection_id: int, *, at: datetime) -> None:
    """Take one request off the plan that nobody was admitted for, also when it holds none: others wait the longer."""
    locked = Connection.objects.select_for_update(no_key=True).only("platform", *_COUNTED_LEFT)
    connection = locked.filter(pk=connection_id).first()
    bucket = None if connection is None else _counted(connection, at)
    if connection is None or bucket is None:
        return
    connection.requests_left = max(bucket.left - 1, -bucket.maximum)
    connection.requests_at = max(at, connection.requests_at or at)
    rows.write([connection], _COUNTED_LEFT)


_budgets: Read[Connection] = Read(
    lambda keys, at: (
        Connection.objects.select_for_update(no_key=True)
        .only(
            *("platform", "open_until", "breaker_opened", "budget_maximum", "budget_restore_per_s"),
            *(*_TOLD_LEFT, *places.COLUMNS, *_COUNTED_LEFT),
        )
        .filter(eligible(at), pk__in=keys)
    ),
    at=True,
)


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
            _write_answers([_Answer(connection_id, at)])
            _count_probe(connection_id, probe, at)
        case "failed":
            _count_failure(connection_id, probe, at)
        case "not asked":
            _end_probe(connection_id, probe)
            if probe is not None:
                _paces(connection_id).update(probed_at=at - PROBE_EVERY)


def learn(connection_id: int, budget: Budget, *, at: datetime) -> None:
    """Write down what the platform said of its budget; one that is older than what we know is left out.

    A platform that does not say what is left has our own count of it, which begins with a full budget.
    """
    if not _is_finite(budget):
        return
    known = Connection.objects.filter(Q(budget_at=None) | Q(budget_at__lte=at), pk=connection_id)
    bounds = {"budget_maximum": budget.maximum, "budget_restore_per_s": budget.restore_per_s}
    if budget.available is not None:
        known.update(budget_available=budget.available, budget_at=at, **bounds)
        return
    known.filter(budget_available=None).update(budget_available=budget.maximum, budget_at=at)
    known.exclude(**bounds).update(**bounds)


def answered(connection_id: int, *, at: datetime, budget: Budget | None) -> None:
    """`record` of an "ok" that was no probe's, and `learn`; a crew writes those of its threads at one go, a little later."""
    told = budget if budget is not None and _is_finite(budget) else None
    if told is not None and told.available is None:
        learn(connection_id, told, at=at)
        told = None
    answers(_Answer(connection_id, at, told))


def budget_left(connection: Connection, *, at: datetime) -> float | None:
    """What the budget holds by now, in the platform's units; None when it told us nothing that can be counted with."""
    bucket = _told(connection, at)
    return None if bucket is None else bucket.left


def wait_for_budget(connection: Connection, cost: float, *, at: datetime) -> float:
    """Seconds until the budget holds `cost`, or all that it ever holds; 0 when it told us nothing."""
    bucket = _told(connection, at)
    return 0.0 if bucket is None else bucket.wait_s(cost)


def closed_for(connection_id: int, *, at: datetime) -> float:
    """Seconds until the connection may be asked again; never quite 0."""
    row = Connection.objects.filter(pk=connection_id).values_list("open_until", "full_until").first()
    until, full_until = row or (None, None)
    least = places.COME_AGAIN_S if full_until and full_until > at else LEAST_WAIT_S
    return max((until - at).total_seconds() if until else 0.0, least)


def open_for(times: int) -> timedelta:
    """How long the circuit stays open the n-th time in a row: 30 s, doubling, at most two minutes."""
    doubled: timedelta = OPEN_FIRST * 2 ** max(times - 1, 0)
    return min(doubled, OPEN_LONGEST)


# --- the budget ----------------------------------------------------------------------------------


def _is_finite(budget: Budget) -> bool:
    told = [number for number in (budget.available, budget.maximum, budget.restore_per_s) if number is not None]
    return all(map(math.isfinite, told))


def _spend(connection: Connection, costs: Prices, requests: Prices, at: datetime) -> int:
    """Take the costs off, in their order, as far as each budget goes. Returns how many they paid."""
    drawn = [
        (names, bucket, prices)
        for names, bucket, prices in (
            (_TOLD_LEFT, _told(connection, at), costs),
            (_COUNTED_LEFT, _counted(connection, at) if requests else None, requests),
        )
        if bucket is not None
    ]
    paid = min((bucket.pays(prices) for _, bucket, prices in drawn), default=len(costs))
    waits = [0.0]
    for (left, left_at), bucket, prices in drawn:
        after = bucket.less(prices[:paid])
        setattr(connection, left, after.left)
        setattr(connection, left_at, at)
        waits += [after.wait_s(price) for price in prices[paid : paid + 1]]
    if drawn:
        rows.write([connection], [name for names, _, _ in drawn for name in names])
    if paid < len(costs):
        _leave_alone(connection.pk, seconds=max(waits), at=at)
    return paid


def _told(connection: Connection, at: datetime) -> Bucket | None:
    """The budget by now; None when it told us nothing that can be counted with."""
    available, restore, told_at = connection.budget_available, connection.budget_restore_per_s, connection.budget_at
    if told_at is None or available is None or not restore or restore < 0:
        return None
    elapsed_s = (at - told_at).total_seconds()
    return Bucket.restored(available, maximum=connection.budget_maximum, restore_per_s=restore, elapsed_s=elapsed_s)


def _counted(connection: Connection, at: datetime) -> Bucket | None:
    """The plan for requests by now, which begins full; None where the platform has none."""
    plan = connector_class(connection.platform).pace if knows(connection.platform) else None
    if plan is None:
        return None
    left = plan.maximum if connection.requests_left is None else connection.requests_left
    elapsed_s = (at - (connection.requests_at or at)).total_seconds()
    return Bucket.restored(left, maximum=plan.maximum, restore_per_s=plan.restore_per_s, elapsed_s=elapsed_s)


def _leave_alone(connection_id: int, *, seconds: float, at: datetime) -> None:
    until = at + timedelta(seconds=min(max(seconds, LEAST_WAIT_S), LONGEST_WAIT_S))
    later = Q(open_until=None) | Q(open_until__lt=until)
    Connection.objects.filter(later, pk=connection_id).update(open_until=until)


# --- the circuit breaker -------------------------------------------------------------------------


def _is_platforms_turn(connection: Connection, at: datetime) -> bool:
    """One probe a second while no shop of the platform answers; as many as there are once one does."""
    pace, is_first = PlatformPace.objects.get_or_create(platform=connection.platform, defaults={"probed_at": at})
    if is_first or (pace.answered_at is not None and pace.answered_at > at - ANSWERS_FOR):
        return True
    turns = PlatformPace.objects.filter(pk=pace.pk, probed_at__lte=at - PROBE_EVERY)
    return bool(turns.update(probed_at=at))


def _paces(connection_id: int) -> QuerySet[PlatformPace]:
    """That of the connection's platform."""
    return PlatformPace.objects.filter(platform__in=Connection.objects.filter(pk=connection_id).values("platform"))


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
    row = Connection.objects.filter(pk=connection_id, breaker_opened__gt=0, open_until=probe)
    return row if probe is not None else row.none()


@dataclass(frozen=True, slots=True)
class _Answer:
    connection_id: int
    at: datetime
    budget: Budget | None = None  # one that says what is left


# Only of a connection that has not just shut us out.
_SUCCEEDED = """last_success_at = CASE WHEN state = %(active)s THEN %(last)s ELSE last_success_at END,
    breaker_calls = breaker_calls + CASE WHEN state = %(active)s THEN %(calls)s ELSE 0 END"""
_TOLD = ", ".join(
    f"{column} = CASE WHEN budget_at > %(budget_at)s THEN {column} ELSE %({column})s END"
    for column in ("budget_available", "budget_maximum", "budget_restore_per_s", "budget_at")
)


def _write_answers(answers: Sequence[_Answer]) -> None:
    for connection_id in sorted({answer.connection_id for answer in answers}):
        _write_answers_of(connection_id, [answer for answer in answers if answer.connection_id == connection_id])


def _write_answers_of(connection_id: int, answers: Sequence[_Answer]) -> None:
    """One statement, whose text is always the same: every push ends with it."""
    values: dict[str, Any] = {"id": connection_id, "active": ConnectionState.ACTIVE.value, "calls": len(answers)}
    values["last"] = _moment(max(answer.at for answer in answers))
    columns, told = _SUCCEEDED, [(answer.at, answer.budget) for answer in answers if answer.budget is not None]
    if told:
        at, newest = max(told, key=itemgetter(0))
        columns += f", {_TOLD}"
        values |= {f"budget_{name}": number for name, number in asdict(newest).items()} | {"budget_at": _moment(at)}
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE connectors_connection SET {columns} WHERE id = %(id)s", values)  # noqa: S608  # nosec B608 - our own columns


def _moment(at: datetime) -> Any:
    return database.ops.adapt_datetimefield_value(at)


answers: Later[_Answer] = Later(_write_answers)


def _count_probe(connection_id: int, probe: datetime | None, at: datetime) -> None:
    """A probe succeeded: the next may try, or the circuit closes."""
    if _probing(connection_id, probe).update(breaker_successes=F("breaker_successes") + 1, open_until=None):
        row = Connection.objects.filter(pk=connection_id, state=ConnectionState.ACTIVE)
        _paces(connection_id).update(answered_at=at)
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
