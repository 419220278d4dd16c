"""Our own desk, for suppliers without a service: it mails their purchase orders and keeps the book of them.

The driver of such a supplier asks the desk as others ask a server. Neutral: nothing here knows Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.base import ShipmentNotice


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
    is_sent: bool  # False: nobody knows whether the mail left
    created_at: datetime
    updated_at: datetime
    shipments: tuple[ShipmentNotice, ...] = ()


class Desk(Protocol):
    def look_up(self, reference: str) -> Booked | None:
        """None when nothing was sent under it."""

    def changed_since(self, since: datetime) -> Sequence[Booked]:
        """What was sent or shipped since then, oldest change first."""

    def send(self, file: PurchaseFile) -> None:
        """Mail it. Raises RetryableError when it certainly did not leave, OutcomeUnknownError when it may have,
        RejectedError when the address is refused for good or the PO may have left before."""
