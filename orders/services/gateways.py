"""When a gateway refuses our key: everything that asked it waits as one, and goes on by itself once it lets us in again.

The key is the operator's, not a merchant's. Nothing was done there, so nothing counts as sent. Once a minute one of the
promises that wait is tried; the first that the gateway lets in releases all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from logging import getLogger

from django.db import transaction
from django.db.models import Min, QuerySet

from connectors import conditions
from connectors.errors import ConnectorError, CredentialsError, RetryableError
from connectors.gateway import registry
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import history, notices
from orders.services.transitions import lock, move_push

logger = getLogger(__name__)


@contextmanager
def asked(gateway: str) -> Iterator[None]:
    """Around one call of a gateway, outside transactions. Raises outbox.Wait when it refuses our key."""
    condition = conditions.gateway_open(gateway)
    try:
        yield
    except CredentialsError as error:
        raise outbox.Wait(condition, str(error), nothing_sent=True) from error
    except RetryableError:  # it says nothing about our key
        raise
    except ConnectorError:
        _let_go(condition)
        raise
    _let_go(condition)


def try_one(*, at: datetime) -> None:
    """Let the oldest promise that waits for each gateway ask it once more. Called once a minute."""
    oldest = _waiting().order_by().values("wait_for").annotate(first=Min("pk")).values("first")
    _waiting().filter(pk__in=list(oldest.values_list("first", flat=True))).update(wait_for="", next_attempt_at=at)


def refused() -> list[str]:
    """The gateways that promises wait for, by name."""
    waited_for = set(_waiting().order_by().values_list("wait_for", flat=True).distinct())
    return [name for name in registry.names() if conditions.gateway_open(name) in waited_for]


def is_about(outcome: outbox.Outcome) -> bool:
    """Whether a promise ended so because its gateway refused our key."""
    return outcome.wait_for in map(conditions.gateway_open, registry.names())


def write_down(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Say on the order what it waits for, to its merchant once, and to the operator in the log. Inside a transaction."""
    others = OutboxMessage.objects.filter(wait_for=outcome.wait_for).exclude(pk=message.pk)
    if not others.exists():
        logger.error("gateway refuses our key", extra={"what": outcome.wait_for})
    if not others.filter(lane=message.lane).exists():
        reason = (
            f"{outcome.reason} Payments wait, and go on by themselves once the operator of Storeward has mended it."
        )
        cause = f"{outcome.wait_for}:{message.lane_id}:{at:%Y-%m-%d}"
        notices.promise_merchant(message.order, kind="payment_held", cause_key=cause, at=at, reason=reason)
    if message.reason == outcome.reason:  # it was tried again, to no avail
        return
    text = f"{outcome.reason} It goes on by itself."
    history.note(message.order, kind="payment.waiting", text=text, by=history.STOREWARD, at=at)
    if message.topic == Topic.CAPTURE_PAYMENT:
        _say_on_pushes(message.order.pk, f"Not sent, as the payment has not been taken: {text}", at=at)


def _say_on_pushes(order_id: int, reason: str, *, at: datetime) -> None:
    order = lock(order_id)
    for push in OrderPush.objects.filter(order=order, wait_for=conditions.captured(order.pk)).select_related("order"):
        move_push(push, to=PushStatus(push.status), by=history.STOREWARD, at=at, reason=reason, wait_for=push.wait_for)


def _let_go(condition: str) -> None:
    if OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for=condition).exists():
        with transaction.atomic():
            conditions.cleared(condition)


def _waiting() -> QuerySet[OutboxMessage]:
    keys = [conditions.gateway_open(name) for name in registry.names()]
    return OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for__in=keys)
