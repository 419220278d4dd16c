"""Rows as the schema's nodes. Fields with arguments are functions, as graphql-core's default resolver wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from graphql import GraphQLError

from connectors import money
from connectors.practice import services
from connectors.practice.models import (
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeRefund,
    PracticeShop,
    PracticeVariant,
    PracticeWebhook,
)
from connectors.practice.shopify import places
from connectors.practice.shopify.search import page

Node = dict[str, Any]
_ADDRESS = ("firstName", "lastName", "company", "address1", "address2", "city", "provinceCode", "zip", "phone")


def amount_text(amount: Decimal) -> str:
    """Shopify's way to write money: "31.9", "20.0" (recorded)."""
    text = f"{amount.normalize():f}"
    return text if "." in text else f"{text}.0"


def variant(row: PracticeVariant) -> Node:
    return {
        "__typename": "ProductVariant",
        "id": f"gid://shopify/ProductVariant/{row.pk}",
        "legacyResourceId": str(row.pk),
        "sku": row.sku or None,
        "barcode": row.barcode or None,
        "title": "Default Title",
        "price": money.plain(row.price, row.shop.currency),
        "taxable": True,
        "inventoryPolicy": "CONTINUE" if row.sells_below_zero else "DENY",
        "inventoryQuantity": row.stock,
        "product": {
            "id": f"gid://shopify/Product/{row.pk}",
            "title": row.title,
            "status": "ACTIVE" if row.is_active else "ARCHIVED",
            "vendor": row.shop.name,
        },
        "inventoryItem": {
            "id": f"gid://shopify/InventoryItem/{row.pk}",
            "sku": row.sku or None,
            "tracked": row.is_tracked,
            "requiresShipping": True,
        },
    }


def order(row: PracticeOrder, *, shows_fulfillment_orders: bool = True) -> Node:
    """Needs lines with variants and fulfillment lines, fulfillments with lines, and refunds: prefetch them."""
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    sent = sorted(row.fulfillments.all(), key=lambda item: item.pk)
    refunds = sorted(row.refunds.all(), key=lambda item: item.pk)
    return {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{row.pk}",
        "legacyResourceId": str(row.pk),
        "name": row.name,
        "sourceIdentifier": row.source_identifier or None,
        "poNumber": row.details.get("poNumber"),
        "tags": row.tags,
        "note": row.note or None,
        "createdAt": time_text(row.created_at),
        "updatedAt": time_text(row.updated_at),
        "processedAt": row.details.get("processedAt") or time_text(row.created_at),
        "cancelledAt": time_text(row.cancelled_at) if row.cancelled_at else None,
        "cancelReason": row.cancel_reason or None,
        "closed": False,
        "closedAt": None,
        "test": False,
        "taxesIncluded": row.taxes_included,
        "currencyCode": row.currency,
        "displayFinancialStatus": row.financial_status or None,
        "displayFulfillmentStatus": services.fulfillment_status(row),
        "customAttributes": row.attributes,
        "lineItems": _connection(
            [line_item(line, row, off) for line, off in zip(lines, _allocated(row, lines), strict=True)]
        ),
        "shippingLines": _connection(_shipping_lines(row)),
        "fulfillments": _list([fulfillment(item, row) for item in sent]),
        "fulfillmentOrders": _connection(fulfillment_orders(row, lines) if shows_fulfillment_orders else []),
        "refunds": _list([refund(item, row) for item in refunds]),
        **_customer(row),
        **_sums(row),
        **_payments(row),
    }


def line_item(row: PracticeLine, of: PracticeOrder, discount: Decimal = Decimal(0)) -> Node:
    return {
        "__typename": "LineItem",
        "id": f"gid://shopify/LineItem/{row.pk}",
        "sku": row.sku or None,
        "title": row.title,
        "name": row.title,
        "quantity": row.quantity,
        "currentQuantity": row.quantity - row.refunded,
        "refundableQuantity": row.quantity - row.refunded,
        "unfulfilledQuantity": row.unfulfilled,
        "requiresShipping": row.requires_shipping,
        "customAttributes": row.properties,
        "originalUnitPriceSet": _bag(row.price, of.currency),
        "discountAllocations": [{"allocatedAmountSet": _bag(discount, of.currency)}] if discount else [],
        "taxLines": _list([_tax_line(tax, of.currency) for tax in row.taxes]),
        "variant": variant(row.variant) if row.variant else None,
    }


