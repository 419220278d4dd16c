"""WooCommerce's one-click authorization: the store asks its administrator and posts a new key to us.

As a real store behaved in November 2026 (`/wc-auth/v1/authorize`). What it posts is unsigned and names no store: the
state tells whose it is, and the store itself is asked with the key before anything is connected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from connectors import grants
from connectors.grants import App, DeniedError, NotAuthorizedError, Trip
from connectors.woocommerce.form import entry

LEAD = "Your store asks you whether Storeward may see and create orders, and makes the key by itself."
STATE = "user_id"
ASKS_ADDRESS = True
HANDS_OVER = True
SIGNS_WITH_APP = False

_KEY, _SECRET = re.compile(r"ck_[0-9a-f]{40}"), re.compile(r"cs_[0-9a-f]{40}")


def authorize_url(app: App, trip: Trip) -> str:
    """The store takes a callback address with https only."""
    asked = {
        "app_name": app.key,
        "scope": "read_write",
        "user_id": trip.state,
        "return_url": trip.return_url,
        "callback_url": trip.deliver_url,
    }
    return f"{trip.base_url}/wc-auth/v1/authorize?{urlencode(asked)}"


def returned(query: str, app: App, trip: Trip, *, at: datetime) -> str:
    """No code: the key came from the store itself, or is still to come. Raises NotAuthorizedError."""
    given = grants.parameters(query)
    if not grants.same(given.get(STATE, ""), trip.state):
        raise NotAuthorizedError("The answer belongs to another attempt. Begin again.")
    if given.get("success") != "1":
        raise DeniedError("You did not let Storeward into the store. Nothing was connected.")
    return ""


def handed_over(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The key that a store posted, as a connection keeps it. Raises NotAuthorizedError."""
    key, secret = str(body.get("consumer_key") or ""), str(body.get("consumer_secret") or "")
    if not _KEY.fullmatch(key) or not _SECRET.fullmatch(secret) or body.get("key_permissions") != "read_write":
        raise NotAuthorizedError("The store sent no key that may read and write.")
    return entry(base_url="", consumer_key=key, consumer_secret=secret).credentials
