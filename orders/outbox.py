"""The outbox: promises as rows, claimed fairly, carried out at least once and fenced, so that each counts once.

A message is `waiting` (due at `next_attempt_at`, or for the condition in `wait_for`), `running` (leased), `done` or
`held` (a person is needed). `attempts` grows with every claim and is the fencing token: whoever writes with an older
one changes nothing. `maybe_sent_at` is committed before the first byte of a request that changes something outside;
from then on a handler looks before it repeats.

Handlers are generators. They yield the name of each step at every point at which the process could die, and never
inside a transaction; the simulator stops, crashes and interleaves them there.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from connectors import conditions
from connectors.errors import (
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.models import ClearedCondition, Connection
from connectors.services import connections, limits
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, Order, OrderPush, OutboxMessage, WakeUp
from orders.world import World

logger = getLogger(__name__)

RETRY_AFTER_S = (10, 30, 120, 300, 900, 1800, 3600, 7200)  # then every four hours
RETRY_LAST_S = 4 * 3600
RETRY_FOR = timedelta(hours=72)
CRASHES_ALLOWED = 5
CLAIM_SIZE = 4  # messages of one lane per claim
SECOND_RELEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Handler:
    """Dotted paths, since the services import this module. `settled` tells the rows above how an attempt ended."""

    run: str  # (message, world) -> Iterator[str]
    settled: str = "orders.services.history.not_told"  # (message, outcome, at) -> None, inside the transaction


HANDLERS: Mapping[str, Handler] = {
    Topic.CHECK_ORDER: Handler("orders.services.checks.check", "orders.services.checks.settled"),
    Topic.CAPTURE_PAYMENT: Handler("orders.services.payments.capture", "orders.services.payments.settled"),
    Topic.VOID_PAYMENT: Handler("orders.services.payments.void", "orders.services.payments.settled"),
    Topic.REFUND_PAYMENT: Handler("orders.services.payments.refund", "orders.services.payments.settled"),
    Topic.PUSH_ORDER: Handler("orders.services.pushes.send", "orders.services.pushes.settled"),
    Topic.CANCEL_REMOTE: Handler("orders.services.pushes.cancel_remote", "orders.services.pushes.cancel_settled"),
    Topic.PULL_REMOTE: Handler("orders.services.fulfillment.pull"),
    Topic.TELL_CUSTOMER: Handler("orders.services.notices.tell_customer", "orders.services.history.told_when_held"),
    Topic.TELL_MERCHANT: Handler("orders.services.notices.tell_merchant", "orders.services.history.told_when_held"),
}


# --- what a handler may end with -----------------------------------------------------------------


class LeaseLost(Exception):
    """Another worker owns the message now; whatever this one found out is not written."""


class Postponed(Exception):
    """Due again after so many seconds. Counts as no failure: nothing went wrong."""

    def __init__(self, reason: str, *, after_s: float) -> None:
        super().__init__(reason)
        self.after_s = after_s


class RetryLater(Exception):
    """A passing fault: due again on the retry schedule, not before `after_s` seconds."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Wait(Exception):
    """Something must change first: due again when `condition` is cleared, without a clock."""

    def __init__(self, condition: str, reason: str, *, data: Any = None, nothing_sent: bool = False) -> None:
        super().__init__(reason)
        self.condition = condition
        self.data = data
        self.nothing_sent = nothing_sent  # the destination refused: the mark of this attempt may be taken back


