"""Webhooks of every platform: a signature over the raw body, a JSON object in it, and texts that are worth keeping.

Which header, which secret and which shop is each driver's own business.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from typing import Any

from connectors.errors import BadSignatureError

EVENT_ID_MAX, TOPIC_MAX, REFERENCE_MAX = 200, 80, 120


def base64_of(body: bytes, secret: str) -> str:
    """HMAC-SHA256, as Shopify and WooCommerce write it."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def hex_of(body: bytes, secret: str) -> str:
    """HMAC-SHA256 with a secret that is written in hex, as Squarespace has it. Raises ValueError for any other."""
    return hmac.new(bytes.fromhex(secret), body, hashlib.sha256).hexdigest()


def check(given: str, body: bytes, secrets: Iterable[str], *, sign: Callable[[bytes, str], str]) -> None:
    """Raises BadSignatureError unless one of the secrets signs the body so. An empty one signs nothing.

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


def text_of(value: Any, longest: int) -> str:
    """An id or topic that we store: there, printable, not too long. Raises BadSignatureError otherwise."""
    if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
        raise BadSignatureError("The webhook lacks its id or topic.")
    return value


def reference_of(value: Any) -> str:
    """Our reference, or what another app wrote in its place: empty for anything that cannot be ours."""
    return value if isinstance(value, str) and len(value) <= REFERENCE_MAX and value.isprintable() else ""
