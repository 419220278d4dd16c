"""A connection that shut us out, or passes a request on: its state and the promise of one mail, in one transaction.

The mail is about the connection, not about an order: it goes out also when nothing waits for it yet.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from connectors.models import Connection
from connectors.services import connections
from orders.enums import Topic
from orders.models import Lane, OutboxMessage


@transaction.atomic
def auth_lost(connection: Connection, *, reason: str, at: datetime) -> None:
    """The credentials that `connection` was read with were refused. Nothing happens when they have been replaced."""
    version = connection.credential_version
    if connections.auth_lost(connection_id=connection.pk, reason=reason, at=at, credential_version=version):
        _promise(connection, "reconnect", f"{connection.pk}:{version}", reason, at)


@transaction.atomic
def gone(connection: Connection, *, reason: str, at: datetime) -> None:
    """The shop is frozen, locked or deleted."""
    if connections.gone(connection_id=connection.pk, reason=reason, at=at):
        _promise(connection, "store_gone", f"{connection.pk}:{at.isoformat()}", reason, at)


@transaction.atomic
def data_request(connection: Connection, *, cause: str, at: datetime) -> None:
    """A customer of the store asks what is held of them; one mail per `cause`."""
    _promise(connection, "data_request", cause, f"The request came through {connection.name}.", at)


@transaction.atomic
def orders_unread(connection: Connection, *, cause: str, reason: str, at: datetime) -> None:
    """What customers order in the store does not come in, though the connection stands; one mail per `cause`."""
    _promise(connection, "orders_unread", cause, reason, at)


def _promise(connection: Connection, kind: str, cause: str, reason: str, at: datetime) -> None:
    lane, _ = Lane.objects.get_or_create(merchant_id=connection.merchant_id)
    payload: dict[str, Any] = {"kind": kind, "connection": connection.pk, "reason": reason}
    OutboxMessage.objects.get_or_create(
        key=f"tell:{kind}:{cause}"[:200],
        defaults={
            "topic": Topic.TELL_MERCHANT,
            "lane": lane,
            "payload": payload,
            "next_attempt_at": at,
            "created_at": at,
        },
    )
    transaction.on_commit(import_string(settings.WAKE), robust=True)
