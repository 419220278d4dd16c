"""The one place that speaks SFTP: each session is bounded, and its failure says what the caller should do.

`paramiko` is imported here alone, and by the practice server that plays the other side. Its transport is used without its client: no
agent, no keys or known hosts of this machine, no configuration files.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import io
import logging
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import paramiko

from connectors.errors import (
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
    ServerKeyError,
)
from connectors.http import CallRecord
from connectors.wire import CONNECT_S, public_address, why_not_connected

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PORT = 22
FILES_MAX = 2000  # files of one folder that are held; of more the newest
SIFTED_AT_ONCE = 500
RECEIVED_MAX = 16_000_000  # bytes of one session, whatever they are
PIECE = 32_768  # bytes written or read at a time; every server takes as many
_SIZE_MAX = 2**62  # a database keeps no larger number
_PRIVILEGED = 1024  # below this another service than SFTP may listen: only PORT is spoken to
_RSA = ("rsa-sha2-512", "rsa-sha2-256")  # how a server signs with a key of type ssh-rsa, RFC 8332

# What a server that is broken, or not honest, makes paramiko raise.
_ODD = (
    paramiko.SSHException, paramiko.SFTPError, EOFError, OSError,
    struct.error, ValueError, TypeError, IndexError, OverflowError, MemoryError,
)  # fmt: skip

# What goes wrong is told by the errors; paramiko would log it once more, as its own fault.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Place:
    """A server and the way in. Either secret may be empty; with both, both are given."""

    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    server_key: str = ""  # that a person confirmed


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a folder."""

    name: str
    size: int
    modified_at: int  # Unix seconds by the server's clock; 0 when it does not say


def read_key(text: str, passphrase: str = "") -> paramiko.PKey:
    """A private key as it stands in its file. Raises ValueError in plain words."""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), passphrase or None)
        except paramiko.PasswordRequiredException:
            raise ValueError("The key is protected: give its passphrase.") from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    raise ValueError("This is no private key that can be read (Ed25519, ECDSA or RSA), or the passphrase is wrong.")


@dataclass(frozen=True, slots=True)
class Listing:
    """What was looked for in a folder."""

    files: tuple[Entry, ...]  # the oldest first
    left_out: int = 0  # older ones, of which there are too many


