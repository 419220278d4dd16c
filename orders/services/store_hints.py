"""A webhook says that something happened to an order of a store channel: a promise to read that order.

The promise stands in the connection's lane, and belongs to no order of ours yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.module_loading import import_string

from connectors import conditions
from connectors.errors import CredentialsError, NotVisibleError
from connectors.models import Connection, ConnectionState
from orders import alarms, outbox
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, Order, OrderSync, OutboxMessage
from orders.services import sight, store_orders
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
    except NotVisibleError as hidden:
        ours = Order.objects.filter(channel=sync.channel, external_id=remote_id).first()
        if ours is not None:
            sight.believe_gone(hidden, made_at=sight.placed(ours), at=world.now())
        told = None
    except CredentialsError as error:
        if error.code == "scope_missing":  # what goes out may still be allowed: the connection stands
            raise outbox.Wait(conditions.token_renewed(connection.pk), str(error), data=error) from error
        raise
    yield "read"
    with outbox.finishing(message, at=world.now()):
        if told is None:
            store_orders.gone(channel_id=sync.channel_id, remote_id=remote_id, at=world.now())
        else:
            store_orders.bring(channel_id=sync.channel_id, order=told, placed_from=sync.placed_from, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """An order that cannot be read without a person is told; lost access has a mail of its own."""
    code = getattr(outcome.data, "code", "order_unread")
    if outcome.status == OutboxStatus.HELD or code == "scope_missing":
        failing(message.payload["sync"], code=code, reason=outcome.reason, at=at)


@transaction.atomic
def failing(sync_id: int, *, code: str, reason: str, at: datetime, told: bool = False) -> None:
    """Orders do not come in. The first of a cause, until they do again, promises a mail, unless it is `told` already."""
    sync = OrderSync.objects.select_for_update(of=("self",)).select_related("channel__connection").get(pk=sync_id)
    since = sync.failing_since or at
    OrderSync.objects.filter(pk=sync_id).update(failing_since=since)
    connection = sync.channel.connection
    if connection is not None and not told:
        alarms.orders_unread(connection, cause=f"{sync_id}:{since.isoformat()}:{code}", reason=reason, at=at)


def unread(connection_ids: Collection[int]) -> dict[int, int]:
    """How many orders of each store could not be read and wait for a person. One query."""
    rows = _stopped().filter(lane__connection__in=connection_ids).values_list("lane__connection").order_by()
    return {connection_id: count for connection_id, count in rows.annotate(Count("pk")) if connection_id}


def read_again(connection_id: int, *, at: datetime) -> int:
    """Have all that could not be read there read once more; how many."""
    return outbox.release_all(_stopped().filter(lane__connection=connection_id), at=at)


def allowed_again(connection_id: int, *, at: datetime) -> int:
    """The same for what lacked a permission alone."""
    return outbox.release_all(_stopped().filter(lane__connection=connection_id).exclude(wait_for=""), at=at)


def _stopped() -> QuerySet[OutboxMessage]:
    stopped = Q(status=OutboxStatus.HELD) | (Q(status=OutboxStatus.WAITING) & ~Q(wait_for=""))
    return OutboxMessage.objects.filter(stopped, topic=Topic.READ_STORE_ORDER)
