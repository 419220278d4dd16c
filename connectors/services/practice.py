"""Practice stores as ready-made choices in the connect form; empty when there are none."""

from __future__ import annotations

from collections.abc import Mapping
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


def completed(posted: Mapping[str, str]) -> Mapping[str, str]:
    """What was posted; for a practice shop that was chosen, with the address and keys that a person would copy."""
    slug = posted.get("practice", "") if settings.PRACTICE_STORES else ""
    shop = apps.get_model("connectors", "PracticeShop").objects.filter(slug=slug).first() if slug else None
    if shop is None:
        return posted
    return {
        "base_url": address(shop.slug),
        "access_token": shop.access_token,
        "webhook_secret": shop.webhook_secret,
        "name": shop.name,
    }


def address(slug: str) -> str:
    return f"{settings.BASE_URL}/practice/shopify/{slug}"
