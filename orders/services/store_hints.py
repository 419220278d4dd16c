"""A webhook says that something happened to an order of a store channel: a promise to read that order.

The promise stands in the connection's lane, and belongs to no order of ours yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from connectors.errors import CredentialsError
from connectors.models import Connection, ConnectionState
from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, OrderSync, OutboxMessage
from orders.services import store_orders
from orders.world import World


def ask(connection: Connection, *, remote_id: str, cause: str, at: datetime) -> bool:
    """Have a worker read the order. Inside a transaction. False when the store is no channel.

    A read that is promised and has not begun will see this change too.
    """
    sync = OrderSync.objects.filter(channel__connection=connection).first() if connection.is_channel else None
    if sync is None or not remote_id:
        return False
    lane, _ = Lane.objects.get_or_create(connection=connection)
    # what a store may call an order is longer than a key
    of_order = f"store-order:{sync.channel_id}:{sha256(remote_id.encode()).hexdigest()[:24]}"
    not_begun = OutboxMessage.objects.filter(key__startswith=of_order, status=OutboxStatus.WAITING)
    if not not_begun.exists():
        OutboxMessage.objects.get_or_create(
            key=f"{of_order}:{cause}"[:200],
            defaults={
                "topic": Topic.READ_STORE_ORDER,
                "lane": lane,
                "payload": {"sync": sync.pk, "remote_id": remote_id},
                "next_attempt_at": at,
                "created_at": at,
            },
        )
        transaction.on_commit(import_string(settings.WAKE), robust=True)
    return True


def read(message: OutboxMessage, world: World) -> Iterator[str]:
    """READ_STORE_ORDER: read the order in the shop and bring it, or take over what changed."""
    sync = OrderSync.objects.select_related("channel__connection").get(pk=message.payload["sync"])
    connection, remote_id = sync.channel.connection, message.payload["remote_id"]
    if connection is None or not connection.is_channel or connection.state == ConnectionState.REMOVED:
        return
    yield "reading"
    try:
        told = world.connector_for(connection).store_order(remote_id)
    except CredentialsError as error:
        if error.code == "scope_missing":  # what goes out may still be allowed: the connection stands
            raise outbox.Hold(str(error)) from error
        raise
    yield "read"
    with outbox.finishing(message, at=world.now()):
        if told is None:
            store_orders.gone(channel_id=sync.channel_id, remote_id=remote_id, at=world.now())
        else:
            store_orders.bring(channel_id=sync.channel_id, order=told, placed_from=sync.placed_from, at=world.now())
