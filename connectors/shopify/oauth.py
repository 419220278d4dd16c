"""Shopify's own authorization: the way to its page, what comes back, and tokens that expire and rotate.

Authorization code grant for offline tokens; shopify.dev, "Implement authorization code grant manually" and "About
expiring offline access tokens", and Shopify's changelog up to November 2026.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from connectors import grants
from connectors.errors import ConnectionGoneError, RejectedError
from connectors.grants import App, DeniedError, Grant, GrantLostError, NotAuthorizedError, TokenRequest, Trip
from connectors.http import Answer
from connectors.shopify.client import GONE
from connectors.shopify.reading import SCOPES

LEAD = "Shopify asks you whether Storeward may see and create orders; nothing has to be copied."
STATE = "state"
ASKS_ADDRESS = True
HANDS_OVER = False
SIGNS_WITH_APP = True  # webhooks: with the app's secret, which is one for all shops

FRESH = timedelta(minutes=5)  # Shopify's own libraries allow between 90 seconds and a day

_SHOP = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com")
_OUR_FAULT = frozenset({"invalid_client", "unauthorized_client", "application_cannot_be_found"})


def authorize_url(app: App, trip: Trip) -> str:
    """Without grant_options: the token is an offline one."""
    asked = {
        "client_id": app.key,
        "scope": ",".join(SCOPES),
        "redirect_uri": trip.return_url,
        "state": trip.state,
    }
    return f"{trip.base_url}/admin/oauth/authorize?{urlencode(asked)}"


def returned(query: str, app: App, trip: Trip, *, at: datetime) -> str:
    """The code that the merchant's browser brought back. Raises NotAuthorizedError."""
    given = grants.parameters(query)
    if given.get("error"):
        raise DeniedError("You did not let Storeward into the store. Nothing was connected.")
    _check_signature(given, app)
    _check_shop(given.get("shop", ""), trip)
    if not grants.same(given.get("state", ""), trip.state):
        raise NotAuthorizedError("The answer belongs to another attempt. Begin again.")
    _check_time(given.get("timestamp", ""), at)
    return grants.code(given)


def sign(parameters: Mapping[str, str], secret: str) -> str:
    """The `hmac` of a query: hex HMAC-SHA256 over all others, sorted, as key=value joined with &.

    Values are taken decoded; & and % in them, and = in keys, are written encoded, so that no two queries are one text.
    """
    pairs = sorted((_plain(key).replace("=", "%3D"), _plain(value)) for key, value in parameters.items())
    text = "&".join(f"{key}={value}" for key, value in pairs if key != "hmac")
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def exchange(app: App, base_url: str, code: str, return_url: str) -> TokenRequest:
    return _request(app, base_url, {"code": code, "expiring": 1})


def granted(answer: Answer, *, at: datetime) -> Grant:
    """The grant for a code. Raises NotAuthorizedError for a refusal, OutcomeUnknownError for what cannot be read."""
    if answer.status >= 400:
        if grants.refusal(answer) in _OUR_FAULT:
            raise NotAuthorizedError("Shopify does not know this Storeward: its app key or secret is wrong.")
        raise NotAuthorizedError("Shopify no longer takes the code: it ran out or was used. Begin again.")
    return _grant(answer, at)


def refresh(app: App, base_url: str, credentials: Mapping[str, str]) -> TokenRequest:
    """Safe to repeat after a lost answer: the former refresh token works until its replacement is first used."""
    return _request(app, base_url, {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]})


def refreshed(answer: Answer, *, at: datetime) -> Grant:
    """The grant that follows.

    Raises GrantLostError when only the merchant can help, RejectedError when the operator must, ConnectionGoneError
    for a shop that is frozen or gone.
    """
    if answer.status in GONE:
        raise ConnectionGoneError(GONE[answer.status])
    if grants.refusal(answer) in _OUR_FAULT:
        raise RejectedError("Shopify does not know this Storeward: its app key or secret is wrong.")
    if answer.status >= 400:
        raise GrantLostError("Shopify no longer renews our access. Reconnect the shop.")
    grant = _grant(answer, at)
    if grant.expires_at is None:
        raise grants.malformed()
    return grant


def _request(app: App, base_url: str, given: Mapping[str, object]) -> TokenRequest:
    secret = app.secrets[0] if app.secrets else ""
    body = {"client_id": app.key, "client_secret": secret, **given}
    return TokenRequest(f"{base_url}/admin/oauth/access_token", body)


def _grant(answer: Answer, at: datetime) -> Grant:
    """A token that expires comes with all three of its companions; one that does not, with none of them."""
    body = grants.reply(answer)
    scopes = tuple(sorted(filter(None, str(body.get("scope") or "").split(","))))
    access = {"access_token": grants.token(body, "access_token")}
    if not any(body.get(name) for name in ("expires_in", "refresh_token", "refresh_token_expires_in")):
        return Grant(access, scopes=scopes)
    return Grant(
        {**access, "refresh_token": grants.token(body, "refresh_token")},
        expires_at=at + grants.lifetime(body.get("expires_in")),
        refresh_expires_at=at + grants.lifetime(body.get("refresh_token_expires_in")),
        scopes=scopes,
    )


def _check_signature(given: Mapping[str, str], app: App) -> None:
    """Tries every secret, so that the time taken does not tell which one fits."""
    matches = [grants.same(given.get("hmac", ""), sign(given, secret)) for secret in app.secrets if secret]
    if not any(matches):
        raise NotAuthorizedError("The answer is not signed by Shopify. Nothing was connected.")


def _check_shop(shop: str, trip: Trip) -> None:
    if not _SHOP.fullmatch(shop):
        raise NotAuthorizedError("The answer names no Shopify store. Nothing was connected.")
    if shop.lower() != trip.shop_domain.lower():
        raise NotAuthorizedError(
            f"{shop} answered, but {trip.shop_domain} was asked. Connect it under its own address."
        )


def _check_time(stamp: str, at: datetime) -> None:
    seconds = int(stamp) if re.fullmatch("[0-9]{1,11}", stamp) else 0
    if abs(at - datetime.fromtimestamp(seconds, UTC)) > FRESH:
        raise NotAuthorizedError("Shopify's answer is too old. Begin again.")


def _plain(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26")
