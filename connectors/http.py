"""The one place that speaks HTTP: each call is one bounded exchange, and its failure says what the caller should do.

`requests` is imported here and in connectors.wire alone. Its adapter is used without a Session: no cookies, no environment, no redirects,
and nothing that reads a body before its size is watched.
"""

from __future__ import annotations

import http.client
import json as jsonlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Url, parse_url

from connectors.errors import (
    ConnectorError,
    HostRefusedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
    TooLargeError,
)
from connectors.wire import CONNECT_S, PIECE, PUBLIC_PORTS, Adapter, Limits, limits

RETRY_AFTER_MAX_S = 3600.0
USER_AGENT = "Storeward"

HIDDEN = "(hidden)"

_MEANINGFUL = frozenset({400, 401, 402, 403, 404, 409, 410, 422, 423})  # a definite no, for the driver to explain
_CLIENTS = range(400, 500)  # the request was looked at and turned away
_UNCERTAIN = frozenset({408, 421, 424, 425, 499})  # of these: it did not arrive whole, or may be sent again as it is
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_THEIR_FAULT = 500  # said by who was asked; 502 to 504 are a proxy's, behind which the request may still be carried out
_TOO_MANY, _SUSPECTED = 429, 430  # the second is Shopify's security rejection, which names no wait
_SUSPECTED_WAIT_S = 600.0  # our choice: hammering on would look all the more suspicious


# Headers whose values may be shown; any other could hold a key.
_HARMLESS = frozenset({"accept", "accept-encoding", "content-length", "content-type", "idempotency-key", "user-agent"})


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_STRICT = jsonlib.JSONDecoder(parse_constant=_no_constant)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it would leave, with what could be secret hidden."""

    method: str
    path: str  # without the query, which can hold a key
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: 2xx, or a 4xx that means something to the driver."""

    status: int
    headers: Mapping[str, str]  # look-up ignores case
    body: bytes = field(repr=False)
    changes: bool = False  # what the request said; decides which error an unreadable body is
    _read: list[Any] = field(
        default_factory=list, init=False, repr=False, compare=False
    )  # the body, once it was parsed

    def json(self) -> Any:
        """The body as JSON in UTF-8. Unreadable: OutcomeUnknownError after a change, RetryableError after a read."""
        if not self._read:
            try:
                self._read.append(_STRICT.decode(self.body.decode("utf-8")))
            except (ValueError, RecursionError):
                raise _lost("The answer was not readable JSON.", changes=self.changes) from None
        return self._read[0]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as a log may keep it: no query, no headers, no body."""

    at: datetime
    method: str
    url: str
    operation: str
    status: int | None  # None: no answer came
    outcome: str  # "ok", or the class of the error
    request_id: str  # the other side's
    duration_ms: int


class HttpClient:
    """One account's way out. Connections stay open between calls; one client per thread.

    `deadline_s` bounds the whole exchange, connect to last byte. A name look-up cannot be interrupted; when it ends
    after the deadline nothing is sent. `max_bytes` counts decoded bytes. `allow_loopback` exempts this machine, and
    nothing else, from the rules on addresses, ports and https.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        deadline_s: float = 30.0,
        max_bytes: int = 2_000_000,
        on_call: Callable[[CallRecord], None] | None = None,
    ) -> None:
        self.allow_loopback = allow_loopback
        self.deadline_s = deadline_s
        self.on_call = on_call
        self._max_bytes = max_bytes
        self._adapter = Adapter()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        operation: str = "",
        changes: bool,
        explains: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send once; never again by itself.

        `changes` says whether the request can change anything there. A failure after a byte may have been sent raises
        OutcomeUnknownError when it can, RetryableError when it cannot. A failure before that (name, address, connect,
        certificate) is always RetryableError; a request that must not or cannot be sent, RejectedError.
        `explains` are further statuses whose body the driver looks into: some platforms say a definite no with a 500.
        """
        target = _checked_url(url, allow_loopback=self.allow_loopback)
        prepared = _prepared(method, url, headers=headers, json=json, form=form, auth=auth)
        trace = _Trace(host=target.host or "", changes=changes)
        try:
            return self._exchange(prepared, trace, _MEANINGFUL | explains)
        except ConnectorError as error:
            trace.outcome = type(error).__name__
            raise
        finally:
            if self.on_call is not None:
                self.on_call(trace.record(method, _loggable(target), operation))

    def close(self) -> None:
        self._adapter.close()

    def _exchange(self, prepared: requests.PreparedRequest, trace: _Trace, explained: frozenset[int]) -> Answer:
        bounds = Limits(ends_at=time.monotonic() + self.deadline_s, allow_loopback=self.allow_loopback)
        token = limits.set(bounds)
        try:
            timeout = (min(CONNECT_S, self.deadline_s), self.deadline_s)
            with self._adapter.send(prepared, stream=True, timeout=timeout, verify=True) as response:
                trace.heard(response)
                _refuse_status(response, trace, explained)
                body = self._body(response, trace)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError):
            # Their text can hold the query, and so a secret: neither it nor the chain is passed on.
            reason = "did not answer in time" if bounds.over() else "broke off the connection"
            raise _lost(f"{trace.host} {reason}.", changes=trace.changes) from None
        finally:
            limits.reset(token)
        return _answer(response, body, trace)

    def _body(self, response: requests.Response, trace: _Trace) -> bytes:
        """The decoded body, read piece by piece so that neither a bomb nor an endless body is ever held."""
        pieces, size = [], 0
        for piece in response.raw.stream(PIECE, decode_content=True):
            size += len(piece)
            if size > self._max_bytes:
                message = f"{trace.host} sent an answer of more than {self._max_bytes} bytes."
                raise OutcomeUnknownError(message) if trace.changes else TooLargeError(message)
            pieces.append(piece)
        return b"".join(pieces)


# --- before sending --------------------------------------------------------------------------------


def _checked_url(url: str, *, allow_loopback: bool) -> Url:
    """The parsed URL, by the parser that the sender uses. Addresses are checked later, when connecting."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RejectedError("The address holds characters that do not belong in a web address.")
    try:
        target = parse_url(url)
    except LocationParseError:
        raise RejectedError("The address is not a web address.") from None
    if target.scheme not in ("https", "http") or not target.host:
        raise RejectedError("The address must start with https:// and name a host.")
    if target.auth is not None:
        raise RejectedError("The address must not hold a user name or password.")
    if not allow_loopback and (target.scheme != "https" or (target.port or 443) not in PUBLIC_PORTS):
        raise RejectedError("The address must start with https:// and use the standard port.")
    return target


