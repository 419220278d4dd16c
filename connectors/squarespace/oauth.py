"""Squarespace's own authorization: the way to its login, what comes back, and tokens that expire and rotate.

developers.squarespace.com/oauth, and what other clients read in the replies, November 2026. How long tokens live is told
by each reply alone; a refresh token is taken to work once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from connectors import grants
from connectors.errors import ConnectionGoneError, RejectedError
from connectors.grants import App, DeniedError, Grant, GrantLostError, NotAuthorizedError, TokenRequest, Trip
from connectors.http import Answer
from connectors.squarespace.client import USER_AGENT

LEAD = "Squarespace asks which site it is and whether Storeward may see and create orders; nothing has to be copied."
STATE = "state"
ASKS_ADDRESS = False
HANDS_OVER = False
SIGNS_WITH_APP = False  # each webhook subscription has a secret of its own

SCOPES = ("website.orders", "website.inventory")

_OUR_FAULT = frozenset({"invalid_client", "unauthorized_client"})
_GONE = frozenset({402, 410, 423})


def authorize_url(app: App, trip: Trip) -> str:
    """With offline access: else there is no refresh token."""
    asked = {
        "client_id": app.key,
        "redirect_uri": trip.return_url,
        "scope": ",".join(SCOPES),
        "state": trip.state,
        "access_type": "offline",
    }
    return f"{_root(app)}/authorize?{urlencode(asked)}"


def returned(query: str, app: App, trip: Trip, *, at: datetime) -> str:
    """The code that the merchant's browser brought back; it is not signed. Raises NotAuthorizedError."""
    given = grants.parameters(query)
    if not grants.same(given.get("state", ""), trip.state):
        raise NotAuthorizedError("The answer belongs to another attempt. Begin again.")
    if given.get("error"):
        raise DeniedError("You did not let Storeward into the site. Nothing was connected.")
    return grants.code(given)


def exchange(app: App, base_url: str, code: str, return_url: str) -> TokenRequest:
    return _request(app, base_url, {"grant_type": "authorization_code", "code": code, "redirect_uri": return_url})


def granted(answer: Answer, *, at: datetime) -> Grant:
    """The grant for a code. Raises NotAuthorizedError for a refusal, OutcomeUnknownError for what cannot be read."""
    if grants.refusal(answer) in _OUR_FAULT:
        raise NotAuthorizedError("Squarespace does not know this Storeward: its app key or secret is wrong.")
    if answer.status >= 400:
        raise NotAuthorizedError("Squarespace no longer takes the code: it ran out or was used. Begin again.")
    return _grant(answer, at)


def refresh(app: App, base_url: str, credentials: Mapping[str, str]) -> TokenRequest:
    """After a lost answer this may be refused, and then only the merchant can help: the former token may be spent."""
    return _request(app, base_url, {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]})


def refreshed(answer: Answer, *, at: datetime) -> Grant:
    """The grant that follows.

    Raises GrantLostError when only the merchant can help, RejectedError when the operator must, ConnectionGoneError
    for a site that is closed.
    """
    if answer.status in _GONE:
        raise ConnectionGoneError("The site is closed, says Squarespace.")
    if grants.refusal(answer) in _OUR_FAULT:
        raise RejectedError("Squarespace does not know this Storeward: its app key or secret is wrong.")
    if answer.status >= 400:
        raise GrantLostError("Squarespace no longer renews our access. Reconnect the site.")
    return _grant(answer, at)


def _request(app: App, base_url: str, body: Mapping[str, str]) -> TokenRequest:
    secret = app.secrets[0] if app.secrets else ""
    return TokenRequest(f"{_root(app)}/tokens", body, auth=(app.key, secret), headers={"User-Agent": USER_AGENT})


def _root(app: App) -> str:
    return f"{app.login_url}/api/1/login/oauth/provider"


def _grant(answer: Answer, at: datetime) -> Grant:
    body = grants.reply(answer)
    return Grant(
        {
            "access_token": grants.token(body, "access_token"),
            "refresh_token": grants.token(body, "refresh_token"),
        },
        expires_at=grants.instant(body.get("access_token_expires_at"), after=at),
        refresh_expires_at=grants.instant(body.get("refresh_token_expires_at"), after=at),
    )
