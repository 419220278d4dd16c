"""A customer's order on a practice site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.practice import events
from connectors.practice.models import PracticeEvent, PracticeLine, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, Change
from connectors.practice.squarespace.importing import next_name

RATE = Decimal("0.15")
_NAMES = {"provinceCode": "state", "zip": "postalCode"}


def place(shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
    """Inside a transaction."""
    subtotal = money.total(line.price * line.quantity for line in cart.lines)
    net = subtotal + cart.shipping
    tax = money.round_half_up(net * RATE / (1 + RATE) if shop.taxes_included else net * RATE, shop.currency)
    total = net if shop.taxes_included else net + tax
    order = PracticeOrder.objects.create(
        shop=shop,
        name=next_name(shop),
        created_at=at,
        updated_at=at,
        currency=shop.currency,
        taxes_included=shop.taxes_included,
        subtotal=subtotal,
        shipping=cart.shipping,
        tax=tax,
        total=total,
        received=total if cart.paid else Decimal(0),
        financial_status="PAID" if cart.paid else "NOT_CHARGED",
        note=cart.note,
        details={"sent": _sent(shop, cart), **_shown(cart)},
    )
    PracticeLine.objects.bulk_create(
        PracticeLine(
            order=order,
            variant=line.variant,
            sku=line.variant.sku if line.variant else "",
            title=line.title,
            quantity=line.quantity,
            price=line.price,
            requires_shipping=True,
        )
        for line in cart.lines
    )
    PracticeEvent.objects.create(order=order, at=at, text="A customer placed this order.")
    events.tell(Change("created", order))
    return order


def in_site_words(address: Mapping[str, str]) -> dict[str, str]:
    return {_NAMES.get(key, key): value for key, value in address.items() if value}


def _sent(shop: PracticeShop, cart: Cart) -> dict[str, Any]:
    address = in_site_words(cart.address) if cart.address else None
    return {
        "channel": "web",
        "customerEmail": cart.email or None,
        "billingAddress": address,
        "shippingAddress": address,
        "shippingLines": [{"method": "Standard", "amount": _money(shop, cart.shipping)}],
        "priceTaxInterpretation": "INCLUSIVE" if shop.taxes_included else "EXCLUSIVE",
    }


def _shown(cart: Cart) -> dict[str, Any]:
    """By the names that the practice pages know."""
    address = {"billingAddress": dict(cart.address), "shippingAddress": dict(cart.address)} if cart.address else {}
    return {**address, "email": cart.email, "shippingLines": [{"title": "Standard"}]}


def _money(shop: PracticeShop, amount: Decimal) -> dict[str, str]:
    return {"currency": shop.currency, "value": money.plain(amount, shop.currency)}
