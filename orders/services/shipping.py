"""Shipping from here: the merchant packs, hands over to a carrier and tells us. Each is a fulfillment without a push.

Everything happens under the order's lock, so that two at once never send more than is open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from connectors.carriers import known
from orders.enums import ShipmentStatus
from orders.errors import FieldProblem, IdempotencyConflict, InvalidShipment, TransitionNotAllowed
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, Parcel
from orders.services import customer_notices, fulfilled, history, mails, open_units, write_backs
from orders.services.open_units import WantedLine
from orders.services.shipments import CARRIER_MAX, NUMBER_MAX, URL_MAX
from orders.services.transitions import lock

MOST_PARCELS = 50
HEAVIEST_G, LONGEST_MM = 2_000_000, 20_000


@dataclass(frozen=True, slots=True)
class WantedParcel:
    """One box. `carrier` is a code of connectors.carriers.known, or a name with `url` typed; empty numbers may follow later."""

    carrier: str = ""
    number: str = ""
    url: str = ""
    weight_g: int | None = None
    size_mm: tuple[int, int, int] | None = None  # length, width, height


@dataclass(frozen=True, slots=True)
class Wanted:
    lines: tuple[WantedLine, ...]
    parcels: tuple[WantedParcel, ...] = ()

    def digest(self) -> str:
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@transaction.atomic
def ship(*, order_id: int, wanted: Wanted, by: str, at: datetime, key: str = "") -> tuple[Fulfillment, bool]:
    """Record what was handed over; the customer is told. The same `key` with the same wish is the same: then False.

    Raises InvalidShipment, TransitionNotAllowed, or IdempotencyConflict when the key was used for another wish.
    """
    order = lock(order_id)
    known_row = Fulfillment.objects.filter(order=order, key=key).first() if key else None
    if known_row is not None:
        if known_row.digest != wanted.digest():
            raise IdempotencyConflict("This key was used for another shipment.")
        return known_row, False
    open_units.refuse_closed(order)
    if order.has_pickup:
        raise TransitionNotAllowed(f"The customer collects order {order.number}: set it aside for pickup instead.")
    _refuse_parcels(wanted.parcels)
    units = open_units.chosen(order, wanted.lines)
    digest = wanted.digest() if key else ""
    row = _add(order, units, status=ShipmentStatus.SUCCESS, shipped_at=at, created_at=at, key=key, digest=digest)
    Parcel.objects.bulk_create(_parcel(row, parcel) for parcel in wanted.parcels)
    tracking = _numbers(wanted.parcels)
    text = f"Shipped from here by {by}: {open_units.in_words(units)}." + (f" Tracking: {tracking}." if tracking else "")
    history.note(order, kind="fulfillment.new", text=text, by=by, at=at, fulfillment=row.pk)
    _settle(order, by=by, at=at)
    return row, True


@transaction.atomic
def add_tracking(*, fulfillment_id: int, parcels: Sequence[WantedParcel], by: str, at: datetime) -> Fulfillment:
    """Give parcels their numbers: those without one first, then as further parcels. The customer is told of the new ones.

    A number that is there already gets its carrier and address anew. Raises InvalidShipment, TransitionNotAllowed.
    """
    row = locked(fulfillment_id)
    if row.status != ShipmentStatus.SUCCESS or row.is_pickup:
        raise TransitionNotAllowed(
            "This fulfillment takes no tracking: it was taken back, or the customer collects it."
        )
    _refuse_parcels(parcels, need_number=True, room=MOST_PARCELS - row.parcels.exclude(number="").count())
    new = [parcel for parcel in parcels if _is_new(row, parcel)]
    if new:
        text = f"Tracking added by {by}: {_numbers(new)}."
        history.note(row.order, kind="fulfillment.tracking", text=text, by=by, at=at, fulfillment=row.pk)
    customer_notices.promise_of_own(row.order, at=at)
    write_backs.promise_own(row.order, at=at)
    return row


@transaction.atomic
def take_back(*, fulfillment_id: int, by: str, at: datetime) -> Fulfillment:
    """It was not handed over after all: its units are open again. What the customer was told already cannot be unsaid."""
    row = locked(fulfillment_id)
    if row.status not in (ShipmentStatus.SUCCESS, ShipmentStatus.READY):
        raise TransitionNotAllowed("This fulfillment has been taken back already.")
    row.status = ShipmentStatus.CANCELLED
    row.save(update_fields=["status"])
    units = {each.line: each.quantity for each in row.lines.select_related("line").order_by("line__position")}
    text = f"{by} took a fulfillment back: {open_units.in_words(units)}."
    history.note(row.order, kind="fulfillment.changed", text=text, by=by, at=at, fulfillment=row.pk)
    _settle(row.order, by=by, at=at)
    return row


def locked(fulfillment_id: int) -> Fulfillment:
    """One made here, under its order's lock. Raises TransitionNotAllowed for a destination's, and once the order ended."""
    order = lock(Fulfillment.objects.values_list("order_id", flat=True).get(pk=fulfillment_id))
    row = Fulfillment.objects.select_related("push__connection").get(pk=fulfillment_id)
    if row.push is not None:
        raise TransitionNotAllowed(f"{row.push.connection.name} sent this: change it there.")
    open_units.refuse_closed(order)
    row.order = order
    return row


def _add(order: Order, units: Mapping[OrderLine, int], **fields: object) -> Fulfillment:
    row = Fulfillment.objects.create(order=order, **fields)
    FulfillmentLine.objects.bulk_create(
        FulfillmentLine(fulfillment=row, line=line, quantity=quantity) for line, quantity in units.items()
    )
    return row


def _settle(order: Order, *, by: str, at: datetime) -> None:
    fulfilled.recount(order.pk, by=by, at=at)
    customer_notices.promise_of_own(order, at=at)
    write_backs.promise_own(order, at=at)
    order.refresh_from_db()


# --- parcels ---------------------------------------------------------------------------------------


def _refuse_parcels(parcels: Sequence[WantedParcel], *, need_number: bool = False, room: int = MOST_PARCELS) -> None:
    problems = []
    if need_number and not parcels:
        problems.append(FieldProblem("parcels", "nothing_given", "Give at least one tracking number."))
    if len(parcels) > room:
        problems.append(FieldProblem("parcels", "too_many", f"A fulfillment has at most {MOST_PARCELS} parcels."))
    numbers: set[str] = set()
    for index, parcel in enumerate(parcels):
        for name, code, message in _problems(parcel, numbers, need_number=need_number):
            problems.append(FieldProblem(f"parcels[{index}].{name}", code, message))
        numbers.add(parcel.number)
    if problems:
        raise InvalidShipment(problems)


def _problems(parcel: WantedParcel, numbers: set[str], *, need_number: bool) -> list[tuple[str, str, str]]:
    found = []
    if parcel.number and parcel.number in numbers:
        found.append(("number", "number_twice", "This number stands at another parcel."))
    if need_number and not parcel.number:
        found.append(("number", "required", "Give the tracking number."))
    if len(parcel.number) > NUMBER_MAX or mails.one_line(parcel.number) != parcel.number:
        found.append(("number", "bad_number", f"A tracking number is one line of at most {NUMBER_MAX} characters."))
    if parcel.number and not parcel.carrier:
        found.append(("carrier", "required", "Say which carrier's number it is."))
    if len(parcel.carrier) > CARRIER_MAX:
        found.append(("carrier", "too_long", f"A carrier's name has at most {CARRIER_MAX} characters."))
    if parcel.url and (len(parcel.url) > URL_MAX or not mails.safe_url(parcel.url)):
        found.append(("url", "bad_url", "Give a web address that begins with https:// or http://."))
    if parcel.weight_g is not None and not 1 <= parcel.weight_g <= HEAVIEST_G:
        found.append(("weight_g", "bad_weight", "A parcel weighs between 1 g and 2000 kg."))
    if parcel.size_mm is not None and not all(1 <= side <= LONGEST_MM for side in parcel.size_mm):
        found.append(("size_mm", "bad_size", "Each side of a parcel measures between 1 mm and 20 m."))
    return found


def _parcel(row: Fulfillment, parcel: WantedParcel) -> Parcel:
    length, width, height = parcel.size_mm or (None, None, None)
    carrier, url = _carrier(parcel)
    return Parcel(
        fulfillment=row, carrier=carrier, number=parcel.number, url=url, weight_g=parcel.weight_g,
        length_mm=length, width_mm=width, height_mm=height,
    )  # fmt: skip


def _carrier(parcel: WantedParcel) -> tuple[str, str]:
    """Name and tracking page; a page that was typed counts before the known one."""
    carrier = known.find(parcel.carrier)
    if carrier is None:
        return parcel.carrier, parcel.url
    return carrier.name, parcel.url or (carrier.url(parcel.number) if parcel.number else "")


def _is_new(row: Fulfillment, parcel: WantedParcel) -> bool:
    """Write a number down. False when it was there: then only its carrier and page are."""
    carrier, url = _carrier(parcel)
    if Parcel.objects.filter(fulfillment=row, number=parcel.number).update(carrier=carrier, url=url):
        return False
    box = row.parcels.filter(number="").order_by("pk").first()
    if box is None:
        _parcel(row, parcel).save()
    else:
        Parcel.objects.filter(pk=box.pk).update(carrier=carrier, number=parcel.number, url=url)
    return True


def _numbers(parcels: Sequence[WantedParcel]) -> str:
    return ", ".join(f"{_carrier(parcel)[0]} {parcel.number}" for parcel in parcels if parcel.number)
