"""A customer's order in a practice store: what the store's own checkout makes of a cart, stored as any order is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.practice import events
from connectors.practice.models import PracticeEvent, PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine, Change
from connectors.practice.services import PracticeError
from connectors.practice.shopify import places
from connectors.practice.shopify.creating import create_order
from connectors.practice.shopify.rules import OrderRefused

RATE, TAX = Decimal("0.15"), "GST"


def place(shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
    """Raises PracticeError for what the checkout would not take."""
    try:
        order = create_order(shop.pk, _order(shop, cart), {"inventoryBehaviour": "DECREMENT_OBEYING_POLICY"}, at=at)
    except OrderRefused as refused:
        raise PracticeError(str(refused)) from refused
    if cart.pickup:
        order.details = {**order.details, "pickup": True}
        order.save(update_fields=["details"])
    PracticeEvent.objects.filter(order=order).update(text="A customer placed this order.")
    events.tell(Change("created", order))
    return order


def _order(shop: PracticeShop, cart: Cart) -> dict[str, Any]:
    """In the words of orderCreate."""
    lines = [_line(shop, line) for line in cart.lines]
    way = (
        {"title": places.names(shop)[0], "code": "pickup"} if cart.pickup else {"title": "Standard", "code": "standard"}
    )
    shipping = {**way, **_priced(shop, cart.shipping, cart.shipping)}
    order: dict[str, Any] = {
        "currency": shop.currency,
        "taxesIncluded": shop.taxes_included,
        "lineItems": lines,
        "shippingLines": [shipping],
        "email": cart.email or None,
        "customer": _customer(cart),
        "note": cart.note or None,
        "shippingAddress": None if cart.pickup else cart.address,
        "billingAddress": cart.address,
        "financialStatus": "PENDING",
    }
    if cart.paid:
        taxed = [] if shop.taxes_included else [tax for part in (*lines, shipping) for tax in part["taxLines"]]
        net = money.total(line.price * line.quantity for line in cart.lines) + cart.shipping
        whole = net + money.total(tax["priceSet"]["shopMoney"]["amount"] for tax in taxed)
        sale = {"kind": "SALE", "status": "SUCCESS", "gateway": "bogus", "amountSet": _bag(shop, whole)}
        order |= {"financialStatus": "PAID", "transactions": [sale]}
    return {name: value for name, value in order.items() if value is not None}


def _customer(cart: Cart) -> dict[str, Any] | None:
    """Who buys becomes a customer of the store."""
    address = cart.address or {}
    names = {name: address[name] for name in ("firstName", "lastName") if address.get(name)}
    return {"toUpsert": {"email": cart.email, **names}} if cart.email else None


def _line(shop: PracticeShop, line: CartLine) -> dict[str, Any]:
    named = {"variantId": f"gid://shopify/ProductVariant/{line.variant.pk}"} if line.variant else {"title": line.title}
    amount = line.price * line.quantity
    return {**named, "quantity": line.quantity, "requiresShipping": True, **_priced(shop, line.price, amount)}


def _priced(shop: PracticeShop, price: Decimal, amount: Decimal) -> dict[str, Any]:
    whole = amount * RATE / (1 + RATE) if shop.taxes_included else amount * RATE
    tax = {"title": TAX, "rate": RATE, "priceSet": _bag(shop, money.round_half_up(whole, shop.currency))}
    return {"priceSet": _bag(shop, price), "taxLines": [tax]}


def _bag(shop: PracticeShop, amount: Decimal) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": shop.currency}}
