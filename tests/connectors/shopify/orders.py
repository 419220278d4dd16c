"""Orders as the Shopify driver gets them, and the answers of a shop that takes everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import (
    Account,
    Address,
    OutboundLine,
    OutboundOrder,
    OutboundTax,
    PickupPlace,
    PushOptions,
    RemoteVariant,
)

ACCOUNT = Account(
    base_url="https://kauri.myshopify.com",
    credentials={"access_token": "shpat_canary"},
    currency="NZD",
    shop_domain="kauri.myshopify.com",
)
VARIANT = "gid://shopify/ProductVariant/{}"
HOME = Address("Harriet", "Ngata", "", "12 Ponsonby Road", "", "Auckland", "AUK", "1011", "NZ", "+64211234567")
SHOWROOM = PickupPlace("Kauri Showroom", "9 Customs Street, Auckland", "Ring the bell")
OPTIONS = PushOptions(
    order_url="https://portal.example.com/orders/abc/",
    tag="ArchiPro Order",
    note="ArchiPro order AP-1\nhttps://portal.example.com/orders/abc/",
)


def line(number: int = 1, **fields: Any) -> OutboundLine:
    given = {"quantity": 2, "unit_price": Decimal("50.00"), **fields}
    return OutboundLine(
        f"line-{number}", f"SKU-{number}", f"Stool {number}", **{"variant_id": VARIANT.format(number), **given}
    )


def tax(amount: str, *, rate: str = "0.15", title: str = "GST") -> OutboundTax:
    return OutboundTax(title, Decimal(rate), Decimal(amount))


def order(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    """A delivered NZD order with GST inside, whose total is worked out from what is given unless it is given too."""
    lines = lines or (line(taxes=(tax("13.04"),)),)
    base = OutboundOrder(
        reference="SW-1",
        number="AP-1",
        channel_name="ArchiPro",
        placed_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        currency="NZD",
        prices_include_tax=True,
        lines=lines,
        subtotal=sum((part.unit_price * part.quantity for part in lines), Decimal(0)),
        discount=Decimal(0),
        shipping=Decimal(0),
        shipping_title="Standard delivery",
        shipping_taxes=(),
        tax=Decimal(0),
        total=Decimal(0),
        billing=HOME,
        shipping_address=HOME,
        pickup=None,
        customer_name="Harriet Ngata",
        customer_email="harriet@example.com",
        customer_phone="+64211234567",
        customer_note="",
        attributes={},
        options=OPTIONS,
    )
    given = replace(base, **fields)
    if "tax" not in fields:
        taxed = [*given.shipping_taxes, *(tax for part in lines for tax in part.taxes)]
        given = replace(given, tax=sum((part.amount for part in taxed), Decimal(0)))
    if "total" not in fields:
        on_top = Decimal(0) if given.prices_include_tax else given.tax
        given = replace(given, total=given.subtotal - given.discount + given.shipping + on_top)
    return given


def with_options(**options: Any) -> PushOptions:
    return replace(OPTIONS, **options)


def variant(number: int = 1, **fields: Any) -> RemoteVariant:
    return RemoteVariant(VARIANT.format(number), f"SKU-{number}", f"Stool {number}", **{"stock": 5, **fields})
