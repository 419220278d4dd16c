"""Orders as the Squarespace driver gets them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.base import Account, OutboundLine, OutboundOrder, RemoteVariant
from tests.connectors.neutral import SHOWROOM, line_of, order_of, tax

SITE = "5863f6faf7e0abc3cf95ce3a"
ACCOUNT = Account(
    base_url="https://api.squarespace.com",
    credentials={"api_key": "key-canary"},
    currency="NZD",
    remote_id=SITE,
    shop_domain="kauri.squarespace.com",
)
OAUTH = replace(ACCOUNT, credentials={"access_token": "token-canary"})
VARIANT = "303079a3-a085-45aa-8814-00000000000{}"


def line(number: int = 1, **fields: Any) -> OutboundLine:
    return line_of(number, **{"variant_id": VARIANT.format(number), **fields})


def order(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    return order_of(*(lines or (line(taxes=(tax("13.04"),)),)), **fields)


def pickup(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    return order(*lines, shipping_address=None, pickup=SHOWROOM, **fields)


def variant(number: int = 1, **fields: Any) -> RemoteVariant:
    return RemoteVariant(VARIANT.format(number), f"SKU-{number}", f"Stool {number}", **{"stock": 5, **fields})
