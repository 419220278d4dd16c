"""What a person types to connect a WooCommerce store with an API key."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError

LEAD = "An API key with read/write permission gives Storeward its way in."
FIELDS = (
    ConnectField(
        "base_url",
        "Store address",
        "The address of your WordPress site; it must start with https://",
        placeholder="https://your-store.com",
    ),
    ConnectField(
        "consumer_key",
        "Consumer key",
        "WooCommerce → Settings → Advanced → REST API → Add key, for an administrator or shop manager.",
        "secret",
        placeholder="ck_…",
    ),
    ConnectField(
        "consumer_secret", "Consumer secret", "It is shown once, beside the key.", "secret", placeholder="cs_…"
    ),
)
RECONNECT = ("consumer_key", "consumer_secret")

_KEY = re.compile(r"c[ks]_[0-9a-f]{40}")


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """Raises FieldError. `base_url`: where the store answers, when that is known without what was typed."""
    return entry(
        base_url=base_url or address(given["base_url"]),
        consumer_key=_key(given, "consumer_key", "ck_"),
        consumer_secret=_key(given, "consumer_secret", "cs_"),
    )


def entry(*, base_url: str, consumer_key: str, consumer_secret: str) -> Entry:
    """Keys, however they came, as a connection keeps them: with a new secret that the store will sign webhooks with.

    The secret is hex: WooCommerce changes some characters of others.
    """
    secret = secrets.token_hex(32)
    keys = {"consumer_key": consumer_key, "consumer_secret": consumer_secret, "webhook_secret": secret}
    return Entry(base_url=base_url, credentials=keys, webhook_secrets=(secret,))


def _key(given: Mapping[str, str], field: str, prefix: str) -> str:
    typed = given[field].strip()
    if not typed.startswith(prefix) or not _KEY.fullmatch(typed):
        raise FieldError(field, f"It starts with {prefix} and has 43 characters. Copy it once more.")
    return typed


def address(typed: str) -> str:
    """The address of a WordPress site, as https://host or https://host/path."""
    typed = typed.strip().rstrip("/")
    whole = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FieldError("base_url", "This is not an address.") from None
    if parts.scheme != "https":
        raise FieldError(
            "base_url", "Only https addresses can be connected: over http the key could be read on the way."
        )
    if not host or "." not in host:
        raise FieldError("base_url", "Give the address of the store, as https://your-store.com.")
    if parts.username or port not in (None, 443) or parts.query or parts.fragment:
        raise FieldError("base_url", "Give the address alone, as https://your-store.com.")
    path = re.split(r"/(?:wp-admin|wp-json|wp-login\.php)", parts.path)[0].rstrip("/")
    return f"https://{host}{path}"
