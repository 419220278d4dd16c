"""The one place that speaks HTTP: each call is one bounded exchange, and its failure says what the caller should do.

`requests` is imported nowhere else. Its adapter is used without a Session: no cookies, no environment, no redirects,
and nothing that reads a body before its size is watched.
"""

from __future__ import annotations

import http.client
import io
import json as jsonlib
import math
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress, get_ip_address
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Url, parse_url
from urllib3.util.connection import create_connection

from connectors.errors import ConnectorError, OutcomeUnknownError, RejectedError, RetryableError

CONNECT_S = 5.0
RETRY_AFTER_MAX_S = 3600.0
USER_AGENT = "Storeward"

_MEANINGFUL = frozenset({400, 401, 402, 403, 404, 409, 410, 422, 423})  # a definite no, for the driver to explain
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_THROTTLED = frozenset({429, 430})  # 430: Shopify's security rejection
_PUBLIC_PORTS = frozenset({80, 443})
_PIECE = 16_384


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: 2xx, or a 4xx that means something to the driver."""

    status: int
    headers: Mapping[str, str]  # look-up ignores case
    body: bytes = field(repr=False)
    changes: bool = False  # what the request said; decides which error an unreadable body is

    def json(self) -> Any:
        """The body as JSON in UTF-8. Unreadable: OutcomeUnknownError after a change, RetryableError after a read."""
        try:
            return jsonlib.loads(self.body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _lost("The answer was not readable JSON.", changes=self.changes) from None


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
        self._allow_loopback = allow_loopback
        self._deadline_s = deadline_s
        self._max_bytes = max_bytes
        self._on_call = on_call
        self._adapter = _Adapter()

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
    ) -> Answer:
        """Send once; never again by itself.

        `changes` says whether the request can change anything there. A failure after a byte may have been sent raises
        OutcomeUnknownError when it can, RetryableError when it cannot. A failure before that (name, address, connect,
        certificate) is always RetryableError; a request that must not or cannot be sent, RejectedError.
        """
        target = _checked_url(url, allow_loopback=self._allow_loopback)
        prepared = _prepared(method, url, headers=headers, json=json, form=form, auth=auth)
        trace = _Trace(host=target.host or "", changes=changes)
        try:
            return self._exchange(prepared, trace)
        except ConnectorError as error:
            trace.outcome = type(error).__name__
            raise
        finally:
            if self._on_call is not None:
                self._on_call(trace.record(method, _loggable(target), operation))

    def close(self) -> None:
        self._adapter.close()

    def _exchange(self, prepared: requests.PreparedRequest, trace: _Trace) -> Answer:
        limits = _Limits(ends_at=time.monotonic() + self._deadline_s, allow_loopback=self._allow_loopback)
        token = _limits.set(limits)
        try:
            timeout = (min(CONNECT_S, self._deadline_s), self._deadline_s)
            with self._adapter.send(prepared, stream=True, timeout=timeout, verify=True) as response:
                trace.heard(response)
                _refuse_status(response, trace)
                body = self._body(response, trace)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError):
            # Their text can hold the query, and so a secret: neither it nor the chain is passed on.
            reason = "did not answer in time" if limits.over() else "broke off the connection"
            raise _lost(f"{trace.host} {reason}.", changes=trace.changes) from None
        finally:
            _limits.reset(token)
        return _answer(response, body, trace)

    def _body(self, response: requests.Response, trace: _Trace) -> bytes:
        """The decoded body, read piece by piece so that neither a bomb nor an endless body is ever held."""
        pieces, size = [], 0
        for piece in response.raw.stream(_PIECE, decode_content=True):
            size += len(piece)
            if size > self._max_bytes:
                raise _lost(f"{trace.host} sent an answer of more than {self._max_bytes} bytes.", changes=trace.changes)
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
    if not allow_loopback and (target.scheme != "https" or (target.port or 443) not in _PUBLIC_PORTS):
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


def _loggable(target: Url) -> str:
    return Url(target.scheme, None, target.host, target.port, target.path).url


# --- while connecting and reading ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Limits:
    """What binds the exchange that this thread is in; read by the connection below urllib3."""

    ends_at: float  # on the monotonic clock
    allow_loopback: bool

    def over(self) -> bool:
        return time.monotonic() >= self.ends_at

    def left(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError when there are none."""
        if self.over():
            raise TimeoutError
        return max(self.ends_at - time.monotonic(), 0.001)  # 0 would mean: do not wait at all


