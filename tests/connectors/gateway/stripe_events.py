"""Events as Stripe signs and sends them."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from tests.factories import NOON

SECRET = "whsec_canary"


def event(topic: str = "payment_intent.canceled", **fields: Any) -> bytes:
    body = {
        "id": "evt_1Kauri",
        "object": "event",
        "type": topic,
        "data": {"object": {"id": "pi_1Kauri", "object": "payment_intent"}},
        **fields,
    }
    return json.dumps(body).encode()


def about(kind: str, **fields: Any) -> dict[str, Any]:
    return {"data": {"object": {"id": f"{kind}_1", "object": kind, **fields}}}


def mac(body: bytes, *, secret: str = SECRET, t: str) -> str:
    return hmac.new(secret.encode(), t.encode() + b"." + body, hashlib.sha256).hexdigest()


def sign(body: bytes, *, secret: str = SECRET, at: datetime = NOON) -> str:
    """The value of Stripe-Signature."""
    t = str(int(at.timestamp()))
    return f"t={t},v1={mac(body, secret=secret, t=t)}"
