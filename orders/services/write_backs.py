"""Fulfillments told to the store where the customer bought: each once, and its parcels as they are known now.

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
from django.db.models import QuerySet

from connectors import conditions
from connectors.base import Connector, OutboundShipment, Parcel, RemoteOrder, ShipmentNotice
from connectors.errors import RejectedError, SeveralPlacesError
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OutboxStatus, ShipmentStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Fulfillment, Order, OrderPush, OutboxMessage, WriteBack
from orders.models.fulfillment import FulfillmentQuerySet
from orders.services import history, notices, told_shipments, told_units
from orders.services.transitions import lock
from orders.world import World

HELD_AT_ONCE = 200


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
    _let_earlier_go_first(message, row)
    if row.remote_id:
        for known_id in row.remote_ids:
            connector.fulfill(message.order.external_id, replace(shipment, known_id=known_id))
            yield "told"
    else:
        yield from _tell_all(message, row, shipment, connector, world)
    with outbox.finishing(message, at=world.now()):
        _write_down(message, row, parcels, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show why the store does not know yet."""
    lock(message.order.pk)
    row = _fresh(message)
    if row is None:
        return
    if row.state == WriteBackState.DONE and row.parcels == told_shipments.as_json(
        told_shipments.parcels_of(row.fulfillment)
    ):
        return
    held = outcome.status == OutboxStatus.HELD
    row.state, row.reason = (WriteBackState.HELD if held else WriteBackState.WAITING), outcome.reason[:500]
    if row.maybe_told_by == message.pk and message.maybe_sent_at is None:
        row.maybe_told_at = row.maybe_told_by = None  # the store refused: nothing was done there
    row.save(update_fields=["state", "reason", "maybe_told_at", "maybe_told_by"])
    if held:
        stands = row.fulfillment.status == ShipmentStatus.SUCCESS
        what = "was not told what was sent" if stands else "was not told that a fulfillment was taken back"
        text = f"{row.connection.name} {what}: {outcome.reason}"
        _ask_a_person(row, text, outcome.reason, cause=f"{message.key}:{message.attempts}", at=at)


@transaction.atomic
def retry(*, write_back_id: int, by: str, at: datetime) -> WriteBack:
    """Tell the store once more; it is looked there first. Raises TransitionNotAllowed unless it is held."""
    row, order = _locked(write_back_id)
    message = _held_messages(row).order_by("-pk").first()
    if row.state != WriteBackState.HELD or message is None or not outbox.release_now(message.key, at=at):
        raise TransitionNotAllowed("There is nothing to tell again.")
    row.state, row.reason = WriteBackState.WAITING, ""
    row.save(update_fields=["state", "reason"])
    text = f"{by} asked to tell {row.connection.name} again."
    history.note(order, kind="fulfillment.tell_again", text=text, by=by, at=at)
    return row


@transaction.atomic
def settle(*, write_back_id: int, by: str, at: datetime) -> Fulfillment:
    """A person took it back in the store too. Raises TransitionNotAllowed unless that was asked for."""
    row, order = _locked(write_back_id)
    if row.state != WriteBackState.HELD or not row.is_taken_back:
        raise TransitionNotAllowed("There is nothing to take back in the store.")
    for message in _held_messages(row):
        outbox.withdraw_sent(message.key, at=at)
    text = f"{by} took the fulfillment back in {row.connection.name}."
    history.note(order, kind="fulfillment.untold", text=text, by=by, at=at)
    row.delete()
    return row.fulfillment


