"""Where a product lies. The shared table counts one stock; `details["warehouses"]` says how it is spread."""

from __future__ import annotations

from connectors.practice.models import PracticeVariant

CODES = ("IL", "KS", "NV", "NJ", "GA", "TX", "FL", "OH")  # documented under GET Orders
_UNSPREAD = {"IL": 1, "KS": 1, "NV": 1}  # in equal parts, the first with what is left over


def by_warehouse(variant: PracticeVariant) -> dict[str, int]:
    """Units in each warehouse, adding up to the variant's stock: staff change that number alone.

    What was added lies in the first warehouse, what was taken away is missing from the last.
    """
    left = max(variant.stock, 0)
    listed = variant.details.get("warehouses") or {code: left // len(_UNSPREAD) for code in _UNSPREAD}
    spread = {}
    for code, units in listed.items():
        spread[code] = min(units, left)
        left -= spread[code]
    first = next(iter(spread))
    return {**spread, first: spread[first] + left}


def take(variant: PracticeVariant, warehouse: str, units: int) -> None:
    """Ship from there: the units are known to be there."""
    spread = by_warehouse(variant)
    spread[warehouse] -= units
    variant.stock -= units
    variant.details = {**variant.details, "warehouses": spread}
    variant.save(update_fields=["stock", "details"])
