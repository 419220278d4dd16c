"""What S&S Activewear answers, in the neutral shapes. Keys are read in lower case: the documentation mixes its cases.

One PO number has an order in each warehouse that sends a part of it; together they are the neutral order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from connectors import money
from connectors.base import (
    Parcel,
    PartStatus,
    PaymentProfile,
    RemoteOrder,
    RemotePart,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    Warehouse,
)
from connectors.errors import OutcomeUnknownError, RetryableError

# What `version` is made of: all that changes when an order is sent, tracked, invoiced, corrected or cancelled.
FIELDS = (
    "OrderNumber",
    "PoNumber",
    "WarehouseAbbr",
    "OrderDate",
    "OrderStatus",
    "TrackingNumber",
    "ShipDate",
    "InvoiceNumber",
    "Total",
    "TotalPieces",
    "TotalBoxes",
)
PRODUCT_FIELDS = ("Sku", "Gtin", "YourSku", "StyleID", "BrandName", "StyleName", "ColorName", "SizeName", "Qty")

_ZONE = ZoneInfo("America/Chicago")  # times come without a zone; S&S sits in Bolingbrook, Illinois
_NAME_MAX = 60


class MalformedAnswerError(RetryableError):
    """An answer lacks what the documentation promises: as good as a torn one."""


@contextmanager
def shaped(*, changes: bool = False) -> Iterator[None]:
    """Raise OutcomeUnknownError (after a change) or MalformedAnswerError for an answer that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, MalformedAnswerError) as error:
        message = "The answer of S&S Activewear lacks what its documentation promises."
        raise (OutcomeUnknownError(message) if changes else MalformedAnswerError(message)) from error


