"""Practice stores as ready-made choices in the connect form; empty when there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.models import Merchant
from connectors.models import Connection
from connectors.practice import platforms
from connectors.practice.models import PracticeShop


def offers(merchant: Merchant, platform: str) -> list[PracticeShop]:
    """Practice shops of a platform that the merchant has not connected; those in its own currency first."""
    if not settings.PRACTICE_STORES:
        return []
    taken = set(Connection.objects.of(merchant).standing().values_list("base_url", flat=True))
    shops = PracticeShop.objects.filter(platform=platform).order_by("name", "pk")
    free = [shop for shop in shops if address(shop) not in taken]
    return sorted(free, key=lambda shop: shop.currency != merchant.currency)


def choices(merchant: Merchant, platform: str) -> list[tuple[str, str]]:
    """The same by address and name, for a platform whose address is chosen and not typed."""
    return [(address(shop), f"Practice: {shop.name} ({shop.currency})") for shop in offers(merchant, platform)]


def completed(posted: Mapping[str, str], platform: str) -> Mapping[str, str]:
    """What was posted; for a practice shop that was chosen, with the address and keys that a person would copy."""
    slug = posted.get("practice", "") if settings.PRACTICE_STORES else ""
    shop = PracticeShop.objects.filter(slug=slug, platform=platform).first() if slug else None
    if shop is None:
        return posted
    copied = {item.name: item.value for item in platforms.of(shop).typed(shop)}
    return {"base_url": address(shop), "name": shop.name, **copied}


def address(shop: PracticeShop) -> str:
    return f"{settings.BASE_URL}{platforms.address(shop)}"


def prefix() -> str:
    """How the addresses of practice stores begin; empty when there are none."""
    return f"{settings.BASE_URL}/practice/" if settings.PRACTICE_STORES else ""


def is_practice(base_url: str) -> bool:
    return bool(prefix()) and base_url.startswith(prefix())


def typed(address: Any) -> str:
    """The address of a practice store as it was typed; empty for any other, which its platform reads."""
    whole = str(address or "").strip().rstrip("/")
    whole = whole if "://" in whole else f"https://{whole}"
    return whole if is_practice(whole) else ""


def domain(base_url: str) -> str:
    """What the practice shop at an address calls itself; empty when there is none."""
    if not is_practice(base_url):
        return ""
    platform, _, slug = base_url.removeprefix(prefix()).partition("/")
    shop = PracticeShop.objects.filter(platform=platform, slug=slug).first()
    return shop.domain if shop else ""
