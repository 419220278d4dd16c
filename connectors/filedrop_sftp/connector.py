"""The verbs of a supplier that takes purchase orders by SFTP, and whose tracking is fetched there. See README.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from secrets import token_hex
from typing import Any, ClassVar

from connectors.base import (
    Blocker,
    BlockerCode,
    Capabilities,
    OutboundOrder,
    PreviewCall,
    RemoteOrder,
    RemoteRef,
    ShopInfo,
)
from connectors.desk import Booked, PurchaseFile, Ticket
from connectors.errors import ConnectorError, CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.filedrop import mapping, tracking
from connectors.filedrop.connector import FileDropConnector, preview_of, ref_of
from connectors.sftp import Entry, Listing, Place, Session

FILES_AT_ONCE = 10  # tracking files of one poll; the next takes the rest
NAME_MAX = 255


class SftpDropConnector(FileDropConnector):
    """One server, by its own sessions; the book is our desk's, as for a supplier by e-mail."""

    platform: ClassVar[str] = "filedrop_sftp"
    label: ClassVar[str] = "Supplier by SFTP"
    capabilities: ClassVar[Capabilities] = Capabilities(
        lookup_by_reference=True, supplier=True, desk=True, folders=True, compares_totals=False
    )
    horizon_s: ClassVar[int] = 60  # a session ends after 30 s, and with it whatever it began

    def check(self) -> ShopInfo:
        """Sign in, look at both folders, and write, rename, read and remove a test file where orders will go."""
        given = self.account.credentials
        with self._session() as session:
            with _about("orders_folder"):
                session.folder(self._folder)
                self._try_to_write(session)
            if given["tracking_folder"]:
                with _about("tracking_folder"):
                    session.folder(given["tracking_folder"])
        return ShopInfo(
            remote_id=f"{given['user']}@{given['host']}:{given['port']}",
            name=given["host"],
            domain=given["host"],
            currency=given["currency"],
        )

    def request_for(self, order: OutboundOrder) -> dict[str, Any]:
        file = mapping.purchase_file(order)
        return {"path": self._path(file.name), "csv": file.body.decode()}

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        """The one file, under its final name, with its very bytes."""
        file = mapping.purchase_file(order)
        return (preview_of("SFTP", self._path(file.name), file),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """Put the file there, unless the book or the folder has it."""
        file = self._file(order)
        booked = self._desk.look_up(file.reference)
        if booked is None or not booked.is_sent:
            with self._session() as session:
                session.folder(self._folder)
                self._deliver(session, file, booked)
        return ref_of(file.reference)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """By the book, and by the folder where the book does not know."""
        booked = self._desk.look_up(reference)
        if booked is None or not booked.is_sent:
            with self._session() as session:
                session.folder(self._folder)  # without it "not there" would prove nothing
                if not self._adopted(session, reference, booked):
                    return ()
        return (ref_of(reference),)

    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        """What the book says, once the tracking that is new has been fetched into it."""
        if self.account.credentials["tracking_folder"]:
            self._fetch_tracking()
        return super().changed_since(since)

    def _try_to_write(self, session: Session) -> None:
        """All that an order needs, with names that nobody takes for one. Raises CredentialsError naming the right that lacks."""
        first, second = (self._path(f"storeward-test.{token_hex(8)}.part") for _ in range(2))
        body = first.encode()
        try:
            with self._right("write files"):
                session.write_new(first, body)
            with self._right("rename files"):
                session.rename(first, second)
            with self._right("read files"):
                if self._read(session, second) != body:
                    raise RetryableError(
                        f"{self.account.credentials['host']} did not keep a test file as it was written."
                    )
            with self._right("remove files"):
                session.remove(second)
        except ConnectorError:
            for path in (first, second):
                with suppress(ConnectorError):  # what is told is why the test failed
                    session.remove(path)
            raise

    @contextmanager
    def _right(self, right: str) -> Iterator[None]:
        given = self.account.credentials
        try:
            yield
        except CredentialsError as error:
            message = (
                f"{given['user']} may not {right} in {self._folder} on {given['host']}: ask the supplier to allow it."
            )
            raise CredentialsError(message, code=error.code) from None

    # --- out ---

    def _deliver(self, session: Session, file: PurchaseFile, booked: Booked | None) -> None:
        """Safe to repeat: what has the final name is there, what has the other was never an order."""
        path = self._path(file.name)
        there = self._read(session, path)
        if there == file.body:
            self._write_down(file, booked)
            return
        if there is not None:
            raise _another(path)
        if booked is not None:
            self._take_back(session, path, booked)
        self._upload(session, path, file)

    def _take_back(self, session: Session, path: str, booked: Booked) -> None:
        """A file that still has its first name never got the other, and cannot get it once it is gone."""
        if not session.remove(_part(path, booked.token)):
            raise _unsure(booked.reference, self.account.credentials["host"])
        self._desk.settle(booked.reference, arrived=False)

    def _upload(self, session: Session, path: str, file: PurchaseFile) -> None:
        ticket = self._desk.begin(file)
        try:
            self._put(session, path, file, ticket)
            session.rename(_part(path, ticket.token), path)
        except OutcomeUnknownError:
            raise
        except ConnectorError:
            self._desk.end(ticket, arrived=False)
            raise
        self._desk.end(ticket, arrived=True)

    def _put(self, session: Session, path: str, file: PurchaseFile, ticket: Ticket) -> None:
        """All of it under the first name, read back before it gets the final one: afterwards it may be gone at once."""
        part = _part(path, ticket.token)
        if ticket.token > 1:
            session.remove(_part(path, ticket.token - 1))  # what one who did not come back has left
        session.write_new(part, file.body)
        if self._read(session, part) != file.body:
            raise RetryableError(f"{self.account.credentials['host']} keeps other bytes of {part} than were sent.")
        self._desk.name_it(ticket)

    # --- what is there ---

    def _adopted(self, session: Session, reference: str, booked: Booked | None) -> bool:
        """Whether the folder has this purchase order; then the book has it too."""
        name = booked.file.name if booked and booked.file else mapping.file_name(reference)
        body = self._read(session, self._path(name))
        file = mapping.read_back(reference, body) if body else None
        if file is None or (booked and booked.file and booked.file.body != body):
            return False
        self._write_down(file, booked)
        return True

    def _write_down(self, file: PurchaseFile, booked: Booked | None) -> None:
        if booked is None:
            self._desk.end(self._desk.begin(file), arrived=True)
        else:
            self._desk.settle(file.reference, arrived=True)

    def _read(self, session: Session, path: str) -> bytes | None:
        """A file that is too large is none of ours: it has no bytes that could be compared."""
        try:
            return session.read(path, max_bytes=mapping.MAX_BYTES)
        except RejectedError:
            return b""

    # --- back ---

    def _fetch_tracking(self) -> None:
        folder = self.account.credentials["tracking_folder"]
        with self._session() as session:
            found = self._found(session, folder)
            for entry in self._desk.unread(found.files)[:FILES_AT_ONCE]:
                try:
                    body = session.read(f"{folder.rstrip('/')}/{entry.name}", max_bytes=tracking.MAX_BYTES)
                except RejectedError as error:
                    self._desk.refuse(entry, str(error))
                else:
                    if body is not None:
                        self._desk.take_in(entry, body)

    def _found(self, session: Session, folder: str) -> Listing:
        """Raises RejectedError for a folder that is closed to us: orders go out all the same."""
        try:
            found = session.files(folder, wanted=self._is_new)
        except CredentialsError as error:
            self._desk.warn("closed", f"No tracking can be fetched: {error} Orders go out all the same.")
            raise RejectedError(str(error)) from error
        if found.left_out:
            self._desk.warn(
                "crowded",
                f"{len(found.files) + found.left_out} files wait in {folder}: the newest {len(found.files)} are read first, "
                "the others as these are done. Ask the supplier to clear away what is long past.",
            )
        return found

    def _is_new(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Of some of a folder's files those that may have to be read."""
        named = [entry for entry in entries if _is_tracking(entry.name)]
        return self._desk.not_read(named) if named else ()

    def _session(self) -> Session:
        given = self.account.credentials
        place = Place(
            host=given["host"],
            port=int(given["port"]),
            user=given["user"],
            password=given["password"],
            private_key=given["private_key"],
            passphrase=given["passphrase"],
            server_key=given.get("server_key", ""),
        )
        return Session(
            place,
            allow_loopback=self.http.allow_loopback,
            deadline_s=self.http.deadline_s,
            on_call=self.http.on_call,
        )

    @property
    def _folder(self) -> str:
        return self.account.credentials["orders_folder"]

    def _path(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"


@contextmanager
def _about(name: str) -> Iterator[None]:
    """What the server refuses is about this field of the form."""
    try:
        yield
    except CredentialsError as error:
        raise CredentialsError(str(error), code=error.code, field=name) from None


def _part(path: str, token: int) -> str:
    """The name of a file that is still being written: nobody takes it for an order, and no other upload has it."""
    return f"{path}.{token}.part"


def _is_tracking(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith(".") and len(name) <= NAME_MAX and name.isprintable()


def _another(path: str) -> RejectedError:
    message = f"{path} is there already and holds something else. Ask the supplier to remove it, then try again."
    return RejectedError(message, [Blocker(BlockerCode.ALREADY_AT_DESTINATION, message, "reference", path)])


def _unsure(reference: str, host: str) -> RejectedError:
    message = (
        f"Nobody knows whether {host} took PO {reference}: it is not in the folder, where files may be taken away. Ask the "
        "supplier, then say on the connection's page whether it arrived, and try again."
    )
    return RejectedError(message, [Blocker(BlockerCode.OUTCOME_UNKNOWN, message, "reference", reference)])