def hold_stranded(*, at: datetime) -> None:
    """Once a minute: what waits to be told to stores that were disconnected. No worker gets there any more."""
    waiting = WriteBack.objects.filter(state=WriteBackState.WAITING, connection__state=ConnectionState.REMOVED)
    for row_id in list(waiting.order_by("pk").values_list("pk", flat=True)[:HELD_AT_ONCE]):
        with transaction.atomic():
            row, _ = _locked(row_id)
            reason = _why_by_hand(row) if row.is_taken_back else _mark_it_there(row.connection)
            if _withdrawn(row, at=at):
                row.state, row.reason = WriteBackState.HELD, reason
                row.save(update_fields=["state", "reason"])
                _ask_a_person(row, reason, reason, cause=f"{row.public_id}:removed", at=at)


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
        if (
            not created
            and row.remote_id
            and row.parcels == told_shipments.as_json(told_shipments.parcels_of(fulfillment))
        ):
            _stand_again(row, at=at)
            continue
        if store.state == ConnectionState.REMOVED:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.HELD, reason=_mark_it_there(store))
            continue
        message = outbox.post(
            Topic.WRITE_BACK,
            order=order,
            push=fulfillment.push,
            connection=store,
            key=f"back:{row.public_id}:{told_shipments.digest_of(fulfillment)}",
            at=at,
            payload={"write_back": row.pk},
        )
        if message.status == OutboxStatus.WAITING:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason=message.reason)
    _take_back(order, fulfillments, at=at)
    if order.lines.exists() and _is_complete(order):
        conditions.cleared(conditions.fulfilled(order.pk))


def _locked(write_back_id: int) -> tuple[WriteBack, Order]:
    row = WriteBack.objects.select_related("fulfillment__order", "connection").get(pk=write_back_id)
    order = lock(row.fulfillment.order_id)
    row.refresh_from_db(fields=["state"])
    row.fulfillment.refresh_from_db(fields=["status"])
    return row, order


def _mark_it_there(store: Connection) -> str:
    return f"{store.name} was disconnected: mark the order as fulfilled there."


def _withdrawn(row: WriteBack, *, at: datetime) -> bool:
    """False while a worker is at one of its promises."""
    open_ones = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:").exclude(status=OutboxStatus.DONE)
    return all(outbox.withdraw_sent(key, at=at) for key in open_ones.values_list("key", flat=True))


def _held_messages(row: WriteBack) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:", status=OutboxStatus.HELD)


def _undo(message: OutboxMessage, row: WriteBack, world: World) -> Iterator[str]:
    """What was told is taken back there, unless it stands here again; nothing remains of a row that was never told."""
    if not row.remote_ids and row.maybe_told_at is None:
        row.delete()
        return
    _let_earlier_go_first(message, row)
    connector = world.connector_for(row.connection)
    yield "looking"
    there = _standing_there(row, connector)
    yield "looked"
    if not row.remote_id and len(there) == len(row.told):
        _believe_not_found(row, connector, world)
    if row.is_taken_back:
        for one in there:
            connector.unfulfill(row.fulfillment.order.external_id, one.remote_id)
            yield "taken back"
    with outbox.finishing(message, at=world.now()):
        if there and not row.is_taken_back:
            _write_down(message, row, there[0].parcels, at=world.now())
        else:
            _write_down_undone(row, at=world.now())


def _standing_there(row: WriteBack, connector: Connector) -> list[ShipmentNotice]:
    """What the store has of it: nothing when it was never told, or is taken back there already."""
    order = connector.read(row.fulfillment.order.external_id)
    if order is None:
        return []
    standing = [one for one in order.shipments if one.remote_id in row.remote_ids and one.status == "success"]
    if row.remote_id:
        return standing
    shipment = told_shipments.shipment_of(row, told_shipments.parcels_of(row.fulfillment))
    rest = replace(shipment, lines=told_units.left(shipment.lines, row.told))
    unsure = told_shipments.ours(row, rest, order, by_place=connector.capabilities.fulfills_by_place)
    return standing if unsure is None else [*standing, unsure]


def _write_down_undone(row: WriteBack, *, at: datetime) -> None:
    """It does not stand there any more. Should it stand here again by now, it is told anew."""
    order = lock(row.fulfillment.order_id)
    text = f"The fulfillment is taken back in {row.connection.name} too."
    history.note(order, kind="fulfillment.untold", text=text, by=history.STOREWARD, at=at)
    row.delete()
    _promise(order, Fulfillment.objects.filter(pk=row.fulfillment_id), row.connection, at=at)


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
    there = _read(row, connector)
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