class Hold(Exception):
    """A person must decide. `data` is for the handler's own `settled`."""

    def __init__(self, reason: str, *, data: Any = None) -> None:
        super().__init__(reason)
        self.data = data


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt that did not finish its work ended."""

    status: str  # waiting or held
    reason: str
    wait_for: str = ""
    after_s: float = 0.0
    failed: bool = False  # counts on the retry schedule
    unknown: bool = False  # it may have been sent
    nothing_sent: bool = False  # the mark of this attempt may be taken back
    error_reference: str = ""
    data: Any = None


# --- promising -----------------------------------------------------------------------------------


def post(
    topic: Topic,
    *,
    order: Order,
    key: str,
    at: datetime,
    push: OrderPush | None = None,
    connection: Connection | None = None,
    payload: dict[str, Any] | None = None,
    delay_s: float = 0.0,
) -> OutboxMessage:
    """Promise something, in the transaction that makes it due. The same key twice is one promise."""
    if not database.in_atomic_block:
        raise RuntimeError("post() belongs in the transaction that changes the order.")
    message, created = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "topic": topic,
            "order": order,
            "push": push,
            "lane": _lane(order, connection),
            "payload": payload or {},
            "next_attempt_at": at + timedelta(seconds=delay_s),
            "created_at": at,
        },
    )
    if created and not delay_s:
        transaction.on_commit(wake, robust=True)
    return message


def renew(key: str, *, at: datetime) -> bool:
    """Make a promise due at once, even one that was kept before. False when there is none, or it is running."""
    renewed = OutboxMessage.objects.filter(key=key).exclude(status=OutboxStatus.RUNNING).update(
        status=OutboxStatus.WAITING, wait_for="", next_attempt_at=at, tries=0, crashes=0, first_failed_at=None,
        done_at=None, maybe_sent_at=None, reason="",
    )  # fmt: skip
    if renewed:
        transaction.on_commit(wake, robust=True)
    return bool(renewed)


def withdraw(key: str, *, at: datetime) -> bool:
    """Take a promise back. False when it is being carried out, or was perhaps: then it is too late."""
    taken = OutboxMessage.objects.filter(
        key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD], maybe_sent_at=None
    ).update(status=OutboxStatus.DONE, wait_for="", done_at=at, reason="Withdrawn.")
    return bool(taken)


def withdraw_sent(key: str, *, at: datetime) -> bool:
    """Take back a promise that somebody else found kept. False while a worker is at it."""
    unfinished = OutboxMessage.objects.filter(key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD])
    taken = unfinished.update(status=OutboxStatus.DONE, wait_for="", done_at=at, reason="Found there.")
    return bool(taken)


def release_now(key: str, *, at: datetime) -> bool:
    """Make a held or waiting promise due at once with a fresh retry schedule. `attempts` keeps growing."""
    released = OutboxMessage.objects.filter(key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD]).update(
        status=OutboxStatus.WAITING,
        wait_for="",
        next_attempt_at=at,
        tries=0,
        crashes=0,
        first_failed_at=None,
        reason="",
    )
    if released:
        transaction.on_commit(wake, robust=True)
    return bool(released)


def wake() -> None:
    """Call a pump, unless one was called in the last ten seconds and has not started. A hint; the sweep needs none."""
    at = timezone.now()
    WakeUp.objects.get_or_create(pk=1)
    stale = Q(called_at=None) | Q(called_at__lt=at - timedelta(seconds=10))
    if WakeUp.objects.filter(stale, pk=1).update(called_at=at):
        async_task(settings.PUMP_TASK)


def _lane(order: Order, connection: Connection | None) -> Lane:
    owner = {"connection": connection} if connection else {"merchant_id": order.merchant_id}
    return Lane.objects.get_or_create(**owner)[0]


# --- claiming ------------------------------------------------------------------------------------


def due(at: datetime) -> Q:
    """Messages that may be carried out now, as far as they themselves are concerned."""
    return Q(status=OutboxStatus.WAITING, wait_for="", next_attempt_at__lte=at)


def ready_lanes(at: datetime) -> Q:
    """Lanes that may be served: no connection is needed, or theirs takes calls."""
    return Q(connection=None) | Q(connection__in=Connection.objects.filter(limits.eligible(at)))


def claim(*, at: datetime, limit: int = CLAIM_SIZE) -> list[OutboxMessage]:
    """Lease up to `limit` due messages of the lane that was served longest ago. Empty when nothing is due."""
    with transaction.atomic():
        lane = _next_lane(at)
        if lane is None:
            return []
        Lane.objects.filter(pk=lane.pk).update(served_at=at)
        keys = list(
            _locking(OutboxMessage.objects.filter(due(at), lane=lane))
            .order_by("next_attempt_at", "pk")
            .values_list("pk", flat=True)[:limit]
        )
        OutboxMessage.objects.filter(pk__in=keys).update(
            status=OutboxStatus.RUNNING,
            attempts=F("attempts") + 1,
            lease_until=at + timedelta(seconds=settings.LEASE_S),
        )
        return list(
            OutboxMessage.objects.filter(pk__in=keys)
            .select_related("order__merchant", "push__connection__sync_settings", "lane__connection")
            .order_by("next_attempt_at", "pk")
        )


def _next_lane(at: datetime) -> Lane | None:
    has_due = Exists(OutboxMessage.objects.filter(due(at), lane=OuterRef("pk")))
    lanes = Lane.objects.filter(has_due).filter(ready_lanes(at))
    lane: Lane | None = _locking(lanes).order_by(F("served_at").asc(nulls_first=True), "pk").first()
    return lane


def _locking(rows: Any) -> Any:
    """FOR UPDATE SKIP LOCKED where there is such a thing; SQLite's IMMEDIATE transactions let one writer in at a time."""
    if database.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows


