"""The store's settings, in WooCommerce's words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from connectors.practice.models import PracticeShop
from connectors.practice.woocommerce.refusal import Refusal


def home(shop: PracticeShop) -> str:
    return f"{urlsplit(settings.BASE_URL).scheme}://{shop.domain}"


def group(shop: PracticeShop, name: str) -> list[dict[str, Any]]:
    """Raises Refusal for a group that there is not."""
    values = {"general": _general, "tax": _tax}.get(name)
    if values is None:
        raise Refusal(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    return [{"id": f"woocommerce_{key}", "value": value} for key, value in values(shop).items()]


def _general(shop: PracticeShop) -> dict[str, Any]:
    base = shop.settings["base"]
    return {
        "store_address": "1 Quay Street",
        "store_city": base["city"],
        "default_country": f"{base['country']}:{base['state']}" if base["state"] else base["country"],
        "store_postcode": base["postcode"],
        "calc_taxes": _yes(shop.settings["calc_taxes"]),
        "currency": shop.currency,
        "price_num_decimals": str(shop.settings["decimals"]),
    }


def _tax(shop: PracticeShop) -> dict[str, Any]:
    return {
        "prices_include_tax": _yes(shop.taxes_included),
        "tax_based_on": shop.settings["tax_based_on"],
        "shipping_tax_class": shop.settings["shipping_tax_class"],
        "tax_round_at_subtotal": _yes(shop.settings["round_at_subtotal"]),
    }


def _yes(value: Any) -> str:
    return "yes" if value else "no"