def _fresh(message: OutboxMessage) -> WriteBack | None:
    """None when the fulfillment was taken back before it was told."""
    rows = WriteBack.objects.select_related(
        "connection", "fulfillment__push__connection", "fulfillment__order__channel"
    )
    return rows.filter(pk=message.payload["write_back"]).first()


def _take_back(order: Order, fulfillments: FulfillmentQuerySet, *, at: datetime) -> None:
    """What a store was told, or may have been, is taken back there: by us where it lets us, else by a person."""
    rows = WriteBack.objects.filter(fulfillment__in=fulfillments).exclude(fulfillment__status=ShipmentStatus.SUCCESS)
    for row in rows.select_related("connection", "fulfillment__push__connection"):
        if not row.remote_ids and row.maybe_told_at is None:
            continue  # the message that was to tell it finds that there is nothing to tell
        reason = _why_by_hand(row)
        if not reason:
            _promise_undo(order, row, at=at)
        elif (row.state, row.reason) != (WriteBackState.HELD, reason):
            row.state, row.reason = WriteBackState.HELD, reason
            row.save(update_fields=["state", "reason"])
            _ask_a_person(row, reason, reason, cause=row.public_id, at=at)


def _why_by_hand(row: WriteBack) -> str:
    """Why a person has to take it back in the store; empty when we do."""
    store, push = row.connection, row.fulfillment.push
    taken_back = f"It was taken back {f'by {push.connection.name}' if push else 'here'}"
    if store.state == ConnectionState.REMOVED:
        return f"{taken_back}, and {store.name} was disconnected: take it back there too."
    cls = connector_class(store.platform)
    if not cls.capabilities.takes_back:
        return f"{taken_back}. {cls.label} lets no app undo a fulfillment: take it back in {store.name} too."
    return ""


def _promise_undo(order: Order, row: WriteBack, *, at: datetime) -> None:
    message = outbox.post(
        Topic.WRITE_BACK,
        order=order,
        push=row.fulfillment.push,
        connection=row.connection,
        key=_undo_key(row),
        at=at,
        payload={"write_back": row.pk, "undo": True},
    )
    if row.state == WriteBackState.DONE:
        outbox.renew(message.key, at=at)
    elif message.status != OutboxStatus.WAITING:
        return
    WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason="")


def _stand_again(row: WriteBack, *, at: datetime) -> None:
    """What was to be taken back there stands here again: look whether it still does there."""
    if row.state != WriteBackState.DONE and not outbox.release_now(_undo_key(row), at=at):
        WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.DONE, reason="")


def _undo_key(row: WriteBack) -> str:
    return f"back:{row.public_id}:undo"


def _ask_a_person(row: WriteBack, text: str, reason: str, *, cause: str, at: datetime) -> None:
    order = row.fulfillment.order
    history.note(order, kind="fulfillment.not_told", text=text, by=history.STOREWARD, at=at)
    kind: notices.MerchantNotice = "take_back_held" if row.is_taken_back else "write_back_held"
    notices.promise_merchant(order, kind=kind, cause_key=cause, at=at, reason=reason, store=row.connection)


def _is_complete(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, fulfillment_status=FulfillmentStatus.FULFILLED).exists()


def _read(row: WriteBack, connector: Connector) -> RemoteOrder:
    there = connector.read(row.fulfillment.order.external_id)
    if there is None:
        raise RejectedError(f"The order is gone from {row.connection.name}.")
    if there.cancelled:
        raise RejectedError(f"The order was cancelled in {row.connection.name}, and it has been sent.")
    return there


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
    tracking = ", ".join(parcel.number for parcel in parcels if parcel.number)
    text = f"Told {row.connection.name} what was sent" + (f": {tracking}." if tracking else ".")
    history.note(message.order, kind="fulfillment.told", text=text, by=history.STOREWARD, at=at)
