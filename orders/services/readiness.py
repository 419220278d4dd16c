"""What an order lacks although it is well-formed. Such an order is kept as a draft that says what is missing.

The same rules for an order that arrives, for one that is stored, and for what somebody is typing into a draft: each is
told as `Facts`. A blocker's field is the name that the intake body and a draft's form give it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from connectors.base import Blocker, BlockerCode
from orders.enums import AddressKind, Delivery, PaymentStatus
from orders.models import Order
from orders.services.new_order import NewAddress, NewOrder

# Countries whose carriers and tax rules need the state or province (Shopify's address formats, November 2026).
NEEDS_PROVINCE = frozenset({"AU", "BR", "CA", "IN", "IT", "JP", "MX", "US"})
NO_POSTCODE = frozenset({"AE", "AO", "BS", "FJ", "GH", "HK", "IE", "JM", "KE", "PA", "QA", "TO", "UG", "VU", "ZW"})
REMOVED = "Removed"  # stands for the name of a customer whose data were removed
REMOVED_TEXT = (
    "The customer's personal data were removed at their request, the address with them. Cancel what was not sent yet."
)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a merchant asks of the orders of a channel."""

    payment: bool = True
    value: bool = True
    address: bool = True
    link: bool = False
    invoice: bool = False
    customs: bool = False


@dataclass(frozen=True, slots=True)
class LineFacts:
    requires_shipping: bool
    hs_code: str
    origin_country: str
    customs_value: str  # empty: not said


@dataclass(frozen=True, slots=True)
class Facts:
    """An order as far as the rules look at it."""

    is_paid: bool
    total: Decimal
    customer_name: str
    delivery: str
    pickup_name: str
    address: NewAddress | None
    has_invoice: bool
    lines: tuple[LineFacts, ...]
    home: str  # the merchant's country
    is_linked: bool  # at least one line has a product link

    @property
    def is_removed(self) -> bool:
        """Whether the customer's data were removed before the order could be sent."""
        street = self.address.address1 if self.address else ""
        return self.delivery == Delivery.SHIP and self.customer_name == REMOVED and not street

    @property
    def is_international(self) -> bool:
        country = self.address.country_code if self.address else ""
        return self.delivery == Delivery.SHIP and bool(country) and country != self.home


def facts_of(new: NewOrder, *, home: str, is_linked: bool) -> Facts:
    """Of an order that arrives."""
    return Facts(
        is_paid=new.payment is not None,
        total=new.total,
        customer_name=new.customer_name,
        delivery=new.delivery,
        pickup_name=new.pickup_name,
        address=new.shipping_address,
        has_invoice=bool(new.invoice_number or new.invoice_key),
        lines=tuple(
            LineFacts(
                line.requires_shipping,
                line.hs_code,
                line.origin_country,
                "" if line.customs_value is None else f"{line.customs_value:f}",
            )
            for line in new.lines
        ),
        home=home,
        is_linked=is_linked,
    )


def missing(facts: Facts, needs: Needs) -> tuple[Blocker, ...]:
    """Why the order cannot be confirmed yet; empty when nothing is missing."""
    found: list[Blocker] = []
    if needs.payment and not facts.is_paid and facts.total:
        found.append(Blocker(BlockerCode.NOT_PAID, "The order came without a payment.", "payment"))
    if needs.value and not facts.total:
        found.append(Blocker(BlockerCode.ZERO_TOTAL, "The order's total is zero.", "total", "0"))
    if facts.is_removed:
        found.append(Blocker(BlockerCode.ADDRESS_INCOMPLETE, REMOVED_TEXT, "shipping_address"))
    elif needs.address:
        found += _whereabouts(facts)
    if needs.link and not facts.is_linked:
        text = "None of its lines has a linked product. Link one of them."
        found.append(Blocker(BlockerCode.UNMAPPED_SKU, text, "lines.sku"))
    if needs.invoice and not facts.has_invoice:
        text = "The invoice is missing. Give its number or its key."
        found.append(Blocker(BlockerCode.INVOICE_MISSING, text, "invoice_number"))
    if needs.customs and facts.is_international:
        found += _customs_gaps(facts.lines)
    return tuple(found)


def removed(order: Order) -> Blocker | None:
    """Why a stored order cannot be sent any more: nobody knows where to."""
    if order.customer_name != REMOVED or order.has_pickup:
        return None
    if order.addresses.filter(kind=AddressKind.SHIPPING).exclude(address1="").exists():
        return None
    return Blocker(BlockerCode.ADDRESS_INCOMPLETE, REMOVED_TEXT, "shipping_address")


def unpayable(order: Order) -> Blocker | None:
    """Why an order that nobody decided about cannot be confirmed any more: what its customer had promised is gone."""
    if order.payment_status == PaymentStatus.REFUNDED and order.total:
        text = "All that the customer paid was given back. Decline the order."
        return Blocker(BlockerCode.NOT_PAID, text, "payment")
    if order.payment_status not in (PaymentStatus.FAILED, PaymentStatus.VOIDED) or not order.total:
        return None
    text = "The customer's payment was cancelled or ran out: nothing can be taken. Decline the order; the customer has to order again."
    return Blocker(BlockerCode.AUTHORIZATION_EXPIRED, text, "payment")


def _whereabouts(facts: Facts) -> Iterator[Blocker]:
    if not facts.customer_name:
        yield Blocker(BlockerCode.ADDRESS_INCOMPLETE, "The customer's name is missing.", "customer.name")
    if facts.delivery != Delivery.PICKUP:
        yield from _address_gaps(facts.address)
    elif not facts.pickup_name:
        text = "It is not said where the customer picks the order up."
        yield Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, text, "delivery.place.name")


def _address_gaps(address: NewAddress | None) -> Iterator[Blocker]:
    if address is None:
        yield Blocker(BlockerCode.ADDRESS_INCOMPLETE, "The shipping address is missing.", "shipping_address")
        return
    for name, words in (("address1", "street"), ("city", "city"), ("country_code", "country")):
        if not getattr(address, name):
            text = f"The shipping address has no {words}."
            yield Blocker(BlockerCode.ADDRESS_INCOMPLETE, text, f"shipping_address.{name}")
    if address.country_code in NEEDS_PROVINCE and not address.province_code:
        text = "The shipping address has no state or province."
        yield Blocker(BlockerCode.PROVINCE_UNKNOWN, text, "shipping_address.province_code")
    if address.country_code and address.country_code not in NO_POSTCODE and not address.postcode:
        text = "The shipping address has no postcode."
        yield Blocker(BlockerCode.POSTCODE_INVALID, text, "shipping_address.postcode")


def _customs_gaps(lines: tuple[LineFacts, ...]) -> Iterator[Blocker]:
    """The order leaves the merchant's country: each line that is sent is declared."""
    for index, line in enumerate(lines):
        for name, words in (
            ("hs_code", "HS code"),
            ("origin_country", "country of origin"),
            ("customs_value", "value"),
        ):
            if line.requires_shipping and not getattr(line, name):
                text = f"Customs needs the {words} of line {index + 1}."
                yield Blocker(BlockerCode.CUSTOMS_MISSING, text, f"lines[{index}].{name}")
