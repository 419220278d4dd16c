"""What every carrier is asked, in neutral shapes. Nothing here knows Django; errors are those of connectors.errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.errors import NotOfferedError
from connectors.http import HttpClient

if TYPE_CHECKING:
    from connectors.carriers.labels import Label, LabelRequest, Rate


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parcels wait, and whom the driver asks for."""

    company: str
    contact: str
    phone: str  # E.164, or as the merchant writes it
    address1: str
    city: str
    country_code: str  # ISO 3166-1 alpha-2
    address2: str = ""
    province_code: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parcels for one country."""

    country_code: str
    parcels: int


@dataclass(frozen=True, slots=True)
class PickupRequest:
    """A driver is to come. The window's times are aware, in the zone of the place; both are of one day there."""

    reference: str  # ours; the same pickup always has the same
    place: Place
    opens_at: datetime
    closes_at: datetime
    pieces: tuple[Pieces, ...]
    weight_g: int  # of all of them
    note: str = ""

    @property
    def parcels(self) -> int:
        return sum(piece.parcels for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The carrier comes."""

    number: str  # the carrier's own
    cost: str = ""  # what it says that it charges: "6.65 USD"; empty when it does not say


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to a carrier. The same key is the same mail, shown once however often it is sent."""

    key: str
    to: str
    subject: str
    text: str
    file_name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class CarrierLogin:
    """What a driver needs to know of an account."""

    base_url: str
    email: str
    account_number: str
    credentials: Mapping[str, Any]
    country_code: str
    sender: str = ""  # the address that our mails come from


class Carrier(ABC):
    """One merchant's account at a carrier."""

    key: ClassVar[str]
    label: ClassVar[str]
    quotes: ClassVar[bool] = False  # tells what a pickup costs before it is asked for
    looks_up: ClassVar[bool] = False  # finds a pickup by our reference
    looks_ahead_days: ClassVar[int] = 0  # and how many days after today it still does
    repeats_safely: ClassVar[bool] = False  # the same request again is the same pickup
    horizon_s: ClassVar[float] = 0.0  # for so long after a request "not found" proves nothing
    sells_labels: ClassVar[bool] = False  # says rates, sells labels and voids them
    most_boxes: ClassVar[int] = 0  # of one label

    def __init__(self, login: CarrierLogin, http: HttpClient, post: Callable[[Letter], None]) -> None:
        self.login = login
        self.http = http
        self.post = post  # hands a mail to the mail server

    @abstractmethod
    def check(self) -> None:
        """Raises when the account cannot be used as it is."""

    @abstractmethod
    def schedule(self, request: PickupRequest) -> Confirmation:
        """Ask for it, once. Raises OutcomeUnknownError when it may have been taken."""

    @abstractmethod
    def cancel(self, request: PickupRequest, number: str) -> None:
        """Call it off; calling off twice is harmless."""

    def quote(self, request: PickupRequest, *, today: date) -> str:
        """What it would cost: "6.65 USD"; `today` in the zone of the place. Only where `quotes`."""
        raise self._not_offered()

    def find(self, request: PickupRequest) -> Confirmation | None:
        """The pickup that stands there under our reference. Only where `looks_up`."""
        raise self._not_offered()

    def rates(self, request: LabelRequest) -> list[Rate]:
        """The services that go there and what each costs, the cheapest first. Only where `sells_labels`, as all below."""
        raise self._not_offered()

    def buy_label(self, request: LabelRequest) -> Label:
        """Buy it, once. Raises OutcomeUnknownError when it may have been sold."""
        raise self._not_offered()

    def find_label(self, request: LabelRequest) -> Label | None:
        """The label that was sold under our reference. None and RejectedError (in the carrier's words) prove nothing."""
        raise self._not_offered()

    def void_label(self, number: str) -> None:
        """Give it back; voiding twice is harmless."""
        raise self._not_offered()

    def close(self) -> None:
        """Let go of what is open."""
        self.http.close()

    def _not_offered(self) -> NotOfferedError:
        return NotOfferedError(f"{self.label} does not offer this.")
