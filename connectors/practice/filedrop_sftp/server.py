"""The SFTP server of the practice suppliers, on this machine alone: as strict as a real one, with the faults of the dials."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from connectors.practice import dials
from connectors.practice.filedrop_sftp import files
from connectors.practice.models import PracticeFile, PracticeShop

HOST = "127.0.0.1"
_PAGE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<!doctype html><title>Something is wrong</title>\r\n"
)
_SIGN_IN_S = 30
_OK: int = paramiko.SFTP_OK
_FAILURE: int = paramiko.SFTP_FAILURE
_MISSING: int = paramiko.SFTP_NO_SUCH_FILE
_DENIED: int = paramiko.SFTP_PERMISSION_DENIED
_END: int = paramiko.SFTP_EOF
_OPENED: int = paramiko.OPEN_SUCCEEDED
_REFUSED: int = paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
_KNOWN: int = paramiko.AUTH_SUCCESSFUL
_STRANGER: int = paramiko.AUTH_FAILED
_WRITES = os.O_WRONLY | os.O_RDWR
_Given = TypeVar("_Given")


class Books:
    """The way to the tables: one thread for all sessions, since paramiko gives each several of its own.

    `shared` is a database session to use in place of one of its own; whoever gives it closes it.
    """

    def __init__(self, shared: BaseDatabaseWrapper | None = None) -> None:
        self._shared = shared
        self._thread = ThreadPoolExecutor(1, "practice-sftp-books", initializer=self._begin)

    def ask(self, function: Callable[..., _Given], *given: Any, **named: Any) -> _Given:
        return self._thread.submit(function, *given, **named).result()

    def close(self) -> None:
        if self._shared is None:
            self.ask(connections.close_all)
        self._thread.shutdown()

    def _begin(self) -> None:
        if self._shared is not None:
            connections[DEFAULT_DB_ALIAS] = self._shared


@contextmanager
def serving(*, port: int = 0, books: Books | None = None) -> Iterator[int]:
    """Listen while in the `with`; the port, which is the first free one for 0."""
    books = books or Books()
    with socket.create_server((HOST, port)) as listener:
        stop = threading.Event()
        listener.settimeout(0.1)
        thread = threading.Thread(target=_accept, args=(listener, books, stop), name="practice-sftp")
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()
            books.close()


def _accept(listener: socket.socket, books: Books, stop: threading.Event) -> None:
    guests: list[paramiko.Transport] = []
    while not stop.is_set():
        try:
            sock, _ = listener.accept()
        except TimeoutError:
            continue
        guest = _welcome(sock, books)
        guests = [each for each in (*guests, guest) if each is not None and each.is_alive()]
    for each in guests:
        each.close()
        each.join(5)


def _welcome(sock: socket.socket, books: Books) -> Any:
    """A session in threads of its own; None when a dial had it ended here."""
    if books.ask(files.of_any, "down"):
        sock.close()
        return None
    if books.ask(files.of_any, "html"):
        with suppress(OSError), sock:  # whoever called may have hung up
            sock.sendall(_PAGE)
        return None
    transport = paramiko.Transport(sock)
    transport.auth_timeout = _SIGN_IN_S
    transport.add_server_key(server_key(b"other" if books.ask(files.of_any, "other_key") else b""))
    guest = _Guest(books)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folders, guest, transport)
    with suppress(paramiko.SSHException, EOFError, OSError):
        transport.start_server(event=threading.Event(), server=guest)
    return transport


def server_key(salt: bytes = b"") -> paramiko.PKey:
    """The same after each start, and another one for each installation."""
    seed = hashlib.sha256(b"practice sftp " + salt + settings.SECRET_KEY.encode()).digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode()))


class _Guest(paramiko.ServerInterface):  # type: ignore[misc]  # paramiko has no types
    """Who calls: a user of one shop."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.shop: PracticeShop | None = None

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        return self._welcome(self.books.ask(files.shop_of, username, password))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._welcome(self.books.ask(files.shop_of_key, username, key.get_base64()))

    def _welcome(self, shop: PracticeShop | None) -> int:
        if shop is None or self.books.ask(dials.take, shop, "dead_token") is not None:
            return _STRANGER
        self.shop = shop
        time.sleep(self.books.ask(dials.take, shop, "slow") or 0)
        return _KNOWN

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return _OPENED if kind == "session" else _REFUSED