def take_back_expired(*, at: datetime) -> int:
    """Leases that ran out: the worker died or hangs. Due again; held after five deaths in a row."""
    expired = OutboxMessage.objects.filter(status=OutboxStatus.RUNNING, lease_until__lte=at).select_related(
        "order", "push"
    )
    taken = 0
    for message in expired:
        message.crashes += 1
        if message.crashes >= CRASHES_ALLOWED:
            outcome = _internal_error(message, "the worker stopped again and again at this message")
        else:
            outcome = Outcome(
                OutboxStatus.WAITING, "The worker stopped; trying again.", unknown=bool(message.maybe_sent_at)
            )
        taken += _settle_expired(message, outcome, at=at)
    return taken


def _settle_expired(message: OutboxMessage, outcome: Outcome, *, at: datetime) -> int:
    """One message that cannot be settled must not keep the others from being taken back."""
    try:
        return _settle(message, outcome, at=at, crashes=message.crashes)
    except Exception as error:  # noqa: BLE001  # logged with a reference; the message is held for a person
        fault = _internal_error(message, type(error).__name__, exc_info=True)
        return OutboxMessage.objects.filter(_mine(message)).update(
            status=OutboxStatus.HELD, reason=fault.reason, error_reference=fault.error_reference, lease_until=None
        )


def release(*, at: datetime) -> int:
    """Let go on what waited for conditions that have been cleared.

    Each is released twice, a minute apart: a message that was just being put to wait when its condition came about
    was not visible to the first release.
    """
    released = 0
    for condition in ClearedCondition.objects.order_by("pk")[:500]:
        if condition.released_at is None or condition.released_at <= at - SECOND_RELEASE:
            released += _release_waiting(condition.key, at=at)
        if condition.released_at is None:
            ClearedCondition.objects.filter(pk=condition.pk).update(released_at=at)
        elif condition.released_at <= at - SECOND_RELEASE:
            condition.delete()
    return released


def _release_waiting(key: str, *, at: datetime) -> int:
    return OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for=key).update(
        wait_for="", next_attempt_at=at, tries=0, first_failed_at=None
    )


# --- carrying out --------------------------------------------------------------------------------


def carry_out(message: OutboxMessage, world: World) -> None:
    """Do one claimed message to its end or to its next wait."""
    for _step in steps(message, world):
        pass


