"""The neutral shapes of every platform: what goes out, what comes back, and what a platform can do.

Nothing here knows Django. Amounts are Decimal in major units of the named currency; times are aware UTC. Everybody
imports them from connectors.base, beside the verbs that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from connectors.blockers import Blocker
    from connectors.http import Outgoing


# --- going out -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    province_code: str = ""  # ISO 3166-2 without the country: "AUK", "OR"
    postcode: str = ""
    country_code: str = ""  # ISO 3166-1 alpha-2
    phone: str = ""  # E.164


@dataclass(frozen=True, slots=True)
class OutboundTax:
    title: str  # "GST"
    rate: Decimal  # a fraction: 0.15
    amount: Decimal


@dataclass(frozen=True, slots=True)
class OutboundLine:
    line_id: str  # our public id of the line
    sku: str
    title: str
    quantity: int
    unit_price: Decimal  # after line discount; with tax inside when the order's prices_include_tax
    variant_id: str = ""  # the destination's id of the linked variant; empty when not linked
    taxes: tuple[OutboundTax, ...] = ()
    requires_shipping: bool = True


@dataclass(frozen=True, slots=True)
class PickupPlace:
    name: str
    address: str  # one line
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class SupplierOptions:
    """What only a supplier has to be told. The defaults leave each choice to it; other drivers ignore all of it."""

    shipping_method: str = ""  # the supplier's own code
    payment_email: str = ""  # whose saved card or bank account pays; empty: the account's terms
    payment_profile_id: str = ""
    store_address: Address | None = None  # set: the goods go to the merchant, who sends them on
    warehouses: tuple[str, ...] = ()  # the supplier's codes; empty: any of them
    fastest: bool = False  # rather in more parcels than later
    test_order: bool = False  # accepted and cancelled at once


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What the connection's settings and our own pages add to every order that goes out."""

    order_url: str  # the order's page in the portal
    share_customer_email: bool = False
    bypass_stock_check: bool = False
    mark_paid: bool = True
    fulfilled: bool = False  # there it is fulfilled as soon as it is created
    location_id: str = ""  # the place there that fulfills it; empty when not fulfilled, or where there are no places
    create_customer: bool = True  # of the address that is shared, when nobody there has it
    tag: str = ""  # "<Marketplace> Order"
    note: str = ""
    supplier: SupplierOptions = SupplierOptions()


@dataclass(frozen=True, slots=True)
class OutboundOrder:
    """One order for one destination, generation n, as every driver gets it."""

    reference: str  # unique at the destination, new for each generation
    number: str  # what people call the order
    channel_name: str  # "ArchiPro"
    placed_at: datetime
    currency: str
    prices_include_tax: bool
    lines: tuple[OutboundLine, ...]
    subtotal: Decimal  # sum of unit_price x quantity; this and all below are this destination's part of the order
    discount: Decimal  # on all lines together; not negative
    shipping: Decimal
    shipping_title: str
    shipping_taxes: tuple[OutboundTax, ...]
    tax: Decimal  # all tax; inside the total already when prices_include_tax
    total: Decimal  # what the customer paid for this part
    billing: Address
    shipping_address: Address | None  # None for a pickup
    pickup: PickupPlace | None
    customer_name: str
    customer_email: str
    customer_phone: str
    customer_note: str
    attributes: Mapping[str, str]  # payment terms, PO number ...
    options: PushOptions
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PreviewCall:
    """One call, mail or file as it would leave now, down to the byte; nothing in it is secret."""

    method: str
    path: str  # empty when the driver does not tell
    headers: Mapping[str, str]  # values that could be secret are hidden
    body: bytes
    operation: str = ""
    # where each part of a body comes from, by its path in JSON or its column in CSV: {"order.lineItems": ("line", "product link")}
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, call: Outgoing, *, operation: str, sources: Mapping[str, tuple[str, ...]]) -> PreviewCall:
        """A request that was rehearsed."""
        return cls(call.method, call.path, call.headers, call.body, operation=operation, sources=sources)


