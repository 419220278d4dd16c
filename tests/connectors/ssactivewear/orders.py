"""Orders as the S&S Activewear driver gets them."""

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
    PushOptions,
    RemoteVariant,
    SupplierOptions,
)

KEY = "11111111-2222-3333-4444-555555555555"
ACCOUNT = Account(
    base_url="https://api.ssactivewear.com/v2",
    credentials={"account_number": "12345", "api_key": KEY},
    currency="USD",
    remote_id="12345",
)
HOME = Address("Harriet", "Ngata", "", "12 Main St", "Unit 4", "Bolingbrook", "IL", "60440", "US", "+16305550100")
STORE = Address("", "", "Kauri Prints", "9 Customs St", "", "Portland", "OR", "97201-1234", "US")


def line(number: int = 3, **fields: Any) -> OutboundLine:
    given = {"quantity": 2, "unit_price": Decimal("20.00"), "variant_id": f"B0076000{number}", **fields}
    return OutboundLine(f"line-{number}", f"TEE-{number}", f"Tee {number}", **given)


def order(*lines: OutboundLine, supplier: SupplierOptions | None = None, **fields: Any) -> OutboundOrder:
    """A paid USD order that goes to a house in Illinois."""
    lines = lines or (line(),)
    subtotal = sum((part.unit_price * part.quantity for part in lines), Decimal(0))
    base = OutboundOrder(
        reference="SW-1",
        number="AP-1",
        channel_name="ArchiPro",
        placed_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        currency="USD",
        prices_include_tax=False,
        lines=lines,
        subtotal=subtotal,
        discount=Decimal(0),
        shipping=Decimal(0),
        shipping_title="Standard delivery",
        shipping_taxes=(),
        tax=Decimal(0),
        total=subtotal,
        billing=HOME,
        shipping_address=HOME,
        pickup=None,
        customer_name="Harriet Ngata",
        customer_email="harriet@example.com",
        customer_phone="+16305550100",
        customer_note="",
        attributes={},
        options=PushOptions(order_url="https://portal.example.com/orders/abc/", supplier=supplier or SupplierOptions()),
    )
    return replace(base, **fields)


def variant(number: int = 3, **fields: Any) -> RemoteVariant:
    sku = f"B0076000{number}"
    return RemoteVariant(sku, sku, f"Tee {number}", **{"stock": 5, **fields})


def variants(*found: RemoteVariant) -> dict[str, RemoteVariant]:
    return {each.variant_id: each for each in found or (variant(),)}
