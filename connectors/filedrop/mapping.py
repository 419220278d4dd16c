"""Our order as a purchase order in CSV: one row for each product, the same order always the same bytes."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping

from connectors.base import Address, OutboundOrder
from connectors.desk import PurchaseFile

HEADER = (
    "po_number", "sku", "quantity", "shipping_method", "ship_to_name", "ship_to_company", "address1", "address2",
    "city", "state", "postcode", "country", "phone",
)  # fmt: skip

MAX_BYTES = 1_000_000  # far more than the lines of any order take

_ORDER, _LINE, _LINK, _SETTING = "order", "line", "product link", "connection setting"
# Where each column comes from, for the preview.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "po_number": (_ORDER,),
    "sku": (_LINE, _LINK),
    "quantity": (_LINE,),
    "shipping_method": (_SETTING,),
    **dict.fromkeys(HEADER[4:], (_ORDER, _SETTING)),  # the customer's address, or the store that was chosen
}

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
    return PurchaseFile(order.reference, file_name(order.reference), _csv([HEADER, *rows]), units)


def file_name(reference: str) -> str:
    return f"PO-{reference}.csv"


def read_back(reference: str, body: bytes) -> PurchaseFile | None:
    """A purchase order as it was written; None when it is not one of this reference."""
    try:
        rows = list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))
        units = tuple((bare(row["sku"]), int(row["quantity"])) for row in rows if row["po_number"] == reference)
    except (ValueError, KeyError, TypeError, csv.Error):
        return None
    is_ours = units and len(units) == len(rows)
    return PurchaseFile(reference, file_name(reference), body, units) if is_ours else None


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
