"""Rows as WooCommerce's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.practice import services
from connectors.practice.models import PracticeLine, PracticeOrder, PracticeRefund, PracticeShop, PracticeVariant
from connectors.practice.woocommerce import taxes

_TRACKING = "_wc_shipment_tracking_items"


def status(order: PracticeOrder) -> str:
    """Derived where the shared pages change an order, kept where only the API can."""
    kept: str = order.details["status"]
    if kept == "trash":
        return kept
    if order.cancelled_at:
        return "cancelled"
    if order.refunded and order.refunded >= order.total:
        return "refunded"
    if kept == "processing" and not order.shop.settings["fulfillments"] and _is_fulfilled(order):
        return "completed"
    return kept


def order(row: PracticeOrder) -> dict[str, Any]:
    kept, at = row.details, row.created_at
    paid, completed = _moment(kept["date_paid"]), _completed_at(row)
    return {
        "id": row.pk,
        "number": row.name.removeprefix("#"),
        "status": status(row),
        "currency": row.currency,
        "created_via": kept["created_via"],
        "prices_include_tax": row.shop.taxes_included,
        "transaction_id": row.source_identifier,
        "payment_method": kept["payment_method"],
        "payment_method_title": kept["payment_method_title"],
        "customer_note": row.note,
        **_dates(row, "created", at),
        **_dates(row, "modified", row.updated_at),
        **_dates(row, "paid", paid),
        **_dates(row, "completed", completed),
        "total": money(row.total, row.shop),
        "total_tax": money(row.tax, row.shop),
        "shipping_total": money(row.shipping, row.shop),
        "discount_total": money(row.discount, row.shop),
        "billing": kept["billing"],
        "shipping": kept["shipping"],
        "line_items": [_line(row, line) for line in row.lines.select_related("variant").order_by("pk")],
        "tax_lines": taxes.tax_lines(row),
        "shipping_lines": [
            _priced({"total_tax": "0", "taxes": [], **line}, row.shop) for line in kept["shipping_lines"]
        ],
        "fee_lines": [_priced({"total_tax": "0", "taxes": [], **fee}, row.shop) for fee in kept["fee_lines"]],
        "meta_data": _meta(row),
        "refunds": [refund_of_order(each) for each in row.refunds.order_by("pk")],
    }


def refund_of_order(row: PracticeRefund) -> dict[str, Any]:
    return {"id": row.pk, "reason": row.note, "total": f"-{money(row.amount, row.order.shop)}"}


def fulfillments(row: PracticeOrder) -> dict[str, Any]:
    """WooCommerce's own, where the feature is on."""
    sent = row.fulfillments.filter(status=services.SUCCESS).prefetch_related("lines").order_by("pk")
    return {"fulfillments": [_fulfillment(each) for each in sent]}


def product(row: PracticeVariant) -> dict[str, Any]:
    kept = row.details
    tracked = row.is_tracked and kept.get("type") != "variable"
    return {
        "id": row.pk,
        "parent_id": kept.get("parent_id", 0),
        "name": row.title,
        "sku": row.sku,
        "type": kept.get("type", "simple"),
        "status": "publish" if row.is_active else "draft",
        "price": money(row.price, row.shop),
        "purchasable": row.is_active,
        "manage_stock": tracked,
        "stock_quantity": row.stock if tracked else None,
        "stock_status": "outofstock" if tracked and row.stock <= 0 and not row.sells_below_zero else "instock",
        "backorders": "yes" if row.sells_below_zero else "no",
        "tax_status": kept.get("tax_status", "taxable"),
        "tax_class": kept.get("tax_class", ""),
        "global_unique_id": row.barcode,
    }


def variation(row: PracticeVariant, parent: PracticeVariant) -> dict[str, Any]:
    """As the list of a product's variations has it."""
    chosen = row.title.removeprefix(parent.title).lstrip(" ,-")
    return {**product(row), "name": chosen, "attributes": [{"id": 0, "name": "Choice", "option": chosen}]}


def money(amount: Decimal, shop: PracticeShop) -> str:
    """With as many decimals as the store is set to show, whatever its currency has."""
    return f"{amount.quantize(Decimal(1).scaleb(-shop.settings['decimals']), ROUND_HALF_UP):f}"


