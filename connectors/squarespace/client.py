"""One call to Squarespace's Commerce APIs, and what each refusal means. An error has one of two shapes: the
application's, with type, subtype, message and contextId, or the gateway's, a problem document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from connectors.base import Account
from connectors.errors import (
    ConnectionGoneError,
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import Answer, HttpClient, Outgoing, rehearse

API_VERSION = "1.0"  # of orders, inventory, webhook_subscriptions and authorization; each has its own
USER_AGENT = "Storeward order sync"  # one that describes nobody is limited more strictly
COOL_DOWN_S = 60.0  # after a 429; no header tells it

_SUCCESS = range(200, 300)
_GONE = {402: "is not paid for", 410: "does not exist any more", 423: "is locked"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Squarespace said in a 4xx. `context_id` is what its support asks for."""

    status: int
    message: str
    subtype: str = ""
    context_id: str = ""
    by_application: bool = False  # False: by the gateway or by something in between

    def __str__(self) -> str:
        said = self.message or f"status {self.status}"
        return f"{said} (reference {self.context_id})" if self.context_id else said


class RefusedError(RejectedError):
    """A definite no, with the words it was said in."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"Squarespace says: {refusal}")
        self.refusal = refusal


class SquarespaceClient:
    """Calls for one site. The token is read again for every call: one that was refreshed counts at once."""

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._root = f"{account.base_url.rstrip('/')}/{API_VERSION}"
        self._account = account
        self._http = http

    def get(self, path: str, query: Mapping[str, str] | None = None, *, operation: str) -> dict[str, Any]:
        """The JSON object at a path below the version, such as "/commerce/orders"."""
        url = f"{self._root}{path}?{urlencode(query)}" if query else f"{self._root}{path}"
        answer = self._send("GET", url, operation=operation, changes=False)
        return _object(answer)

    def post(self, path: str, body: Mapping[str, Any], *, operation: str, key: str = "") -> dict[str, Any]:
        """Change something. `key` makes a repeat with the same body harmless; an answer without a body is {}."""
        answer = self._send(
            "POST", f"{self._root}{path}", headers=_keyed(key), json=body, operation=operation, changes=True
        )
        return _object(answer) if answer.body else {}

    def rehearse(self, path: str, body: Mapping[str, Any], *, key: str = "") -> Outgoing:
        """What `post` would send for the same arguments."""
        return rehearse("POST", f"{self._root}{path}", headers={**self._headers(), **_keyed(key)}, json=body)

    def _send(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **rest: Any) -> Answer:
        try:
            answer = self._http.request(method, url, headers={**self._headers(), **(headers or {})}, **rest)
        except RetryableError as error:
            if error.throttled:
                raise throttled(error.after_s) from None
            raise
        if answer.status not in _SUCCESS:
            raise _refused(answer, self._account)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {bearer(self._account)}", "User-Agent": USER_AGENT}


def _keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def bearer(account: Account) -> str:
    """The OAuth access token when there is one, else the API key."""
    return account.credentials.get("access_token") or account.credentials.get("api_key") or ""


def uses_oauth(account: Account) -> bool:
    """Only then are there webhooks, and no hourly limit on imports."""
    return bool(account.credentials.get("access_token"))


def segment(value: str) -> str:
    """An id as one segment of a path: whatever it holds, it leads nowhere else."""
    return quote(value, safe="")


def throttled(after_s: float | None = None) -> RetryableError:
    message = "Squarespace asked us to slow down."
    return RetryableError(message, code="rate_limited", after_s=max(after_s or 0.0, COOL_DOWN_S), throttled=True)


def _refused(answer: Answer, account: Account) -> ConnectorError:
    """The error for a 4xx. Nothing was done there, except that a 409 may mean: it is being done right now."""
    refusal = _refusal(answer)
    if answer.status in (401, 403):
        return _not_let_in(refusal, oauth=uses_oauth(account))
    if answer.status in _GONE:
        return ConnectionGoneError(f"The site {_GONE[answer.status]}, says Squarespace.")
    if answer.status == 409 and answer.changes:
        return OutcomeUnknownError(f"Squarespace says: {refusal}")
    return RefusedError(refusal)


def _not_let_in(refusal: Refusal, *, oauth: bool) -> CredentialsError:
    if refusal.status == 401 and oauth:
        return CredentialsError(f"Squarespace no longer lets Storeward in: reconnect the site. It says: {refusal}")
    if refusal.status == 401:
        return CredentialsError(f"Squarespace does not accept the API key: a new one is needed. It says: {refusal}")
    needs = "Orders and Inventory, read and write"
    if oauth:
        message = f"The site does not let Storeward do that. Reconnect it and allow {needs}. It says: {refusal}"
    else:
        message = f"The API key lacks a permission: it needs {needs}. It says: {refusal}"
    return CredentialsError(message, code="scope_missing")


def _refusal(answer: Answer) -> Refusal:
    """Read from either shape; one that is neither, such as a page, says nothing."""
    try:
        body = answer.json()
    except RetryableError:
        body = None
    given = body if isinstance(body, dict) else {}
    context_id = given.get("contextId") or answer.headers.get("x-contextid") or ""
    return Refusal(
        status=answer.status,
        message=str(given.get("message") or given.get("detail") or given.get("title") or "")[:300],
        subtype=str(given.get("subtype") or ""),
        context_id=str(context_id)[:60],
        by_application="contextId" in given,
    )


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        message = "Squarespace's answer has an unexpected form."
        raise OutcomeUnknownError(message) if answer.changes else RetryableError(message)
    return body
