"""The verbs of a supplier that takes purchase orders by e-mail: CSV out, tracking as CSV back. See README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
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
    RemoteVariant,
    ShopInfo,
    SupplierConnector,
    WebhookState,
)
from connectors.desk import Booked, Desk, PurchaseFile
from connectors.errors import RejectedError
from connectors.filedrop import mapping, preflight, webhook


class FileDropConnector(SupplierConnector):
    """One address. Credentials: {"email", "currency"}. It speaks to our own desk alone, never over the network."""

    platform: ClassVar[str] = "filedrop"
    label: ClassVar[str] = "Supplier by e-mail"
    capabilities: ClassVar[Capabilities] = Capabilities(
        lookup_by_reference=True, supplier=True, desk=True, compares_totals=False
    )
    horizon_s: ClassVar[int] = 60  # the mail server has 20 s; the book itself is read after written

    def check(self) -> ShopInfo:
        """There is nobody to ask: what was typed is what is known."""
        email = self.account.credentials["email"]
        return ShopInfo(
            remote_id=email.lower(),
            name=email,
            domain=email.rpartition("@")[2],
            currency=self.account.credentials["currency"],
        )

    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """There is no catalogue to read: a SKU is the supplier's unless the merchant links another."""
        return {sku: (RemoteVariant(sku, sku, sku),) for sku in skus}

    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        return {sku: RemoteVariant(sku, sku, sku) for sku in variant_ids}

    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        return preflight.blockers(order)

    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        file = mapping.purchase_file(order)
        return {"to": self.account.credentials["email"], "file": file.name, "csv": file.body.decode()}

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        """The one mail, with the very bytes of its file."""
        file = mapping.purchase_file(order)
        to = self.account.credentials["email"]
        return (preview_of("MAIL", to, file),)

    def create(self, order: OutboundOrder) -> RemoteRef:
        """Mail the purchase order, unless the book has it: the same reference is never mailed twice unasked."""
        booked = self._desk.look_up(order.reference)
        if booked is None:
            self._desk.send(self._file(order))
        elif not booked.is_sent:
            raise _unsure(order.reference)
        return ref_of(order.reference)

    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        booked = self._desk.look_up(reference)
        return (ref_of(reference),) if booked and booked.is_sent else ()

    def read(self, remote_id: str) -> RemoteOrder | None:
        booked = self._desk.look_up(remote_id)
        return self._order(booked) if booked else None

    def cancel(self, remote_id: str, *, note: str) -> None:
        message = f"Write to the supplier to cancel {remote_id}: it takes no cancellations from here."
        raise RejectedError(message, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, message, "status")])

    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        return [self._order(booked) for booked in self._desk.changed_since(since) if booked.is_sent]

    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        return WebhookState(topics=())

    @classmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        webhook.parse(headers=headers, body=body, secrets=secrets, account=account)

    def _file(self, order: OutboundOrder) -> PurchaseFile:
        """Raises RejectedError for an order that nobody could carry out: no server is there to refuse it."""
        found = preflight.blockers(order)
        if found:
            raise RejectedError(found[0].message, found)
        return mapping.purchase_file(order)

    @property
    def _desk(self) -> Desk:
        assert self.account.desk is not None  # noqa: S101  # capabilities.desk
        return self.account.desk

    def _order(self, booked: Booked) -> RemoteOrder:
        """What it costs stands on the supplier's invoice, which nobody shows us: 0."""
        return RemoteOrder(
            ref=ref_of(booked.reference),
            reference=booked.reference,
            currency=self.account.currency,
            total=Decimal(0),
            created_at=booked.created_at,
            updated_at=booked.updated_at,
            shipments=booked.shipments,
            remote_version=booked.updated_at.isoformat(),
        )


def preview_of(method: str, where: str, file: PurchaseFile) -> PreviewCall:
    """The sending of one file: its very bytes, and where each column is from."""
    headers = {"file": file.name, "Content-Type": "text/csv"}
    return PreviewCall(method, where, headers, file.body, operation="purchase_order", sources=mapping.SOURCES)


def ref_of(reference: str) -> RemoteRef:
    return RemoteRef(remote_id=reference, name=f"PO {reference}")


def _unsure(reference: str) -> RejectedError:
    message = (
        f"Nobody knows whether the mail with PO {reference} left. Ask the supplier, then say on the connection's page "
        "whether it arrived, and try again."
    )
    return RejectedError(message, [Blocker(BlockerCode.OUTCOME_UNKNOWN, message, "reference", reference)])
