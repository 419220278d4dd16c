"""One supplier's server: its sessions, its two folders, and what a refusal there is about. SFTP itself: connectors/sftp.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex

from connectors.base import Account
from connectors.errors import ConnectorError, CredentialsError, RejectedError, RetryableError
from connectors.filedrop import mapping as files
from connectors.filedrop import tracking
from connectors.filedrop_sftp import mapping
from connectors.http import HttpClient
from connectors.sftp import Entry, Listing, Place, Session


class SftpDropClient:
    """Where a verb needs several steps, it takes one session for all of them."""

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._given = account.credentials
        self._http = http

    @property
    def host(self) -> str:
        return self._given["host"]

    @property
    def folder(self) -> str:
        """For purchase orders."""
        return self._given["orders_folder"]

    @property
    def tracking_folder(self) -> str:
        """Empty: nothing comes back by files."""
        return self._given["tracking_folder"]

    def path(self, name: str) -> str:
        return mapping.path_of(self.folder, name)

    def session(self) -> Session:
        place = Place(
            host=self.host,
            port=int(self._given["port"]),
            user=self._given["user"],
            password=self._given["password"],
            private_key=self._given["private_key"],
            passphrase=self._given["passphrase"],
            server_key=self._given.get("server_key", ""),
        )
        return Session(
            place,
            allow_loopback=self._http.allow_loopback,
            deadline_s=self._http.deadline_s,
            on_call=self._http.on_call,
        )

    @contextmanager
    def at_orders(self) -> Iterator[Session]:
        """A session whose folder for orders is there: without it "no such file" would prove nothing."""
        with self.session() as session:
            session.folder(self.folder)
            yield session

    def look(self) -> None:
        """Sign in, look at both folders, and write, rename, read and remove a test file where orders will go."""
        with self.session() as session:
            with _about("orders_folder"):
                session.folder(self.folder)
                self._try_to_write(session)
            if self.tracking_folder:
                with _about("tracking_folder"):
                    session.folder(self.tracking_folder)

    def order_at(self, session: Session, path: str) -> bytes | None:
        """None: no such file. One that is too large is none of ours: it has no bytes that could be compared."""
        try:
            return session.read(path, max_bytes=files.MAX_BYTES)
        except RejectedError:
            return b""

    def tracking_of(self, session: Session, entry: Entry) -> bytes | None:
        """None: it was taken away meanwhile. Raises RejectedError for one that is too large."""
        path = mapping.path_of(self.tracking_folder, entry.name)
        return session.read(path, max_bytes=tracking.MAX_BYTES)

    def tracking_files(self, session: Session, *, wanted: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Listing:
        """Of the folder for tracking. Raises CredentialsError for one that is closed to us."""
        return session.files(self.tracking_folder, wanted=wanted)

    def _try_to_write(self, session: Session) -> None:
        """All that an order needs, with names that nobody takes for one. Raises CredentialsError naming the right that lacks."""
        first, second = (self.path(f"storeward-test.{token_hex(8)}.part") for _ in range(2))
        body = first.encode()
        try:
            with self._right("write files"):
                session.write_new(first, body)
            with self._right("rename files"):
                session.rename(first, second)
            with self._right("read files"):
                if self.order_at(session, second) != body:
                    raise RetryableError(f"{self.host} did not keep a test file as it was written.")
            with self._right("remove files"):
                session.remove(second)
        except ConnectorError:
            for path in (first, second):
                with suppress(ConnectorError):  # what is told is why the test failed
                    session.remove(path)
            raise

    @contextmanager
    def _right(self, right: str) -> Iterator[None]:
        try:
            yield
        except CredentialsError as error:
            user = self._given["user"]
            message = f"{user} may not {right} in {self.folder} on {self.host}: ask the supplier to allow it."
            raise CredentialsError(message, code=error.code) from None


@contextmanager
def _about(name: str) -> Iterator[None]:
    """What the server refuses is about this field of the form."""
    try:
        yield
    except CredentialsError as error:
        raise CredentialsError(str(error), code=error.code, field=name) from None
