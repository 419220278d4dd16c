"""What a write-back's promise does at the store: WRITE_BACK, step by step.

A message is a promise about one fulfillment with one set of parcels; what it tells is what stands when it is carried out,
so that a later one finds nothing more to do. A store takes a fulfillment without a key of ours: the ids that were there
before are committed with the mark, which stands on the row since a later message may come upon it; after a lost answer
a new one with the same units is ours.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connectors import conditions
from connectors.base import Connector, OutboundShipment, Parcel, RemoteOrder, ShipmentNotice
from connectors.errors import RejectedError, SeveralPlacesError
from orders import outbox
from orders.enums import OutboxStatus, Topic, WriteBackState
from orders.models import Fulfillment, OutboxMessage, WriteBack
from orders.models.write_back import BY_HAND
from orders.services import history, looks, sight, told_shipments, told_units, write_backs
from orders.services.transitions import lock
from orders.world import World


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """WRITE_BACK: make the fulfillment there what it is here."""
    row = write_backs.fresh(message)
    if row is None:
        return
    fulfillment = row.fulfillment
    parcels = told_shipments.parcels_of(fulfillment)
    if row.is_taken_back or (row.remote_id and message.payload.get("undo")):
        yield from _undo(message, row, world)
        return
    if row.remote_id and row.parcels == told_shipments.as_json(parcels):
        return
    connector = world.connector_for(row.connection)
    shipment = told_shipments.shipment_of(row, parcels)
    if not shipment.completes and not connector.capabilities.fulfills_parts:
        reason = f"{row.connection.name} takes an order as a whole: it is told when everything is sent."
        raise outbox.Wait(conditions.fulfilled(message.order.pk), reason)
    _let_earlier_go_first(message, row, connector)
    if row.remote_id:
        for known_id in row.remote_ids:
            connector.fulfill(message.order.external_id, replace(shipment, known_id=known_id))
            yield "told"
    else:
        yield from _tell_all(message, row, shipment, connector, world)
    with outbox.finishing(message, at=world.now()):
        _write_down(message, row, parcels, at=world.now())


# --- inside ----------------------------------------------------------------------------------------


def _undo(message: OutboxMessage, row: WriteBack, world: World) -> Iterator[str]:
    """What was told is taken back there, unless it stands here again; nothing remains of a row that was never told."""
    if not row.remote_ids and row.maybe_told_at is None:
        row.delete()
        return
    connector = world.connector_for(row.connection)
    _let_earlier_go_first(message, row, connector)
    if connector.capabilities.recalls:
        yield from _recall(message, row, connector, world)
        return
    yield "looking"
    there = _standing_there(row, connector, world)
    yield "looked"
    if not row.remote_id and len(there) == len(row.told):
        _believe_not_found(row, connector, world)
    if not there and row.is_taken_back and row.maybe_told_by == BY_HAND:
        raise outbox.Hold(
            f"It was marked in {row.connection.name} by hand, and is not found there: see that it is taken back."
        )
    if row.is_taken_back:
        for one in there:
            connector.unfulfill(row.fulfillment.order.external_id, one.remote_id)
            yield "taken back"
    with outbox.finishing(message, at=world.now()):
        if there and not row.is_taken_back:
            _write_down(message, row, there[0].parcels, at=world.now())
        else:
            _write_down_undone(row, at=world.now())


def _recall(message: OutboxMessage, row: WriteBack, connector: Connector, world: World) -> Iterator[str]:
    """Where a fulfillment is no object of its own: what it wrote into the order is taken out again.

    One that may have been sent and not answered could arrive after that. What stands here again is told anew.
    """
    _believe_not_found(row, connector, world)
    is_done = row.is_taken_back
    if is_done:
        connector.recall(row.fulfillment.order.external_id, told_shipments.recalled(row))
        yield "taken back"
    with outbox.finishing(message, at=world.now()):
        _write_down_undone(row, is_noted=is_done, at=world.now())


def _standing_there(row: WriteBack, connector: Connector, world: World) -> list[ShipmentNotice]:
    """What the store has of it: nothing when it was never told, or is taken back there already."""
    order = _shown(row, connector, world)
    if order is None:
        return []
    standing = [one for one in order.shipments if one.remote_id in row.remote_ids and one.status == "success"]
    if row.remote_id:
        return standing
    shipment = told_shipments.shipment_of(row, told_shipments.parcels_of(row.fulfillment))
    rest = replace(shipment, lines=told_units.left(shipment.lines, row.told))
    unsure = told_shipments.ours(row, rest, order, by_place=connector.capabilities.fulfills_by_place)
    return standing if unsure is None else [*standing, unsure]


def _write_down_undone(row: WriteBack, *, is_noted: bool = True, at: datetime) -> None:
    """It does not stand there any more. Should it stand here again by now, it is told anew."""
    order = lock(row.fulfillment.order_id)
    if is_noted:
        text = f"The fulfillment is taken back in {row.connection.name} too."
        history.note(order, kind="fulfillment.untold", text=text, by=history.STOREWARD, at=at)
    row.delete()
    write_backs.promise_all(order, Fulfillment.objects.filter(pk=row.fulfillment_id), row.connection, at=at)


def _tell_all(
    message: OutboxMessage, row: WriteBack, shipment: OutboundShipment, connector: Connector, world: World
) -> Iterator[str]:
    """Make it known there, place by place where the store sends it from several."""
    rest = replace(shipment, lines=told_units.left(shipment.lines, row.told))
    if row.told and not rest.lines:
        return
    there = yield from _look(message, row, rest, connector, world)
    while True:
        if there is None:
            told = yield from _send(message, rest, connector)
        else:
            told = _adopt(message, there, rest, connector)
        row.told = [*row.told, told]
        rest = replace(shipment, lines=told_units.left(shipment.lines, row.told))
        if not rest.lines:
            return
        _mark(message, row, [*row.known_ids, told["id"]], world)
        yield "marked"
        there = None


def _send(
    message: OutboxMessage, shipment: OutboundShipment, connector: Connector
) -> Generator[str, None, dict[str, Any]]:
    """What was told of it: all, or what the first of several places there has."""
    try:
        remote_id = connector.fulfill(message.order.external_id, shipment)
    except SeveralPlacesError as several:
        shipment = several.parts[0]
        remote_id = connector.fulfill(message.order.external_id, shipment)
    yield "told"
    return {"id": remote_id, "units": told_units.as_json(shipment.lines)}


def _adopt(
    message: OutboxMessage, there: ShipmentNotice, shipment: OutboundShipment, connector: Connector
) -> dict[str, Any]:
    """The fulfillment of a lost answer, with our parcels; all of it where stores do not tell place by place."""
    if told_shipments.numbers(there.parcels) != told_shipments.numbers(shipment.parcels):
        connector.fulfill(message.order.external_id, replace(shipment, known_id=there.remote_id))
    lines = there.lines if connector.capabilities.fulfills_by_place else shipment.lines
    return {"id": there.remote_id, "units": told_units.as_json(lines)}


def _look(
    message: OutboxMessage, row: WriteBack, shipment: OutboundShipment, connector: Connector, world: World
) -> Generator[str, None, ShipmentNotice | None]:
    """The fulfillment that a lost answer was about; None, with the mark committed, when it is to be told."""
    yield "looking"
    there = _read(row, connector, world)
    yield "looked"
    if row.maybe_told_at is not None:
        found = told_shipments.ours(row, shipment, there, by_place=connector.capabilities.fulfills_by_place)
        if found is not None:
            row.known_ids = [one.remote_id for one in there.shipments]
            return found
        _believe_not_found(row, connector, world)
    _mark(message, row, [one.remote_id for one in there.shipments], world)
    yield "marked"
    return None


def _shown(row: WriteBack, connector: Connector, world: World) -> RemoteOrder | None:
    order = row.fulfillment.order
    return sight.read(connector, order.external_id, made_at=sight.placed(order), at=world.now())


def _read(row: WriteBack, connector: Connector, world: World) -> RemoteOrder:
    there = _shown(row, connector, world)
    if there is None:
        raise RejectedError(f"The order is gone from {row.connection.name}.")
    if there.cancelled:
        raise RejectedError(f"The order was cancelled in {row.connection.name}, and it has been sent.")
    return there


def _let_earlier_go_first(message: OutboxMessage, row: WriteBack, connector: Connector) -> None:
    """Two sets of parcels of one fulfillment are told one after the other; of one order where all write into that."""
    others = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:", pk__lt=message.pk)
    if connector.capabilities.recalls:
        of_order = OutboxMessage.objects.filter(topic=Topic.WRITE_BACK, order=message.order, lane=message.lane)
        others = of_order.filter(pk__lt=message.pk)
    if others.filter(status__in=[OutboxStatus.WAITING, OutboxStatus.RUNNING]).exists():
        raise outbox.Postponed("An earlier change is being told first.", after_s=60)


def _believe_not_found(row: WriteBack, connector: Connector, world: World) -> None:
    if row.maybe_told_at is None:
        return
    left = (row.maybe_told_at + timedelta(seconds=connector.horizon_s) - world.now()).total_seconds()
    if left > 0:
        raise outbox.Postponed("Sent, no answer: looking for it in the store before it is told again.", after_s=left)


def _mark(message: OutboxMessage, row: WriteBack, known_ids: Sequence[str], world: World) -> None:
    """Commit "maybe told" together with what was there before, and what was told of it so far."""
    with transaction.atomic():
        outbox.mark_sending(message, at=world.now())
        row.known_ids = list(known_ids)
        row.maybe_told_at, row.maybe_told_by = world.now(), message.pk
        row.save(update_fields=["told", "known_ids", "maybe_told_at", "maybe_told_by"])


def _write_down(message: OutboxMessage, row: WriteBack, parcels: Sequence[Parcel], *, at: datetime) -> None:
    lock(message.order.pk)
    row.state, row.reason = WriteBackState.DONE, ""
    row.remote_id = row.remote_id or row.told[0]["id"][:200]
    row.parcels, row.told_at = told_shipments.as_json(parcels), at
    row.maybe_told_at = row.maybe_told_by = None
    row.save()
    looks.refresh(message.order.pk)
    tracking = ", ".join(parcel.number for parcel in parcels if parcel.number)
    text = f"Told {row.connection.name} what was sent" + (f": {tracking}." if tracking else ".")
    history.note(message.order, kind="fulfillment.told", text=text, by=history.STOREWARD, at=at)