def steps(message: OutboxMessage, world: World) -> Iterator[str]:
    """The same, step by step."""
    yield "claimed"
    run: Callable[[OutboxMessage, World], Iterator[str]] = import_string(HANDLERS[message.topic].run)
    sent_before = message.maybe_sent_at is not None
    claimed_at = world.now()
    try:
        yield from run(message, world)
        outcome = None
    except LeaseLost:
        logger.warning("lease lost", extra={"message_id": message.pk, "topic": message.topic})
        return
    except (Postponed, RetryLater, Wait, Hold) as end:
        outcome = _wanted(end)
    except ConnectorError as error:
        outcome = _classified(message, error, world)
    except Exception as error:  # noqa: BLE001  # the one place: any other fault is ours and must not stop the pump
        outcome = _internal_error(message, type(error).__name__, exc_info=True)
    yield "settling"
    if outcome is None:
        _served_well(message, world)
        with finishing(message, at=world.now(), again=True):
            pass
        return
    if outcome.nothing_sent and not sent_before:
        OutboxMessage.objects.filter(_mine(message)).update(maybe_sent_at=None)
        message.maybe_sent_at = None
    _settle(message, outcome, at=world.now(), claimed_at=claimed_at, rng=world.rng)


def mark_sending(message: OutboxMessage, *, at: datetime) -> None:
    """Commit that from now on the request may have been sent, and a fresh lease. Raises LeaseLost."""
    lease_until = at + timedelta(seconds=settings.LEASE_S)
    if not OutboxMessage.objects.filter(_mine(message)).update(maybe_sent_at=at, lease_until=lease_until):
        raise LeaseLost
    message.maybe_sent_at = at


@contextmanager
def finishing(message: OutboxMessage, *, at: datetime, again: bool = False) -> Iterator[None]:
    """One transaction: the message is done, and so is what is written inside. Raises LeaseLost.

    `again` forgives that the handler has finished it already.
    """
    with transaction.atomic():
        changed = OutboxMessage.objects.filter(_mine(message)).update(
            status=OutboxStatus.DONE, done_at=at, lease_until=None, reason="", crashes=0
        )
        if not changed and not again:
            raise LeaseLost
        yield


def _mine(message: OutboxMessage) -> Q:
    return Q(pk=message.pk, attempts=message.attempts, status=OutboxStatus.RUNNING)


def _wanted(end: Exception) -> Outcome:
    reason = str(end)
    match end:
        case Postponed():
            return Outcome(OutboxStatus.WAITING, reason, after_s=end.after_s)
        case RetryLater():
            return Outcome(OutboxStatus.WAITING, reason, after_s=end.after_s or 0.0, failed=True)
        case Wait():
            return Outcome(
                OutboxStatus.WAITING, reason, wait_for=end.condition, nothing_sent=end.nothing_sent, data=end.data
            )
        case Hold():
            return Outcome(OutboxStatus.HELD, reason, data=end.data)
    raise AssertionError(end)


def _classified(message: OutboxMessage, error: ConnectorError, world: World) -> Outcome:
    """What a driver's or gateway's error means for the message and its connection."""
    reason, at = str(error), world.now()
    connection = message.connection
    match error:
        case OutcomeUnknownError():
            _served_badly(connection, "failed", at)
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 0.0, failed=True, unknown=True)
        case RetryableError(throttled=True):
            _served_badly(connection, "throttled", at, error.after_s)
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 1.0, nothing_sent=True)
        case RetryableError():
            _served_badly(connection, "failed", at)
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 0.0, failed=True, nothing_sent=True)
        case CredentialsError() if connection:
            connections.auth_lost(connection_id=connection.pk, reason=reason, at=at)
            return Outcome(
                OutboxStatus.WAITING,
                reason,
                wait_for=conditions.token_renewed(connection.pk),
                nothing_sent=True,
                data=error,
            )
        case ConnectionGoneError() if connection:
            connections.gone(connection_id=connection.pk, reason=reason, at=at)
            return Outcome(
                OutboxStatus.WAITING,
                reason,
                wait_for=conditions.pause_lifted(connection.pk),
                nothing_sent=True,
                data=error,
            )
        case RejectedError():
            return Outcome(OutboxStatus.HELD, reason, nothing_sent=True, data=error.blockers)
    return Outcome(OutboxStatus.HELD, reason, data=error)


