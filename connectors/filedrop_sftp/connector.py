"""The verbs of a supplier that takes purchase orders by SFTP, and whose tracking is fetched there. See README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from connectors.base import (
    Account,
    Blocker,
    BlockerCode,
    Capabilities,
    InboundNotice,
    OutboundOrder,
    PreviewCall,
    RemoteOrder,
    RemoteRef,
    ShopInfo,
)
from connectors.desk import Booked, PurchaseFile, Ticket
from connectors.errors import ConnectorError, CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.filedrop import mapping as files
from connectors.filedrop.connector import FileDropConnector, ref_of
from connectors.filedrop_sftp import mapping, webhook
from connectors.filedrop_sftp.client import SftpDropClient
from connectors.http import HttpClient
from connectors.sftp import Entry, Listing, Session

FILES_AT_ONCE = 10  # tracking files of one poll; the next takes the rest


class SftpDropConnector(FileDropConnector):
    """One server, by its own sessions; the book is our desk's, as for a supplier by e-mail."""

    platform: ClassVar[str] = "filedrop_sftp"
    label: ClassVar[str] = "Supplier by SFTP"
    capabilities: ClassVar[Capabilities] = Capabilities(
        lookup_by_reference=True, supplier=True, desk=True, folders=True, compares_totals=False
    )
    horizon_s: ClassVar[int] = 60  # a session ends after 30 s, and with it whatever it began

    def __init__(self, account: Account, http: HttpClient) -> None:
        super().__init__(account, http)
        self._client = SftpDropClient(account, http)

    def check(self) -> ShopInfo:
        """What an order will need is tried out there."""
        self._client.look()
        given = self.account.credentials
        return ShopInfo(
            remote_id=f"{given['user']}@{given['host']}:{given['port']}",
            name=given["host"],
            domain=given["host"],
            currency=given["currency"],
        )

    def request_for(self, order: OutboundOrder) -> dict[str, Any]:
        return mapping.request(order, folder=self._client.folder)

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        return (mapping.preview(order, folder=self._client.folder),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """Put the file there, unless the book or the folder has it."""
        file = self._file(order)
        booked = self._desk.look_up(file.reference)
        if booked is None or not booked.is_sent:
            with self._client.at_orders() as session:
                self._deliver(session, file, booked)
        return ref_of(file.reference)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """By the book, and by the folder where the book does not know."""
        booked = self._desk.look_up(reference)
        if booked is None or not booked.is_sent:
            with self._client.at_orders() as session:
                if not self._adopted(session, reference, booked):
                    return ()
        return (ref_of(reference),)

    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        """What the book says, once the tracking that is new has been fetched into it."""
        if self._client.tracking_folder:
            self._fetch_tracking()
        return super().changed_since(since)

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    # --- out ---

    def _deliver(self, session: Session, file: PurchaseFile, booked: Booked | None) -> None:
        """Safe to repeat: what has the final name is there, what has the other was never an order."""
        path = self._client.path(file.name)
        there = self._client.order_at(session, path)
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
        if not session.remove(mapping.part_of(path, booked.token)):
            raise _unsure(booked.reference, self._client.host)
        self._desk.settle(booked.reference, arrived=False)

    def _upload(self, session: Session, path: str, file: PurchaseFile) -> None:
        ticket = self._desk.begin(file)
        try:
            self._put(session, path, file, ticket)
            session.rename(mapping.part_of(path, ticket.token), path)
        except OutcomeUnknownError:
            raise
        except ConnectorError:
            self._desk.end(ticket, arrived=False)
            raise
        self._desk.end(ticket, arrived=True)

    def _put(self, session: Session, path: str, file: PurchaseFile, ticket: Ticket) -> None:
        """All of it under the first name, read back before it gets the final one: afterwards it may be gone at once."""
        part = mapping.part_of(path, ticket.token)
        if ticket.token > 1:
            session.remove(mapping.part_of(path, ticket.token - 1))  # what one who did not come back has left
        session.write_new(part, file.body)
        if self._client.order_at(session, part) != file.body:
            raise RetryableError(f"{self._client.host} keeps other bytes of {part} than were sent.")
        self._desk.name_it(ticket)

    # --- what is there ---

    def _adopted(self, session: Session, reference: str, booked: Booked | None) -> bool:
        """Whether the folder has this purchase order; then the book has it too."""
        name = booked.file.name if booked and booked.file else files.file_name(reference)
        body = self._client.order_at(session, self._client.path(name))
        file = files.read_back(reference, body) if body else None
        if file is None or (booked and booked.file and booked.file.body != body):
            return False
        self._write_down(file, booked)
        return True

    def _write_down(self, file: PurchaseFile, booked: Booked | None) -> None:
        if booked is None:
            self._desk.end(self._desk.begin(file), arrived=True)
        else:
            self._desk.settle(file.reference, arrived=True)

    # --- back ---

    def _fetch_tracking(self) -> None:
        with self._client.session() as session:
            found = self._found(session)
            for entry in self._desk.unread(found.files)[:FILES_AT_ONCE]:
                try:
                    body = self._client.tracking_of(session, entry)
                except RejectedError as error:
                    self._desk.refuse(entry, str(error))
                else:
                    if body is not None:
                        self._desk.take_in(entry, body)

    def _found(self, session: Session) -> Listing:
        """Raises RejectedError for a folder that is closed to us: orders go out all the same."""
        try:
            found = self._client.tracking_files(session, wanted=self._is_new)
        except CredentialsError as error:
            self._desk.warn("closed", f"No tracking can be fetched: {error} Orders go out all the same.")
            raise RejectedError(str(error)) from error
        if found.left_out:
            waiting, newest = len(found.files) + found.left_out, len(found.files)
            self._desk.warn(
                "crowded",
                f"{waiting} files wait in {self._client.tracking_folder}: the newest {newest} are read first, the others as "
                "these are done. Ask the supplier to clear away what is long past.",
            )
        return found

    def _is_new(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Of some of a folder's files those that may have to be read."""
        named = [entry for entry in entries if mapping.is_tracking(entry.name)]
        return self._desk.not_read(named) if named else ()


def _another(path: str) -> RejectedError:
    message = f"{path} is there already and holds something else. Ask the supplier to remove it, then try again."
    return RejectedError(message, [Blocker(BlockerCode.ALREADY_AT_DESTINATION, message, "reference", path)])


def _unsure(reference: str, host: str) -> RejectedError:
    message = (
        f"Nobody knows whether {host} took PO {reference}: it is not in the folder, where files may be taken away. Ask the "
        "supplier, then say on the connection's page whether it arrived, and try again."
    )
    return RejectedError(message, [Blocker(BlockerCode.OUTCOME_UNKNOWN, message, "reference", reference)])
