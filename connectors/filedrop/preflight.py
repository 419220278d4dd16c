"""Why a purchase order could not be carried out, found without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors import preflight
from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.filedrop import mapping

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")  # it names a file
_NEEDED = {"address1": "street", "city": "city", "postcode": "postcode", "country": "country"}


def blockers(order: OutboundOrder) -> tuple[Blocker, ...]:
    return (*_lines(order), *_method(order), *_destination(order), *_reference(order))


def _lines(order: OutboundOrder) -> Iterator[Blocker]:
    for index, line in enumerate(order.lines):
        if not line.sku and not line.variant_id:
            message = f"“{line.title}” has no SKU: the supplier would not know what to send."
            yield Blocker(BlockerCode.CUSTOM_LINE, message, f"lines[{index}].sku")


def _method(order: OutboundOrder) -> Iterator[Blocker]:
    if not order.options.supplier.shipping_method:
        message = "Say in the supplier's set-up how it is to send the goods."
        yield Blocker(BlockerCode.SHIPPING_METHOD_UNMAPPED, message, "shipping_method")


def _destination(order: OutboundOrder) -> Iterator[Blocker]:
    if order.pickup and order.options.supplier.store_address is None:
        message = "The customer collects this order. Have the supplier send to your store to fulfil it."
        yield Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, message, "pickup", order.pickup.name)
        return
    place = mapping.ship_to(order)
    yield from preflight.complete(place, _NEEDED)


def _reference(order: OutboundOrder) -> Iterator[Blocker]:
    if not _REFERENCE.fullmatch(order.reference):
        message = "A PO number may hold letters, digits, - and _ only: it names the file."
        yield Blocker(BlockerCode.INTERNAL_ERROR, message, "reference", order.reference)
