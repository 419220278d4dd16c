"""What each platform adds to the practice stores: its keys, its addresses, its webhooks, its way to refuse.

Everything else (products, orders, shipping, dials, pages) is shared. A new platform is one folder and one line here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.module_loading import import_string

from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeRefund,
    PracticeShop,
    PracticeVariant,
    PracticeWebhook,
)

_PLATFORMS = {
    "filedrop": "connectors.practice.filedrop.platform.FileDropPractice",
    "filedrop_sftp": "connectors.practice.filedrop_sftp.platform.SftpDropPractice",
    "shopify": "connectors.practice.shopify.platform.ShopifyPractice",
    "ssactivewear": "connectors.practice.ssactivewear.platform.SsActivewearPractice",
    "woocommerce": "connectors.practice.woocommerce.platform.WooCommercePractice",
    "squarespace": "connectors.practice.squarespace.platform.SquarespacePractice",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an order in a store, for whoever listens."""

    kind: str  # created, changed, cancelled, deleted, edited, refunded, fulfilled, fulfillment_changed
    order: PracticeOrder
    line: PracticeLine | None = None  # of edited
    delta: int = 0
    refund: PracticeRefund | None = None
    fulfillment: PracticeFulfillment | None = None


@dataclass(frozen=True, slots=True)
class CartLine:
    """Without a variant it is something that no catalog has."""

    variant: PracticeVariant | None
    title: str
    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Cart:
    """What a customer ordered. Prices as the shop shows them, with tax inside where it shows them so."""

    lines: tuple[CartLine, ...]
    shipping: Decimal
    paid: bool
    email: str = ""
    note: str = ""
    pickup: bool = False  # the customer comes for it; the address is the bill's alone then
    address: Mapping[str, str] | None = None  # by the names of the shared pages: firstName ... zip, countryCode


@dataclass(frozen=True, slots=True)
class Typed:
    """A value that a person copies out of the store to connect it; `name` is that of the connect form's field."""

    name: str
    label: str
    value: str


class PracticePlatform(ABC):
    """One platform. Stateless; every method gets the rows that it is about."""

    key: ClassVar[str]
    label: ClassVar[str]
    faults: ClassVar[frozenset[str]]  # keys of DIALS that mean something there
    signature_header: ClassVar[str] = ""  # of its webhooks; empty: it sends none
    retries_s: ClassVar[tuple[int, ...]] = ()  # after how many seconds a webhook that failed is sent again, each time
    sends_parts: ClassVar[bool] = True  # False: an order is fulfilled whole or not at all
    edits_orders: ClassVar[bool] = True
    has_places: ClassVar[bool] = False  # a product lies at one of several locations: `put` works
    sells: ClassVar[bool] = False  # customers buy there: `checkout` works
    uninstalls: ClassVar[bool] = False  # apps are installed there, and can be uninstalled
    privacy_topics: ClassVar[Mapping[str, str]] = {}  # webhooks about personal data, in words
    collects: ClassVar[bool] = False  # its checkout lets customers pick up what they bought

    @abstractmethod
    def domain(self, slug: str) -> str:
        """What a store of this name calls itself."""

    @abstractmethod
    def keys(self) -> dict[str, Any]:
        """Fields of a new store: its secrets, scopes and settings."""

    @abstractmethod
    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        """What to copy into the connect form, beside the address."""

    @abstractmethod
    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        """Topic and body of the webhook that tells of a change; None when none does."""

    def tells(self, change: Change) -> list[tuple[str, Mapping[str, Any]]]:
        """Every webhook that tells of a change."""
        told = self.told(change)
        return [] if told is None else [told]

    @abstractmethod
    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        """Whether a subscription is for this topic."""

    def body(self, delivery: PracticeDelivery) -> Mapping[str, Any]:
        """The body of a webhook: what `told` gave, where the platform puts nothing around it."""
        payload: Mapping[str, Any] = delivery.payload
        return payload

    @abstractmethod
    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        """The headers of a webhook, signed over the very bytes that are sent."""

    def of_another_shop(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """A webhook as another shop would name itself; it is signed after that."""
        return headers, body

    def gave_up(self, delivery: PracticeDelivery) -> None:  # noqa: B027  # most platforms do nothing then
        """A webhook failed for the last time."""

    def tells_uninstall(self, shop: PracticeShop) -> tuple[str, Mapping[str, Any]]:
        """Topic and body of the webhook about it."""
        raise NotImplementedError

    def forget_app(self, shop: PracticeShop) -> None:
        """What ends with an app beside its tokens. Inside a transaction, the shop locked."""
        raise NotImplementedError

    def privacy_address(self) -> str:
        """Where the app's registration has them sent, for all shops."""
        raise NotImplementedError

    def privacy_request(
        self, shop: PracticeShop, topic: str, order: PracticeOrder | None
    ) -> tuple[Mapping[str, Any], datetime]:
        """Body, and when it is said to have been triggered. Raises PracticeError."""
        raise NotImplementedError

    @abstractmethod
    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        """The platform's own answer for `too_many`, `dead_token`, `frozen` and faults that it alone knows."""

    def places(self, shop: PracticeShop) -> list[str]:
        """Names of its locations."""
        return []

    def place_of(self, variant: PracticeVariant) -> str:
        """Where a product lies; empty without locations."""
        return ""

    def put(self, variant: PracticeVariant, place: str) -> None:
        """Have a product lie at the location of this name, new or not. Inside a transaction."""
        raise NotImplementedError

    def checkout(self, shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
        """An order as a customer leaves it in the shop, told by webhooks. Inside a transaction."""
        raise NotImplementedError

    def pay(self, order: PracticeOrder, *, at: datetime) -> bool:
        """Take an order as paid. False: the shared books alone tell it."""
        return False

    def readdress(self, order: PracticeOrder, address: Mapping[str, str]) -> None:
        """Keep another shipping address; by the names that the shared pages know."""
        order.details["shippingAddress"] = dict(address)

    def sum_up(self, order: PracticeOrder) -> bool:
        """Work out the sums of an order whose lines were edited. False: what its lines say is added up."""
        return False


def address(shop: PracticeShop) -> str:
    """The path of its door, without host."""
    return f"/practice/{shop.platform}/{shop.slug}"


def of(shop: PracticeShop) -> PracticePlatform:
    return named(shop.platform)


@cache
def named(key: str) -> PracticePlatform:
    """Raises KeyError for an unknown platform."""
    platform: PracticePlatform = import_string(_PLATFORMS[key])()
    return platform
