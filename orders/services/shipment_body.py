"""Shipments and pickups by customers as an integration tells them: shapes and codes. What is open, the services say."""

from __future__ import annotations

from typing import Any

from connectors.carriers.labels import Box
from orders.errors import InvalidShipment
from orders.services.intake_reading import Problems, Reader
from orders.services.open_units import WantedLine
from orders.services.shipments import CARRIER_MAX, NUMBER_MAX, URL_MAX
from orders.services.shipping import HEAVIEST_G, LONGEST_MM, MOST_PARCELS, Wanted, WantedParcel

MOST_LINES = 500
MOST_UNITS = 100_000


def read_shipment(body: Any) -> Wanted:
    """Raises InvalidShipment, which names every problem with its field; so do the others."""
    reader, problems = _begin(body)
    wanted = Wanted(_lines(reader, least=1), _parcels(reader))
    _end(reader, problems)
    return wanted


def read_tracking(body: Any) -> tuple[WantedParcel, ...]:
    reader, problems = _begin(body)
    parcels = _parcels(reader)
    _end(reader, problems)
    return parcels


def read_lines(body: Any) -> tuple[WantedLine, ...]:
    reader, problems = _begin(body)
    lines = _lines(reader, least=1)
    _end(reader, problems)
    return lines


def read_label(body: Any) -> tuple[str, tuple[WantedLine, ...], tuple[Box, ...]]:
    """The carrier's id, the lines, and the boxes that they are in."""
    reader, problems = _begin(body)
    carrier, lines = reader.text("carrier", most=32, required=True), _lines(reader, least=1)
    boxes = tuple(_box(part) for part in reader.parts("parcels", least=1, most=MOST_PARCELS))
    _end(reader, problems)
    return carrier, lines, boxes


def read_collected(body: Any) -> tuple[str, tuple[WantedLine, ...]]:
    """Who came, and for which lines; none: for all."""
    reader, problems = _begin(body)
    name, lines = reader.text("collected_by", most=200, required=True), _lines(reader, least=0)
    _end(reader, problems)
    return name, lines


def _begin(body: Any) -> tuple[Reader, Problems]:
    problems = Problems()
    reader = Reader(body, problems)
    if problems.found:
        raise InvalidShipment(problems.found)
    return reader, problems


def _end(reader: Reader, problems: Problems) -> None:
    reader.end()
    if problems.found:
        raise InvalidShipment(problems.found)


def _lines(reader: Reader, *, least: int) -> tuple[WantedLine, ...]:
    lines = []
    for part in reader.parts("lines", least=least, most=MOST_LINES):
        line = part.text("id", most=100, required=True)
        lines.append(WantedLine(line, part.whole("quantity", least=1, most=MOST_UNITS)))
        part.end()
    return tuple(lines)


def _parcels(reader: Reader) -> tuple[WantedParcel, ...]:
    return tuple(_parcel(part) for part in reader.parts("parcels", least=0, most=MOST_PARCELS))


def _parcel(part: Reader) -> WantedParcel:
    parcel = WantedParcel(
        carrier=part.text("carrier", most=CARRIER_MAX),
        number=part.text("number", most=NUMBER_MAX),
        url=part.text("url", most=URL_MAX),
        weight_g=_whole(part, "weight_g", HEAVIEST_G),
        size_mm=_size(part),
    )
    part.end()
    return parcel


def _box(part: Reader) -> Box:
    box = Box(part.whole("weight_g", least=1, most=HEAVIEST_G), _size(part))
    part.end()
    return box


def _whole(part: Reader, name: str, most: int) -> int | None:
    """None when it is left out, or null."""
    return part.whole(name, least=1, most=most) if part.given(name) else None


def _size(part: Reader) -> tuple[int, int, int] | None:
    size = part.part("size_mm")
    if size is None:
        return None
    length, width, height = (size.whole(side, least=1, most=LONGEST_MM) for side in ("length", "width", "height"))
    size.end()
    return length, width, height
