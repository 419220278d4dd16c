"""A webhook of Squarespace: is it real, is it for this site, and which order does it hint at.

Each subscription has a secret of its own, written in hex; the decoded bytes are the key. Deliveries carry no time, come
at least once and in any order: a repeat is told by its id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError

EVENT_ID_MAX, TOPIC_MAX, ORDER_ID_MAX = 200, 80, 64
NEUTRAL_TOPICS = {"extension.uninstall": "app/uninstalled"}  # what ends a connection has one name for all platforms


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> InboundNotice:
    """The notice, when the raw body is signed with any of the secrets and the site is the account's.

    Raises BadSignatureError otherwise, also for a signed body that is no notification.
    """
    given = {name.lower(): value for name, value in headers.items()}
    _check_signature(given.get("squarespace-signature", ""), body, secrets)
    payload = _payload(body)
    if not account.remote_id or payload.get("websiteId") != account.remote_id:
        raise BadSignatureError("The webhook is for another site.")
    topic = _text(payload.get("topic"), TOPIC_MAX)
    return InboundNotice(
        event_id=_text(payload.get("id"), EVENT_ID_MAX),
        topic=NEUTRAL_TOPICS.get(topic, topic),
        remote_order_id=_order_id(payload.get("data")),
        occurred_at=_time(payload.get("createdOn")),
    )


def sign(body: bytes, secret: str) -> str:
    """The value of Squarespace-Signature. Raises ValueError for a secret that is not hex."""
    return hmac.new(bytes.fromhex(secret), body, hashlib.sha256).hexdigest()


def _check_signature(given: str, body: bytes, secrets: Sequence[str]) -> None:
    """Tries every secret, so that the time taken does not tell which one fits."""
    claimed = given.encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(body, secret).encode(), claimed) for secret in secrets if _is_hex(secret)]
    if not any(matches):
        raise BadSignatureError("The webhook's signature is wrong.")


def _is_hex(secret: str) -> bool:
    """An empty secret signs nothing."""
    try:
        return bool(bytes.fromhex(secret))
    except ValueError:
        return False


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise BadSignatureError("The webhook's body is not a JSON object.")
    return payload


def _text(value: Any, longest: int) -> str:
    """A text that we store: there, printable, not too long."""
    if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
        raise BadSignatureError("The webhook lacks its id or topic.")
    return value


def _order_id(data: Any) -> str:
    """Empty when the topic is not about an order."""
    order_id = data.get("orderId") if isinstance(data, dict) else None
    known = isinstance(order_id, str) and order_id.isalnum() and order_id.isascii() and len(order_id) <= ORDER_ID_MAX
    return str(order_id) if known else ""


def _time(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None