class Session:
    """One visit, open while in its `with`. `deadline_s` bounds the whole of it; nothing is repeated by itself.

    Entering raises RetryableError when the server cannot be reached, ServerKeyError, or CredentialsError when it does
    not let us in. Whatever breaks off afterwards is RetryableError, but for `rename`.
    """

    def __init__(
        self,
        place: Place,
        *,
        allow_loopback: bool = False,
        deadline_s: float = 30.0,
        on_call: Callable[[CallRecord], None] | None = None,
    ) -> None:
        self._place = place
        self._allow_loopback = allow_loopback
        self._deadline_s = deadline_s
        self._on_call = on_call

    def __enter__(self) -> Session:
        with self._call("sign_in"):
            self._sock = _connected(self._place, time.monotonic() + self._deadline_s, self._allow_loopback)
            try:
                self._enter()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    # --- verbs ---

    def folder(self, path: str) -> None:
        """Raises CredentialsError when it is not there, not ours to see, or a file."""
        with self._call("look", path), self._heard(path):
            mode = self._sftp.stat(path).st_mode
            if mode is not None and not stat.S_ISDIR(mode):
                raise FileNotFoundError

    def files(
        self, folder: str, *, wanted: Callable[[Sequence[Entry]], Sequence[Entry]] = tuple, at_most: int = FILES_MAX
    ) -> Listing:
        """The newest files in it of those that `wanted` lets through, which is given some at a time.

        However many there are: only `at_most` are held. Raises CredentialsError when it is not there or not ours to read.
        """
        with self._call("list", folder), self._heard(folder):
            newest: list[tuple[int, str, Entry]] = []
            left_out, entries = 0, self._entries(folder)
            while some := list(islice(entries, SIFTED_AT_ONCE)):
                for each in wanted(some):
                    heapq.heappush(newest, (each.modified_at, each.name, each))
                    if len(newest) > at_most:
                        heapq.heappop(newest)
                        left_out += 1
            return Listing(tuple(each for *_, each in sorted(newest, key=lambda found: found[:2])), left_out)

    def _entries(self, folder: str) -> Iterator[Entry]:
        for entry in self._sftp.listdir_iter(folder, read_aheads=1):
            if entry.st_mode is None or stat.S_ISREG(entry.st_mode):
                yield Entry(entry.filename, min(entry.st_size or 0, _SIZE_MAX), entry.st_mtime or 0)

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """The whole file, None when it is not there. Raises RejectedError when it is larger than `max_bytes`."""
        with self._call("read", path), self._heard(path):
            try:
                with self._sftp.open(path, "rb") as file:
                    return self._pieces(file, max_bytes)
            except FileNotFoundError:
                return None

    def write_new(self, path: str, body: bytes) -> None:
        """A file that was not there before, the whole of it acknowledged."""
        with self._call("write", path), self._heard(path), self._sftp.open(path, "wbx") as file:
            for start in range(0, len(body), PIECE):
                file.write(body[start : start + PIECE])

    def remove(self, path: str) -> bool:
        """False when it was not there."""
        with self._call("remove", path), self._heard(path):
            try:
                self._sftp.remove(path)
            except FileNotFoundError:
                return False
            return True

    def rename(self, path: str, to: str) -> None:
        """Raises RetryableError when the server said no, OutcomeUnknownError when it said nothing."""
        with self._call("rename", to):
            try:
                with self._heard(path):
                    self._rename(path, to)
            except _BrokenOffError:
                raise OutcomeUnknownError(f"{self._place.host} did not say whether it took the file.") from None

    def _rename(self, path: str, to: str) -> None:
        try:
            self._sftp.rename(path, to)
        except FileNotFoundError:
            raise RetryableError(f"{path} is no longer on {self._place.host}.") from None

    # --- how it is entered and left ---

    def _enter(self) -> None:
        self._transport: Any = paramiko.Transport(self._sock)
        try:
            self._transport.get_security_options().key_types = _wanted(self._place.server_key)
            self._transport.start_client(timeout=self._sock.left())
            self._know_it()
            self._sign_in()
            channel = self._transport.open_session(timeout=self._sock.left())
            channel.settimeout(self._sock.left())
            channel.invoke_subsystem("sftp")
            self._sftp: Any = paramiko.SFTPClient(channel)
        except ConnectorError:
            raise
        except paramiko.IncompatiblePeer:
            raise self._not_agreed() from None
        except _ODD as error:
            raise RetryableError(f"{self._place.host} {self._why(error)}.") from None

    def _know_it(self) -> None:
        """Before anything secret is said: is it the server that was confirmed?"""
        key = self._transport.get_remote_server_key()
        shown = f"{key.get_name()} {fingerprint(key.asbytes())}"
        if shown != self._place.server_key:
            raise self._stranger(shown)

    def _stranger(self, shown: str) -> ServerKeyError:
        host, known = self._place.host, self._place.server_key
        words = (
            f"{host} shows another key than the one that was confirmed. Nothing was sent. Ask the supplier whether it "
            "changed its key; then reconnect and confirm the new one."
            if known
            else f"The key of {host} has to be confirmed first."
        )
        return ServerKeyError(words, host=host, shown=shown, known=known)

    def _not_agreed(self) -> ConnectorError:
        """A server that no longer has the kind of key that was confirmed is as strange as one with another key."""
        if self._place.server_key:
            return self._stranger("")
        return RetryableError(f"{self._place.host} could not agree on an encrypted connection.")

    def _sign_in(self) -> None:
        place, transport = self._place, self._transport
        transport.auth_timeout = self._sock.left()
        try:
            left: list[str] = ["password"]
            if place.private_key:
                left = transport.auth_publickey(place.user, read_key(place.private_key, place.passphrase))
            if left and place.password:
                left = transport.auth_password(place.user, place.password)
        except (paramiko.AuthenticationException, ValueError):
            if self._sock.broken or not transport.is_active():
                raise RetryableError(f"{place.host} broke off while we signed in.") from None
            raise CredentialsError(f"{place.host} does not let {place.user} in with this password or key.") from None
        if left:
            raise CredentialsError(f"{place.host} asks {place.user} for more than this password or key.")

    def _leave(self) -> None:
        transport = getattr(self, "_transport", None)
        with suppress(*_ODD):
            if transport is not None:
                transport.close()
        self._sock.close()

    # --- how it is told ---

    @contextmanager
    def _heard(self, path: str) -> Iterator[None]:
        """What the server says in refusing, as errors; its own words are not passed on."""
        host = self._place.host
        try:
            yield
        except FileNotFoundError:
            raise CredentialsError(
                f"{host} has no {path}: reconnect with the right folder.", code="scope_missing"
            ) from None
        except PermissionError:
            message = f"{self._place.user} may not use {path} on {host}. Ask the supplier to allow it, then reconnect."
            raise CredentialsError(message, code="scope_missing") from None
        except _ODD as error:
            if self._sock.broken or not self._transport.is_active() or not isinstance(error, OSError):
                raise _BrokenOffError(f"{host} {self._why(error)}.") from None
            if isinstance(error, TimeoutError):
                raise _BrokenOffError(f"{host} did not answer in time.") from None
            raise RetryableError(f"{host} refused {path}, without a reason; its disk may be full.") from None

    def _why(self, error: Exception) -> str:
        if self._sock.over():
            return "did not answer in time"
        if self._sock.flooded:
            return f"sent more than {RECEIVED_MAX // 1_000_000} MB"
        return "broke off the connection" if isinstance(error, (OSError, EOFError)) else "does not speak SFTP with us"

    def _pieces(self, file: Any, max_bytes: int) -> bytes:
        pieces, size = [], 0
        while piece := file.read(PIECE):
            size += len(piece)
            if size > max_bytes:
                raise RejectedError(f"A file on {self._place.host} is larger than {max_bytes // 1_000_000} MB.")
            pieces.append(piece)
        return b"".join(pieces)

    @contextmanager
    def _call(self, operation: str, path: str = "") -> Iterator[None]:
        """Each verb is a line in the log of calls: where and how it ended."""
        at, began, outcome = datetime.now(UTC), time.monotonic(), "ok"
        try:
            yield
        except ConnectorError as error:
            outcome = "RetryableError" if isinstance(error, _BrokenOffError) else type(error).__name__
            raise
        finally:
            if self._on_call is not None:
                took_ms = round((time.monotonic() - began) * 1000)
                url = f"sftp://{self._place.host}:{self._place.port}/{path.lstrip('/')}"
                self._on_call(CallRecord(at, "SFTP", url, operation, None, outcome, "", took_ms))