@dataclass(frozen=True, slots=True)
class OutboundShipment:
    """What was sent of an order that was placed at a store, told to that store."""

    lines: tuple[ShipmentLine, ...]  # by the store's own line id, else by SKU
    parcels: tuple[Parcel, ...]
    shipped_at: datetime
    completes: bool = True  # nothing of the order is left to send
    notify_customer: bool = False  # the store mails its customer
    known_id: str = ""  # of the fulfillment there that this is about; empty: there is none yet
    gone: tuple[Parcel, ...] = ()  # that the store was told of before, and that are none any more


@dataclass(frozen=True, slots=True)
class PutBack:
    """Units that come back into stock, and what the customer was given for them."""

    reference: str  # unique; what is looked for before anything is booked twice
    units: Mapping[str, int]  # by our line id
    amount: Decimal
    reason: str  # plain words
    variants: Mapping[str, str] = field(default_factory=dict)  # by our line id: the variant there that it is linked to
    took_stock: bool = True  # False: the order was sent past the stock check


# --- coming back ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """An order that exists at the destination."""

    remote_id: str
    name: str  # "#1001"
    url: str = ""  # its page in the destination's admin
    left_out: tuple[
        Blocker, ...
    ] = ()  # why some of what was sent is not in it, as `create` was told; empty: all of it is


@dataclass(frozen=True, slots=True)
class RemoteVariant:
    variant_id: str
    sku: str
    title: str
    barcode: str = ""
    sellable: bool = True  # the product is active
    stock: int | None = None  # None: not counted there, or may be sold below zero
    stock_by_place: tuple[tuple[str, int], ...] = ()  # the same by warehouse, where a merchant may choose some of them
    product_id: str = ""
    price: Decimal | None = None  # in the shop's currency; None where it was not asked for
    tax_class: str | None = None  # the destination's word for how it taxes it; None: it does not, or computes no tax


@dataclass(frozen=True, slots=True)
class RemoteLocation:
    """A place of the shop where stock lies and orders are fulfilled."""

    location_id: str
    name: str
    active: bool = True


class CatalogPage(NamedTuple):
    """Some of all the variants that the shop has."""

    variants: tuple[RemoteVariant, ...]
    next_cursor: str  # for the next call; empty after the last page
    total: int | None  # of the whole catalog; None where the platform does not say


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    sku: str
    quantity: int
    line_id: str = ""  # our line id when the destination carried it back
    remote_line_id: str = ""
    variant_id: str = ""  # the destination's id of the variant, where no line id comes back


@dataclass(frozen=True, slots=True)
class Parcel:
    carrier: str = ""
    number: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentNotice:
    """One fulfillment at the destination, as it stands now."""

    remote_id: str
    status: str  # "success", "cancelled", "failed"
    lines: tuple[ShipmentLine, ...]
    parcels: tuple[Parcel, ...] = ()
    shipped_at: datetime | None = None
    updated_at: datetime | None = None


class PartStatus(StrEnum):
    OPEN = "open"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RemotePart:
    """One of several orders that a supplier made of one push, each from a place of its own."""

    number: str  # as people there name it; unique in the order
    warehouse: str = ""
    status: PartStatus = PartStatus.OPEN
    tracking: tuple[str, ...] = ()
    expected_on: date | None = None  # delivery, as the supplier expects it


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """The truth at the destination, read with a GET."""

    ref: RemoteRef
    reference: str  # what it carries of ours; empty when it is not one of ours
    currency: str
    total: Decimal
    cancelled: bool = False
    cancelled_parts: tuple[str, ...] = ()  # named as people there name them, while other parts stand
    refunded: Decimal = Decimal(0)
    outstanding: Decimal | None = None  # what is still to be paid there, negative when too much was; None: not told
    created_at: datetime | None = None
    updated_at: datetime | None = None
    shipments: tuple[ShipmentNotice, ...] = ()
    parts: tuple[RemotePart, ...] | None = None  # None: it has no parts, or a list did not tell them
    remote_version: str = ""  # changes whenever the order changes there; empty: a list did not tell it


