"""The site's own orders, as Squarespace answers them, in the neutral shape. It tells the tax of the whole order alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connectors.base import Address
from connectors.money import total
from connectors.squarespace import reading
from connectors.storefront import StoreFulfillment, StoreLine, StoreOrder, StorePayment

Row = Mapping[str, Any]

EXTERNAL = "external"  # the channel of an order that an app imported
INCLUSIVE = "INCLUSIVE"

_PAYMENTS = {"PAID": StorePayment.PAID, "REFUNDED": StorePayment.REFUNDED}


@reading.shaped()
def store_order(row: Row, *, site: str) -> StoreOrder:
    named = reading.ref(row, site=site)
    lines = tuple(_line(line) for line in row["lineItems"] or () if int(line["quantity"]) > 0)
    shipping, discount, tax = (_amount(row[name]) for name in ("shippingTotal", "discountTotal", "taxTotal"))
    whole = _amount(row["grandTotal"])
    net = total(line.amount for line in lines) + shipping - discount
    billing = _address(row["billingAddress"])
    to = _address(row["shippingAddress"]) or billing
    return StoreOrder(
        remote_id=named.remote_id,
        number=named.name,
        url=named.url,
        placed_at=reading.at(row["createdOn"]),
        updated_at=reading.at(row["modifiedOn"]),
        payment=_PAYMENTS.get(row["paymentState"] or "", StorePayment.UNPAID),
        fulfillment=_fulfillment(row),
        cancelled=row["fulfillmentStatus"] == reading.CANCELED,
        currency=row["grandTotal"]["currency"],
        # which of the two sums is the total tells it, whatever the site's word for it
        prices_include_tax=net == whole if tax else row["priceTaxInterpretation"] == INCLUSIVE,
        lines=lines,
        total=whole,
        tax=tax,
        discount=discount,
        shipping=shipping,
        shipping_title=_shipping_title(row["shippingLines"] or ()),
        refunded=_amount(row["refundedTotal"]) if row["refundedTotal"] else Decimal(0),
        shipping_address=to,
        billing_address=billing,
        customer_name=_name(billing) or _name(to),
        customer_email=row["customerEmail"] or "",
        customer_phone=next((each.phone for each in (billing, to) if each and each.phone), ""),
        reference=row["externalOrderReference"] or "",
        made_by_app=row["channel"] == EXTERNAL,
    )


def _line(row: Row) -> StoreLine:
    quantity = int(row["quantity"])
    return StoreLine(
        remote_id=row["id"],
        sku=row["sku"] or "",
        title=row["productName"] or row["sku"] or "Item",
        quantity=quantity,
        amount=_amount(row["unitPricePaid"]) * quantity,
        requires_shipping=row["lineItemType"] == "PHYSICAL_PRODUCT",
        variant_id=row["variantId"] or "",
    )


def _fulfillment(row: Row) -> StoreFulfillment:
    if row["fulfillmentStatus"] == reading.FULFILLED:
        return StoreFulfillment.FULFILLED
    return StoreFulfillment.PARTIAL if row["fulfillments"] else StoreFulfillment.OPEN


def _shipping_title(lines: Iterable[Row]) -> str:
    return ", ".join(str(line["method"]) for line in lines if line["method"])


def _address(row: Row | None) -> Address | None:
    if not row:
        return None
    return Address(
        first_name=row["firstName"] or "",
        last_name=row["lastName"] or "",
        address1=row["address1"] or "",
        address2=row["address2"] or "",
        city=row["city"] or "",
        province_code=row["state"] or "",
        postcode=row["postalCode"] or "",
        country_code=row["countryCode"] or "",
        phone=row["phone"] or "",
    )


def _name(address: Address | None) -> str:
    return f"{address.first_name} {address.last_name}".strip() if address else ""


def _amount(money: Row) -> Decimal:
    """Live answers hold text, the documentation's examples numbers."""
    return Decimal(str(money["value"]))
