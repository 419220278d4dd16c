"""What a person types to connect a Shopify store with a custom app's token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError

LEAD = "A custom app in your Shopify admin gives Storeward its way in."
FIELDS = (
    ConnectField(
        "base_url",
        "Store address",
        "As in your Shopify admin: your-store.myshopify.com",
        placeholder="your-store.myshopify.com",
    ),
    ConnectField(
        "access_token", "Admin API access token", "Settings → Apps and sales channels → Develop apps.", "secret"
    ),
    ConnectField(
        "webhook_secret", "API secret key", "The app's secret: the store signs what it tells us with it.", "secret"
    ),
)
RECONNECT = ("access_token", "webhook_secret")

_HOST = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """Raises FieldError. `base_url`: where the store answers, when that is known without what was typed."""
    return Entry(
        base_url=base_url or address(given["base_url"]),
        credentials={"access_token": given["access_token"]},
        webhook_secrets=tuple(filter(None, [given.get("webhook_secret", "")])),
    )


def address(typed: str) -> str:
    """The address of a store without path, as https://host."""
    typed = typed.strip().rstrip("/")
    whole = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FieldError("base_url", "This is not an address.") from None
    if parts.scheme != "https":
        raise FieldError("base_url", "Only https addresses can be connected.")
    if not host or not _HOST.fullmatch(host):
        raise FieldError("base_url", "A Shopify store's address ends with .myshopify.com.")
    if parts.username or parts.password or port or parts.path or parts.query or parts.fragment:
        raise FieldError("base_url", "Give the address alone, as your-store.myshopify.com.")
    return f"https://{host}"