def fulfillment(row: PracticeFulfillment, of: PracticeOrder) -> Node:
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    sent = [
        {
            "id": f"gid://shopify/FulfillmentLineItem/{line.pk}",
            "quantity": line.quantity,
            "lineItem": line_item(line.line, of),
        }
        for line in lines
    ]
    trackings = [
        {"number": item["number"], "company": item["company"] or None, "url": item["url"] or None}
        for item in row.trackings
    ]
    return {
        "__typename": "Fulfillment",
        "id": f"gid://shopify/Fulfillment/{row.pk}",
        "legacyResourceId": str(row.pk),
        "name": f"{of.name}-F{row.pk}",
        "status": row.status,
        "displayStatus": "FULFILLED" if row.status == services.SUCCESS else "CANCELED",
        "createdAt": time_text(row.created_at),
        "updatedAt": time_text(row.updated_at),
        "trackingInfo": _list(trackings),
        "fulfillmentLineItems": _connection(sent),
        "order": lambda _info: order(of),
    }


def fulfillment_orders(row: PracticeOrder, lines: list[PracticeLine]) -> list[Node]:
    """One for each place that sends some of the lines."""
    return [fulfillment_order(row, there, place) for place, there in places.by_place(row, lines).items()]


def fulfillment_order(row: PracticeOrder, lines: list[PracticeLine], place: int) -> Node:
    left = any(line.unfulfilled > 0 for line in lines)
    status = "CANCELLED" if row.cancelled_at else "OPEN" if left else "CLOSED"
    if status == "OPEN" and any(line.fulfilled for line in lines):
        status = "IN_PROGRESS"
    can = status in ("OPEN", "IN_PROGRESS")
    return {
        "__typename": "FulfillmentOrder",
        "id": f"gid://shopify/FulfillmentOrder/{places.fulfillment_order_number(row, place)}",
        "status": status,
        "requestStatus": "UNSUBMITTED",
        "deliveryMethod": {
            "__typename": "DeliveryMethod",
            "id": f"gid://shopify/DeliveryMethod/{places.fulfillment_order_number(row, place)}",
            "methodType": "PICK_UP" if row.details.get("pickup") else "SHIPPING",
        },
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}] if can else [],
        "assignedLocation": {
            "name": places.names(row.shop)[place],
            "address1": None,
            "address2": None,
            "city": None,
            "zip": None,
            "location": lambda _info: location(row.shop, place),
        },
        "lineItems": _connection(
            [
                {
                    "id": f"gid://shopify/FulfillmentOrderLineItem/{line.pk}",
                    "sku": line.sku or None,
                    "remainingQuantity": line.unfulfilled if can else 0,
                    "totalQuantity": line.quantity - line.cancelled,
                    "lineItem": line_item(line, row),
                }
                for line in lines
            ]
        ),
    }


def refund(row: PracticeRefund, of: PracticeOrder) -> Node:
    return {
        "__typename": "Refund",
        "id": f"gid://shopify/Refund/{row.pk}",
        "legacyResourceId": str(row.pk),
        "createdAt": time_text(row.created_at),
        "note": row.note or None,
        "totalRefundedSet": _bag(row.amount, of.currency),
    }


def location(shop: PracticeShop, place: int) -> Node:
    return {
        "__typename": "Location",
        "id": f"gid://shopify/Location/{places.location_number(shop, place)}",
        "name": places.names(shop)[place],
        "isActive": True,
    }


def webhook(row: PracticeWebhook) -> Node:
    return {
        "__typename": "WebhookSubscription",
        "id": f"gid://shopify/WebhookSubscription/{row.pk}",
        "topic": row.topic,
        "uri": row.uri,
        "format": "JSON",
        "createdAt": time_text(row.created_at),
    }


