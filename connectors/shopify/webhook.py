"""A webhook of Shopify: is it real, is it for this shop, and which order does it hint at.

Shopify signs with the app's secret, which is one for all shops: the signature alone does not tell whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors import signatures
from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError

sign = signatures.base64_of  # the value of X-Shopify-Hmac-Sha256


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> InboundNotice:
    """The notice, when the raw body is signed with any of the secrets and the shop is the account's.

    Raises BadSignatureError otherwise, also for a signed body that is no JSON object. A repeat has the same event_id.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signatures.check(given.get("x-shopify-hmac-sha256", ""), body, secrets, sign=sign)
    domain = _shop_domain(account)
    if not domain or given.get("x-shopify-shop-domain", "").lower() != domain:
        raise BadSignatureError("The webhook is for another shop.")
    payload = signatures.payload_of(body)
    topic = signatures.text_of(given.get("x-shopify-topic", ""), signatures.TOPIC_MAX)
    return InboundNotice(
        event_id=signatures.text_of(given.get("x-shopify-webhook-id", ""), signatures.EVENT_ID_MAX),
        topic=topic,
        remote_order_id=_order_id(topic, payload),
        reference=signatures.reference_of(payload.get("source_identifier")),
        occurred_at=_time(given.get("x-shopify-triggered-at", "")),
        api_version=_version(given.get("x-shopify-api-version", "")),
    )


def _shop_domain(account: Account) -> str:
    return (account.shop_domain or urlsplit(account.base_url).hostname or "").lower()


def _order_id(topic: str, payload: Mapping[str, Any]) -> str:
    """The gid of the order that the payload is about or belongs to; empty when the topic is about none."""
    subject = topic.partition("/")[0].lower()
    gid = payload.get("admin_graphql_api_id")
    if subject == "orders" and isinstance(gid, str) and re.fullmatch(r"gid://shopify/Order/[0-9]{1,20}", gid):
        return gid
    if subject == "orders":
        edit = payload.get("order_edit")
        number = edit.get("order_id") if isinstance(edit, dict) else payload.get("id")
    elif subject in ("fulfillments", "refunds", "fulfillment_events"):
        number = payload.get("order_id")
    else:
        return ""
    whole = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**20
    return f"gid://shopify/Order/{number}" if whole else ""


def _version(value: str) -> str:
    """As "2026-10" or "unstable"; empty for what is no version's name."""
    return value if re.fullmatch(r"[a-z0-9-]{1,20}", value, re.ASCII) else ""


def _time(value: str) -> datetime | None:
    """In UTC; None for what is no instant of the calendar, as "0001-01-01T00:00:00+14:00"."""
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
