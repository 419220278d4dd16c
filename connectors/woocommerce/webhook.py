"""A webhook of a store: is it real, is it from this store, and which order does it hint at.

Each connection has a secret of its own, which we gave to the store. A copy of the store (a staging site) has it too:
the source is checked beside the signature.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors import signatures
from connectors.base import Account, InboundNotice
from connectors.errors import BadSignatureError
from connectors.woocommerce import reading
from connectors.woocommerce.mapping import REFERENCE

TOPICS = ("order.updated", "order.deleted", "order.restored")
CHANNEL_TOPICS = ("order.created",)  # told of every order: asked for only where orders come from

sign = signatures.base64_of  # the value of X-WC-Webhook-Signature

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


def parse(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account) -> InboundNotice | None:
    """The notice, when the raw body is signed with any of the secrets and comes from the account's store.

    None for the greeting that WooCommerce sends, unsigned, for every new webhook. Raises BadSignatureError otherwise.
    The id that WooCommerce gives a delivery is shared by all of one second: ours is of what the delivery says.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if "x-wc-webhook-signature" not in given and _PING.fullmatch(body):
        return None
    signatures.check(given.get("x-wc-webhook-signature", ""), body, secrets, sign=sign)
    _check_source(given.get("x-wc-webhook-source", ""), account)
    topic = given.get("x-wc-webhook-topic", "")
    if topic not in (*TOPICS, *CHANNEL_TOPICS):
        raise BadSignatureError("The webhook is of a topic that nobody asked for.")
    payload = signatures.payload_of(body)
    order_id, changed_at = _order_id(payload), _time(payload.get("date_modified_gmt"))
    changed = changed_at.isoformat() if changed_at else ""
    return InboundNotice(
        event_id=f"{topic}:{order_id}:{changed}:{hashlib.sha256(body).hexdigest()[:40]}",
        topic=topic,
        remote_order_id=order_id,
        reference=_reference(payload),
        occurred_at=changed_at,
    )


def _check_source(given: str, account: Account) -> None:
    home = account.shop_domain or reading.address(account.base_url)
    try:
        source = reading.address(given)
    except ValueError:
        source = ""
    if source != home:
        raise BadSignatureError("The webhook is from another store.")


def _order_id(payload: Mapping[str, Any]) -> str:
    """Empty for an order that was gone before its webhook left: the body is an error then."""
    number = payload.get("id")
    whole = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**20
    return str(number) if whole else ""


def _reference(payload: Mapping[str, Any]) -> str:
    """Our reference, or what another app wrote in its place: anything that cannot be ours is left out."""
    pairs = payload.get("meta_data")
    for pair in pairs if isinstance(pairs, list) else ():
        value = pair.get("value") if isinstance(pair, dict) and pair.get("key") == REFERENCE else None
        if reference := signatures.reference_of(value):
            return reference
    return ""


def _time(value: Any) -> datetime | None:
    """A time as WooCommerce writes it; None for anything else."""
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None
