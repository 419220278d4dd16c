"""Carrying a claimed message out, step by step, and writing down how it ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models import Q
from django.utils.module_loading import import_string

from connectors import rows
from connectors.errors import ConnectorError
from connectors.models import ClearedCondition
from connectors.services import limits
from orders.attempt import Attempt
from orders.enums import OutboxStatus
from orders.models import OutboxMessage
from orders.outbox.claims import claim, known
from orders.outbox.endings import (
    Hold,
    LeaseLost,
    Outcome,
    Postponed,
    RetryLater,
    Wait,
    classified,
    database_away,
    internal_error,
    scheduled,
    wanted,
)
from orders.outbox.handlers import HANDLERS
from orders.outbox.promises import release, release_waiting
from orders.world import World

logger = getLogger(__name__)

CRASHES_ALLOWED = 5


def carry_out(message: OutboxMessage, world: World) -> None:
    """Do one claimed message to its end or to its next wait."""
    for _step in steps(message, world):
        pass


def _attempt(message: OutboxMessage, world: World) -> Attempt:
    """With what its claim was admitted to and has paid for."""
    asked = message.lane.connection
    if asked is None:
        return Attempt(world, bounded=True)
    requests = limits.requests(asked.platform, HANDLERS[message.topic].asks)
    admission = limits.Admission(1, message.probe, message.place)
    return Attempt(world, admitted={asked.pk: admission}, requests=requests, bounded=True)


def steps(message: OutboxMessage, world: World) -> Iterator[str]:
    """The same, step by step."""
    yield "claimed"
    run: Callable[[OutboxMessage, World], Iterator[str]] = import_string(HANDLERS[message.topic].run)
    sent_before = message.maybe_sent_at is not None
    claimed_at = world.now()
    attempt = _attempt(message, world)
    outcome: Outcome | None = None
    try:
        yield from run(message, attempt.world)
        attempt.answered()
    except LeaseLost:
        logger.warning("lease lost", extra={"message_id": message.pk, "topic": message.topic})
        attempt.broke_off()
        return
    except (Postponed, RetryLater, Wait, Hold) as end:
        outcome = wanted(end)
        attempt.answered()
    except ConnectorError as error:
        outcome = classified(message, error, world)
        attempt.failed(error)
    except (OperationalError, InterfaceError) as error:
        database.close_if_unusable_or_obsolete()
        outcome = database_away(message, error)
        attempt.broke_off()
    except Exception as error:  # noqa: BLE001  # the one place: any other fault is ours and must not stop the pump
        outcome = internal_error(message, type(error).__name__, exc_info=True)
        attempt.broke_off()
    yield "settling"
    if outcome is None and message.finished:
        return
    if outcome is None:
        with finishing(message, at=world.now(), again=True):
            pass
        return
    looked = message.looked_past_horizon and outcome.status == OutboxStatus.HELD
    if outcome.nothing_sent and (looked or not sent_before):
        OutboxMessage.objects.filter(_mine(message)).update(maybe_sent_at=None)
        message.maybe_sent_at = None
    _settle(message, outcome, at=world.now(), claimed_at=claimed_at, rng=world.rng)


def mark_sending(*messages: OutboxMessage, at: datetime) -> None:
    """Commit that from now on the requests may have been sent, and fresh leases. Raises LeaseLost when one is lost."""
    lease_until = at + timedelta(seconds=settings.LEASE_S)
    if _change_mine(messages, maybe_sent_at=at, lease_until=lease_until) < len(messages):
        raise LeaseLost
    for message in messages:
        message.maybe_sent_at = at


@contextmanager
def finishing(*messages: OutboxMessage, at: datetime, again: bool = False) -> Iterator[None]:
    """One transaction: the messages are done, and so is what is written inside. Raises LeaseLost when one is lost.

    `again` forgives that the handler has finished it already.
    """
    with transaction.atomic():
        done = {"status": OutboxStatus.DONE, "done_at": at, "lease_until": None, "reason": "", "crashes": 0}
        changed = _change_mine(messages, **done)
        if changed < len(messages) and not again:
            raise LeaseLost
        yield
    for message in messages:
        message.finished = True


def _change_mine(messages: Sequence[OutboxMessage], **values: Any) -> int:
    """How many of them are still this worker's, and have the values now."""
    pairs = ", ".join(["(%s, %s)"] * len(messages))
    keys = [key for message in messages for key in (message.pk, message.attempts)]
    mine = f"(id, attempts) IN (VALUES {pairs}) AND status = %s"
    return rows.change(OutboxMessage, values, mine, [*keys, OutboxStatus.RUNNING.value])


def _mine(message: OutboxMessage) -> Q:
    return Q(pk=message.pk, attempts=message.attempts, status=OutboxStatus.RUNNING)


def take_back_expired(*, at: datetime) -> int:
    """Leases that ran out: the worker died or hangs. Due again; held after five deaths in a row."""
    expired = OutboxMessage.objects.filter(known(), status=OutboxStatus.RUNNING, lease_until__lte=at)
    taken = 0
    for message in expired.select_related("order", "push") if expired.exists() else ():
        message.crashes += 1
        if message.crashes >= CRASHES_ALLOWED:
            outcome = internal_error(message, "the worker stopped again and again at this message")
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
        fault = internal_error(message, type(error).__name__, exc_info=True)
        return OutboxMessage.objects.filter(_mine(message)).update(
            status=OutboxStatus.HELD, reason=fault.reason, error_reference=fault.error_reference, lease_until=None
        )


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
        outcome = scheduled(message, outcome, at=at, rng=rng or random.SystemRandom())
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


def _catch_up(outcome: Outcome, claimed_at: datetime | None, at: datetime) -> None:
    """The condition came about while the handler was deciding to wait for it: go on at once."""
    if not outcome.wait_for or claimed_at is None:
        return
    if ClearedCondition.objects.filter(key=outcome.wait_for, at__gte=claimed_at).exists():
        release_waiting(outcome.wait_for, at=at)


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
