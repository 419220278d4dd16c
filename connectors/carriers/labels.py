"""What a carrier is asked about labels, in neutral shapes: what it would cost, one that is bought, one that is found."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.carriers.base import Place
from connectors.money import Money


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom the parcels go to. `name` is a person, `company` may be empty: then it is a private address."""

    name: str
    company: str
    phone: str
    address1: str
    address2: str
    city: str
    province_code: str
    postcode: str
    country_code: str  # ISO 3166-1 alpha-2

    @property
    def is_private(self) -> bool:
        return not self.company


@dataclass(frozen=True, slots=True)
class Box:
    weight_g: int
    size_mm: tuple[int, int, int] | None = None  # length, width, height


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """One shipment of one or more boxes from one place to one recipient."""

    reference: str  # ours; the same shipment always has the same
    sender: Place
    recipient: Recipient
    boxes: tuple[Box, ...]
    contents: str  # what is in them, in words
    value: Money | None  # of the goods; None when nobody said
    service: str = ""  # the carrier's code; empty while rates are asked for


@dataclass(frozen=True, slots=True)
class Rate:
    """One service and what the carrier says that it charges for it."""

    service: str
    name: str
    amount: Money
    days: int | None  # business days on the way; None when the carrier does not promise any


@dataclass(frozen=True, slots=True)
class BoxLabel:
    """One box's tracking number, and the picture to print: GIF, or empty when the carrier sent none."""

    number: str
    image: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Label:
    """What was bought."""

    number: str  # of the whole shipment: what it is voided by
    boxes: tuple[BoxLabel, ...]
    cost: Money | None  # None when the carrier does not say: it was found, not bought just now
