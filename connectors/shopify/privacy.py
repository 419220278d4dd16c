"""Shopify's three mandatory webhooks about personal data. They come to one address for all shops of our app.

shopify.dev, "Privacy law compliance", November 2026: answer 200 at once, act within 30 days; 401 for a wrong signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors import signatures
from connectors.errors import BadSignatureError
from connectors.shopify import webhook

DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT = "customers/data_request", "customers/redact", "shop/redact"
TOPICS = (DATA_REQUEST, CUSTOMER_REDACT, SHOP_REDACT)

REDACTED_AFTER = timedelta(hours=48)  # from the uninstall to shop/redact; shopify.dev, the same page

ORDERS_MAX = 5000
_ORDERS_OF = {DATA_REQUEST: "orders_requested", CUSTOMER_REDACT: "orders_to_redact"}


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """What is asked, by ids alone: names and addresses in it are not taken over."""

    event_id: str
    topic: str
    shop_domain: str
    remote_order_ids: tuple[str, ...] = ()  # as gid
    remote_customer_id: str = ""
    remote_id: str = ""  # Shopify's number of a data request
    triggered_at: datetime | None = None  # a retry brings the same


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> PrivacyNotice:
    """The notice, when the raw body is signed with any of the app's secrets. Raises BadSignatureError otherwise."""
    given = {name.lower(): value for name, value in headers.items()}
    signatures.check(given.get("x-shopify-hmac-sha256", ""), body, secrets, sign=webhook.sign)
    payload = signatures.payload_of(body)
    topic = signatures.text_of(given.get("x-shopify-topic", ""), signatures.TOPIC_MAX)
    if topic not in TOPICS:
        raise BadSignatureError("The webhook is not about personal data.")
    domain = signatures.text_of(given.get("x-shopify-shop-domain", ""), 253).lower()
    if str(payload.get("shop_domain") or domain).lower() != domain:
        raise BadSignatureError("The webhook names two shops.")
    return PrivacyNotice(
        event_id=signatures.text_of(given.get("x-shopify-webhook-id", ""), signatures.EVENT_ID_MAX),
        topic=topic,
        shop_domain=domain,
        remote_order_ids=_orders(payload.get(_ORDERS_OF.get(topic, ""))),
        remote_customer_id=_id_in(payload.get("customer")),
        remote_id=_id_in(payload.get("data_request")),
        triggered_at=_time(given.get("x-shopify-triggered-at", "")),
    )


def _time(text: str) -> datetime | None:
    """None when it was not said, or not as a time with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _orders(numbers: Any) -> tuple[str, ...]:
    """Gids of what are ids; numbers may come as text."""
    listed = numbers[:ORDERS_MAX] if isinstance(numbers, list) else []
    ids = (_id(number) for number in listed)
    return tuple(dict.fromkeys(f"gid://shopify/Order/{number}" for number in ids if number))


def _id_in(part: Any) -> str:
    return _id(part.get("id")) if isinstance(part, dict) else ""


def _id(number: Any) -> str:
    text = "" if isinstance(number, bool) else str(number)
    return text if text.isascii() and text.isdigit() and len(text) <= 20 else ""