@dataclass(frozen=True, slots=True)
class ShopInfo:
    """What a connection test finds out."""

    remote_id: str
    name: str
    domain: str
    currency: str
    timezone: str = ""
    prices_include_tax: bool | None = None
    scopes: tuple[str, ...] = ()
    missing_scopes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # JSON that the driver wants back in Account.settings


@dataclass(frozen=True, slots=True)
class WebhookState:
    """Webhooks that stand at the destination after `register_webhooks`."""

    topics: tuple[str, ...]
    missing: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)  # what the destination signs with from now on; empty: as before


@dataclass(frozen=True, slots=True)
class InboundNotice:
    """A verified webhook: which order to read again. A hint, never the truth."""

    event_id: str  # unique per connection
    topic: str
    remote_order_id: str = ""  # empty when the topic is not about an order
    reference: str = ""
    occurred_at: datetime | None = None
    api_version: str = ""  # that the body is written in; empty where the platform does not say


@dataclass(frozen=True, slots=True)
class PaymentProfile:
    """A saved card or bank account at a supplier."""

    profile_id: str
    kind: str  # "Credit Card"
    name: str  # "BMO Harris Bank 1234 (John Doe)"


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place a supplier sends from, and how long a parcel takes from there to one postcode."""

    code: str  # "IL"
    days_in_transit: int | None = None
    cut_off: str = ""  # "4:00 CT": what is ordered before leaves the same day


# The parts of an order that may change after it was sent, as `Connector.update` is asked for them.
UPDATABLE = ("lines", "shipping_address", "billing_address", "note", "attributes")


@dataclass(frozen=True, slots=True)
class Capabilities:
    cancel: bool = False
    tags: bool = False
    notes: bool = False
    webhooks: bool = False
    idempotency_key: bool = False
    lookup_by_reference: bool = False
    stock: bool = False
    pickup: bool = False
    catalog: bool = False  # `catalog_pages` works
    supplier: bool = False  # sells to the merchant and sends the goods; then the driver is a SupplierConnector
    test_orders: bool = False  # takes orders that it cancels at once
    warehouses: bool = False  # sends from those that the merchant chooses: `warehouses` tells them
    payment_profiles: bool = False  # bills a saved card or bank account that the merchant chooses
    desk: bool = False  # has no service: orders are files, and our own desk keeps the book of them
    folders: bool = (
        False  # on a server of its own, where they are put and tracking is fetched; without, they are mailed
    )
    compares_totals: bool = True  # False: its total is what the merchant pays there, not what the customer paid
    restock: bool = False  # `put_back` works
    separate_notes: bool = False  # notes are no part of `create`: `add_notes` writes them
    settings: bool = False  # it goes by Account.settings, which must be kept fresh
    fulfills: bool = False  # `fulfill` works
    fulfills_parts: bool = False  # and takes a part of an order; without, only all of it at once
    fulfills_by_place: bool = False  # and what lies at several of its places by place: SeveralPlacesError
    takes_back: bool = False  # `unfulfill` works, or with `recalls` that
    recalls: bool = False  # a fulfillment is no object of its own there: `recall` takes back what `fulfill` did
    tracking_key: bool = False  # tracking may stand where only the merchant knows: Account.tracking_key names it
    readies: bool = False  # `ready_for_pickup` works
    channel: bool = False  # customers buy there: `store_orders` and `store_order` read their orders
    unpaid: bool = False  # takes orders that are still to be paid
    fulfilled: bool = False  # takes orders that are fulfilled already
    unpaid_fulfilled: bool = False  # both at once
    locations: bool = False  # fulfills at one of its places: `locations` works, and a fulfilled order has to name one
    customers: bool = False  # makes a customer of an address that it does not know, when told to
    emails: bool = False  # takes an e-mail address with the order
    tax_lines: bool = False  # goes by the name or the rate of a line's tax
    shipping: bool = False  # the order carries what its shipping costs
    tag_max: int = 0  # characters; 0 where there are no tags
    note_max: int = 0
    shortest_interval_min: int = 5  # between two times at which collected orders go there
    updates: frozenset[str] = frozenset()  # what `update` can change on an order there: of UPDATABLE
