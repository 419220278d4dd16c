"""The sweep behind the webhooks: what changed at each destination since we last looked, whether or not we were told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from logging import getLogger

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from connectors.base import RemoteOrder
from connectors.errors import ConnectionGoneError, ConnectorError, CredentialsError, RetryableError
from connectors.models import Connection
from connectors.services import connections, limits
from orders.models import OrderPush
from orders.services import pushes
from orders.world import World

logger = getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # the destination's index lags, and clocks differ
FIRST_LOOK = timedelta(days=2)


def poll_changes(*, world: World) -> int:
    """Ask every active destination that is due. Returns how many were asked; one that fails delays no other."""
    due = Q(polled_until=None) | Q(polled_until__lte=world.now() - settings.CHANGE_POLL_EVERY)
    waiting = Connection.objects.filter(limits.eligible(world.now()), due, is_destination=True).order_by("polled_until", "pk")
    asked = 0
    for connection in waiting[:100]:
        try:
            _poll(connection, world)
        except ConnectorError as error:
            _failed(connection, error, at=world.now())
        asked += 1
    return asked


def _poll(connection: Connection, world: World) -> None:
    began = world.now()
    since = (connection.polled_until or began - FIRST_LOOK) - OVERLAP
    changed = world.connector_for(connection).changed_since(since)
    found: dict[str, list[RemoteOrder]] = defaultdict(list)
    for remote in changed:
        if remote.reference:
            found[remote.reference].append(remote)
    for reference, remotes in found.items():
        _apply(connection, reference, remotes, at=world.now())
    # not past what was really seen: an order whose change is not indexed yet is read again by the next poll
    seen = max((remote.updated_at for remote in changed if remote.updated_at), default=began)
    Connection.objects.filter(pk=connection.pk).update(polled_until=min(began, seen) if changed else began)
    limits.record(connection.pk, outcome="ok", at=world.now())


def _apply(connection: Connection, reference: str, remotes: Sequence[RemoteOrder], *, at: datetime) -> None:
    push = OrderPush.objects.filter(connection=connection, reference=reference).select_related("order", "connection").first()
    if push is None:
        return
    if not push.remote_id:
        oldest = min(remotes, key=lambda remote: remote.created_at or at)
        pushes.adopt(push_id=push.pk, ref=oldest.ref, at=at)
        return
    with transaction.atomic():
        if len({remote.ref.remote_id for remote in remotes if not remote.cancelled}) > 1:
            pushes.alarm_duplicate(push, len(remotes), at=at)
        for remote in remotes:
            if remote.ref.remote_id == push.remote_id and remote.remote_version != push.remote_version:
                pushes.promise_read(push, cause=f"poll:{remote.remote_version}", at=at)


def _failed(connection: Connection, error: ConnectorError, *, at: datetime) -> None:
    logger.info("poll failed", extra={"connection_id": connection.pk, "error": type(error).__name__})
    match error:
        case CredentialsError():
            connections.auth_lost(connection_id=connection.pk, reason=str(error), at=at)
        case ConnectionGoneError():
            connections.gone(connection_id=connection.pk, reason=str(error), at=at)
        case RetryableError():
            outcome = "throttled" if error.throttled else "failed"
            limits.record(connection.pk, outcome=outcome, at=at, after_s=error.after_s)  # type: ignore[arg-type]  # a literal
