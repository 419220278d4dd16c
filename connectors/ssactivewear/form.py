"""What a person types to connect an account of S&S Activewear, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.base import ConnectField, Entry
from connectors.errors import FieldError

LEAD = "Your account number and an API key are all it takes; orders are paid as your account is set up."
REGIONS = (
    ("https://api.ssactivewear.com/v2", "United States"),
    ("https://api-ca.ssactivewear.com/v2", "Canada"),
)
FIELDS: tuple[ConnectField, ...] = (
    ConnectField("base_url", "Region", help="Where your S&S account is.", kind="choice", choices=REGIONS),
    ConnectField("account_number", "Account number", help="Your customer number at S&S: digits only."),
    ConnectField(
        "api_key",
        "API key",
        help="From your account on the S&S website, or from api@ssactivewear.com.",
        kind="secret",
        placeholder="00000000-0000-0000-0000-000000000000",
    ),
)
RECONNECT: tuple[str, ...] = ("account_number", "api_key")

_API_KEY = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ACCOUNT_NUMBER = re.compile(r"[0-9]{1,20}")


def read(given: Mapping[str, str], *, base_url: str = "") -> Entry:
    """What was typed, as a connection keeps it. Raises FieldError in plain words.

    `base_url`: where the supplier answers, when that is known without what was typed.
    """
    number, key = given.get("account_number", "").strip(), given.get("api_key", "").strip()
    if not _ACCOUNT_NUMBER.fullmatch(number):
        raise FieldError("account_number", "The account number is made of digits only.")
    if not _API_KEY.fullmatch(key):
        raise FieldError("api_key", "An API key looks like 00000000-0000-0000-0000-000000000000. Copy it whole.")
    where = base_url or address(given.get("base_url", ""))
    return Entry(base_url=where, credentials={"account_number": number, "api_key": key})


def address(chosen: str) -> str:
    """That of a region. Raises FieldError."""
    region = chosen.strip().rstrip("/")
    if region in dict(REGIONS):
        return region
    raise FieldError("base_url", "Choose the United States or Canada.")