def folded(value: Any) -> Any:
    """The same with every key in lower case."""
    if isinstance(value, dict):
        return {str(key).lower(): folded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [folded(item) for item in value]
    return value


def rows(body: Any) -> list[dict[str, Any]]:
    """The objects of an answer: a list, a list in a list, or an object that holds `orders`."""
    return _rows(folded(body))


def line_errors(body: Any) -> list[Any]:
    """What S&S could not fill, as it says it; empty when it answered with orders alone."""
    body = folded(body)
    listed = body.get("lineerrors") if isinstance(body, dict) else None
    return list(listed) if isinstance(listed, list) else []


@shaped()
def of_po(nodes: Iterable[Mapping[str, Any]], po_number: str) -> list[Mapping[str, Any]]:
    """The orders with that PO number, oldest first: a question for it also finds order and invoice numbers."""
    return oldest_first(node for node in nodes if po_of(node).casefold() == po_number.casefold())


def oldest_first(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Orders of one PO bear one time: then by their numbers."""
    return sorted(nodes, key=lambda node: (str(node.get("orderdate")), len(number_of(node)), number_of(node)))


def po_of(node: Mapping[str, Any]) -> str:
    return str(node["ponumber"] or "").strip()


def number_of(node: Mapping[str, Any]) -> str:
    return str(node["ordernumber"])


def is_cancelled(node: Mapping[str, Any]) -> bool:
    return _status(node).startswith("cancel")


def live_numbers(nodes: Iterable[Mapping[str, Any]]) -> list[str]:
    return [number_of(node) for node in nodes if not is_cancelled(node)]


@shaped()
def ref(po_number: str, nodes: Sequence[Mapping[str, Any]]) -> RemoteRef:
    numbers = ", ".join(live_numbers(nodes) or [number_of(node) for node in nodes])
    return RemoteRef(remote_id=po_number, name=numbers if len(numbers) <= _NAME_MAX else po_number)


@shaped()
def surplus(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Orders beyond the first that stand in one warehouse: S&S makes one for each, so these were sent again."""
    by_warehouse: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for node in nodes:
        if not is_cancelled(node):
            by_warehouse[str(node["warehouseabbr"])].append(node)
    return [extra for standing in by_warehouse.values() for extra in standing[1:]]


@shaped()
def order(
    po_number: str, nodes: Sequence[Mapping[str, Any]], *, currency: str, read_at: datetime | None, whole: bool = True
) -> RemoteOrder:
    """All orders of one PO as one. `read_at` stands for the time of the change, which S&S does not tell.

    `whole` is false for rows of a list, which come without lines and boxes: then without shipments.
    """
    standing = [node for node in nodes if not is_cancelled(node)]
    return RemoteOrder(
        ref=ref(po_number, nodes),
        reference=po_number,
        currency=currency,
        total=money.total(_amount(node["total"], currency) for node in standing),
        cancelled=not standing,
        cancelled_parts=tuple(_in_words(node) for node in nodes if is_cancelled(node)) if standing else (),
        created_at=_time(nodes[0]["orderdate"]),
        updated_at=read_at,
        shipments=tuple(_shipment(node, read_at) for node in nodes if _was_sent(node)) if whole else (),
        parts=tuple(_part(node) for node in nodes) if whole else None,
        remote_version=_version(nodes),
    )


def renamed(listed: RemoteOrder, number: str) -> RemoteOrder:
    """One order of a PO under its own number."""
    return replace(listed, ref=RemoteRef(remote_id=number, name=number))


@shaped()
def by_po(nodes: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of lists by PO number, each order once and the oldest first; those without one are left out."""
    unique = {number_of(node): node for node in nodes}
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for node in oldest_first(unique.values()):
        if po_of(node):
            groups[po_of(node)].append(node)
    return groups


def _places(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The catalogue tells the sum of all; the inventory has to tell each warehouse."""
    places: Sequence[Mapping[str, Any]] = () if "qty" in node else node["warehouses"]
    return places


@shaped()
def variant(node: Mapping[str, Any]) -> RemoteVariant:
    """Of the catalogue, or of the inventory, which has no names and counts each warehouse."""
    places = tuple((str(place["warehouseabbr"]), int(place["qty"])) for place in _places(node))
    names = [str(node.get(part) or "") for part in ("brandname", "stylename", "colorname", "sizename")]
    return RemoteVariant(
        variant_id=str(node["sku"]),
        sku=str(node["sku"]),
        title=" ".join(name for name in names if name) or str(node["sku"]),
        barcode=str(node.get("gtin") or ""),
        stock=int(node["qty"]) if "qty" in node else sum(units for _, units in places),
        stock_by_place=places,
        product_id=str(node.get("styleid") or ""),
    )


def answers_to(node: Mapping[str, Any]) -> set[str]:
    """The SKUs that this product goes by: its own, and the merchant's where one is cross-referenced at S&S."""
    return {str(node[part]) for part in ("sku", "yoursku") if node.get(part)}


@shaped()
def style_ids(nodes: Iterable[Mapping[str, Any]]) -> list[int]:
    """Each once, ascending."""
    return sorted({int(node["styleid"]) for node in nodes})


@shaped()
def profile(node: Mapping[str, Any]) -> PaymentProfile:
    kind = node.get("profiletype") or node.get("profyletype")  # the documentation spells it both ways
    return PaymentProfile(str(node["profileid"]), str(kind or ""), str(node.get("name") or ""))


@shaped()
def warehouses(nodes: Iterable[Mapping[str, Any]]) -> tuple[Warehouse, ...]:
    """The example of the documentation has one warehouse beside the list instead of in it: both are read."""
    places = [place for node in nodes for place in (*node.get("warehouses", ()), node) if place.get("warehouseabbr")]
    found = (
        Warehouse(str(place["warehouseabbr"]), _whole(place.get("daysintransit")), str(place.get("cutofftime") or ""))
        for place in places
    )
    return tuple({place.code: place for place in found}.values())


def _rows(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, dict):
        return _rows(body["orders"]) if "orders" in body else [body]
    if isinstance(body, list):
        return [row for item in body for row in _rows(item)]
    raise MalformedAnswerError("S&S Activewear's answer has an unexpected form.")


def _status(node: Mapping[str, Any]) -> str:
    return re.sub(r"[^a-z]", "", str(node["orderstatus"] or "").lower())


def _part(node: Mapping[str, Any]) -> RemotePart:
    sent = PartStatus.SHIPPED if _was_sent(node) else PartStatus.OPEN
    expected = _time(node.get("expecteddeliverydate"))
    return RemotePart(
        number=number_of(node),
        warehouse=str(node["warehouseabbr"] or ""),
        status=PartStatus.CANCELLED if is_cancelled(node) else sent,
        tracking=tuple(parcel.number for parcel in _parcels(node)),
        expected_on=expected.astimezone(_ZONE).date() if expected else None,
    )


def _in_words(node: Mapping[str, Any]) -> str:
    return f"order {number_of(node)} from {node['warehouseabbr']}"


def _was_sent(node: Mapping[str, Any]) -> bool:
    """Completed means that it lies ready at Will Call; with any other method it has left."""
    if _status(node) == "shipped" or (is_cancelled(node) and node.get("shipdate")):
        return True
    method = str(node.get("shippingmethod") or "").lower()
    return _status(node) == "completed" and "will call" not in method and "pickup" not in method


def _shipment(node: Mapping[str, Any], read_at: datetime | None) -> ShipmentNotice:
    return ShipmentNotice(
        remote_id=number_of(node),
        status="cancelled" if is_cancelled(node) else "success",
        lines=tuple(_shipment_lines(node)),
        parcels=tuple(_parcels(node)),
        shipped_at=_time(node.get("shipdate")),
        updated_at=read_at,
    )


def _shipment_lines(node: Mapping[str, Any]) -> Iterator[ShipmentLine]:
    """What was sent may be less than was ordered; where S&S does not say how much, it was all."""
    for line in node["lines"]:
        units = line["qtyordered"] if line.get("qtyshipped") is None else line["qtyshipped"]
        if int(units) > 0:
            sku = str(line["sku"])
            remote_id = f"{number_of(node)}/{line.get('linenumber') or ''}"
            yield ShipmentLine(sku=sku, quantity=int(units), remote_line_id=remote_id, variant_id=sku)


def _parcels(node: Mapping[str, Any]) -> Iterator[Parcel]:
    """Each tracking number once: the boxes', else the order's. A box may have none yet."""
    boxes = [str(box.get("trackingnumber") or "").strip() for box in node.get("boxes") or ()]
    numbers = [number.strip() for number in str(node.get("trackingnumber") or "").split(",")]
    for number in dict.fromkeys(number for number in (boxes if any(boxes) else numbers) if number):
        yield Parcel(carrier=str(node.get("shippingcarrier") or ""), number=number)


def _version(nodes: Iterable[Mapping[str, Any]]) -> str:
    """Changes whenever one of FIELDS does; the same for a row of a list and for a whole order."""
    parts = sorted("|".join(_plain(node.get(name.lower())) for name in FIELDS) for node in nodes)
    return sha256("\n".join(parts).encode()).hexdigest()[:40]


def _plain(value: Any) -> str:
    """A field left out, null and empty are one; 12, 12.0 and 12.00 are one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return str(value or "")


def _amount(value: Any, currency: str) -> Decimal:
    return money.round_half_up(Decimal(str(value or 0)), currency)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _time(value: Any) -> datetime | None:
    if not value:
        return None
    at = datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=_ZONE)).astimezone(UTC)