def time_text(at: datetime) -> str:
    """Shopify's times are UTC to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sums(row: PracticeOrder) -> Node:
    amounts = {
        "subtotalPriceSet": row.subtotal,
        "totalDiscountsSet": row.discount,
        "totalShippingPriceSet": row.shipping,
        "totalTaxSet": row.tax,
        "totalPriceSet": row.total,
        "currentTotalPriceSet": row.total - _taken_off(row),
        "currentTotalTaxSet": row.tax - _tax_taken_off(row),
        "totalReceivedSet": row.received,
        "totalRefundedSet": row.refunded,
        "totalOutstandingSet": row.outstanding,
    }
    return {name: _bag(amount, row.currency) for name, amount in amounts.items()}


def _taken_off(row: PracticeOrder) -> Decimal:
    """What the units that refunds took off the order came to."""
    lines = sorted(row.lines.all(), key=lambda line: line.pk)
    items = [
        (line.amount - off) * line.refunded / line.quantity
        for line, off in zip(lines, _allocated(row, lines), strict=True)
        if line.quantity
    ]
    off = money.round_half_up(money.total(items), row.currency)
    return off + (Decimal(0) if row.taxes_included else _tax_taken_off(row))


def _tax_taken_off(row: PracticeOrder) -> Decimal:
    taxed = [line for line in row.lines.all() if line.quantity]
    parts = (services.tax_amount(tax) * line.refunded / line.quantity for line in taxed for tax in line.taxes)
    return money.round_half_up(money.total(parts), row.currency)


def _customer(row: PracticeOrder) -> Node:
    """Protected customer data: null with an error for an app that Shopify has not approved for it."""
    kept = row.details
    given = {
        "email": kept.get("email") or None,
        "phone": kept.get("phone") or None,
        "shippingAddress": _address(row, "shippingAddress"),
        "billingAddress": _address(row, "billingAddress"),
    }
    if row.shop.settings.get("protected_data", True):
        return given
    return {name: _denied(name) for name in given}


def _denied(name: str) -> Callable[..., Any]:
    def refuse(_info: Any) -> None:
        text = f"This app is not approved to use the {name} field."
        raise GraphQLError(text, extensions={"code": "ACCESS_DENIED"})

    return refuse


def _address(row: PracticeOrder, kind: str) -> Node | None:
    sent = row.details.get(kind)
    if not sent:
        return None
    texts = {name: sent.get(name) or None for name in _ADDRESS}
    return {"id": f"gid://shopify/MailingAddress/{row.pk}", **texts, "countryCodeV2": sent.get("countryCode")}


def _shipping_lines(row: PracticeOrder) -> list[Node]:
    return [
        {
            "id": f"gid://shopify/ShippingLine/{row.pk}{number:02}",
            "title": line["title"],
            "code": line.get("code"),
            "currentDiscountedPriceSet": _bag(Decimal(line["priceSet"]["shopMoney"]["amount"]), row.currency),
            "taxLines": [_tax_line(tax, row.currency) for tax in line.get("taxLines") or ()],
        }
        for number, line in enumerate(row.details.get("shippingLines") or (), start=1)
    ]


def _allocated(row: PracticeOrder, lines: list[PracticeLine]) -> list[Decimal]:
    """Each line's part of the order's discount."""
    if not row.discount or not lines:
        return [Decimal(0)] * len(lines)
    return money.apportion(row.discount, [line.amount for line in lines], row.currency)


def _payments(row: PracticeOrder) -> Node:
    sent = row.details.get("transactions") or []
    transactions = [
        {
            "id": f"gid://shopify/OrderTransaction/{row.pk}{number:02}",
            "kind": item.get("kind", "SALE"),
            "status": item.get("status", "SUCCESS"),
            "gateway": item.get("gateway"),
            "amountSet": _bag(Decimal(item["amountSet"]["shopMoney"]["amount"]), row.currency),
            "processedAt": item.get("processedAt"),
        }
        for number, item in enumerate(sent, start=1)
    ]
    gateways = [item["gateway"] for item in transactions if item["gateway"]]
    return {"transactions": _list(transactions), "paymentGatewayNames": list(dict.fromkeys(gateways))}


def _tax_line(tax: Mapping[str, Any], currency: str) -> Node:
    return {
        "title": tax["title"],
        "rate": float(tax["rate"]),
        "priceSet": _bag(services.tax_amount(tax), currency),
    }


def _connection(rows: list[Node]) -> Callable[..., Node]:
    return lambda _info, **arguments: page(rows, **arguments)


def _list(rows: list[Node]) -> Callable[..., list[Node]]:
    return lambda _info, first=None, **_: rows[:first]


def _bag(amount: Decimal, currency: str) -> Node:
    content = {"amount": amount_text(amount), "currencyCode": currency}
    return {"shopMoney": content, "presentmentMoney": content}
