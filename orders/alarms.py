"""A connection that shut us out, or passes a request on: its state and the promise of one mail, in one transaction.

The mail is about the connection, not about an order: it goes out also when nothing waits for it yet.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection as database
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
    payload = {"kind": kind, "connection": connection.pk, "reason": reason}
    post_mail(merchant_id=connection.merchant_id, key=f"tell:{kind}:{cause}", payload=payload, at=at)


def post_mail(*, merchant_id: int, key: str, payload: dict[str, Any], at: datetime, delay_s: float = 0.0) -> None:
    """Promise a mail about no order, in its merchant's lane and inside the transaction that gives the reason for it.

    The same key twice is one promise.
    """
    if not database.in_atomic_block:
        raise RuntimeError("post_mail() belongs in the transaction that gives the reason.")
    lane, _ = Lane.objects.get_or_create(merchant_id=merchant_id)
    OutboxMessage.objects.get_or_create(
        key=key[:200],
        defaults={
            "topic": Topic.TELL_MERCHANT,
            "lane": lane,
            "payload": payload,
            "next_attempt_at": at + timedelta(seconds=delay_s),
            "created_at": at,
        },
    )
    transaction.on_commit(import_string(settings.WAKE), robust=True)
