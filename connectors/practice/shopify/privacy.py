"""The end of an app in a store, and the three mandatory webhooks about personal data (shopify.dev, November 2026)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from connectors.practice import apps
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError

DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
TOPICS = {
    DATA_REQUEST: "A customer asks for their data",
    CUSTOMER_REDACT: "A customer's data are to be removed",
    SHOP_REDACT: "The shop's data are to be removed",
}
_REDACTED_AFTER = timedelta(hours=48)
_UNINSTALLED = "uninstalled_at"


def secret() -> str:
    """These come from the app, whoever pasted which token into it."""
    return apps.secret("shopify")


def address() -> str:
    """As the app's registration names it: one for all shops."""
    return f"{settings.BASE_URL}/webhooks/shopify/privacy/"


def uninstalled(shop: PracticeShop) -> tuple[str, Mapping[str, Any]]:
    about = {"id": shop.pk, "name": shop.name, "domain": shop.domain, "myshopify_domain": shop.domain}
    return "app/uninstalled", about


def forget_app(shop: PracticeShop) -> None:
    """A token that was pasted is dead too: the store shows another from then on."""
    shop.webhooks.all().delete()
    shop.access_token = f"shpat_{secrets.token_hex(16)}"
    shop.settings = {**shop.settings, _UNINSTALLED: timezone.now().isoformat()}
    shop.save(update_fields=["access_token", "settings"])


def request(shop: PracticeShop, topic: str, order: PracticeOrder | None) -> tuple[Mapping[str, Any], datetime]:
    """Raises PracticeError where Shopify would not ask."""
    if not secret():
        raise PracticeError("No app is registered: these webhooks are signed with its secret.")
    head: dict[str, Any] = {"shop_id": shop.pk, "shop_domain": shop.domain}
    if topic == SHOP_REDACT:
        gone = shop.settings.get(_UNINSTALLED)
        if not gone:
            raise PracticeError("Uninstall the app first: Shopify asks for this 48 hours later.")
        return head, datetime.fromisoformat(gone) + _REDACTED_AFTER
    if order is None:
        raise PracticeError("Choose an order of the customer.")
    orders, customer = _orders_of(order), _customer(order)
    if topic == DATA_REQUEST:
        asked = {"orders_requested": orders, "customer": customer, "data_request": {"id": order.pk}}
    else:
        asked = {"orders_to_redact": orders, "customer": customer}
    return head | asked, timezone.now()


def _orders_of(order: PracticeOrder) -> list[int]:
    """All of the same customer, as far as e-mail addresses tell."""
    email = order.details.get("email")
    same = PracticeOrder.objects.filter(shop=order.shop, details__email=email) if email else [order]
    return sorted(row.pk for row in same)


def _customer(order: PracticeOrder) -> dict[str, Any]:
    return {
        "id": order.customer_id or order.pk,
        "email": order.details.get("email"),
        "phone": order.details.get("phone"),
    }
