"""One REST call to a store, and what each kind of refusal means.

WooCommerce says what is wrong in `code`; a body without one is its host's, a firewall's or a login page's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

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

API = "wc/v3"
PAGE = 100  # the most it gives

_SUCCESS = range(200, 300)
_EXPLAINS = frozenset({500})  # "Invalid refund amount." is one
_OWN_WORDS = "woocommerce_rest_"  # a 500 with another code is PHP that broke down
_NOT_THERE = frozenset(
    f"woocommerce_rest_{kind}_invalid_id" for kind in ("shop_order", "order", "product", "shop_webhook")
)


class NotThereError(RejectedError):
    """The order, product or webhook that was asked for does not exist."""


class NoRouteError(ConnectionGoneError):
    """Nothing answers at this path: WooCommerce, a feature or a plugin is not active."""


class RefusedError(RejectedError):
    """WooCommerce refused what was sent. `answer` is its own words: code, message, data."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"WooCommerce refused the request: {said(answer)}")
        self.answer = answer


class WooClient:
    """Calls one store with its consumer key, which goes in the Authorization header and never in an address."""

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._base = f"{account.base_url.rstrip('/')}/wp-json"
        self._account = account
        self._http = http

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, operation: str, api: str = API) -> Any:
        return self._call("GET", path, params, operation=operation, api=api)[0]

    def pages(
        self, path: str, params: Mapping[str, Any] | None = None, *, operation: str, most: int = 10_000
    ) -> Iterator[Any]:
        """The items of all pages, of `most` pages at the most."""
        for number in range(1, most + 1):
            items, is_last = self.page(path, {**(params or {}), "page": number}, operation=operation)
            yield from items
            if is_last:
                return

    def page(self, path: str, params: Mapping[str, Any], *, operation: str) -> tuple[list[Any], bool]:
        """One page, and whether it is the last: by its header, else because it is not full."""
        asked = {"per_page": PAGE, "page": 1, **params}
        items, answer = self._call("GET", path, asked, operation=operation)
        if not isinstance(items, list):
            raise RetryableError("The store's answer is not a list.")
        pages = answer.headers.get("X-WP-TotalPages", "")
        is_last = int(pages) <= asked["page"] if pages.isdigit() else len(items) < asked["per_page"]
        return items, is_last or not items

    def order(self, remote_id: str, fields: str) -> Any:
        """Raises NotThereError for one that is gone."""
        return self.get(f"orders/{remote_id}", {"_fields": fields}, operation="order_read")

    def post(self, path: str, body: Mapping[str, Any], *, operation: str) -> Any:
        """Creates, or changes what the path names: WooCommerce takes POST for both, and some hosts block PUT."""
        return self._call("POST", path, None, body=body, operation=operation)[0]

    def rehearse(self, path: str, body: Mapping[str, Any]) -> Outgoing:
        """What `post` would send for the same arguments."""
        return rehearse("POST", self._address(path, None), json=body, auth=self._auth())

    def delete(self, path: str, *, operation: str) -> None:
        """Raises NotThereError for what is gone already."""
        self._call("DELETE", path, {"force": "true"}, operation=operation)

    def index(self) -> Mapping[str, Any]:
        """What WordPress says of itself to everybody. Raises RejectedError when it does not answer at all."""
        query = urlencode({"_fields": "name,home,timezone_string,namespaces"})
        answer = self._http.request("GET", f"{self._base}/?{query}", operation="index", changes=False)
        body = _readable(answer)
        if answer.status not in _SUCCESS or not isinstance(body.get("namespaces"), list):
            raise RejectedError(
                "No WordPress answers there. Check the address, and in WordPress set Settings → Permalinks to anything "
                "but “Plain”."
            )
        return body

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        *,
        operation: str,
        body: Mapping[str, Any] | None = None,
        api: str = API,
    ) -> tuple[Any, Answer]:
        url, changes = self._address(path, params, api=api), method != "GET"
        answer = self._http.request(
            method, url, json=body, auth=self._auth(), operation=operation, changes=changes, explains=_EXPLAINS
        )
        if answer.status not in _SUCCESS:
            raise _refusal(answer, changes=changes)
        return answer.json(), answer

    def _address(self, path: str, params: Mapping[str, Any] | None, *, api: str = API) -> str:
        return f"{self._base}/{api}/{path}{f'?{urlencode(params)}' if params else ''}"

    def _auth(self) -> tuple[str, str]:
        keys = self._account.credentials
        return keys.get("consumer_key", ""), keys.get("consumer_secret", "")


def said(answer: Mapping[str, Any]) -> str:
    """WooCommerce's own sentence."""
    return str(answer.get("message") or answer.get("code") or "no reason given")[:300]


def _refusal(answer: Answer, *, changes: bool) -> ConnectorError:
    """The error for an answer that is not 2xx. Nothing was carried out, where WooCommerce itself says no."""
    body = _readable(answer)
    code = body.get("code")
    if not isinstance(code, str) or (answer.status == 500 and not code.startswith(_OWN_WORDS)):
        message = f"The store's host answered with status {answer.status} and no word of WooCommerce's."
        return OutcomeUnknownError(message) if changes else RetryableError(message)
    if answer.status == 401:
        return _unauthorized(code, said(body))
    if answer.status == 403:
        message = f"The key may not do this ({said(body)}). Give it to an administrator or shop manager of the store."
        return CredentialsError(message, code="scope_missing")
    if code == "rest_no_route":
        return NoRouteError("WooCommerce does not answer there: is the plugin active?")
    if code in _NOT_THERE:
        return NotThereError(f"WooCommerce does not have it: {said(body)}")
    return RefusedError(body)


def _unauthorized(code: str, message: str) -> CredentialsError:
    if "write permissions" in message:
        return CredentialsError("The key may only read. Make one with read/write permission.", code="scope_missing")
    if code == "woocommerce_rest_authentication_error":
        return CredentialsError(f"The store does not accept the key: {message} Reconnect it with a new one.")
    return CredentialsError(
        "The store does not recognize the key. Reconnect it with a new one; when a new one is not recognized either, "
        "the store's server does not pass on the key (the Authorization header) or does not know that it is on https."
    )


def _readable(answer: Answer) -> Mapping[str, Any]:
    """The body as an object; empty when it is none."""
    try:
        body = answer.json()
    except RetryableError:
        return {}
    return body if isinstance(body, dict) else {}
