"""What the Commerce APIs answer: an order, a row of the inventory, a site. Form: answers recorded in August 2026."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.practice import services
from connectors.practice.models import (
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeShop,
    PracticeVariant,
)
from connectors.practice.squarespace import ids

_ADDRESS = ("firstName", "lastName", "address1", "address2", "city", "state", "countryCode", "postalCode", "phone")


def website(shop: PracticeShop, *, url: str) -> dict[str, Any]:
    return {
        "id": shop.settings["websiteId"],
        "siteId": shop.slug,
        "title": shop.name,
        "url": url,
        "currency": shop.currency,
        "measurementStandard": "METRIC",
        "language": "en-NZ",
        "timeZone": shop.time_zone,
    }


def stock(row: PracticeVariant) -> dict[str, Any]:
    return {
        "variantId": ids.of_variant(row),
        "sku": row.sku,
        "descriptor": row.title,
        "quantity": max(row.stock, 0),
        "isUnlimited": not row.is_tracked,
    }


def order(row: PracticeOrder) -> dict[str, Any]:
    """Reads lines and fulfillments with their lines: prefetch them."""
    sent = row.details["sent"]
    return {
        "id": ids.of_order(row),
        "orderNumber": row.name.removeprefix("#"),
        "createdOn": time(row.created_at),
        "modifiedOn": time(row.updated_at),
        "channel": sent.get("channel", "external"),
        "testmode": False,
        "customerEmail": sent.get("customerEmail"),
        "customerId": None,
        "billingAddress": _address(sent.get("billingAddress")),
        "shippingAddress": _address(sent.get("shippingAddress")),
        "fulfillmentStatus": fulfillment_status(row),
        "lineItems": [_line(line, row.currency) for line in sorted(row.lines.all(), key=lambda line: line.pk)],
        "internalNotes": [],
        "shippingLines": sent.get("shippingLines") or [],
        "discountLines": sent.get("discountLines") or None,
        "formSubmission": None,
        "fulfillments": [parcel for sending in _sendings(row) for parcel in _parcels(sending)] or None,
        "subtotal": _money(row.subtotal + row.discount, row.currency),
        "shippingTotal": _money(row.shipping, row.currency),
        "discountTotal": _money(row.discount, row.currency),
        "taxTotal": _money(row.tax, row.currency),
        "refundedTotal": _money(row.refunded, row.currency),
        "grandTotal": _money(row.total, row.currency),
        "channelName": sent.get("channelName"),
        "externalOrderReference": row.source_identifier or None,
        "fulfilledOn": _fulfilled_on(row),
        "priceTaxInterpretation": sent["priceTaxInterpretation"],
        "paymentState": row.financial_status if row.financial_status != "PARTIALLY_REFUNDED" else "PAID",
        "shippingOptionName": None,
        "shippingOptionServiceType": None,
    }


def fulfillment_status(row: PracticeOrder) -> str:
    if row.cancelled_at:
        return "CANCELED"
    return "FULFILLED" if services.fulfillment_status(row) == "FULFILLED" else "PENDING"


def time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(sent: dict[str, Any] | None) -> dict[str, Any] | None:
    return {name: sent.get(name) for name in _ADDRESS} if sent else None


def _line(row: PracticeLine, currency: str) -> dict[str, Any]:
    return {
        "id": ids.of_line(row),
        "variantId": ids.of_variant(row.variant) if row.variant else None,
        "sku": row.sku or None,
        "productId": None,
        "productName": row.title,
        "quantity": row.quantity,
        "unitPricePaid": _money(row.price, currency),
        "variantOptions": None,
        "customizations": None,
        "imageUrl": None,
        "lineItemType": "PHYSICAL_PRODUCT" if row.requires_shipping else "CUSTOM",
    }


def _sendings(row: PracticeOrder) -> list[PracticeFulfillment]:
    """Those that stand; the last one when none does, which an order marked pending again keeps."""
    rows = sorted(row.fulfillments.all(), key=lambda sending: sending.pk)
    return [sending for sending in rows if sending.status == services.SUCCESS] or rows[-1:]


def _parcels(row: PracticeFulfillment) -> list[dict[str, Any]]:
    return [
        {
            "shipDate": time(row.created_at),
            "carrierName": tracking["company"] or None,
            "service": None,
            "trackingNumber": tracking["number"],
            "trackingUrl": tracking["url"] or None,
        }
        for tracking in row.trackings
    ]


def _fulfilled_on(row: PracticeOrder) -> str | None:
    rows = _sendings(row)
    return time(rows[0].created_at) if rows else None


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"currency": currency, "value": money.plain(amount, currency)}
