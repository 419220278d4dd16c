"""Practice stores as ready-made choices in the connect form; empty when there are none."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from accounts.models import Merchant
from connectors.models import Connection


def offers(merchant: Merchant) -> list[Any]:
    """Practice shops that the merchant has not connected."""
    taken = set(Connection.objects.of(merchant).standing().values_list("base_url", flat=True))
    shops = apps.get_model("connectors", "PracticeShop").objects.order_by("name", "pk")
    return [shop for shop in shops if address(shop.slug) not in taken]


def prefilled(slug: str) -> dict[str, str]:
    """The form's first values for a practice shop: a person trying out need not look for tokens."""
    if not slug or not settings.PRACTICE_STORES:
        return {}
    shop = apps.get_model("connectors", "PracticeShop").objects.filter(slug=slug).first()
    return {"base_url": address(shop.slug), "name": shop.name} if shop else {}


def address(slug: str) -> str:
    return f"{settings.BASE_URL}/practice/shopify/{slug}"