def _prepared(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None,
    json: Any,
    form: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> requests.PreparedRequest:
    ours = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
    if not all(value.isascii() and value.isprintable() for value in ours.values()):
        raise RejectedError("A key or token holds characters that cannot be sent.")
    try:
        return requests.Request(method, url, headers=ours, json=json, data=form, auth=auth).prepare()
    except (requests.RequestException, UnicodeError):  # its text can hold a header
        raise RejectedError("The request could not be formed.") from None


def rehearse(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Outgoing:
    """What `HttpClient.request` would send for the same arguments: formed by the same code, and not sent."""
    prepared = _prepared(method, url, headers=headers, json=json, form=form, auth=auth)
    body = prepared.body or b""
    shown = {name: value if name.lower() in _HARMLESS else HIDDEN for name, value in prepared.headers.items()}
    return Outgoing(
        method=prepared.method or method,
        path=prepared.path_url.partition("?")[0],
        headers=shown,
        body=body.encode() if isinstance(body, str) else body,
    )


def _loggable(target: Url) -> str:
    return Url(target.scheme, None, target.host, target.port, target.path).url


# --- after the answer ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Trace:
    """What is known of a call while it runs."""

    host: str
    changes: bool
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    status: int | None = None
    request_id: str = ""
    outcome: str = "ok"

    def heard(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.request_id = response.headers.get("X-Request-Id") or response.headers.get("Request-Id") or ""

    def record(self, method: str, url: str, operation: str) -> CallRecord:
        took_ms = round((time.monotonic() - self.began) * 1000)
        return CallRecord(self.at, method, url, operation, self.status, self.outcome, self.request_id[:100], took_ms)


def _refuse_status(response: requests.Response, trace: _Trace, explained: frozenset[int]) -> None:
    """Raise for a status that the driver does not look into.

    A change that a firewall (406) or a proxy (413) turned away would be turned away again, and may have been made all the
    same: some look at answers. A question may be asked again.
    """
    status = response.status_code
    if status in _SUCCESS or status in explained:
        return
    after_s = _retry_after_s(response.headers.get("Retry-After", ""), now=datetime.now(UTC))
    if status in (_TOO_MANY, _SUSPECTED):
        if status == _SUSPECTED:
            after_s = max(after_s or 0.0, _SUSPECTED_WAIT_S)
        message = f"{trace.host} asked us to slow down."
        raise RetryableError(message, code="rate_limited", after_s=after_s, throttled=True)
    if trace.changes and status in _CLIENTS and status not in _UNCERTAIN:
        text = (
            f"The host refused it: {trace.host} answered with status {status}. Ask whoever runs it to let it through."
        )
        raise HostRefusedError(text)
    what = "a redirect, which is not followed" if status in _REDIRECT else f"status {status}"
    answered = status == _THEIR_FAULT
    raise _lost(f"{trace.host} answered with {what}.", changes=trace.changes, after_s=after_s, answered=answered)


def _answer(response: requests.Response, body: bytes, trace: _Trace) -> Answer:
    """The answer, with a 2xx body proven to be JSON: a proxy's or a login page is no success."""
    answer = Answer(response.status_code, response.headers, body, trace.changes)
    if body and answer.status in _SUCCESS:
        if "json" not in response.headers.get("Content-Type", "").lower():
            raise _lost(f"{trace.host} answered with a page instead of data.", changes=trace.changes)
        answer.json()
    return answer


def _lost(message: str, *, changes: bool, after_s: float | None = None, answered: bool = False) -> RetryableError:
    """The error for a request that may have been carried out."""
    if changes:
        return OutcomeUnknownError(message, after_s=after_s, answered=answered)
    return RetryableError(message, after_s=after_s)


def _retry_after_s(value: str, *, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, seconds or HTTP date, from 0 to an hour. None when it makes no sense."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), RETRY_AFTER_MAX_S)
