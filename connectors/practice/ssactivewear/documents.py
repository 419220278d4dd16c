"""Rows as the supplier writes them. Times are those of its warehouse, without a zone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeVariant
from connectors.practice.ssactivewear import stock

_ZONE = ZoneInfo("America/Chicago")
_UNTIL_DELIVERED = timedelta(days=4)
_GUIDS = uuid.UUID("6f6c5a02-54a2-4d8f-9d27-0f1b7a3f8f11")


def order(row: PracticeOrder, *, lines: bool = False, boxes: bool = False) -> dict[str, Any]:
    """Reads the lines with their fulfillment lines, and the fulfillments: prefetch them."""
    sent = [each for each in sorted(row.fulfillments.all(), key=lambda each: each.pk) if each.status == "SUCCESS"]
    trackings = [tracking for each in sent for tracking in each.trackings]
    body = {
        "guid": guid(row),
        "companyName": "S&S Activewear",
        "warehouseAbbr": row.details["warehouse"],
        "orderNumber": row.name,
        "invoiceNumber": invoice_number(row) if sent else "",
        "poNumber": row.source_identifier,
        "customerNumber": row.shop.settings["account_number"],
        "orderDate": _time(row.created_at),
        "orderType": "API",
        "terms": row.details["terms"],
        "orderStatus": _status(row, sent=bool(sent)),
        "dropship": False,
        "shippingCarrier": next((each["company"] for each in trackings if each["company"]), "UPS"),
        "shippingMethod": row.details["method"],
        "shipBlind": row.details["blind"],
        "shippingAddress": row.details["address"],
        "deliveryStatus": "Shipped - In Transit" if sent and not _is_fetched(row) else "",
        **_amounts(row),
        "totalPieces": sum(line.quantity for line in row.lines.all()),
        "totalLines": len(row.lines.all()),
        "totalBoxes": max(len(trackings), 1),
    }
    if sent:
        body["invoiceDate"] = _time(sent[0].created_at)
        body |= {} if _is_fetched(row) else {"shipDate": _time(sent[0].created_at)}
    if not row.cancelled_at:
        body["expectedDeliveryDate"] = _time(row.created_at + _UNTIL_DELIVERED)
    if trackings:
        body["trackingNumber"] = trackings[0]["number"]
    if lines:
        body["lines"] = [_line(number, line, sent=bool(sent)) for number, line in enumerate(_in_order(row), start=1)]
    if boxes:
        body["boxes"] = [{"boxNumber": n, "trackingNumber": box["number"]} for n, box in enumerate(trackings, start=1)]
    return body


def day_begins(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=_ZONE)


def inventory(variant: PracticeVariant, warehouses: frozenset[str]) -> dict[str, Any]:
    """`warehouses` empty: all of them."""
    places = {
        code: units for code, units in stock.by_warehouse(variant).items() if not warehouses or code in warehouses
    }
    return {
        "sku": variant.sku,
        "gtin": gtin(variant),
        "skuID_Master": variant.pk,
        "yourSku": variant.details.get("your_sku", ""),
        "styleID": style_id(variant),
        "warehouses": [
            {"warehouseAbbr": code, "skuID": variant.pk * 10 + place, "qty": units}
            for place, (code, units) in enumerate(places.items())
        ],
    }


def product(variant: PracticeVariant, warehouses: frozenset[str]) -> dict[str, Any]:
    """The catalogue's row: the inventory with names, prices and the units of all warehouses together."""
    row = inventory(variant, warehouses)
    return {
        **row,
        "brandName": variant.title,
        "styleName": "",
        "colorName": "",
        "sizeName": "",
        "customerPrice": float(variant.price),
        "qty": sum(place["qty"] for place in row["warehouses"]),
    }


def style_id(variant: PracticeVariant) -> int:
    """Products are of one style unless they say another."""
    return int(variant.details.get("style", 39))


def chosen(body: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """The fields that were asked for, in any case; all of them when none was."""
    return {key: value for key, value in body.items() if not fields or key.lower() in fields}


def guid(row: PracticeOrder) -> str:
    return str(uuid.uuid5(_GUIDS, str(row.pk)))


def invoice_number(row: PracticeOrder) -> str:
    return f"{70_000_000 + row.pk}"


def gtin(variant: PracticeVariant) -> str:
    return f"{82_178_000_000 + variant.pk:014}"


def _status(row: PracticeOrder, *, sent: bool) -> str:
    if row.cancelled_at:
        return "Cancelled"
    if sent:
        return "Completed" if _is_fetched(row) else "Shipped"
    return "In Progress"


def _is_fetched(row: PracticeOrder) -> bool:
    """At the warehouse's counter: nothing leaves it with a carrier."""
    return str(row.details["method"]).startswith("Will Call")


def _amounts(row: PracticeOrder) -> dict[str, float]:
    """Numbers with a point, as JSON has them there. A cancelled order costs nothing."""
    total = Decimal(0) if row.cancelled_at else row.total
    return {"subtotal": float(total), "shipping": 0.0, "tax": 0.0, "smallOrderFee": 0.0, "total": float(total)}


def _in_order(row: PracticeOrder) -> list[PracticeLine]:
    return sorted(row.lines.all(), key=lambda line: line.pk)


def _line(number: int, line: PracticeLine, *, sent: bool) -> dict[str, Any]:
    """How much was sent is not said before anything was."""
    body = {
        "lineNumber": number,
        "type": "S",
        "skuID": line.variant_id,
        "sku": line.sku,
        "gtin": gtin(line.variant) if line.variant else "",
        "yourSku": line.variant.details.get("your_sku", "") if line.variant else "",
        "qtyOrdered": line.quantity,
        "price": float(line.price),
        "title": line.title,
        "returnable": True,
    }
    return {**body, "qtyShipped": line.fulfilled} if sent else body


def _time(at: datetime) -> str:
    return at.astimezone(_ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")
