"""Whether a store is a channel: its customers' orders come into the Order Manager, from a chosen date on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors import times
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders.enums import SkipReason, SyncState
from orders.errors import SyncRefused
from orders.models import Channel, OrderSync


def offered(connection: Connection) -> bool:
    """Whether the platform lets the orders be read that customers place there."""
    return connector_class(connection.platform).capabilities.channel


def sync_of(connection: Connection) -> OrderSync | None:
    """None for a store that never was a channel."""
    return OrderSync.objects.filter(channel__connection=connection).select_related("channel").first()


def of(merchant: Merchant) -> list[OrderSync]:
    """The merchant's store channels that are on."""
    rows = OrderSync.objects.filter(channel__connection__merchant=merchant, channel__connection__is_channel=True)
    standing = rows.exclude(channel__connection__state=ConnectionState.REMOVED)
    return list(standing.select_related("channel__connection").order_by("channel__name", "pk"))


@dataclass(frozen=True, slots=True)
class Skip:
    """Why some orders stay in the store, and which."""

    label: str
    numbers: tuple[str, ...]


def skips(sync: OrderSync) -> list[Skip]:
    """What the latest reading passed over, by reason. The first of them by name, all of them in `skipped_count`."""
    by_code: dict[str, list[str]] = {}
    for row in sync.skipped:
        by_code.setdefault(row["code"], []).append(row["number"])
    return [Skip(SkipReason(code).label, tuple(numbers)) for code, numbers in sorted(by_code.items())]


@transaction.atomic
def turn_on(*, connection_id: int, placed_from: datetime, by: str, at: datetime) -> OrderSync:
    """Orders placed there since then come in. The store is read from that date when it is another than before.

    Raises SyncRefused for a platform without orders of its own, a connection that is gone, and a date in the future.
    """
    connection = _locked(connection_id)
    if not offered(connection):
        raise SyncRefused(f"Customers do not order in {connection.name}: there is nothing to read.")
    if not times.is_usable(placed_from):
        raise SyncRefused(f"This must be a date {times.RANGE}.")
    if placed_from > at:
        raise SyncRefused("The date is in the future.")
    channel = _channel_of(connection)
    sync, made = OrderSync.objects.get_or_create(channel=channel, defaults={"placed_from": placed_from})
    if made or not connection.is_channel or sync.placed_from != placed_from:
        _end_reading(sync, at)
        sync.placed_from, sync.read_until, sync.failing_since = placed_from, None, None
        sync.save(update_fields=["placed_from", "read_until", "failing_since"])
        _note(connection, "channel.on", by, at, placed_from=placed_from.isoformat())
    Connection.objects.filter(pk=connection.pk).update(is_channel=True)
    return sync


@transaction.atomic
def turn_off(*, connection_id: int, by: str, at: datetime) -> None:
    """No order comes in any more; those that are here stay. Nothing happens when it is off."""
    connection = _locked(connection_id)
    if not connection.is_channel:
        return
    Connection.objects.filter(pk=connection.pk).update(is_channel=False)
    sync = sync_of(connection)
    if sync is not None:
        _end_reading(sync, at)
        OrderSync.objects.filter(pk=sync.pk).update(failing_since=None)
    _note(connection, "channel.off", by, at)


def _channel_of(connection: Connection) -> Channel:
    """The channel of a store; one that was disconnected and connected anew goes on with what it had.

    Else every order that came before would come once more.
    """
    known = Channel.objects.filter(connection=connection).first()
    if known is None:
        before = Connection.objects.of(connection.merchant).filter(
            platform=connection.platform, remote_id=connection.remote_id, state=ConnectionState.REMOVED
        )
        known = Channel.objects.filter(connection__in=before).order_by("-pk").first() if connection.remote_id else None
    if known is None:
        return Channel.objects.create(connection=connection, name=connection.name)
    known.connection, known.name = connection, connection.name
    known.save(update_fields=["connection", "name"])
    return known


def _end_reading(sync: OrderSync, at: datetime) -> None:
    """Whoever reads now writes nothing any more."""
    OrderSync.objects.filter(pk=sync.pk, state=SyncState.RUNNING).update(
        state=SyncState.IDLE, due_at=None, cursor="", again=False, finished_at=at
    )
    sync.refresh_from_db()


def _locked(connection_id: int) -> Connection:
    connection = Connection.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=connection_id)
    if connection.state == ConnectionState.REMOVED:
        raise SyncRefused(f"{connection.name} is disconnected.")
    return connection


def _note(connection: Connection, kind: str, by: str, at: datetime, **data: str) -> None:
    audit.record(merchant=connection.merchant, kind=kind, subject=connection.name, by=by, at=at, **data)
