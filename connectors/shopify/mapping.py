"""Our order as the variables of orderCreate, and the total that Shopify will hold for exactly those variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.base import Address, OutboundLine, OutboundOrder, OutboundTax

NAMESPACE, KEY = "$app:order_sync", "marketplace_order_id"  # the id metafield that holds our reference
LINE_ID = "_storeward_line"  # a property whose name starts with _ stays hidden from customers

NOTE_MAX = 5000  # Order.note in the 2026-10 schema
STAFF_NOTE_MAX = 255
TAG_MAX = 40  # orders; a longer one is refused (integrators' reports, 2021 to 2026)

# How Shopify's places differ from ISO 3166 (its own address data, github.com/Shopify/worldwide, November 2026):
US_PROVINCES = frozenset({"AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI"})  # provinces of US, not countries
NO_COUNTRY = frozenset({"AQ"})
_PREFIXED = frozenset({"JP", "KR", "PA", "PT", "TH"})  # province codes with the country in front: "JP-13"

_ORDER, _LINE, _LINK, _SETTING, _FIXED = "order", "line", "product link", "connection setting", "always the same"
# Where each part of an orderCreate body comes from, for the preview.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "query": (_FIXED,),
    "operationName": (_FIXED,),
    **{
        f"variables.order.{name}": (_ORDER,)
        for name in (
            "sourceIdentifier", "sourceUrl", "poNumber", "processedAt", "currency", "taxesIncluded",
            "customAttributes", "metafields", "billingAddress", "shippingAddress", "shippingLines", "discountCode",
            "transactions",
        )
    },
    "variables.order.note": (_ORDER, _SETTING),
    "variables.order.tags": (_ORDER, _SETTING),
    "variables.order.customer": (_ORDER, _SETTING),
    "variables.order.email": (_ORDER, _SETTING),
    "variables.order.financialStatus": (_ORDER, _SETTING),
    "variables.order.fulfillmentStatus": (_SETTING,),
    "variables.order.fulfillment": (_SETTING,),
    "variables.order.lineItems": (_LINE, _LINK),
    "variables.options.inventoryBehaviour": (_SETTING,),
    "variables.options.sendReceipt": (_FIXED,),
    "variables.options.sendFulfillmentReceipt": (_FIXED,),
}  # fmt: skip


def order_variables(order: OutboundOrder) -> dict[str, Any]:
    """The variables of order_create.graphql. Nothing of it depends on the clock: the same order gives the same body."""
    currency = order.currency
    body: dict[str, Any] = {
        "sourceIdentifier": order.reference,
        "sourceUrl": order.options.order_url or None,
        "poNumber": order.number,
        "processedAt": _time(order.placed_at),
        "currency": currency,
        "taxesIncluded": order.prices_include_tax,
        "note": note(order) or None,
        "tags": tags(order),
        "customAttributes": _attributes(order),
        "metafields": [{"namespace": NAMESPACE, "key": KEY, "type": "id", "value": order.reference}],
        "customer": _customer(order),
        "email": _email(order),
        "billingAddress": _address(order.billing),
        "shippingAddress": _address(order.shipping_address) if order.shipping_address else None,
        "lineItems": [_line(line, order) for line in order.lines],
        "shippingLines": [_shipping_line(order)],
        "discountCode": _discount(order),
        **_payment(order),
        **_fulfillment(order),
    }
    options = {
        "inventoryBehaviour": "BYPASS" if order.options.bypass_stock_check else "DECREMENT_OBEYING_POLICY",
        "sendReceipt": False,
        "sendFulfillmentReceipt": False,
    }
    return {"order": {key: value for key, value in body.items() if value is not None}, "options": options}


def order_changes(remote_id: str, order: OutboundOrder, fields: frozenset[str]) -> dict[str, Any]:
    """The input of order_update.graphql; what it names is overwritten there, what it leaves out stays."""
    body: dict[str, Any] = {"id": remote_id}
    if "note" in fields:
        body["note"] = note(order)
    if "attributes" in fields:
        body["customAttributes"] = _attributes(order)
    return body


def predicted_total(variables: Mapping[str, Any]) -> Decimal:
    """What Shopify will hold as the order's total after orderCreate with these variables.

    It adds up what it is sent and computes no tax: lines + shipping - fixed discount on the items, plus the tax lines
    when taxesIncluded is false (recorded: 2 x 12.00 + 2.40 + 5.00 + 0.50 = 31.90; 30.00 - 5.00 + 4.00 = 29.00).
    A discount takes no more than the items come to.
    """
    order = variables["order"]
    items = money.total(_amount(line["priceSet"]) * line["quantity"] for line in order["lineItems"])
    shipping = money.total(_amount(line["priceSet"]) for line in order["shippingLines"])
    taxed = [*order["lineItems"], *order["shippingLines"]]
    tax = money.total(_amount(tax["priceSet"]) for part in taxed for tax in part.get("taxLines", ()))
    code = order.get("discountCode")
    discount = _amount(code["itemFixedDiscountCode"]["amountSet"]) if code else Decimal(0)
    return items - min(discount, items) + shipping + (Decimal(0) if order["taxesIncluded"] else tax)


def note(order: OutboundOrder) -> str:
    """What the merchant reads beside the order: where it comes from, where it is collected, what the customer wrote."""
    parts = [order.options.note]
    if order.pickup:
        place = ", ".join(part for part in (order.pickup.name, order.pickup.address) if part)
        parts.append(f"Click & Collect from: {place}")
        parts.append(order.pickup.instructions)
    if order.customer_note:
        parts.append(f"Customer note: {order.customer_note}")
    return "\n".join(part for part in parts if part)


def tags(order: OutboundOrder) -> list[str]:
    """The marketplace's tag and our reference. Shopify splits tags at commas."""
    return [tag.replace(",", " ") for tag in (order.options.tag, order.reference) if tag]


