"""Orders as the WooCommerce driver gets them, and what it remembers of the store."""

from __future__ import annotations

from typing import Any

from connectors.base import Account, OutboundLine, OutboundOrder, RemoteVariant
from tests.connectors.neutral import SHOWROOM, line_of, order_of, tax

GST = {
    "id": 1,
    "country": "NZ",
    "state": "",
    "postcodes": [],
    "cities": [],
    "percent": "15.0000",
    "priority": 1,
    "compound": False,
    "shipping": True,
    "class": "standard",
}
SETTINGS: dict[str, Any] = {
    "version": "10.2.4",
    "currency": "NZD",
    "decimals": 2,
    "taxes_enabled": True,
    "prices_include_tax": True,
    "tax_based_on": "shipping",
    "shipping_tax_class": "inherit",
    "round_at_subtotal": False,
    "base": {"country": "NZ", "state": "AUK", "postcode": "1010", "city": "Auckland"},
    "rates": [GST],
}
KEYS = {"consumer_key": "ck_canary", "consumer_secret": "cs_canary", "webhook_secret": "5ec7e7"}
ACCOUNT = Account(
    base_url="https://kauri.example.com/shop",
    credentials=KEYS,
    currency="NZD",
    shop_domain="kauri.example.com/shop",
    settings=SETTINGS,
)


def line(number: int = 1, **fields: Any) -> OutboundLine:
    return line_of(number, **{"variant_id": str(number), **fields})


def order(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    return order_of(*(lines or (line(taxes=(tax("13.04"),)),)), **fields)


def settings(**changed: Any) -> dict[str, Any]:
    return {**SETTINGS, **changed}


def rate(percent: str, **changed: Any) -> dict[str, Any]:
    return {**GST, "percent": percent, **changed}


def collected(**fields: Any) -> OutboundOrder:
    return order(shipping_address=None, pickup=SHOWROOM, **fields)


def variant(number: int = 1, **fields: Any) -> RemoteVariant:
    known = {"stock": 5, "tax_class": "standard", **fields}
    return RemoteVariant(str(number), f"SKU-{number}", f"Stool {number}", **known)
