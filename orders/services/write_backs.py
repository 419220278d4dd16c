"""Fulfillments told to the store where the customer bought: each once, and its parcels as they are known now.

A message is a promise about one fulfillment with one set of parcels; what it tells is what stands when it is carried out,
so that a later one finds nothing more to do. A store takes a fulfillment without a key of ours: the ids that were there
before are committed with the mark, which stands on the row since a later message may come upon it; after a lost answer
a new one with the same units is ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from connectors import conditions
from connectors.base import Connector, OutboundShipment, Parcel, RemoteOrder, ShipmentLine, ShipmentNotice
from connectors.errors import RejectedError
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OutboxStatus, ShipmentStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Fulfillment, Order, OrderPush, OutboxMessage, WriteBack
from orders.models.fulfillment import FulfillmentQuerySet
from orders.services import history, notices, partner_told
from orders.services.transitions import lock
from orders.world import World


def promise(push: OrderPush, *, at: datetime) -> None:
    """Have what a destination sent told to the store that the order came from. Inside a transaction, under the order's lock.

    Nothing happens for an order of a marketplace, and for one that was sent by the very store it came from.
    """
    store = _store_to_tell(push.order)
    if store is None or store.pk == push.connection.speaker_id:
        return
    _promise(push.order, Fulfillment.objects.filter(push=push), store, at=at)


def promise_own(order: Order, *, at: datetime) -> None:
    """Have what was sent from here told to the store that the order came from. Inside a transaction, under the order's lock."""
    store = _store_to_tell(order)
    if store is not None:
        _promise(order, Fulfillment.objects.filter(order=order).own(), store, at=at)


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """WRITE_BACK: make the fulfillment there what it is here."""
    row = _fresh(message)
    if row is None:
        return
    fulfillment = row.fulfillment
    parcels = _parcels(fulfillment)
    if fulfillment.status != ShipmentStatus.SUCCESS:
        if not row.remote_id and row.maybe_told_at is None:
            row.delete()  # taken back before it was told
        return
    if row.remote_id and row.parcels == _as_json(parcels):
        return
    connector = world.connector_for(row.connection)
    shipment = _shipment(row, parcels)
    if not shipment.completes and not connector.capabilities.fulfills_parts:
        reason = f"{row.connection.name} takes an order as a whole: it is told when everything is sent."
        raise outbox.Wait(conditions.fulfilled(message.order.pk), reason)
    _let_earlier_go_first(message, row)
    there = None if row.remote_id else (yield from _look(message, row, shipment, connector, world))
    if there is not None:
        shipment = replace(shipment, known_id=there.remote_id)
    if there is None or _numbers(there.parcels) != _numbers(parcels):
        remote_id = connector.fulfill(message.order.external_id, shipment)
        yield "told"
    else:
        remote_id = there.remote_id
    with outbox.finishing(message, at=world.now()):
        _write_down(message, row, remote_id, parcels, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show why the store does not know yet."""
    lock(message.order.pk)
    row = _fresh(message)
    if row is None:
        return
    if row.state == WriteBackState.DONE and row.parcels == _as_json(_parcels(row.fulfillment)):
        return
    held = outcome.status == OutboxStatus.HELD
    row.state, row.reason = (WriteBackState.HELD if held else WriteBackState.WAITING), outcome.reason[:500]
    if row.maybe_told_by == message.pk and message.maybe_sent_at is None:
        row.maybe_told_at = row.maybe_told_by = None  # the store refused: nothing was done there
    row.save(update_fields=["state", "reason", "maybe_told_at", "maybe_told_by"])
    if held:
        text = f"{row.connection.name} was not told what was sent: {outcome.reason}"
        history.note(message.order, kind="fulfillment.not_told", text=text, by=history.STOREWARD, at=at)
        cause = f"{message.key}:{message.attempts}"
        notices.promise_merchant(message.order, kind="write_back_held", cause_key=cause, at=at, reason=outcome.reason)


@transaction.atomic
def retry(*, write_back_id: int, by: str, at: datetime) -> WriteBack:
    """Tell the store once more; it is looked there first. Raises TransitionNotAllowed unless it is held."""
    row = WriteBack.objects.select_related("fulfillment__order", "connection").get(pk=write_back_id)
    order = lock(row.fulfillment.order_id)
    row.refresh_from_db(fields=["state"])
    promised = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:", status=OutboxStatus.HELD)
    message = promised.order_by("-pk").first()
    if row.state != WriteBackState.HELD or message is None or not outbox.release_now(message.key, at=at):
        raise TransitionNotAllowed("There is nothing to tell again.")
    row.state, row.reason = WriteBackState.WAITING, ""
    row.save(update_fields=["state", "reason"])
    text = f"{by} asked to tell {row.connection.name} again."
    history.note(order, kind="fulfillment.tell_again", text=text, by=by, at=at)
    return row


# --- inside ----------------------------------------------------------------------------------------


def _store_to_tell(order: Order) -> Connection | None:
    store = order.channel.connection
    if store is None or not connector_class(store.platform).capabilities.fulfills:
        return None
    return store


def _promise(order: Order, fulfillments: FulfillmentQuerySet, store: Connection, *, at: datetime) -> None:
    standing = fulfillments.filter(status=ShipmentStatus.SUCCESS)
    for fulfillment in standing.prefetch_related("parcels").order_by("pk"):
        row, created = WriteBack.objects.get_or_create(fulfillment=fulfillment, defaults={"connection": store})
        if not created and row.remote_id and row.parcels == _as_json(_parcels(fulfillment)):
            continue
        if store.state == ConnectionState.REMOVED:
            reason = f"{store.name} was disconnected: mark the order as fulfilled there."
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.HELD, reason=reason)
            continue
        message = outbox.post(
            Topic.WRITE_BACK,
            order=order,
            push=fulfillment.push,
            connection=store,
            key=f"back:{row.public_id}:{_digest(fulfillment)}",
            at=at,
            payload={"write_back": row.pk},
        )
        if message.status == OutboxStatus.WAITING:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason=message.reason)
    _warn_of_taken_back(order, fulfillments, at=at)
    if order.lines.exists() and _is_complete(order):
        conditions.cleared(conditions.fulfilled(order.pk))


def _look(
    message: OutboxMessage, row: WriteBack, shipment: OutboundShipment, connector: Connector, world: World
) -> Generator[str, None, ShipmentNotice | None]:
    """The fulfillment that a lost answer was about; None, with the mark committed, when it is to be told."""
    yield "looking"
    there = _read(row, connector)
    yield "looked"
    if row.maybe_told_at is not None:
        found = _ours(row, shipment, there)
        if found is not None:
            return found
        _believe_not_found(row, connector, world)
    _mark(message, row, there, world)
    yield "marked"
    return None


def _fresh(message: OutboxMessage) -> WriteBack | None:
    """None when the fulfillment was taken back before it was told."""
    rows = WriteBack.objects.select_related(
        "connection", "fulfillment__push__connection", "fulfillment__order__channel"
    )
    return rows.filter(pk=message.payload["write_back"]).first()


def _warn_of_taken_back(order: Order, fulfillments: FulfillmentQuerySet, *, at: datetime) -> None:
    """A store that was told keeps what it was told: a person takes it back there."""
    rows = WriteBack.objects.filter(fulfillment__in=fulfillments, state=WriteBackState.DONE).exclude(
        fulfillment__status=ShipmentStatus.SUCCESS
    )
    for row in rows.select_related("connection", "fulfillment__push__connection"):
        push = row.fulfillment.push
        where = f"by {push.connection.name}" if push else "here"
        reason = f"It was taken back {where}: take it back in {row.connection.name} too."
        row.state, row.reason = WriteBackState.HELD, reason
        row.save(update_fields=["state", "reason"])
        history.note(order, kind="fulfillment.not_told", text=reason, by=history.STOREWARD, at=at)
        notices.promise_merchant(order, kind="write_back_held", cause_key=row.public_id, at=at, reason=reason)


def _shipment(row: WriteBack, parcels: Sequence[Parcel]) -> OutboundShipment:
    fulfillment = row.fulfillment
    order = fulfillment.order
    lines = fulfillment.lines.select_related("line").order_by("line__position", "pk")
    return OutboundShipment(
        lines=tuple(ShipmentLine(each.line.sku, each.quantity, remote_line_id=each.line.external_id) for each in lines),
        parcels=tuple(parcels),
        shipped_at=fulfillment.shipped_at or fulfillment.created_at,
        completes=order.fulfillment_status == FulfillmentStatus.FULFILLED,
        notify_customer=not partner_told.customer_is_told(order, fulfillment.push),
        known_id=row.remote_id,
    )


def _parcels(fulfillment: Fulfillment) -> list[Parcel]:
    rows = sorted(fulfillment.parcels.all(), key=lambda row: row.pk)
    return [Parcel(row.carrier, row.number, row.url) for row in rows]


def _as_json(parcels: Sequence[Parcel]) -> list[list[str]]:
    return [[parcel.carrier, parcel.number, parcel.url] for parcel in parcels]


def _digest(fulfillment: Fulfillment) -> str:
    return sha256(repr(_as_json(_parcels(fulfillment))).encode()).hexdigest()[:24]


def _is_complete(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, fulfillment_status=FulfillmentStatus.FULFILLED).exists()


def _read(row: WriteBack, connector: Connector) -> RemoteOrder:
    there = connector.read(row.fulfillment.order.external_id)
    if there is None:
        raise RejectedError(f"The order is gone from {row.connection.name}.")
    if there.cancelled:
        raise RejectedError(f"The order was cancelled in {row.connection.name}, and it has been sent.")
    return there


def _ours(row: WriteBack, shipment: OutboundShipment, there: RemoteOrder) -> ShipmentNotice | None:
    """The fulfillment that the lost answer was about; None when there is none."""
    new = [one for one in there.shipments if one.remote_id not in row.known_ids and one.status == "success"]
    return next((one for one in new if _same(one, shipment)), None)


def _same(one: ShipmentNotice, shipment: OutboundShipment) -> bool:
    """The same units by SKU, or one of our tracking numbers."""
    if _numbers(shipment.parcels) & _numbers(one.parcels):
        return True
    return _units(one.lines) == _units(shipment.lines)


def _numbers(parcels: Sequence[Parcel]) -> set[str]:
    return {parcel.number for parcel in parcels if parcel.number}


def _units(lines: Sequence[ShipmentLine]) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return units


def _let_earlier_go_first(message: OutboxMessage, row: WriteBack) -> None:
    """Two sets of parcels of one fulfillment are told one after the other."""
    others = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:", pk__lt=message.pk)
    if others.filter(status__in=[OutboxStatus.WAITING, OutboxStatus.RUNNING]).exists():
        raise outbox.Postponed("An earlier change is being told first.", after_s=60)


def _believe_not_found(row: WriteBack, connector: Connector, world: World) -> None:
    if row.maybe_told_at is None:
        return
    left = (row.maybe_told_at + timedelta(seconds=connector.horizon_s) - world.now()).total_seconds()
    if left > 0:
        raise outbox.Postponed("Sent, no answer: looking for it in the store before it is told again.", after_s=left)


def _mark(message: OutboxMessage, row: WriteBack, there: RemoteOrder, world: World) -> None:
    """Commit "maybe told" together with what was there before."""
    with transaction.atomic():
        outbox.mark_sending(message, at=world.now())
        row.known_ids = [one.remote_id for one in there.shipments]
        row.maybe_told_at, row.maybe_told_by = world.now(), message.pk
        row.save(update_fields=["known_ids", "maybe_told_at", "maybe_told_by"])


def _write_down(
    message: OutboxMessage, row: WriteBack, remote_id: str, parcels: Sequence[Parcel], *, at: datetime
) -> None:
    lock(message.order.pk)
    row.state, row.reason, row.remote_id = WriteBackState.DONE, "", remote_id[:200]
    row.parcels, row.told_at = _as_json(parcels), at
    row.maybe_told_at = row.maybe_told_by = None
    row.save()
    tracking = ", ".join(parcel.number for parcel in parcels if parcel.number)
    text = f"Told {row.connection.name} what was sent" + (f": {tracking}." if tracking else ".")
    history.note(message.order, kind="fulfillment.told", text=text, by=history.STOREWARD, at=at)
