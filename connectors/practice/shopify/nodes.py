"""Rows as the schema's nodes. Fields with arguments are functions, as graphql-core's default resolver wants them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.practice.models import PracticeFulfillment, PracticeLine, PracticeOrder, PracticeVariant, PracticeWebhook


def amount_text(amount: Decimal) -> str:
    """Shopify's way to write money: "31.9", "20.0"."""
    text = f"{amount.normalize():f}"
    return text if "." in text else f"{text}.0"


def variant(row: PracticeVariant) -> dict[str, Any]:
    return {
        "__typename": "ProductVariant",
        "id": f"gid://shopify/ProductVariant/{row.pk}",
        "legacyResourceId": str(row.pk),
        "sku": row.sku,
        "barcode": row.barcode or None,
        "title": "Default Title",
        "price": f"{row.price:f}",
        "taxable": True,
        "inventoryPolicy": "CONTINUE" if row.sells_below_zero else "DENY",
        "inventoryQuantity": row.stock,
        "product": {
            "id": f"gid://shopify/Product/{row.pk}",
            "title": row.title,
            "status": "ACTIVE" if row.is_active else "ARCHIVED",
            "vendor": "Practice",
        },
        "inventoryItem": {
            "id": f"gid://shopify/InventoryItem/{row.pk}",
            "sku": row.sku,
            "tracked": True,
            "requiresShipping": True,
        },
    }


def order(row: PracticeOrder) -> dict[str, Any]:
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    fulfillments = sorted(row.fulfillments.all(), key=lambda fulfillment: fulfillment.pk)
    return {
        "id": f"gid://shopify/Order/{row.pk}",
        "legacyResourceId": str(row.pk),
        "name": row.name,
        "sourceIdentifier": row.source_identifier or None,
        "poNumber": row.details.get("poNumber"),
        "tags": sorted(row.tags),
        "note": row.note or None,
        "createdAt": _time(row.created_at),
        "updatedAt": _time(row.updated_at),
        "cancelledAt": _time(row.cancelled_at) if row.cancelled_at else None,
        "cancelReason": row.cancel_reason or None,
        "closed": False,
        "test": False,
        "taxesIncluded": row.taxes_included,
        "currencyCode": row.currency,
        "displayFinancialStatus": row.financial_status or None,
        "displayFulfillmentStatus": _display_fulfillment(lines),
        "customAttributes": row.attributes,
        "subtotalPriceSet": _bag(row.subtotal, row.currency),
        "totalPriceSet": _bag(row.total, row.currency),
        "totalTaxSet": _bag(row.tax, row.currency),
        "totalRefundedSet": _bag(row.refunded, row.currency),
        "totalReceivedSet": _bag(row.received, row.currency),
        "totalOutstandingSet": _bag(max(row.total - row.received, Decimal(0)), row.currency),
        "lineItems": _connection([line_item(line) for line in lines]),
        "fulfillments": lambda info, first=None, **_: [fulfillment(item) for item in fulfillments][:first],
    }


def line_item(row: PracticeLine) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/LineItem/{row.pk}",
        "sku": row.sku or None,
        "title": row.title,
        "quantity": row.quantity,
        "currentQuantity": row.quantity,
        "unfulfilledQuantity": row.unfulfilled,
        "requiresShipping": row.requires_shipping,
        "customAttributes": row.properties,
        "variant": variant(row.variant) if row.variant else None,
    }


def fulfillment(row: PracticeFulfillment) -> dict[str, Any]:
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    sent = [
        {
            "id": f"gid://shopify/FulfillmentLineItem/{line.pk}",
            "quantity": line.quantity,
            "lineItem": line_item(line.line),
        }
        for line in lines
    ]
    return {
        "id": f"gid://shopify/Fulfillment/{row.pk}",
        "legacyResourceId": str(row.pk),
        "name": f"F{row.pk}",
        "status": row.status,
        "displayStatus": "FULFILLED" if row.status == "SUCCESS" else "CANCELED",
        "createdAt": _time(row.created_at),
        "updatedAt": _time(row.updated_at),
        "trackingInfo": lambda info, first=None, **_: row.trackings[:first],
        "fulfillmentLineItems": _connection(sent),
    }


def webhook(row: PracticeWebhook) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/WebhookSubscription/{row.pk}",
        "topic": row.topic,
        "uri": row.uri,
        "format": "JSON",
        "createdAt": _time(row.created_at),
    }


def _display_fulfillment(lines: list[PracticeLine]) -> str:
    sent = sum(line.fulfilled for line in lines)
    if not sent:
        return "UNFULFILLED"
    return "FULFILLED" if all(line.unfulfilled <= 0 for line in lines) else "PARTIALLY_FULFILLED"


def _connection(rows: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def page(info: Any, first: int | None = None, **_: Any) -> dict[str, Any]:
        more = first is not None and first < len(rows)
        info_of_page = {"hasNextPage": more, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        return {"nodes": rows[:first], "pageInfo": info_of_page}

    return page


def _bag(amount: Decimal, currency: str) -> dict[str, Any]:
    money = {"amount": amount_text(amount), "currencyCode": currency}
    return {"shopMoney": money, "presentmentMoney": money}


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
