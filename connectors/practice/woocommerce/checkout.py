"""A customer's order in a practice store, and what is changed on it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from connectors.practice.woocommerce import ordering, taxes

_FLAT_RATE = {"method_id": "flat_rate", "method_title": "Flat rate"}
_PICKUP = {"method_id": "local_pickup", "method_title": "Local pickup"}
_NAMES = {page: name for name, page in ordering.PAGE_NAMES.items()}


def place(shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
    """Inside a transaction."""
    address = in_store_words(cart.address or {})
    billing = {**address, **({"email": cart.email} if cart.email else {})}
    paid = {"status": "processing", "set_paid": True} if cart.paid else {"status": "pending"}
    body: dict[str, Any] = {
        **paid,
        "created_via": "checkout",
        "payment_method": "card" if cart.paid else "bacs",
        "payment_method_title": "Card" if cart.paid else "Bank transfer",
        "customer_note": cart.note,
        "billing": billing,
        "shipping": {} if cart.pickup else address,
        "line_items": [_line(shop, line) for line in cart.lines],
        "shipping_lines": [
            {**(_PICKUP if cart.pickup else _FLAT_RATE), "total": _net(shop, cart.shipping)},
        ],
    }
    return ordering.create(shop.pk, body, at=at)


def in_store_words(address: Mapping[str, str]) -> dict[str, str]:
    return {_NAMES[key]: value for key, value in address.items() if key in _NAMES and value}


def _line(shop: PracticeShop, line: CartLine) -> dict[str, Any]:
    """A product that is in no catalog is an unknown SKU with a name and sums of its own."""
    amount = _net(shop, line.price * line.quantity)
    if line.variant:
        return {"product_id": line.variant.pk, "quantity": line.quantity, "subtotal": amount, "total": amount}
    return {
        "sku": "(none)", "name": line.title, "quantity": line.quantity, "subtotal": amount, "total": amount,
    }  # fmt: skip


def _net(shop: PracticeShop, amount: Decimal) -> str:
    return f"{taxes.without_tax(shop, amount, ''):.6f}"