class _Folders(paramiko.SFTPServerInterface):  # type: ignore[misc]  # paramiko has no types
    """What may be done in the folders: purchase orders come, tracking goes."""

    def __init__(self, server: _Guest, guest: _Guest, transport: paramiko.Transport) -> None:
        super().__init__(server)
        self._books = guest.books
        self._shop = guest.shop
        self._transport = transport

    def list_folder(self, path: str) -> list[Any] | int:
        if path not in files.FOLDERS or self.dialled("no_folder"):
            return _MISSING
        rows = self._books.ask(files.listed, self._shop, path)
        self.tear()
        return [_attributes(row) for row in rows]

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        if path in files.FOLDERS and not self.dialled("no_folder"):
            return _folder()
        row = self._books.ask(files.get, self._shop, path)
        return _attributes(row) if row else _MISSING

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        folder = path.rpartition("/")[0]
        if folder not in files.FOLDERS or self.dialled("no_folder"):
            return _MISSING
        row = self._books.ask(files.get, self._shop, path)
        if not flags & _WRITES:
            self.tear()
            return _Reading(bytes(row.body), row) if row else _MISSING
        if folder != files.ORDERS or self.dialled("forbidden") or self.dialled("read_only"):
            return _DENIED
        if row is not None and flags & os.O_EXCL:
            return _FAILURE
        self.put(path, b"")
        return _Writing(self, path)

    def remove(self, path: str) -> int:
        if path.startswith(f"{files.TRACKING}/") or self.dialled("read_only"):
            return _DENIED
        return _OK if self._books.ask(files.remove, self._shop, path) else _MISSING

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._books.ask(files.get, self._shop, oldpath) is None:
            return _MISSING
        if self.dialled("read_only"):
            return _DENIED
        if not self._books.ask(files.rename, self._shop, oldpath, newpath):
            return _FAILURE
        if self.dialled("lost_answer"):
            self.drop()
            return _OK  # nobody hears it; whoever is gone takes no turn of another dial
        time.sleep(self._books.ask(files.turned, self._shop, "hang") or 0)
        self.tear()
        return _OK

    def put(self, path: str, body: bytes) -> None:
        self._books.ask(files.put, self._shop, path, body)

    def dialled(self, name: str) -> bool:
        return self._books.ask(files.turned, self._shop, name) is not None

    def tear(self) -> None:
        if self.dialled("torn"):
            self.drop()

    def drop(self) -> None:
        """End the session without an answer."""
        self._transport.close()


class _Reading(paramiko.SFTPHandle):  # type: ignore[misc]  # paramiko has no types
    def __init__(self, body: bytes, row: PracticeFile) -> None:
        super().__init__()
        self._body, self._row = body, row

    def stat(self) -> paramiko.SFTPAttributes:
        return _attributes(self._row)

    def read(self, offset: int, length: int) -> bytes | int:
        return self._body[offset : offset + length] if offset < len(self._body) else _END


class _Writing(paramiko.SFTPHandle):  # type: ignore[misc]  # paramiko has no types
    def __init__(self, folders: _Folders, path: str) -> None:
        super().__init__()
        self._folders, self._path, self._body = folders, path, b""

    def write(self, offset: int, data: bytes) -> int:
        if self._folders.dialled("disk_full"):
            return _FAILURE
        if self._folders.dialled("torn_upload"):
            self._folders.put(self._path, data[: len(data) // 2])
            self._folders.drop()
            return _FAILURE
        self._body = self._body[:offset].ljust(offset, b"\0") + data + self._body[offset + len(data) :]
        self._folders.put(self._path, self._body)
        return _OK


def _attributes(row: PracticeFile) -> paramiko.SFTPAttributes:
    found = paramiko.SFTPAttributes()
    found.filename = row.path.rpartition("/")[2]
    found.st_size, found.st_mode = len(row.body), stat.S_IFREG | 0o644
    found.st_atime = found.st_mtime = int(row.modified_at.timestamp())
    found.st_uid = found.st_gid = 0
    return found


def _folder() -> paramiko.SFTPAttributes:
    found = paramiko.SFTPAttributes()
    found.st_size, found.st_mode, found.st_uid, found.st_gid = 0, stat.S_IFDIR | 0o755, 0, 0
    found.st_atime = found.st_mtime = 0
    return found
