"""Orders as every store's driver gets them: delivered in Auckland, in NZD, with GST inside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Address, OutboundLine, OutboundOrder, OutboundTax, PickupPlace, PushOptions

HOME = Address("Harriet", "Ngata", "", "12 Ponsonby Road", "", "Auckland", "AUK", "1011", "NZ", "+64211234567")
SHOWROOM = PickupPlace("Kauri Showroom", "9 Customs Street, Auckland", "Ring the bell")
OPTIONS = PushOptions(
    order_url="https://portal.example.com/orders/abc/",
    tag="ArchiPro Order",
    note="ArchiPro order AP-1\nhttps://portal.example.com/orders/abc/",
)


def line_of(number: int, **fields: Any) -> OutboundLine:
    given = {"quantity": 2, "unit_price": Decimal("50.00"), **fields}
    return OutboundLine(f"line-{number}", f"SKU-{number}", f"Stool {number}", **given)


def tax(amount: str, *, rate: str = "0.15", title: str = "GST") -> OutboundTax:
    return OutboundTax(title, Decimal(rate), Decimal(amount))


def order_of(*lines: OutboundLine, **fields: Any) -> OutboundOrder:
    """Its subtotal, tax and total are worked out from what is given, unless they are given too."""
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
        taxed = [*given.shipping_taxes, *(each for part in lines for each in part.taxes)]
        given = replace(given, tax=sum((part.amount for part in taxed), Decimal(0)))
    if "total" not in fields:
        on_top = Decimal(0) if given.prices_include_tax else given.tax
        given = replace(given, total=given.subtotal - given.discount + given.shipping + on_top)
    return given


def with_options(**options: Any) -> PushOptions:
    return replace(OPTIONS, **options)
