"""An order that a customer placed in the merchant's own shop, as every driver reads it. Nothing here knows Django.

Amounts are Decimal in major units of the order's currency, times aware UTC. With `prices_include_tax` the tax is inside
the amounts of lines and shipping, else it comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from connectors.base import Address, OutboundTax, PickupPlace

ZERO = Decimal(0)


class StorePayment(StrEnum):
    """Where the customer's money is, as the shop tells it."""

    UNPAID = "unpaid"  # also what is only authorized or paid in part: somebody still has to take the rest
    PAID = "paid"  # what the order comes to now is taken
    REFUNDED = "refunded"  # all of it was given back
    VOIDED = "voided"  # nothing will be taken any more


class StoreFulfillment(StrEnum):
    OPEN = "open"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"


@dataclass(frozen=True, slots=True)
class StoreLine:
    """What is still wanted of one line: removed and refunded units are gone from it."""

    remote_id: str
    sku: str
    title: str
    quantity: int
    amount: Decimal  # of all units, before discounts
    discount: Decimal = ZERO  # on all units together, with the line's part of the order's discounts where it is told
    taxes: tuple[OutboundTax, ...] = ()
    requires_shipping: bool = True
    variant_id: str = ""


@dataclass(frozen=True, slots=True)
class StoreOrder:
    remote_id: str
    number: str  # what people there call it: "#1001"
    url: str  # its page in the shop's admin; may be the list where no other is known
    placed_at: datetime
    updated_at: datetime
    payment: StorePayment
    fulfillment: StoreFulfillment
    cancelled: bool
    currency: str
    prices_include_tax: bool
    lines: tuple[StoreLine, ...]
    total: Decimal  # what the shop says it comes to now
    tax: Decimal = ZERO  # all tax
    discount: Decimal = ZERO  # on the order; only what the lines do not name
    shipping: Decimal = ZERO  # after its own discounts
    shipping_title: str = ""
    shipping_taxes: tuple[OutboundTax, ...] = ()
    paid_at: datetime | None = None
    refunded: Decimal = ZERO
    shipping_address: Address | None = None
    billing_address: Address | None = None
    pickup: PickupPlace | None = None
    customer_name: str = ""
    customer_email: str = ""
    customer_phone: str = ""
    note: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""  # what another system wrote on it; ours when we pushed it there
    hidden: frozenset[str] = (
        frozenset()
    )  # fields of these that the shop does not let us see: they may well be filled there
    made_by_app: bool = False  # put there by an app, not placed by a customer


class StoreOrderPage(NamedTuple):
    """Some of the orders that changed."""

    orders: tuple[StoreOrder, ...]
    next_cursor: str  # for the next call; empty after the last page
