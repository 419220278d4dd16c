"""Orders as the Shopify driver gets them, and the answers of a shop that takes everything."""

from __future__ import annotations

from typing import Any

from connectors.base import Account, OutboundLine, OutboundOrder, RemoteVariant
from tests.connectors.neutral import line_of, order_of, tax

ACCOUNT = Account(
    base_url="https://kauri.myshopify.com",
    credentials={"access_token": "shpat_canary"},
    currency="NZD",
    shop_domain="kauri.myshopify.com",
)
VARIANT = "gid://shopify/ProductVariant/{}"


def line(number: int = 1, **fields: Any) -> OutboundLine:
    return line_of(number, **{"variant_id": VARIANT.format(number), **fields})


def order(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    return order_of(*(lines or (line(taxes=(tax("13.04"),)),)), **fields)


def variant(number: int = 1, **fields: Any) -> RemoteVariant:
    return RemoteVariant(VARIANT.format(number), f"SKU-{number}", f"Stool {number}", **{"stock": 5, **fields})
