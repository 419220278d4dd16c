"""Orders that customers placed in a merchant's own shop come in: once each, whoever brings them and however often.

What the shop holds is the truth until a part of the order has left for its destination. Until then changes are taken
over; after that they are told to a person, who decides (docs/adr/0019-orders-from-stores.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from connectors.models import Connection
from connectors.storefront import StoreFulfillment, StoreOrder, StorePayment
from orders.enums import OrderStatus, SkipReason
from orders.models import Channel, Order, OrderPush, StoreOrigin
from orders.services import intake, store_changes, store_reading


class Brought(StrEnum):
    NEW = "new"
    DRAFT = "draft"  # new, and something is missing
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one order of the shop."""

    brought: Brought
    order: Order | None = None
    skipped: SkipReason | None = None


@transaction.atomic
def bring(*, channel_id: int, order: StoreOrder, placed_from: datetime, at: datetime) -> Result:
    """Take one order of the shop in, or take over what changed of it. Safe to repeat, and to run twice at once.

    An older state of it than one that was seen changes nothing.
    """
    channel = _locked(channel_id)
    known = Order.objects.filter(channel=channel, external_id=order.remote_id).first()
    if known is None:
        return _bring_new(channel, order, placed_from, at=at)
    changed = store_changes.take_over(order_id=known.pk, told=order, at=at)
    return Result(Brought.CHANGED if changed else Brought.UNCHANGED, known)


@transaction.atomic
def gone(*, channel_id: int, remote_id: str, at: datetime) -> bool:
    """The order was deleted there. False when it is not one of ours, or that is known."""
    channel = _locked(channel_id)
    known = Order.objects.filter(channel=channel, external_id=remote_id).first()
    return known is not None and store_changes.end(order_id=known.pk, how="deleted", changed_at=at, at=at)


def is_ours(connection: Connection, *, remote_id: str, reference: str) -> bool:
    """Whether Storeward sent the order there: by its id, or by the reference that it was sent with.

    Also for another merchant who sends to the same shop, so that no order goes round in a circle.
    """
    here = Q(connection=connection) | Q(connection__source=connection)
    if connection.remote_id:
        shop = {"platform": connection.platform, "remote_id": connection.remote_id}
        here |= Q(**{f"connection__{name}": value for name, value in shop.items()})
        here |= Q(**{f"connection__source__{name}": value for name, value in shop.items()})
    sent = Q(remote_id=remote_id) | (Q(reference=reference) if reference else Q(pk=None))
    return OrderPush.objects.filter(here, sent).exists()


def _locked(channel_id: int) -> Channel:
    """One at a time brings orders of a channel: two that read the same one do not both think that it is new."""
    rows = Channel.objects.select_for_update(of=("self",)).select_related("connection__merchant")
    return rows.get(pk=channel_id)


def _bring_new(channel: Channel, order: StoreOrder, placed_from: datetime, *, at: datetime) -> Result:
    connection = channel.connection
    assert connection is not None  # noqa: S101  # a store channel has one
    reason = _why_skipped(connection, order, placed_from)
    if reason is not None:
        return Result(Brought.SKIPPED, skipped=reason)
    try:
        new = store_reading.new_order(order, channel)
    except store_reading.NotReadable:
        return Result(Brought.SKIPPED, skipped=SkipReason.NOT_READABLE)
    placed, _ = intake.place(channel=channel, merchant=connection.merchant, new=new, by=connection.name, at=at)
    StoreOrigin.objects.create(
        order=placed,
        url=order.url[:300],
        read_at=at,
        remote_updated_at=order.updated_at,
        digest=new.digest,
        doubts=[doubt.as_json() for doubt in new.doubts],
    )
    store_changes.record_refund(placed, order, at=at)
    return Result(Brought.DRAFT if placed.status == OrderStatus.DRAFT else Brought.NEW, placed)


def _why_skipped(connection: Connection, order: StoreOrder, placed_from: datetime) -> SkipReason | None:
    """None for an order that a customer placed and somebody still has to fulfill."""
    if is_ours(connection, remote_id=order.remote_id, reference=order.reference):
        return SkipReason.OURS
    checks = (
        (order.made_by_app, SkipReason.MADE_BY_APP),
        (order.placed_at < placed_from, SkipReason.TOO_OLD),
        (order.cancelled, SkipReason.CANCELLED),
        (order.payment in (StorePayment.REFUNDED, StorePayment.VOIDED), SkipReason.REFUNDED),
        (order.fulfillment == StoreFulfillment.FULFILLED, SkipReason.FULFILLED),
        (not order.lines, SkipReason.EMPTY),
    )
    return next((reason for holds, reason in checks if holds), None)
