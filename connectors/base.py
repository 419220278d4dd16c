"""The neutral shape of every platform: what goes out, what comes back, and the verbs a driver has.

Nothing here or in a driver knows Django. Amounts are Decimal in major units of the named currency;
times are aware UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from connectors.http import HttpClient


class BlockerCode(StrEnum):
    """The closed list of reasons why an order cannot go on. A new one is added here first."""

    UNMAPPED_SKU = "unmapped_sku"
    DUPLICATE_SKU = "duplicate_sku"
    SKU_GONE = "sku_gone"
    OUT_OF_STOCK = "out_of_stock"
    NOT_SELLABLE = "not_sellable"
    CUSTOM_LINE = "custom_line"
    ZERO_TOTAL = "zero_total"
    NOT_PAID = "not_paid"
    AUTHORIZATION_EXPIRED = "authorization_expired"
    CAPTURE_DECLINED = "capture_declined"
    TOTAL_MISMATCH = "total_mismatch"
    TAX_MISSING = "tax_missing"
    CURRENCY_UNSUPPORTED = "currency_unsupported"
    ADDRESS_INCOMPLETE = "address_incomplete"
    COUNTRY_UNSUPPORTED = "country_unsupported"
    PROVINCE_UNKNOWN = "province_unknown"
    POSTCODE_INVALID = "postcode_invalid"
    PHONE_REQUIRED = "phone_required"
    EMAIL_REQUIRED = "email_required"
    TEXT_TOO_LONG = "text_too_long"
    SHIPPING_METHOD_UNMAPPED = "shipping_method_unmapped"
    PICKUP_LOCATION_UNMAPPED = "pickup_location_unmapped"
    PAYMENT_PROFILE_MISSING = "payment_profile_missing"
    CREDENTIALS_EXPIRED = "credentials_expired"
    SCOPE_MISSING = "scope_missing"
    API_VERSION_RETIRED = "api_version_retired"
    RATE_LIMITED = "rate_limited"
    STORE_UNREACHABLE = "store_unreachable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ALREADY_AT_DESTINATION = "already_at_destination"
    CANCELLED_MEANWHILE = "cancelled_meanwhile"
    CHANGED_AT_DESTINATION = "changed_at_destination"
    SYNC_TURNED_OFF = "sync_turned_off"
    TOO_OLD = "too_old"
    SUSPECTED_DUPLICATE = "suspected_duplicate"
    INVOICE_MISSING = "invoice_missing"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One coded reason why an order cannot go on: which field, which value, and what to do about it."""

    code: BlockerCode
    message: str  # plain words for a merchant, with the fix
    field: str = ""  # "lines[0].sku", "shipping_address.province"; empty when it is the order as a whole
    value: str = ""

    def as_json(self) -> dict[str, str]:
        return {"code": self.code.value, "message": self.message, "field": self.field, "value": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Blocker:
        return cls(BlockerCode(data["code"]), data["message"], data.get("field", ""), data.get("value", ""))


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
class PushOptions:
    """What the connection's settings and our own pages add to every order that goes out."""

    order_url: str  # the order's page in the portal
    share_customer_email: bool = False
    bypass_stock_check: bool = False
    mark_paid: bool = True
    tag: str = ""  # "<Marketplace> Order"
    note: str = ""


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
    subtotal: Decimal  # sum of unit_price x quantity
    discount: Decimal  # on the order as a whole; not negative
    shipping: Decimal
    shipping_title: str
    shipping_taxes: tuple[OutboundTax, ...]
    tax: Decimal  # all tax; inside the total already when prices_include_tax
    total: Decimal  # what the customer paid
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


# --- coming back ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """An order that exists at the destination."""

    remote_id: str
    name: str  # "#1001"
    url: str = ""  # its page in the destination's admin


@dataclass(frozen=True, slots=True)
class RemoteVariant:
    variant_id: str
    sku: str
    title: str
    barcode: str = ""
    sellable: bool = True  # the product is active
    stock: int | None = None  # None: not counted there, or may be sold below zero
    product_id: str = ""


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    sku: str
    quantity: int
    line_id: str = ""  # our line id when the destination carried it back
    remote_line_id: str = ""


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


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """The truth at the destination, read with a GET."""

    ref: RemoteRef
    reference: str  # what it carries of ours; empty when it is not one of ours
    currency: str
    total: Decimal
    cancelled: bool = False
    refunded: Decimal = Decimal(0)
    outstanding: Decimal | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    shipments: tuple[ShipmentNotice, ...] = ()
    remote_version: str = ""  # changes whenever the order changes there


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


@dataclass(frozen=True, slots=True)
class WebhookState:
    """Webhooks that stand at the destination after `register_webhooks`."""

    topics: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InboundNotice:
    """A verified webhook: which order to read again. A hint, never the truth."""

    event_id: str  # unique per connection
    topic: str
    remote_order_id: str = ""  # empty when the topic is not about an order
    reference: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    cancel: bool = False
    tags: bool = False
    notes: bool = False
    webhooks: bool = False
    idempotency_key: bool = False
    lookup_by_reference: bool = False
    stock: bool = False
    locations: bool = False
    pickup: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One shop and how to reach it. `credentials` never shows in a repr."""

    base_url: str  # "https://kauri.myshopify.com"
    credentials: Mapping[str, str] = field(repr=False)
    currency: str = ""
    remote_id: str = ""
    shop_domain: str = ""  # what its webhooks call it, where that is not the host of base_url


@dataclass(frozen=True, slots=True)
class Budget:
    """What the destination said about its rate limit in its last answer, in its own units."""

    available: float
    maximum: float
    restore_per_s: float


class Connector(ABC):
    """One platform's verbs for one account. Cheap to build; the HTTP client keeps its connections open.

    Every method may raise the errors of connectors.errors and nothing else. `create` and `cancel` are the
    only ones that change anything there besides `register_webhooks`.
    """

    platform: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    horizon_s: ClassVar[int]  # how long after the "maybe sent" mark a "not found" proves nothing

    def __init__(self, account: Account, http: HttpClient) -> None:
        self.account = account
        self.http = http
        self.budget: Budget | None = None  # filled by answers that tell it

    @abstractmethod
    def check(self) -> ShopInfo:
        """Read who and what the shop is. Raises CredentialsError for a dead token."""

    @abstractmethod
    def find_variants(self, skus: Sequence[str]) -> dict[str, tuple[RemoteVariant, ...]]:
        """Every asked SKU with the variants whose SKU equals it exactly; an empty tuple when there is none."""

    @abstractmethod
    def read_variants(self, variant_ids: Sequence[str]) -> dict[str, RemoteVariant]:
        """Variants by their id; one that is gone is left out."""

    @abstractmethod
    def preflight(self, order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> tuple[Blocker, ...]:
        """Why the destination would refuse this order or hold another total than was paid.

        No network: `variants` (by variant id, fresh) is all it needs. An empty tuple means: `create` is expected
        to be accepted and the total there will equal `order.total`.
        """

    @abstractmethod
    def request_for(self, order: OutboundOrder) -> Mapping[str, Any]:
        """The exact body that `create` will send. No network."""

    @abstractmethod
    def create(self, order: OutboundOrder) -> RemoteRef:
        """Create the order. One request; OutcomeUnknownError when it may have been created."""

    @abstractmethod
    def find(self, reference: str, *, since: datetime) -> tuple[RemoteRef, ...]:
        """Orders there that carry our reference, oldest first. `since` bounds the search, with margin."""

    @abstractmethod
    def read(self, remote_id: str) -> RemoteOrder | None:
        """The order as it stands, None when it is gone."""

    @abstractmethod
    def cancel(self, remote_id: str, *, note: str) -> None:
        """Cancel there, restocking, without refund and without a mail to the customer. Safe to repeat."""

    @abstractmethod
    def changed_since(self, since: datetime) -> Sequence[RemoteOrder]:
        """Orders of ours changed there since then, oldest change first; may repeat some, never skips one."""

    @abstractmethod
    def register_webhooks(self, callback_url: str) -> WebhookState:
        """Make sure every topic we need is delivered to the URL. Safe to repeat."""

    @classmethod
    @abstractmethod
    def parse_webhook(
        cls, *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], account: Account
    ) -> InboundNotice:
        """Verify the raw body against any of the secrets and that it is for this shop. Raises BadSignatureError."""