_limits: ContextVar[_Limits] = ContextVar("http_limits")


class _TimedReader(io.RawIOBase):
    """Reads from a socket with a time-out that shrinks to what is left, so that a dribble cannot outlive it."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_limits.get().left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach()))  # makefile() made it


class _Bounded(HTTPConnection):
    """A connection to an address that was checked, bounded by the limits of the exchange.

    Whatever fails in connect() was not sent and leaves as RetryableError; urllib3 and requests let it through.
    """

    response_class = _TimedResponse

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, HTTPError, UnicodeError) as error:
            raise RetryableError(f"{self.host} {_why_not_connected(error)}.") from None

    def _new_conn(self) -> socket.socket:
        address = _checked_address(self.host.strip("[]"), self.port, encrypted=isinstance(self, HTTPSConnection))
        sock = create_connection((address, self.port), timeout=self._step_s(), socket_options=self.socket_options)
        sock.settimeout(self._step_s())  # for the TLS handshake
        return sock

    def _step_s(self) -> float:
        return min(CONNECT_S, _limits.get().left())

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(_limits.get().left())
            super().send(data[start : start + _PIECE])


class _BoundedTls(_Bounded, HTTPSConnection):
    """The same over TLS; names are compared with the certificate as ever, since only the look-up is ours."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTls


class _Adapter(HTTPAdapter):
    """Keeps the connections open; its retries are zero by default."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _checked_address(host: str, port: int, *, encrypted: bool) -> str:
    """The address to connect to: public, or this machine when that is allowed. Resolved here and nowhere else."""
    loopback_allowed = _limits.get().allow_loopback
    try:
        address, _ = get_ip_address(host, port, allow_loopback=loopback_allowed)
    except InvalidIPAddress:
        raise RetryableError(f"{host} points to an address that is not public.") from None
    if loopback_allowed and address.is_loopback:
        return str(address)
    if address.is_reserved or getattr(address, "is_site_local", False):
        raise RetryableError(f"{host} points to an address that is not public.")
    if not encrypted or port not in _PUBLIC_PORTS:
        raise RetryableError(f"{host} may only be reached over https on the standard port.")
    return str(address)


def _why_not_connected(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "showed a certificate that cannot be trusted"
    if isinstance(error, ssl.SSLError):
        return "could not agree on an encrypted connection"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "could not be found"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    return "could not be reached"


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


def _refuse_status(response: requests.Response, trace: _Trace) -> None:
    """Raise for a status that no driver has to look into."""
    status = response.status_code
    if status in _SUCCESS or status in _MEANINGFUL:
        return
    after_s = _retry_after_s(response.headers.get("Retry-After", ""), now=datetime.now(UTC))
    if status in _THROTTLED:
        message = f"{trace.host} asked us to slow down."
        raise RetryableError(message, code="rate_limited", after_s=after_s, throttled=True)
    what = "a redirect, which is not followed" if status in _REDIRECT else f"status {status}"
    raise _lost(f"{trace.host} answered with {what}.", changes=trace.changes, after_s=after_s)


def _answer(response: requests.Response, body: bytes, trace: _Trace) -> Answer:
    """The answer, with a 2xx body proven to be JSON: a proxy's or a login page is no success."""
    answer = Answer(response.status_code, response.headers, body, trace.changes)
    if body and answer.status in _SUCCESS:
        if "json" not in response.headers.get("Content-Type", "").lower():
            raise _lost(f"{trace.host} answered with a page instead of data.", changes=trace.changes)
        answer.json()
    return answer


def _lost(message: str, *, changes: bool, after_s: float | None = None) -> RetryableError:
    """The error for a request that may have been carried out."""
    if changes:
        return OutcomeUnknownError(message, after_s=after_s)
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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
