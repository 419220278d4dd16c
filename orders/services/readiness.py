"""What an order lacks although it is well-formed. Such an order is kept as a draft that says what is missing."""

from __future__ import annotations

from connectors.base import Blocker, BlockerCode
from orders.enums import Delivery
from orders.services.new_order import NewAddress, NewOrder

# Countries whose carriers and tax rules need the state or province (Shopify's address formats, November 2026).
NEEDS_PROVINCE = frozenset({"AU", "BR", "CA", "IN", "IT", "JP", "MX", "US"})
NO_POSTCODE = frozenset({"AE", "AO", "BS", "FJ", "GH", "HK", "IE", "JM", "KE", "PA", "QA", "TO", "UG", "VU", "ZW"})


def missing(order: NewOrder) -> tuple[Blocker, ...]:
    """Why the order cannot be confirmed yet; empty when nothing is missing."""
    found: list[Blocker] = []
    if order.payment is None:
        found.append(Blocker(BlockerCode.NOT_PAID, "The order came without a payment.", "payment"))
    if not order.total:
        found.append(Blocker(BlockerCode.ZERO_TOTAL, "The order's total is zero.", "total", "0"))
    if not order.customer_name:
        found.append(Blocker(BlockerCode.ADDRESS_INCOMPLETE, "The customer's name is missing.", "customer.name"))
    if order.delivery == Delivery.PICKUP:
        if not order.pickup_name:
            text = "It is not said where the customer picks the order up."
            found.append(Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, text, "delivery.place.name"))
    else:
        found += _address_gaps(order.shipping_address)
    return tuple(found)


def _address_gaps(address: NewAddress | None) -> list[Blocker]:
    if address is None:
        return [Blocker(BlockerCode.ADDRESS_INCOMPLETE, "The shipping address is missing.", "shipping_address")]
    gaps = [
        Blocker(BlockerCode.ADDRESS_INCOMPLETE, f"The shipping address has no {words}.", f"shipping_address.{name}")
        for name, words in (("address1", "street"), ("city", "city"), ("country_code", "country"))
        if not getattr(address, name)
    ]
    if address.country_code in NEEDS_PROVINCE and not address.province_code:
        text = "The shipping address has no state or province."
        gaps.append(Blocker(BlockerCode.PROVINCE_UNKNOWN, text, "shipping_address.province_code"))
    if address.country_code and address.country_code not in NO_POSTCODE and not address.postcode:
        text = "The shipping address has no postcode."
        gaps.append(Blocker(BlockerCode.POSTCODE_INVALID, text, "shipping_address.postcode"))
    return gaps
