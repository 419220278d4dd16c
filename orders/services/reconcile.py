"""The sweep behind the webhooks: what changed at each destination since we last looked, whether or not we were told.

It applies nothing itself: a change that is not known here makes a promise to read that order, an order that is there
but not recorded here is taken over, and two with one reference raise an alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from logging import getLogger

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from connectors.base import RemoteOrder
from connectors.errors import ConnectionGoneError, ConnectorError, CredentialsError
from connectors.models import Connection
from connectors.services import limits
from orders import alarms
from orders.attempt import Attempt
from orders.enums import PushStatus
from orders.models import OrderEvent, OrderPush
from orders.services import fulfillment, push_records, pushes, remote_cancel
from orders.world import World

logger = getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # the destination's index lags behind its orders
BUDGET = timedelta(seconds=40)  # for all connections of one call; the next call begins with those that waited longest
LOOKED_UP_AT_ONCE = 200
ENDED = (PushStatus.CANCELLED, PushStatus.SKIPPED)


def poll_changes(*, world: World) -> int:
    """Ask the active destinations that are due, longest ago first. Returns how many; one that fails delays no other."""
    began, asked = world.now(), 0
    due = Q(polled_at=None) | Q(polled_at__lte=began - settings.CHANGE_POLL_EVERY)
    waiting = Connection.objects.own().filter(limits.eligible(began), due, is_destination=True)
    for connection in waiting.order_by(F("polled_at").asc(nulls_first=True), "pk"):
        if world.now() - began > BUDGET:
            break
        if _claim(connection, at=world.now()):
            _poll_contained(connection, world)
            asked += 1
    return asked


def _claim(connection: Connection, *, at: datetime) -> bool:
    """False when another worker took it since we read the row."""
    return bool(Connection.objects.filter(pk=connection.pk, polled_at=connection.polled_at).update(polled_at=at))


def _poll_contained(connection: Connection, world: World) -> None:
    attempt = Attempt(world)
    try:
        _poll(connection, attempt)
    except ConnectorError as error:
        attempt.failed(error)
        _failed(connection, error, at=world.now())
    except Exception:
        attempt.broke_off()
        _keep(connection, "It is a fault of ours and was logged.")
        logger.exception("poll failed", extra={"connection_id": connection.pk})


def _poll(connection: Connection, attempt: Attempt) -> None:
    since = (connection.polled_until or connection.created_at) - OVERLAP
    changed = attempt.world.connector_for(connection).changed_since(since)
    attempt.answered()
    ours = (remote for remote in changed if remote.reference)
    while batch := list(islice(ours, LOOKED_UP_AT_ONCE)):
        _take_note(connection, batch, at=attempt.world.now())
    _advance(connection, changed)
    if connection.poll_error:
        _keep(connection, "")


def _advance(connection: Connection, changed: Sequence[RemoteOrder]) -> None:
    """Never past the newest change that was really seen: one that is not indexed yet is found by the next poll."""
    seen = max((remote.updated_at for remote in changed if remote.updated_at), default=None)
    if seen is not None:
        behind = Q(polled_until=None) | Q(polled_until__lt=seen)
        Connection.objects.filter(behind, pk=connection.pk).update(polled_until=seen)


def _take_note(connection: Connection, remotes: Iterable[RemoteOrder], *, at: datetime) -> None:
    by_reference: dict[str, list[RemoteOrder]] = defaultdict(list)
    for remote in remotes:
        by_reference[remote.reference].append(remote)
    known = OrderPush.objects.at_store(connection.pk).filter(reference__in=by_reference)
    for push in known.select_related("order", "connection").order_by("pk"):
        _compare(push, by_reference[push.reference], at=at)


def _compare(push: OrderPush, remotes: Sequence[RemoteOrder], *, at: datetime) -> None:
    if not push.remote_id:
        oldest = min(remotes, key=lambda remote: remote.created_at or at)
        standing = [remote for remote in remotes if not remote.cancelled]
        if push.status in ENDED and standing:
            remote_cancel.take_stray(push_id=push.pk, remote=standing[0], at=at)
            return
        if not pushes.adopt(push_id=push.pk, ref=oldest.ref, at=at):
            return  # recorded, or being sent, this very moment
        push.remote_id = oldest.ref.remote_id
    with transaction.atomic():
        for remote in remotes:
            if remote.ref.remote_id == push.remote_id:
                _catch_up(push, remote, at=at)
        _alarm(push, remotes, at=at)


def _catch_up(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    if push.read_back_at is None or push.remote_version != remote.remote_version[:60]:
        fulfillment.ask(push, cause=f"poll-{remote.remote_version[:60]}", at=at)


def _alarm(push: OrderPush, remotes: Iterable[RemoteOrder], *, at: datetime) -> None:
    """Once per push: a second order there, not cancelled, carries the same reference."""
    others = {remote.ref.remote_id for remote in remotes if not remote.cancelled} - {push.remote_id}
    if not others:
        return
    alarms = OrderEvent.objects.filter(order_id=push.order_id, kind="push.duplicate", data__push=push.public_id)
    if not alarms.exists():
        push_records.alarm_duplicate(push, len(others) + 1, at=at)


def _failed(connection: Connection, error: ConnectorError, *, at: datetime) -> None:
    _keep(connection, str(error))
    logger.info("poll not answered", extra={"connection_id": connection.pk, "error": type(error).__name__})
    match error:
        case CredentialsError():
            alarms.auth_lost(connection, reason=str(error), at=at)
        case ConnectionGoneError():
            alarms.gone(connection, reason=str(error), at=at)


def _keep(connection: Connection, why: str) -> None:
    """Apart from the last call's failure, which the next order that gets through would hide."""
    Connection.objects.filter(pk=connection.pk).update(poll_error=why[:300])
