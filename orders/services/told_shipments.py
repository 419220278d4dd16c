"""What a store is told of a fulfillment, and which of its own are the one that it was told of."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from connectors.base import OutboundShipment, Parcel, RemoteOrder, ShipmentLine, ShipmentNotice
from orders.enums import FulfillmentStatus, ShipmentStatus
from orders.models import Fulfillment, WriteBack
from orders.models import Parcel as ParcelRow
from orders.services import partner_told, told_units


def shipment_of(row: WriteBack, parcels: Sequence[Parcel]) -> OutboundShipment:
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
        gone=tuple(_gone(row, parcels)),
    )


def recalled(row: WriteBack) -> OutboundShipment:
    """What is taken back of it: the parcels that were told, but for numbers that stand with other fulfillments."""
    if row.parcels:
        return shipment_of(row, _gone(row, ()))
    return shipment_of(row, [each for each in parcels_of(row.fulfillment) if each.number not in _elsewhere(row)])


def _gone(row: WriteBack, parcels: Sequence[Parcel]) -> list[Parcel]:
    """What was told of it last and is none of these parcels, nor of another fulfillment that stands."""
    told = [Parcel(*each) for each in row.parcels]
    stand = numbers(parcels) | (_elsewhere(row) if told else set())
    return [parcel for parcel in told if parcel.number not in stand]


def _elsewhere(row: WriteBack) -> set[str]:
    order = row.fulfillment.order
    others = ParcelRow.objects.filter(fulfillment__order=order, fulfillment__status=ShipmentStatus.SUCCESS)
    return set(others.exclude(fulfillment=row.fulfillment).values_list("number", flat=True))


def parcels_of(fulfillment: Fulfillment) -> list[Parcel]:
    rows = sorted(fulfillment.parcels.all(), key=lambda row: row.pk)
    return [Parcel(row.carrier, row.number, row.url) for row in rows]


def as_json(parcels: Sequence[Parcel]) -> list[list[str]]:
    return [[parcel.carrier, parcel.number, parcel.url] for parcel in parcels]


def digest_of(fulfillment: Fulfillment) -> str:
    return sha256(repr(as_json(parcels_of(fulfillment))).encode()).hexdigest()[:24]


def ours(row: WriteBack, shipment: OutboundShipment, there: RemoteOrder, *, by_place: bool) -> ShipmentNotice | None:
    """The fulfillment that the lost answer was about; None when there is none."""
    new = [one for one in there.shipments if one.remote_id not in row.known_ids and one.status == "success"]
    return next((one for one in new if _same(one, shipment, by_place=by_place)), None)


def _same(one: ShipmentNotice, shipment: OutboundShipment, *, by_place: bool) -> bool:
    """The same units by SKU, or one of our tracking numbers; without any, some of the units where one place sent them."""
    known, theirs = numbers(shipment.parcels), numbers(one.parcels)
    if known & theirs or told_units.by_sku(one.lines) == told_units.by_sku(shipment.lines):
        return True
    return by_place and not known and not theirs and told_units.are_among(one.lines, shipment.lines)


def numbers(parcels: Sequence[Parcel]) -> set[str]:
    return {parcel.number for parcel in parcels if parcel.number}
