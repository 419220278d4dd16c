"""The verbs that a driver has. What they take and give stands in connectors.shapes and .account and is had from here too.

Nothing here or in a driver knows Django. Amounts are Decimal in major units of the named currency;
times are aware UTC.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.account import Account, Budget, ConnectField, Entry
from connectors.blockers import Blocker, BlockerCode
from connectors.errors import NotOfferedError
from connectors.http import HttpClient
from connectors.shapes import (
    UPDATABLE,
    Address,
    Capabilities,
    CatalogPage,
    InboundNotice,
    OutboundLine,
    OutboundOrder,
    OutboundShipment,
    OutboundTax,
    Parcel,
    PartStatus,
    PaymentProfile,
    PickupPlace,
    PreviewCall,
    PushOptions,
    PutBack,
    RemoteLocation,
    RemoteOrder,
    RemotePart,
    RemoteRef,
    RemoteVariant,
    ShipmentLine,
    ShipmentNotice,
    ShopInfo,
    SupplierOptions,
    Warehouse,
    WebhookState,
)

if TYPE_CHECKING:
    from connectors.storefront import StoreOrder, StoreOrderPage

__all__ = [
    "UPDATABLE",
    "Account",
    "Address",
    "Blocker",
    "BlockerCode",
    "Budget",
    "Capabilities",
    "CatalogPage",
    "ConnectField",
    "Connector",
    "Entry",
    "InboundNotice",
    "OutboundLine",
    "OutboundOrder",
    "OutboundShipment",
    "OutboundTax",
    "Parcel",
    "PartStatus",
    "PaymentProfile",
    "PickupPlace",
    "PreviewCall",
    "PushOptions",
    "PutBack",
    "RemoteLocation",
    "RemoteOrder",
    "RemotePart",
    "RemoteRef",
    "RemoteVariant",
    "ShipmentLine",
    "ShipmentNotice",
    "ShopInfo",
    "SupplierConnector",
    "SupplierOptions",
    "Warehouse",
    "WebhookState",
]


class Connector(ABC):
    """One platform's verbs for one account. Cheap to build; the HTTP client keeps its connections open.

    Every method may raise the errors of connectors.errors and nothing else. `create`, `mend`, `cancel`, `fulfill`, `unfulfill`,
    `ready_for_pickup`, `update`, `put_back` and `add_notes` are the only ones that change anything there besides `register_webhooks`.
    """

    platform: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    supported_until: ClassVar[date | None] = None  # last day of the API version we use, where the platform names one
    horizon_s: ClassVar[int]  # how long after the "maybe sent" mark a "not found" proves nothing
    webhook_version: ClassVar[str] = ""  # of the API, in which we read webhooks; where the platform says theirs
    most_sends: ClassVar[int | None] = (
        2  # of one order, each without an answer and not found after; then a person looks
    )
    resends_for: ClassVar[timedelta | None] = None  # after the first of those; then a person looks
    hides_after: ClassVar[timedelta | None] = None  # how old an order is when it may not be shown to us any more
    costs: ClassVar[Mapping[str, float]] = {}  # verb -> what it asks of the budget, in its units; where there is one
    at_once: ClassVar[int | None] = None  # how many messages may speak to one account at a time; None: any number

    finds_by_reading_all: ClassVar[bool] = False  # `find_variants` reads the whole catalog: ask a copy of it first
    pace: ClassVar[Budget | None] = None  # for requests of any kind, where no answer tells what is left: we count
    requests: ClassVar[
        Mapping[str, float]
    ] = {}  # verb -> how many it makes, one where it is not named; where there is a pace

    order_address: ClassVar[str] = r"([\w.-]{1,100})"  # what a person may copy of an order there, as a pattern
    order_id: ClassVar[str] = "{}"  # the id that its first group makes

    def __init__(self, account: Account, http: HttpClient) -> None:
        self.account = account
        self.http = http
        self.budget: Budget | None = None  # filled by answers that tell it
        self.warning = ""  # what the platform said of the API version we use, in words for a merchant

    @abstractmethod
    def check(self) -> ShopInfo:
        """Read who and what the shop is. Raises CredentialsError for a dead token."""

    @abstractmethod
    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """Every asked SKU with the variants whose SKU equals it exactly; an empty tuple when there is none."""

    @abstractmethod
    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        """Variants by their id; one that is gone is left out."""

    def catalog_pages(self, cursor: str) -> CatalogPage:
        """One page of all variants, in an order that stays the same; an empty cursor begins at the beginning.

        Cursors hold for hours, so that a long reading may be interrupted. Raises NotOfferedError where the platform
        has no such list, which `capabilities.catalog` says beforehand.
        """
        raise NotOfferedError(f"{self.label} does not let its whole catalog be read.")

    def locations(self) -> tuple[RemoteLocation, ...]:
        """Every place of the shop. Raises NotOfferedError where there are none, as `capabilities.locations` says."""
        raise NotOfferedError(f"{self.label} has no locations.")

    @abstractmethod
    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        """Why the destination would refuse this order or hold another total than was paid.

        No network: `variants` (by variant id, fresh) is all it needs. An empty tuple means: `create` is expected
        to be accepted and the total there will equal `order.total`.
        """

    @abstractmethod
    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        """The exact body that `create` will send. No network."""

    def calls_for(self, order: OutboundOrder) -> tuple[PreviewCall, ...]:
        """The calls that `create` would make now, in their order. No network.

        A driver that says no more shows its body alone, written as JSON; one that overrides this shows the bytes,
        path and headers that its HTTP client sends.
        """
        body = json.dumps(self.request_for(order), default=str).encode()
        return (PreviewCall(method="POST", path="", headers={}, body=body),)

    @abstractmethod
    def create(self, order: OutboundOrder) -> RemoteRef:
        """Create the order. One request; OutcomeUnknownError when it may have been created."""

    def add_notes(self, remote_id: str, order: OutboundOrder) -> None:
        """Write the notes that are still missing on an order there. Only with `separate_notes`; safe to repeat.

        RejectedError when what stands there is not the order.
        """
        raise NotOfferedError(f"{self.label} takes notes with the order.")

    def update(self, remote_id: str, order: OutboundOrder, *, fields: frozenset[str]) -> None:
        """Make these of UPDATABLE what they are in `order`; the total stays. Only `capabilities.updates`; safe to repeat."""
        raise NotOfferedError(f"{self.label} changes no order that stands there.")

    def put_back(self, remote_id: str, back: PutBack) -> bool:
        """Book a refund in the store's own records, so that its units go back into stock. No money moves there.

        Looks for `back.reference` first: safe to repeat once a request that was sent cannot arrive any more. False when
        there is nothing to put back: the order is gone or cancelled there, or its stock is not counted. Raises
        RejectedError when the store has booked as much already, NotVisibleError as `read` does, NotOfferedError where
        `capabilities.restock` says so.
        """
        raise NotOfferedError(f"{self.label} is not told of units that come back.")

    @abstractmethod
    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """Orders there that carry our reference, oldest first. `since` bounds the search, with margin."""

    def mend(self, remote_id: str, order: OutboundOrder) -> None:  # noqa: B027  # most have nothing to mend
        """Complete an order that `find` found: the answer to its creation was lost, and it may be half made. Repeatable.

        RetryableError while it may still be in the making, RejectedError when it is not what `order` says and cannot be
        made so. An order that is gone or closed is left alone. By default an order stands there whole or not at all.
        """

    @abstractmethod
    def read(self, remote_id: str) -> RemoteOrder | None:
        """The order as it stands, None when it is gone. NotVisibleError when it may only be too old to be shown."""

    def shows_all(self) -> bool:
        """Whether orders older than `hides_after` are shown to us after all. May ask the store.

        Where they are not, "not shown" is NotVisibleError and never "gone": whoever knows the order's age judges.
        """
        return self.hides_after is None

    @classmethod
    def remote_id_of(cls, typed: str) -> str:
        """The id of an order from what a person copies: the id, or the address of its page there. Empty: neither."""
        match = re.fullmatch(cls.order_address, typed, re.ASCII)
        return cls.order_id.format(match[1]) if match else ""

    @abstractmethod
    def cancel(self, remote_id: str, *, note: str) -> None:
        """Cancel there, restocking, without refund and without a mail to the customer. Safe to repeat."""

    def fulfill(self, remote_id: str, shipment: OutboundShipment) -> str:
        """Mark as sent what was sent of an order placed there; the id of the fulfillment there.

        With `known_id` its parcels become these, which is safe to repeat. Without it whoever repeats looks first:
        OutcomeUnknownError when it may have been done. RejectedError when the order there cannot be fulfilled so,
        SeveralPlacesError, with `capabilities.fulfills_by_place`, when it can in parts.
        """
        raise NotOfferedError(f"{self.label} cannot be told what was sent.")

    def unfulfill(self, remote_id: str, fulfillment_id: str) -> None:
        """Cancel a fulfillment that `fulfill` made. Whoever repeats looks first. RejectedError when it cannot be undone."""
        raise NotOfferedError(f"{self.label} takes no fulfillment back.")

    def recall(self, remote_id: str, shipment: OutboundShipment) -> None:
        """Undo what `fulfill` did with these parcels, where `capabilities.recalls`: by what stands there, so safe to repeat.

        The order is open again unless `shipment.completes`. One that is gone or over there has nothing to take back.
        """
        raise NotOfferedError(f"{self.label} takes no fulfillment back.")

    def ready_for_pickup(self, remote_id: str, lines: Sequence[ShipmentLine]) -> None:
        """Say that an order placed there waits for its customer: `lines` are all units that wait. Safe to repeat.

        RejectedError when it cannot be said of the order there. Only `capabilities.readies`; nothing takes it back.
        """
        raise NotOfferedError(f"{self.label} is not told what waits to be picked up.")

    @abstractmethod
    def changed_since(self, since: datetime) -> Iterable[RemoteOrder]:
        """Orders of ours changed there at that moment or since, oldest change first; may repeat some, never skips one.

        May ask for the next page only when the orders before it were taken, and bring other people's, without a
        reference. An order whose list does not tell all of it comes without a version.
        """

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        """One page of the orders that changed there after `since`, whoever made them; an empty cursor begins.

        An order that changes while the pages are read is on one of them or changed after the reading began; it may be on
        two. `since` is the same for all pages; a cursor holds for hours. Raises NotOfferedError without `channel`.
        """
        raise NotOfferedError(f"{self.label} has no orders of its own to read.")

    def store_order(self, remote_id: str) -> StoreOrder | None:
        """One order of the shop's own as it stands, None when it is gone. Raises NotOfferedError without `channel`,
        NotVisibleError as `read` does.
        """
        raise NotOfferedError(f"{self.label} has no orders of its own to read.")

    @abstractmethod
    def register_webhooks(self, callback_url: str, *, channel: bool = False) -> WebhookState:
        """Make sure every topic we need is delivered to the URL. Safe to repeat.

        `channel`: also those about orders that customers place there.
        """

    @classmethod
    @abstractmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice | None:
        """Verify the raw body against any of the secrets and that it is for this shop. Raises BadSignatureError.

        None for a greeting that says nothing: it is answered 200 and forgotten.
        """


class SupplierConnector(Connector):
    """A supplier: what a merchant chooses from there. A choice that it does not offer is empty."""

    test_suffix: ClassVar[str] = "-TEST"  # `create` adds it to the reference of a test order

    def payment_profiles(self, email: str) -> tuple[PaymentProfile, ...]:
        """Cards and bank accounts saved under this address there."""
        return ()

    def warehouses(self, postcode: str) -> tuple[Warehouse, ...]:
        """Where it sends from, with the days that a parcel takes to this postcode."""
        return ()

    @staticmethod
    def shipping_methods() -> Mapping[str, str]:
        """Names by the code that an order carries; empty when the supplier takes any words."""
        return {}
