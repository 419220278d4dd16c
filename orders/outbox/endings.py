"""What a handler may end with, and what each end, wanted or not, makes of the message."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any

from connectors import conditions
from connectors.errors import (
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from orders import alarms
from orders.enums import OutboxStatus
from orders.models import OutboxMessage
from orders.world import World

logger = getLogger(__name__)

RETRY_AFTER_S = (10, 30, 120, 300, 900, 1800, 3600, 7200)  # then every four hours
RETRY_LAST_S = 4 * 3600
RETRY_FOR = timedelta(hours=72)


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


def wanted(end: Exception) -> Outcome:
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


def classified(message: OutboxMessage, error: ConnectorError, world: World) -> Outcome:
    """What a driver's or gateway's error means for the message and its connection."""
    reason, at = str(error), world.now()
    connection = message.connection
    match error:
        case OutcomeUnknownError():
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 0.0, failed=True, unknown=True)
        case RetryableError(throttled=True):
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 1.0, nothing_sent=True)
        case RetryableError():
            return Outcome(OutboxStatus.WAITING, reason, after_s=error.after_s or 0.0, failed=True, nothing_sent=True)
        case CredentialsError() if connection:
            alarms.auth_lost(connection, reason=reason, at=at)
            return Outcome(
                OutboxStatus.WAITING,
                reason,
                wait_for=conditions.token_renewed(connection.pk),
                nothing_sent=True,
                data=error,
            )
        case ConnectionGoneError() if connection:
            alarms.gone(connection, reason=reason, at=at)
            return Outcome(
                OutboxStatus.WAITING,
                reason,
                wait_for=conditions.pause_lifted(connection.pk),
                nothing_sent=True,
                data=error,
            )
        case RejectedError():
            return Outcome(OutboxStatus.HELD, reason, nothing_sent=True, data=error.blockers)
    return Outcome(OutboxStatus.HELD, reason, data=error)  # it may have been done: trying again looks first


def internal_error(message: OutboxMessage, what: str, *, exc_info: bool = False) -> Outcome:
    reference = secrets.token_hex(4)
    logger.error(
        "outbox handler failed",
        extra={"message_id": message.pk, "topic": message.topic, "what": what, "reference": reference},
        exc_info=exc_info,
    )
    reason = f"Something went wrong on our side. We are looking into it (reference {reference})."
    return Outcome(OutboxStatus.HELD, reason, error_reference=reference, unknown=bool(message.maybe_sent_at))


def database_away(message: OutboxMessage, error: Exception) -> Outcome:
    """Our database broke off, perhaps in a commit: whether that was carried out, and so the mark, stands in the row alone."""
    logger.warning(
        "database broke off", extra={"message_id": message.pk, "topic": message.topic, "what": type(error).__name__}
    )
    return Outcome(OutboxStatus.WAITING, "Our database was away; trying again.", failed=True)


def scheduled(message: OutboxMessage, outcome: Outcome, *, at: datetime, rng: random.Random) -> Outcome:
    """A failure gets its place on the retry schedule, or is held when the schedule is spent."""
    if not outcome.failed:
        return outcome
    if message.first_failed_at and at - message.first_failed_at > RETRY_FOR:
        reason = f"{outcome.reason} Tried for {RETRY_FOR.days * 24} hours."
        return replace(outcome, status=OutboxStatus.HELD, reason=reason, failed=False)
    base = RETRY_AFTER_S[message.tries] if message.tries < len(RETRY_AFTER_S) else RETRY_LAST_S
    delay = max(base / 2 + rng.random() * base / 2, outcome.after_s)
    return replace(outcome, after_s=delay)
