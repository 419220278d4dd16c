"""Our order as the body of POST /v2/orders/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from connectors.base import Account, Address, OutboundOrder

CANADA = "api-ca.ssactivewear.com"
TEST_SUFFIX = "-TEST"  # a test leaves a cancelled order behind, which must not be found in place of the real one
DEFAULT_METHOD = "1"

# By the documentation of POST Orders, read November 2026.
SHIPPING_METHODS: Mapping[str, str] = {
    "1": "Ground (S&S picks the carrier)",
    "2": "UPS Next Day Air",
    "3": "UPS 2nd Day Air",
    "6": "Will Call / Pick-up",
    "8": "Messenger pick-up",
    "14": "FedEx Ground",
    "16": "UPS 3 Day Select",
    "17": "UPS Next Day Air Early AM",
    "19": "UPS Saturday",
    "20": "UPS Saturday Early",
    "21": "UPS Next Day Air Saver",
    "22": "UPS 2nd Day Air AM",
    "26": "FedEx Next Day Priority",
    "27": "FedEx Next Day Standard",
    "40": "UPS Ground",
    "48": "FedEx 2nd Day Air",
    "54": "Cheapest (USPS, UPS SurePost or UPS Ground)",
}

_ORDER, _LINE, _LINK, _SETTING, _FIXED = "order", "line", "product link", "connection setting", "always the same"
# Where each part of the body comes from, for the preview.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "shippingAddress": (_ORDER, _SETTING),
    "poNumber": (_ORDER,),
    "lines": (_LINE, _LINK),
    **dict.fromkeys(
        (
            "shippingMethod", "shipBlind", "testOrder", "AutoSelectWarehouse_Preference",
            "autoselectWarehouse_Warehouses", "paymentProfile",
        ),
        (_SETTING,),
    ),
    **dict.fromkeys(("autoselectWarehouse", "rejectLineErrors"), (_FIXED,)),
}  # fmt: skip


def order_body(order: OutboundOrder) -> dict[str, Any]:
    """S&S picks the warehouses. Nothing of it depends on the clock: the same order gives the same body."""
    chosen = order.options.supplier
    body: dict[str, Any] = {
        "shippingAddress": _address(order),
        "shippingMethod": chosen.shipping_method or DEFAULT_METHOD,
        "shipBlind": chosen.store_address is None,
        "poNumber": po_number(order),
        "testOrder": chosen.test_order,
        "autoselectWarehouse": True,
        "AutoSelectWarehouse_Preference": "fastest" if chosen.fastest else "fewest",
        "rejectLineErrors": True,
        "lines": _lines(order),
    }
    if chosen.warehouses:
        body["autoselectWarehouse_Warehouses"] = ",".join(chosen.warehouses)
    if chosen.payment_profile_id:
        body["paymentProfile"] = {"email": chosen.payment_email, "profileID": _number(chosen.payment_profile_id)}
    return body


def po_number(order: OutboundOrder) -> str:
    return order.reference + (TEST_SUFFIX if order.options.supplier.test_order else "")


def ship_to(order: OutboundOrder) -> Address:
    """The merchant's store where one is given, else the customer."""
    return order.options.supplier.store_address or order.shipping_address or Address()


def country(account: Account) -> str:
    """The one country that the account's region sends to."""
    return "CA" if urlsplit(account.base_url).hostname == CANADA else "US"


def currency(account: Account) -> str:
    return "CAD" if country(account) == "CA" else "USD"


def _address(order: OutboundOrder) -> dict[str, Any]:
    """S&S has one address line."""
    place = ship_to(order)
    person = f"{place.first_name} {place.last_name}".strip()
    customer = place.company or person or order.customer_name
    return {
        "customer": customer,
        "attn": person or customer,
        "address": ", ".join(part for part in (place.address1, place.address2) if part),
        "city": place.city,
        "state": place.province_code,
        "zip": place.postcode.strip()[:5] if place.country_code == "US" else place.postcode.strip().upper(),
        "residential": not place.company,
    }


def _number(text: str) -> int | str:
    """What is no number stays as it is, for preflight to refuse."""
    return int(text) if text.isascii() and text.isdigit() else text


def _lines(order: OutboundOrder) -> list[dict[str, Any]]:
    """One line per product: two of ours may be linked to the same."""
    wanted: Counter[str] = Counter()
    for line in order.lines:
        wanted[line.variant_id] += line.quantity
    return [{"identifier": identifier, "qty": units} for identifier, units in wanted.items()]
