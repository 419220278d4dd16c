"""A webhook of Shopify: is it real, is it for this shop, and which order does it hint at.

Shopify signs with the app's secret, which is one for all shops: the signature alone does not tell whose it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError

EVENT_ID_MAX, TOPIC_MAX, REFERENCE_MAX = 200, 80, 120


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> InboundNotice:
    """The notice, when the raw body is signed with any of the secrets and the shop is the account's.

    Raises BadSignatureError otherwise, also for a signed body that is no JSON object. A repeat has the same event_id.
    """
    given = {name.lower(): value for name, value in headers.items()}
    check_signature(given.get("x-shopify-hmac-sha256", ""), body, secrets)
    domain = _shop_domain(account)
    if not domain or given.get("x-shopify-shop-domain", "").lower() != domain:
        raise BadSignatureError("The webhook is for another shop.")
    payload = payload_of(body)
    topic = text_of(given.get("x-shopify-topic", ""), TOPIC_MAX)
    return InboundNotice(
        event_id=text_of(given.get("x-shopify-webhook-id", ""), EVENT_ID_MAX),
        topic=topic,
        remote_order_id=_order_id(topic, payload),
        reference=_reference(payload),
        occurred_at=_time(given.get("x-shopify-triggered-at", "")),
    )


def sign(body: bytes, secret: str) -> str:
    """The value of X-Shopify-Hmac-Sha256."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def check_signature(given: str, body: bytes, secrets: Sequence[str]) -> None:
    """Raises BadSignatureError. An empty secret signs nothing.

    Tries every secret, so that the time taken does not tell which one fits.
    """
    claimed = given.encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), claimed) for secret in secrets if secret]
    if not any(matches):
        raise BadSignatureError("The webhook's signature is wrong.")


def payload_of(body: bytes) -> dict[str, Any]:
    """The JSON object. Raises BadSignatureError for anything else."""
    try:
        payload = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise BadSignatureError("The webhook's body is not a JSON object.")
    return payload


def text_of(value: str, longest: int) -> str:
    """A header that we store: there, printable, not too long."""
    if not value or len(value) > longest or not value.isprintable():
        raise BadSignatureError("The webhook lacks its id or topic.")
    return value


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


def _reference(payload: Mapping[str, Any]) -> str:
    """Our reference, or what another app wrote in its place: anything that cannot be ours is left out."""
    value = payload.get("source_identifier")
    return value if isinstance(value, str) and len(value) <= REFERENCE_MAX and value.isprintable() else ""


def _time(value: str) -> datetime | None:
    """In UTC; None for what is no instant of the calendar, as "0001-01-01T00:00:00+14:00"."""
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
