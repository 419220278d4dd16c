"""Units of a fulfillment that a store was told by place: which of them are left. Pure; units are kept as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import ShipmentLine


def as_json(lines: Iterable[ShipmentLine]) -> list[list[Any]]:
    return [[line.remote_line_id, line.sku, line.quantity] for line in lines]


def left(lines: Iterable[ShipmentLine], told: Iterable[Mapping[str, Any]]) -> tuple[ShipmentLine, ...]:
    """The lines without the units that were told: by the store's line, else by SKU."""
    by_line: Counter[str] = Counter()
    by_sku: Counter[str] = Counter()
    for remote_line_id, sku, units in (row for part in told for row in part["units"]):
        if remote_line_id:
            by_line[remote_line_id] += units
        else:
            by_sku[sku] += units
    rest = []
    for line in lines:
        known, key = (by_line, line.remote_line_id) if line.remote_line_id in by_line else (by_sku, line.sku)
        units = min(line.quantity, known[key])
        known[key] -= units
        if line.quantity > units:
            rest.append(replace(line, quantity=line.quantity - units))
    return tuple(rest)


def are_among(some: Sequence[ShipmentLine], lines: Sequence[ShipmentLine]) -> bool:
    """Whether all units of the first are units of the second, by SKU."""
    return bool(some) and by_sku(some) <= by_sku(lines)


def by_sku(lines: Iterable[ShipmentLine]) -> Counter[str]:
    units: Counter[str] = Counter()
    for line in lines:
        units[line.sku] += line.quantity
    return units
