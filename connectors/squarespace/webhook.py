"""A webhook of Squarespace: is it real, is it for this site, and which order does it hint at.

Each subscription has a secret of its own, written in hex; the decoded bytes are the key. Deliveries carry no time, come
at least once and in any order: a repeat is told by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors import signatures
from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError

ORDER_ID_MAX = 64
NEUTRAL_TOPICS = {"extension.uninstall": "app/uninstalled"}  # what ends a connection has one name for all platforms

sign = signatures.hex_of  # the value of Squarespace-Signature


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> InboundNotice:
    """The notice, when the raw body is signed with any of the secrets and the site is the account's.

    Raises BadSignatureError otherwise, also for a signed body that is no notification.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signatures.check(given.get("squarespace-signature", ""), body, filter(_is_hex, secrets), sign=sign)
    payload = signatures.payload_of(body)
    if not account.remote_id or payload.get("websiteId") != account.remote_id:
        raise BadSignatureError("The webhook is for another site.")
    topic = signatures.text_of(payload.get("topic"), signatures.TOPIC_MAX)
    return InboundNotice(
        event_id=signatures.text_of(payload.get("id"), signatures.EVENT_ID_MAX),
        topic=NEUTRAL_TOPICS.get(topic, topic),
        remote_order_id=_order_id(payload.get("data")),
        occurred_at=_time(payload.get("createdOn")),
    )


def _is_hex(secret: str) -> bool:
    try:
        return bool(bytes.fromhex(secret))
    except ValueError:
        return False


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