def _served_badly(connection: Connection | None, outcome: str, at: datetime, after_s: float | None = None) -> None:
    if connection:
        limits.record(connection.pk, outcome=outcome, at=at, after_s=after_s)  # type: ignore[arg-type]  # a literal


def _served_well(message: OutboxMessage, world: World) -> None:
    if message.connection:
        limits.record(message.connection.pk, outcome="ok", at=world.now())


def _internal_error(message: OutboxMessage, what: str, *, exc_info: bool = False) -> Outcome:
    reference = secrets.token_hex(4)
    logger.error(
        "outbox handler failed",
        extra={"message_id": message.pk, "topic": message.topic, "what": what, "reference": reference},
        exc_info=exc_info,
    )
    reason = f"Something went wrong on our side. We are looking into it (reference {reference})."
    return Outcome(OutboxStatus.HELD, reason, error_reference=reference, unknown=bool(message.maybe_sent_at))


def _settle(
    message: OutboxMessage,
    outcome: Outcome,
    *,
    at: datetime,
    crashes: int = 0,
    claimed_at: datetime | None = None,
    rng: random.Random | None = None,
) -> int:
    """Write down how the attempt ended, and tell the rows above. 0 when another owns the message by now."""
    with transaction.atomic():
        outcome = _scheduled(message, outcome, at=at, rng=rng or random.SystemRandom())
        changed = OutboxMessage.objects.filter(_mine(message)).update(
            status=outcome.status,
            wait_for=outcome.wait_for,
            reason=outcome.reason[:500],
            next_attempt_at=at + timedelta(seconds=outcome.after_s),
            lease_until=None,
            crashes=crashes,
            tries=message.tries + 1 if outcome.failed else message.tries,
            first_failed_at=(message.first_failed_at or at) if outcome.failed else message.first_failed_at,
            error_reference=outcome.error_reference,
        )
        if changed:
            import_string(HANDLERS[message.topic].settled)(message, outcome, at=at)
            _catch_up(outcome, claimed_at, at)
    return changed


def _scheduled(message: OutboxMessage, outcome: Outcome, *, at: datetime, rng: random.Random) -> Outcome:
    """A failure gets its place on the retry schedule, or is held when the schedule is spent."""
    if not outcome.failed:
        return outcome
    if message.first_failed_at and at - message.first_failed_at > RETRY_FOR:
        reason = f"{outcome.reason} Tried for {RETRY_FOR.days * 24} hours."
        return replace(outcome, status=OutboxStatus.HELD, reason=reason, failed=False)
    base = RETRY_AFTER_S[message.tries] if message.tries < len(RETRY_AFTER_S) else RETRY_LAST_S
    delay = max(base / 2 + rng.random() * base / 2, outcome.after_s)
    return replace(outcome, after_s=delay)


def _catch_up(outcome: Outcome, claimed_at: datetime | None, at: datetime) -> None:
    """The condition came about while the handler was deciding to wait for it: go on at once."""
    if not outcome.wait_for or claimed_at is None:
        return
    if ClearedCondition.objects.filter(key=outcome.wait_for, at__gte=claimed_at).exists():
        _release_waiting(outcome.wait_for, at=at)


# --- in one thread -------------------------------------------------------------------------------


def drain(*, at: datetime | None = None, world: World | None = None, rounds: int = 200) -> int:
    """Carry out, in this thread, all that is due (at `at` when given). For tests and `manage.py pump --once`."""
    world = world or World.real()
    done = 0
    for _ in range(rounds):
        now = at or world.now()
        release(at=now)
        take_back_expired(at=now)
        messages = claim(at=now)
        if not messages:
            return done
        for message in messages:
            carry_out(message, world)
            done += 1
    raise RuntimeError(f"The outbox was not empty after {rounds} rounds.")
