"""What a person types to connect a Squarespace site with an API key."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError

API = "https://api.squarespace.com"
KEY_MAX = 300

LEAD = "An API key of your site gives Storeward its way in."
FIELDS = (
    ConnectField(
        "api_key",
        "API key",
        "Settings → Advanced → Developer API Keys: Orders and Inventory, both read and write.",
        "secret",
    ),
    ConnectField(
        "base_url",
        "API address",
        f"Leave it empty. A key belongs to one site, and all sites answer at {API}.",
        required=False,
        placeholder=API,
    ),
)
RECONNECT = ("api_key",)


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """Raises FieldError. `base_url`: where the site answers, when that is known without what was typed."""
    where = base_url or address(given.get("base_url", ""))
    return Entry(base_url=where, credentials={"api_key": _key(given["api_key"])})


def _key(typed: str) -> str:
    key = typed.strip()
    if not key:
        raise FieldError("api_key", "Give the API key.")
    if len(key) > KEY_MAX or not key.isascii() or not key.isprintable() or " " in key:
        raise FieldError("api_key", "This is not an API key: copy it once more, without anything around it.")
    return key


def address(typed: str) -> str:
    """Where the site answers. Raises FieldError."""
    whole = typed.strip().rstrip("/")
    if whole.lower() in ("", API, API.removeprefix("https://")):
        return API
    raise FieldError("base_url", f"Squarespace answers at {API} alone. Leave this empty.")
