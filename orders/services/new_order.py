"""An order as a channel hands it in: the frozen shape, and the reader that checks a JSON body into it.

Written by hand rather than with nested serializers: one pass, every problem named with its field, and fast.
Amounts are text ("1284.50"); addresses use ISO 3166 codes; times are ISO 8601 with an offset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from connectors.base import Blocker
from orders.enums import Delivery


@dataclass(frozen=True, slots=True)
class NewTax:
    title: str
    rate: Decimal  # a fraction: 0.15
    amount: Decimal

    def as_json(self) -> dict[str, str]:
        return {"title": self.title, "rate": f"{self.rate:f}", "amount": f"{self.amount:f}"}


@dataclass(frozen=True, slots=True)
class NewLine:
    external_id: str
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    taxes: tuple[NewTax, ...] = ()
    requires_shipping: bool = True
    hs_code: str = ""
    origin_country: str = ""
    customs_value: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class NewAddress:
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    city: str = ""
    province_code: str = ""
    postcode: str = ""
    country_code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class NewPayment:
    gateway: str
    reference: str
    amount: Decimal
    authorized_at: datetime
    expires_at: datetime | None
    captured_at: datetime | None = None  # set: the money is taken already, by whoever `gateway` names


@dataclass(frozen=True, slots=True)
class NewOrder:
    merchant: str  # slug
    external_id: str
    number: str
    placed_at: datetime
    currency: str
    prices_include_tax: bool
    lines: tuple[NewLine, ...]
    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    shipping_title: str
    shipping_taxes: tuple[NewTax, ...]
    tax: Decimal
    total: Decimal
    customer_name: str
    customer_email: str
    customer_phone: str
    customer_note: str
    delivery: Delivery
    pickup_name: str
    pickup_address: str
    pickup_instructions: str
    shipping_address: NewAddress | None
    billing_address: NewAddress | None
    payment: NewPayment | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    ship_by: datetime | None = None
    invoice_number: str = ""
    invoice_key: str = ""
    digest: str = ""  # of the body it was read from
    doubts: tuple[Blocker, ...] = ()  # what is wrong with it beyond what it lacks


def digest_of(body: Mapping[str, Any]) -> str:
    """Hex SHA-256 of the body in one canonical form: the order of keys and white space do not count."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(canonical.encode()).hexdigest()
