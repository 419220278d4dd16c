"""Merchants and practice stores for a browser test of their own, made in a process of the portal's own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Marketplace, User
from accounts.services import api_keys, merchants
from connectors.practice import buying
from connectors.practice import services as practice
from connectors.practice.models import PracticeShop
from connectors.practice.platforms import Cart, CartLine

BY = "tests"
HARRIET = {
    "firstName": "Harriet", "lastName": "Ngata", "address1": "12 Ponsonby Road", "city": "Auckland",
    "provinceCode": "AUK", "zip": "1011", "countryCode": "NZ", "phone": "+64211234567",
}  # fmt: skip


def open_business(
    *, slug: str, name: str, password: str, products: dict[str, str], marketplace: str = "", **fields: Any
) -> dict[str, str]:
    """A merchant, its owner, and a practice store of the same slug that nobody has connected yet.

    `products` are titles by SKU. Returns the owner's address and the keys of the marketplace and of the merchant.
    """
    now = timezone.now()
    email = f"owner@{slug}.example"
    owner = User.objects.create_user(email, password, first_name=name.split(maxsplit=1)[0])
    EmailAddress.objects.create(user=owner, email=email, verified=True, primary=True)
    place = {"currency": "NZD", "country_code": "NZ", "time_zone": "Pacific/Auckland"}
    chosen = place | {name: fields.pop(name) for name in tuple(fields) if name in place}
    merchant = merchants.create(name=name, slug=slug, owner=owner, by=BY, at=now, alert_addresses=[email], **chosen)
    keys = {"owner": email, "marketplace_key": ""}
    issued = {"can_write": True, "expires_at": None, "by": BY, "at": now}
    if marketplace:
        market, _ = Marketplace.objects.get_or_create(slug=marketplace.lower(), defaults={"name": marketplace})
        market.merchants.add(merchant)
        keys["marketplace_key"] = api_keys.issue(name=marketplace, marketplace=market, **issued)[1]
    open_store(slug=slug, currency=chosen["currency"], products=products, name=name, **fields)
    return keys | {"merchant_key": api_keys.issue(name="script", merchant=merchant, **issued)[1]}


def open_store(*, slug: str, name: str, currency: str, products: dict[str, str], **fields: Any) -> None:
    """A practice store in which everything costs 30.00 and there are ten of each."""
    variants = [
        {"sku": sku, "title": title, "price": "30.00", "stock": 10, "details": fields.get("details", {})}
        for sku, title in products.items()
    ]
    platform = fields.get("platform", "shopify")
    practice.open_shop(
        slug=slug, name=f"{name} store", currency=currency, taxes_included=currency != "USD", variants=variants,
        platform=platform,
    )  # fmt: skip


def buy(slug: str, *skus: str, **address: str) -> str:
    """Two of each, paid, as a customer of the store does. The order's number there."""
    shop = PracticeShop.objects.get(slug=slug)
    variants = [shop.variants.get(sku=sku) for sku in skus]
    lines = tuple(CartLine(variant, variant.title, 2, Decimal(30)) for variant in variants)
    cart = Cart(lines, shipping=Decimal(8), paid=True, email="harriet@example.com", address={**HARRIET, **address})
    return buying.buy(shop_id=shop.pk, cart=cart).name
