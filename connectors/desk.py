"""Our own desk, for suppliers without a service: it keeps the book of their purchase orders, and mails them.

The driver of such a supplier asks the desk as others ask a server. Neutral: nothing here knows Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.base import ShipmentNotice
from connectors.sftp import Entry


@dataclass(frozen=True, slots=True)
class PurchaseFile:
    """One purchase order as it goes out."""

    reference: str  # the PO number
    name: str  # of the file
    body: bytes
    units: tuple[tuple[str, int], ...]  # SKU and quantity of each product


@dataclass(frozen=True, slots=True)
class Booked:
    """One purchase order as the book has it."""

    reference: str
    is_sent: bool  # False: nobody knows whether it left
    created_at: datetime
    updated_at: datetime
    shipments: tuple[ShipmentNotice, ...] = ()
    file: PurchaseFile | None = None
    token: int = 0  # of the ticket it was uploaded under; 0: it was mailed


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to upload one purchase order; whoever takes it over gets a later one."""

    reference: str
    token: int


class Desk(Protocol):
    def look_up(self, reference: str) -> Booked | None:
        """None when nothing was sent under it."""

    def changed_since(self, since: datetime) -> Sequence[Booked]:
        """What was sent or shipped since then, oldest change first."""

    def send(self, file: PurchaseFile) -> None:
        """Mail it. Raises RetryableError when it certainly did not leave, OutcomeUnknownError when it may have,
        RejectedError when the address is refused for good or the PO may have left before."""

    # --- of suppliers whose server the driver speaks to itself ---

    def begin(self, file: PurchaseFile) -> Ticket:
        """Take the reference for an upload. Raises RetryableError while another has it, RejectedError when it was sent."""

    def name_it(self, ticket: Ticket) -> None:
        """Committed before the file gets its name: from now on nobody knows. Raises RetryableError for a late ticket."""

    def end(self, ticket: Ticket, *, arrived: bool) -> None:
        """Write down what is certain now. Nothing, for a late ticket."""

    def settle(self, reference: str, *, arrived: bool) -> None:
        """Write down what was found out of a purchase order that nobody knew of. Nothing, where the book says so already.

        Raises RetryableError where it says the opposite by now.
        """

    def not_read(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those that were not read yet, whether or not they may be read now. A question about some at a time."""

    def warn(self, what: str, text: str) -> None:
        """Something is the matter with the folder for tracking. A person is told, once a day of each `what`."""

    def unread(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those that were not read yet and have stopped changing."""

    def take_in(self, entry: Entry, body: bytes) -> None:
        """Write down what a tracking file says, and what of it cannot be; it is not read again."""

    def refuse(self, entry: Entry, why: str) -> None:
        """Write down that a file cannot be read; it is not asked for again."""