def gmt(at: datetime | None) -> str | None:
    """UTC that does not say so, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if at else None


def _dates(row: PracticeOrder, name: str, at: datetime | None) -> dict[str, str | None]:
    local = at.astimezone(ZoneInfo(row.shop.time_zone)).strftime("%Y-%m-%dT%H:%M:%S") if at else None
    return {f"date_{name}": local, f"date_{name}_gmt": gmt(at)}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _is_fulfilled(row: PracticeOrder) -> bool:
    lines = row.lines.prefetch_related("fulfillment_lines__fulfillment")
    units = [line.unfulfilled for line in lines if line.quantity > 0]
    return bool(units) and all(left <= 0 for left in units)


def _completed_at(row: PracticeOrder) -> datetime | None:
    """Set when the order was completed once, also where that was taken back later."""
    if row.shop.settings["fulfillments"] and row.details["status"] != "completed":
        return None
    sent: dict[int, int] = {}
    for fulfillment in row.fulfillments.prefetch_related("lines").order_by("created_at", "pk"):
        for part in fulfillment.lines.all():
            sent[part.line_id] = sent.get(part.line_id, 0) + part.quantity
        if all(sent.get(line.pk, 0) >= line.quantity for line in row.lines.all()):
            return fulfillment.created_at
    return None


def _line(row: PracticeOrder, line: PracticeLine) -> dict[str, Any]:
    kept = row.details["lines"][str(line.pk)]
    parent = line.variant.details.get("parent_id", 0) if line.variant else 0
    return {
        "id": line.pk,
        "name": line.title,
        "product_id": parent or line.variant_id or 0,
        "variation_id": line.variant_id if parent else 0,
        "quantity": line.quantity,
        "tax_class": kept["tax_class"],
        "subtotal": money(Decimal(kept["subtotal"]), row.shop),
        "subtotal_tax": money(Decimal(kept.get("subtotal_tax", kept["total_tax"])), row.shop),
        "total": money(Decimal(kept["total"]), row.shop),
        "total_tax": money(Decimal(kept["total_tax"]), row.shop),
        "taxes": kept.get("taxes", []),
        "sku": line.sku or None,
        "meta_data": [{"id": at, **pair} for at, pair in enumerate(line.properties, start=1)],
    }


def _priced(part: dict[str, Any], shop: PracticeShop) -> dict[str, Any]:
    """Sums are told in cents, however they were sent; the taxes below as they were worked out."""
    return {**part, "total": money(Decimal(part["total"]), shop), "total_tax": money(Decimal(part["total_tax"]), shop)}


def _meta(row: PracticeOrder) -> list[dict[str, Any]]:
    """What was sent, and what the store's own plugin adds."""
    pairs: list[dict[str, Any]] = list(row.details["meta_data"])
    sent = list(row.fulfillments.filter(status=services.SUCCESS).order_by("pk"))
    if row.shop.settings["fulfillments"]:
        if sent:
            word = "fulfilled" if _is_fulfilled(row) else "partially_fulfilled"
            pairs.append({"id": 0, "key": "_fulfillment_status", "value": word})
    elif items := [_tracking(each.created_at, tracking) for each in sent for tracking in each.trackings]:
        pairs.append({"id": 0, "key": _TRACKING, "value": items})
    return [{**pair, "id": at} for at, pair in enumerate(pairs, start=1)]


def _tracking(at: datetime, tracking: Mapping[str, str]) -> dict[str, Any]:
    return {
        "tracking_provider": "",
        "custom_tracking_provider": tracking["company"],
        "custom_tracking_link": tracking["url"],
        "tracking_number": tracking["number"],
        "date_shipped": str(int(at.timestamp())),
    }


def _fulfillment(row: Any) -> dict[str, Any]:
    parts = sorted(row.lines.all(), key=lambda part: part.pk)
    facts: dict[str, Any] = {"_items": [{"item_id": part.line_id, "qty": part.quantity} for part in parts]}
    for tracking in row.trackings[:1]:
        facts["_tracking_number"] = tracking["number"]
        facts["_shipment_provider"] = tracking["company"]
        facts["_tracking_url"] = tracking["url"]
    pairs = [{"id": at, "key": key, "value": value} for at, (key, value) in enumerate(facts.items(), start=1)]
    return {"id": row.pk, "status": "fulfilled", "is_fulfilled": True, "meta_data": pairs}