def _attributes(order: OutboundOrder) -> list[dict[str, str]]:
    """Shown as "Additional details". A free attribute that shares a name with one of ours is named for its channel."""
    ours = {
        "Order number": order.number,
        "Order page": order.options.order_url,
        "Delivery method": "Click & Collect" if order.pickup else "Delivery",
        "Customer": order.customer_name,
        "Customer phone": order.customer_phone,
    }
    if order.pickup:
        ours["Pick-up place"] = order.pickup.name
        ours["Pick-up address"] = order.pickup.address
        ours["Pick-up instructions"] = order.pickup.instructions
    free = {f"{order.channel_name}: {key}" if key in ours else key: value for key, value in order.attributes.items()}
    return [{"key": key, "value": value} for key, value in {**ours, **free}.items() if key and value]


def _customer(order: OutboundOrder) -> dict[str, Any] | None:
    """Only when the merchant shares e-mail addresses. No phone: Shopify refuses one that another customer has."""
    if not (order.options.share_customer_email and order.options.create_customer and order.customer_email):
        return None
    person = order.shipping_address or order.billing
    names = {"firstName": person.first_name or None, "lastName": person.last_name or None}
    return {"toUpsert": {"email": order.customer_email, **{key: value for key, value in names.items() if value}}}


def _email(order: OutboundOrder) -> str | None:
    """On the order alone, for one that shall not become a customer of the shop."""
    if order.options.create_customer or not order.options.share_customer_email:
        return None
    return order.customer_email or None


def _address(address: Address) -> dict[str, str] | None:
    country, province = _place(address)
    fields = {
        "firstName": address.first_name,
        "lastName": address.last_name,
        "company": address.company,
        "address1": address.address1,
        "address2": address.address2,
        "city": address.city,
        "provinceCode": province,
        "countryCode": country,
        "zip": address.postcode,
        "phone": address.phone,
    }
    return {key: value for key, value in fields.items() if value} or None


def _place(address: Address) -> tuple[str, str]:
    """Country and province as Shopify codes them."""
    country, province = address.country_code, address.province_code
    if country in US_PROVINCES:
        return "US", country
    if country in _PREFIXED and province and not province.startswith(f"{country}-"):
        return country, f"{country}-{province}"
    return country, province


def _line(line: OutboundLine, order: OutboundOrder) -> dict[str, Any]:
    """`requiresShipping` and `taxable` are always said: Shopify's defaults are false and true."""
    return {
        "variantId": line.variant_id,
        "quantity": line.quantity,
        "requiresShipping": line.requires_shipping and order.pickup is None,
        "taxable": bool(line.taxes),
        "priceSet": _money(line.unit_price, order.currency),
        "taxLines": _tax_lines(line.taxes, order.currency),
        "properties": [{"name": LINE_ID, "value": line.line_id}],
    }


def _tax_lines(taxes: Iterable[OutboundTax], currency: str) -> list[dict[str, Any]]:
    return [
        {"title": tax.title, "rate": f"{tax.rate.normalize():f}", "priceSet": _money(tax.amount, currency)}
        for tax in taxes
    ]


def _shipping_line(order: OutboundOrder) -> dict[str, Any]:
    """Sent even when it costs nothing: it says how the goods reach the customer."""
    title = f"Click & Collect: {order.pickup.name}" if order.pickup else order.shipping_title or "Shipping"
    return {
        "title": title,
        "code": "PICKUP" if order.pickup else "DELIVERY",
        "source": order.channel_name,
        "priceSet": _money(order.shipping, order.currency),
        "taxLines": _tax_lines(order.shipping_taxes, order.currency),
    }


def _discount(order: OutboundOrder) -> dict[str, Any] | None:
    if not order.discount:
        return None
    amount = _money(order.discount, order.currency)
    return {"itemFixedDiscountCode": {"code": f"{order.channel_name} discount", "amountSet": amount}}


def _payment(order: OutboundOrder) -> dict[str, Any]:
    """PAID with the sale that makes it so, or PENDING: without either Shopify leaves the status empty."""
    if not order.options.mark_paid:
        return {"financialStatus": "PENDING"}
    sale = {
        "kind": "SALE",
        "status": "SUCCESS",
        "gateway": order.channel_name,
        "amountSet": _money(order.total, order.currency),
        "processedAt": _time(order.paid_at or order.placed_at),
    }
    return {"financialStatus": "PAID", "transactions": [sale]}


def _fulfillment(order: OutboundOrder) -> dict[str, Any]:
    """All lines, from the location: Shopify fulfills nowhere else. Its own mail to the customer is left to Storeward."""
    if not order.options.fulfilled:
        return {}
    at = {"locationId": order.options.location_id, "notifyCustomer": False}
    return {"fulfillmentStatus": "FULFILLED", "fulfillment": at}


def _money(amount: Decimal, currency: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": money.plain(amount, currency), "currencyCode": currency}}


def cancel_variables(remote_id: str, *, note: str) -> dict[str, Any]:
    """Restocked, without refund and without a mail to the customer."""
    return {
        "orderId": remote_id,
        "reason": "OTHER",
        "restock": True,
        "refundMethod": {"originalPaymentMethodsRefund": False},
        "notifyCustomer": False,
        "staffNote": note[:STAFF_NOTE_MAX],
    }


def _amount(bag: Mapping[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