class _BrokenOffError(RetryableError):
    """The connection ended before the answer came."""


class _BoundedSocket(socket.socket):
    """A socket that ends with the session: no byte after its deadline, no more bytes than RECEIVED_MAX.

    paramiko's thread asks it for bytes every tenth of a second, so a server that is silent or dribbles is left in time.
    """

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        super().__init__(fileno=sock.detach())
        self._ends_at = ends_at
        self._received = 0
        self.broken = False

    @property
    def flooded(self) -> bool:
        return self._received > RECEIVED_MAX

    def over(self) -> bool:
        return time.monotonic() >= self._ends_at

    def left(self) -> float:
        """Seconds left, more than 0: to paramiko 0 means for ever."""
        return max(self._ends_at - time.monotonic(), 0.001)

    def recv(self, size: int, flags: int = 0) -> bytes:
        self._refuse()
        piece = super().recv(size, flags)
        self._received += len(piece)
        self.broken = self.broken or not piece
        return piece

    def send(self, data: ReadableBuffer, flags: int = 0) -> int:
        self._refuse()
        return super().send(data, flags)

    def _refuse(self) -> None:
        if self.over() or self.flooded:
            self.broken = True
            raise EOFError


def _connected(place: Place, ends_at: float, allow_loopback: bool) -> _BoundedSocket:
    if place.port != PORT and place.port < _PRIVILEGED and not allow_loopback:
        raise RejectedError(f"SFTP is spoken on port {PORT} or one from {_PRIVILEGED} on.")
    try:
        address = public_address(place.host, place.port, allow_loopback=allow_loopback)
        left = max(min(CONNECT_S, ends_at - time.monotonic()), 0.001)
        return _BoundedSocket(socket.create_connection((str(address), place.port), timeout=left), ends_at)
    except (OSError, UnicodeError) as error:
        raise RetryableError(f"{place.host} {why_not_connected(error)}.") from None


def _wanted(server_key: str) -> tuple[str, ...]:
    """Kinds of host keys to ask for: of a server that has several, the one that was confirmed."""
    kind = server_key.partition(" ")[0]
    if kind == "ssh-rsa":
        return _RSA
    return (kind,) if kind else ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", *_RSA)


def fingerprint(key: bytes) -> str:
    """As OpenSSH shows it."""
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"
