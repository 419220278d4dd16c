"""Units that come back: an order there and its variants in, an adjustment of the inventory out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Blocker, BlockerCode, PutBack, RemoteVariant
from connectors.errors import RejectedError
from connectors.squarespace.reading import shaped


@shaped()
def wanted(row: Mapping[str, Any], back: PutBack) -> Counter[str]:
    """Units by variant. Raises RejectedError when the order there does not hold them."""
    if not back.took_stock:
        raise _changed("The order was sent past the stock check, which takes nothing from Squarespace's stock.")
    there: Counter[str] = Counter()
    for line in row["lineItems"]:
        there[line["variantId"] or ""] += int(line["quantity"])
    units: Counter[str] = Counter()
    for line_id, count in back.units.items():
        units[back.variants.get(line_id, "")] += count
    if "" in units or units - there:
        raise _changed("The order in Squarespace does not hold these units. Change the stock there, if it lacks them.")
    return units


def body(units: Mapping[str, int], known: Mapping[str, RemoteVariant]) -> dict[str, Any]:
    """Empty when none of the variants is there and counted."""
    counted: Sequence[str] = [key for key in sorted(units) if key in known and known[key].stock is not None]
    operations = [{"variantId": key, "quantity": units[key]} for key in counted]
    return {"incrementOperations": operations} if operations else {}


def _changed(text: str) -> RejectedError:
    return RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "refunds")])
