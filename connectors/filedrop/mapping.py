"""Our order as a purchase order in CSV: one row for each product, the same order always the same bytes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable

from connectors.base import Address, OutboundOrder
from connectors.desk import PurchaseFile

HEADER = (
    "po_number", "sku", "quantity", "shipping_method", "ship_to_name", "ship_to_company", "address1", "address2",
    "city", "state", "postcode", "country", "phone",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")  # what a spreadsheet may carry out; OWASP ASVS 5.0, 1.2.10


def purchase_file(order: OutboundOrder) -> PurchaseFile:
    """Neither prices nor the customer's e-mail address leave. Raises nothing: preflight has seen the order."""
    units = tuple(_units(order).items())
    place, method = ship_to(order), order.options.supplier.shipping_method
    name = f"{place.first_name} {place.last_name}".strip() or place.company or order.customer_name
    tail = (
        name, place.company, place.address1, place.address2, place.city, place.province_code, place.postcode,
        place.country_code, place.phone,
    )  # fmt: skip
    rows = ((order.reference, sku, str(quantity), method, *tail) for sku, quantity in units)
    return PurchaseFile(order.reference, f"PO-{order.reference}.csv", _csv([HEADER, *rows]), units)


def ship_to(order: OutboundOrder) -> Address:
    """The merchant's store where one is given, else the customer."""
    return order.options.supplier.store_address or order.shipping_address or Address()


def harmless(cell: str) -> str:
    """The cell as text for any spreadsheet: an apostrophe before what it would carry out."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def bare(cell: str) -> str:
    """The same without the apostrophe, for what comes back."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _units(order: OutboundOrder) -> Counter[str]:
    """One row per product: two of our lines may be linked to the same."""
    wanted: Counter[str] = Counter()
    for line in order.lines:
        wanted[line.variant_id or line.sku] += line.quantity
    return wanted


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode()
