"""The connections below connectors.http: to an address that was checked, bounded by what is left of the exchange."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress, get_ip_address
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from connectors.errors import RetryableError

CONNECT_S = 5.0
PUBLIC_PORTS = frozenset({80, 443})
PIECE = 16_384  # bytes written or read at a time


@dataclass(frozen=True, slots=True)
class Limits:
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


limits: ContextVar[Limits] = ContextVar("httplimits")


class _TimedReader(io.RawIOBase):
    """Reads from a socket with a time-out that shrinks to what is left, so that a dribble cannot outlive it."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(limits.get().left())
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
        try:
            sock.settimeout(self._step_s())  # for the TLS handshake
        except TimeoutError:
            sock.close()
            raise
        return sock

    def _step_s(self) -> float:
        return min(CONNECT_S, limits.get().left())

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), PIECE):
            self.sock.settimeout(limits.get().left())
            super().send(data[start : start + PIECE])


class _BoundedTls(_Bounded, HTTPSConnection):
    """The same over TLS; names are compared with the certificate as ever, since only the look-up is ours."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTls


class Adapter(HTTPAdapter):
    """Keeps the connections open; its retries are zero by default."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def close(self) -> None:
        """Each pool by itself: urllib3 only forgets them, and one that an error's traceback holds would stay open."""
        pools = self.poolmanager.pools
        for pool in [pools.get(key) for key in pools.keys()]:  # noqa: SIM118  # it refuses to be iterated
            if pool is not None:
                pool.close()
        super().close()


def _checked_address(host: str, port: int, *, encrypted: bool) -> str:
    """The address to connect to: public, or this machine when that is allowed. Resolved here and nowhere else."""
    loopback_allowed = limits.get().allow_loopback
    try:
        address, _ = get_ip_address(host, port, allow_loopback=loopback_allowed)
    except InvalidIPAddress:
        raise RetryableError(f"{host} points to an address that is not public.") from None
    if loopback_allowed and address.is_loopback:
        return str(address)
    if address.is_reserved or getattr(address, "is_site_local", False):
        raise RetryableError(f"{host} points to an address that is not public.")
    if not encrypted or port not in PUBLIC_PORTS:
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
