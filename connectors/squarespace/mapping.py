"""Our order as the body of an import, and the total that it has to come to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.base import Address, OutboundLine, OutboundOrder, OutboundShipment, Parcel, PickupPlace

CHANNEL_NAME_MAX = 30
REFERENCE_MAX = 200

_ORDER, _LINE, _LINK, _SETTING, _FIXED = "order", "line", "product link", "connection setting", "always the same"
# Where each part of the body comes from, for the preview.
SOURCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "channelName", "externalOrderReference", "createdOn", "billingAddress", "shippingAddress",
            "priceTaxInterpretation", "shippingLines", "discountLines", "shippingTotal", "discountTotal", "taxTotal",
            "grandTotal",
        ),
        (_ORDER,),
    ),
    **dict.fromkeys(("shopperFulfillmentNotificationBehavior", "fulfillmentStatus", "fulfillments"), (_FIXED,)),
    "customerEmail": (_ORDER, _SETTING),
    "inventoryBehavior": (_SETTING,),
    "lineItems": (_LINE, _LINK),
    "subtotal": (_LINE,),
}  # fmt: skip


def idempotency_key(reference: str) -> str:
    """The same for every attempt to import this order: 64 of the characters that Squarespace takes."""
    return hashlib.sha256(reference.encode()).hexdigest()


def order_body(order: OutboundOrder) -> dict[str, Any]:
    """The body of an import. Nothing of it depends on the clock: a repeat under the same key is the same request.

    Tax on top is told; tax inside the prices is not, since the documented sum adds it whatever the prices hold.
    """
    body: dict[str, Any] = {
        "channelName": order.channel_name[:CHANNEL_NAME_MAX].strip(),
        "externalOrderReference": order.reference,
        "createdOn": _time(order.placed_at),
        "customerEmail": order.customer_email if order.options.share_customer_email else "",
        "billingAddress": _address(order.billing),
        "shippingAddress": _place(order),
        "inventoryBehavior": "SKIP" if order.options.bypass_stock_check else "DEDUCT",
        "shopperFulfillmentNotificationBehavior": "SKIP",
        **_fulfillment(order),
        "fulfillments": [],
        "priceTaxInterpretation": "INCLUSIVE" if order.prices_include_tax else "EXCLUSIVE",
        "lineItems": [_line(line, order.currency) for line in order.lines],
        "shippingLines": [_shipping_line(order)],
        "discountLines": _discount_lines(order),
        **_totals(order),
    }
    return {name: value for name, value in body.items() if value or name == "fulfillments"}


def _fulfillment(order: OutboundOrder) -> dict[str, str]:
    """The time of a fulfillment is that of the payment: a repeat under the same key has to be the same body."""
    if not order.options.fulfilled:
        return {"fulfillmentStatus": "PENDING"}
    return {"fulfillmentStatus": "FULFILLED", "fulfilledOn": _time(order.paid_at or order.placed_at)}


def predicted_total(body: Mapping[str, Any]) -> Decimal:
    """What the lines of a body come to: subtotal + shipping + tax - discount, as an import has to add up."""
    subtotal = money.total(_amount(line["unitPricePaid"]) * line["quantity"] for line in body["lineItems"])
    shipping = money.total(_amount(line["amount"]) for line in body.get("shippingLines", ()))
    discount = money.total(_amount(line["amount"]) for line in body.get("discountLines", ()))
    tax = _amount(body["taxTotal"]) if "taxTotal" in body else Decimal(0)
    return subtotal + shipping + tax - discount


def _totals(order: OutboundOrder) -> dict[str, Any]:
    currency = order.currency
    subtotal = money.total(money.round_half_up(line.unit_price, currency) * line.quantity for line in order.lines)
    return {
        "subtotal": _money(subtotal, currency),
        "shippingTotal": _money(order.shipping, currency),
        "discountTotal": _money(order.discount, currency),
        "taxTotal": None if order.prices_include_tax else _money(order.tax, currency),
        "grandTotal": _money(order.total, currency),
    }


def _line(line: OutboundLine, currency: str) -> dict[str, Any]:
    """A line is known by its variant alone: a title is refused, a SKU there is none."""
    return {
        "lineItemType": "PHYSICAL_PRODUCT",
        "variantId": line.variant_id,
        "quantity": line.quantity,
        "unitPricePaid": _money(line.unit_price, currency),
    }


def _shipping_line(order: OutboundOrder) -> dict[str, Any]:
    """Sent even when it costs nothing: its method is where an import says how the goods reach the customer."""
    method = f"Click & collect: {order.pickup.name}" if order.pickup else order.shipping_title or "Shipping"
    return {"method": method, "amount": _money(order.shipping, order.currency)}


def _discount_lines(order: OutboundOrder) -> list[dict[str, Any]]:
    if not order.discount:
        return []
    return [{"name": f"{order.channel_name} discount", "amount": _money(order.discount, order.currency)}]


def _place(order: OutboundOrder) -> dict[str, str] | None:
    """Where the goods go: the customer's address, or the place where they are collected."""
    if order.pickup:
        return _collected(order.pickup, order.billing, order.customer_phone)
    return _address(order.shipping_address) if order.shipping_address else None


def _collected(place: PickupPlace, customer: Address, phone: str) -> dict[str, str]:
    where = ". ".join(part for part in (place.address, place.instructions) if part)
    address = {
        "firstName": customer.first_name or customer.company,
        "lastName": customer.last_name,
        "address1": place.name,
        "address2": where,
        "phone": customer.phone or phone,
    }
    return {name: value for name, value in address.items() if value}


def _address(address: Address) -> dict[str, str] | None:
    """A company has no field of its own: it stands in for a missing name, else in the second line."""
    named = bool(address.first_name or address.last_name)
    second = (address.address2, address.company if named else "")
    fields = {
        "firstName": address.first_name if named else address.company,
        "lastName": address.last_name,
        "address1": address.address1,
        "address2": ", ".join(part for part in second if part),
        "city": address.city,
        "state": address.province_code,
        "postalCode": address.postcode,
        "countryCode": address.country_code,
        "phone": address.phone,
    }
    return {name: value for name, value in fields.items() if value} or None


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    return {"currency": currency, "value": money.plain(amount, currency)}


def _amount(value: Mapping[str, str]) -> Decimal:
    return Decimal(value["value"])


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def fulfillment_body(parcels: Iterable[Parcel], shipment: OutboundShipment) -> dict[str, Any]:
    """Every field but the address is asked for; a service that nobody named is the carrier's standard."""
    return {
        "shouldSendNotification": shipment.notify_customer,
        "shipments": [_shipment(parcel, shipment.shipped_at) for parcel in parcels],
    }


def _shipment(parcel: Parcel, at: datetime) -> dict[str, str]:
    told = {
        "shipDate": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "carrierName": parcel.carrier or "Carrier",
        "service": "Standard",
        "trackingNumber": parcel.number,
    }
    return told | ({"trackingUrl": parcel.url} if parcel.url.startswith(("https://", "http://")) else {})
