"""What orderCreate refuses, and how it sums up.

Sources: Admin API 2026-10 documentation and published recordings of its answers, November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.practice import dials
from connectors.practice.models import PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.shopify import customers, places
from connectors.practice.shopify.search import number_of

TOO_MANY = "Too many attempts. Please try again later."
A_MINUTE_IN_DEVELOPMENT = 5
NOTE_MAX, TAG_MAX = 5000, 40
LARGEST_TOTAL = Decimal("999999999999")

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
Path = tuple[str | int, ...]
Variants = Sequence[PracticeVariant | None]  # one per line; None for a line without a product


@dataclass(frozen=True, slots=True)
class Refusal:
    """A userError of orderCreate."""

    message: str
    code: str = "INVALID"
    path: Path = ("order",)

    def as_node(self) -> dict[str, Any]:
        return {"field": [str(part) for part in self.path], "message": self.message, "code": self.code}


class OrderRefused(Exception):
    """orderCreate creates nothing, and says why."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(refusals[0].message)
        self.refusals = refusals


class IdTaken(OrderRefused):
    """Another order has this id metafield, and the shop was dialed to mind. Nobody knows whether Shopify does."""

    def __init__(self, place: int) -> None:
        path = ("order", "metafields", place, "value")
        super().__init__(Refusal("Value has already been taken", "INVALID", path))


@dataclass(frozen=True, slots=True)
class Sums:
    subtotal: Decimal  # after the discount
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal


def check(shop: PracticeShop, order: Mapping[str, Any], *, at: datetime) -> Variants:
    """The variant of each line. Raises OrderRefused for what Shopify refuses before it creates."""
    _check_shop(shop, at)
    lines = order.get("lineItems") or []
    if not lines:
        raise OrderRefused(Refusal("Line items must have at least one line item", path=("order", "lineItems")))
    refusals = [*_head(shop, order), *_taxes(order), *_money(shop, order), *_lines(lines)]
    if refusals:
        raise OrderRefused(*refusals)
    return [_variant(shop, line) for line in lines]


def sums(order: Mapping[str, Any], prices: Sequence[Decimal], currency: str) -> Sums:
    """Σ price x quantity - fixed discount + shipping, plus the tax lines unless taxes are included."""
    items = money.total(price * line["quantity"] for price, line in zip(prices, order["lineItems"], strict=True))
    code = order.get("discountCode") or {}
    shipping_lines = order.get("shippingLines") or []
    shipping = money.total(amount_of(line["priceSet"]) for line in shipping_lines)
    if "freeShippingDiscountCode" in code:
        shipping = Decimal(0)
    taxed = [*order["lineItems"], *shipping_lines, order]
    tax = money.total(amount_of(tax.get("priceSet")) for part in taxed for tax in part.get("taxLines") or [])
    discount = min(_discount(code, items, currency), items)
    total = items - discount + shipping + (Decimal(0) if order.get("taxesIncluded") else tax)
    if total > LARGEST_TOTAL:
        raise OrderRefused(Refusal("Order Total price is too large"))
    return Sums(items - discount, discount, shipping, tax, total)


def payments(order: Mapping[str, Any], total: Decimal) -> tuple[str, Decimal, Decimal]:
    """The display status ("" stands for null), what is authorized and what was received."""
    done = [item for item in order.get("transactions") or [] if item.get("status", "SUCCESS") == "SUCCESS"]
    paid = money.total(amount_of(item["amountSet"]) for item in done if item.get("kind", "SALE") in ("SALE", "CAPTURE"))
    authorized = money.total(amount_of(item["amountSet"]) for item in done if item.get("kind") == "AUTHORIZATION")
    if paid:
        return ("PAID" if paid >= total else "PARTIALLY_PAID"), authorized, paid
    if authorized:
        return "AUTHORIZED", authorized, paid
    return order.get("financialStatus") or "", authorized, paid


def claim_stock(lines: Sequence[Mapping[str, Any]], variants: Variants, behaviour: str) -> None:
    """Take the units from stock as the options say. Raises OrderRefused when they are not there."""
    if behaviour == "BYPASS":
        return
    wanted: dict[int, int] = {}
    for line, variant in zip(lines, variants, strict=True):
        if variant is not None and variant.is_tracked:
            wanted[variant.pk] = wanted.get(variant.pk, 0) + line["quantity"]
    for variant in PracticeVariant.objects.select_for_update().filter(pk__in=wanted).order_by("pk"):
        units = wanted[variant.pk]
        if behaviour == "DECREMENT_OBEYING_POLICY" and not variant.sells_below_zero and variant.stock < units:
            path = ("order", "lineItems")
            raise OrderRefused(Refusal("Unable to claim inventory", "INVENTORY_CLAIM_FAILED", path))
        variant.stock -= units
        variant.save(update_fields=["stock"])


def amount_of(bag: Mapping[str, Any] | None) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"]) if bag else Decimal(0)


def check_awake(shop: PracticeShop) -> None:
    """Outside a transaction: a refusal would take back the turn of the dial."""
    if dials.take(shop, "dormant") is not None:
        raise OrderRefused(Refusal("The shop is dormant and cannot create orders", "SHOP_DORMANT"))


def _check_shop(shop: PracticeShop, at: datetime) -> None:
    lately = PracticeOrder.objects.filter(shop=shop, created_at__gt=at - timedelta(minutes=1)).count()
    if shop.is_development and lately >= A_MINUTE_IN_DEVELOPMENT:
        raise OrderRefused(Refusal(TOO_MANY))


def _head(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Refusal]:
    if order.get("customer") and order.get("customerId"):
        text = "Only one of customer and customerId can be provided"
        yield Refusal(text, "REDUNDANT_CUSTOMER_FIELDS", ("order", "customer"))
    else:
        yield from (Refusal(words, path=path) for words, path in customers.problems(shop, order))
    if order.get("phone") and not _E164.fullmatch(order["phone"]):
        yield Refusal("Order Phone is invalid", path=("order", "phone"))
    for email in (order.get("email"), ((order.get("customer") or {}).get("toUpsert") or {}).get("email")):
        if email and not _EMAIL.fullmatch(email):
            yield Refusal("Email is invalid", path=("order", "email"))
    if len(order.get("note") or "") > NOTE_MAX:
        yield Refusal(f"Note is too long (maximum is {NOTE_MAX} characters)", path=("order", "note"))
    yield from _fulfillment(shop, order)
    if any(len(tag) > TAG_MAX for tag in order.get("tags") or []):
        yield Refusal(f"Tags is too long (maximum is {TAG_MAX} characters)", path=("order", "tags"))


def _fulfillment(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Refusal]:
    """An order that is fulfilled as it is created names the location, which is one of the shop's."""
    place = order.get("fulfillment")
    if bool(order.get("fulfillmentStatus")) != bool(place):
        yield Refusal("Fulfillment status needs a fulfillment with its location", path=("order", "fulfillment"))
    elif place and places.name_of(shop, place["locationId"]) is None:
        yield Refusal("Location does not exist", path=("order", "fulfillment", "locationId"))


def _taxes(order: Mapping[str, Any]) -> Iterator[Refusal]:
    on_parts = [(path, tax) for path, part in _parts(order) for path, tax in _numbered(part, "taxLines", path)]
    on_order = list(_numbered(order, "taxLines", ("order",)))
    if on_order and on_parts:
        text = "Tax lines can be set on the order or on its line items and shipping lines, not on both"
        yield Refusal(text, path=("order", "taxLines"))
    for path, tax in [*on_parts, *on_order]:
        if tax["rate"] is None:
            yield Refusal("Tax line rate is missing", "TAX_LINE_RATE_MISSING", (*path, "rate"))


def _money(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Refusal]:
    """Every amount is one, not negative, in the store's currency: a practice store has no rates of exchange."""
    if (order.get("currency") or shop.currency) != shop.currency:
        yield Refusal("Currency must be the shop's currency", path=("order", "currency"))
    for path, bag in _bags(order):
        amount, currency = bag["shopMoney"]["amount"], bag["shopMoney"]["currencyCode"]
        if amount is None:
            yield Refusal("Price can't be blank", path=path)
        elif amount < 0:
            yield Refusal("Price must be greater than or equal to 0", path=path)
        if currency != shop.currency:
            yield Refusal("Currency must match the order's currency", path=path)


def _lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[Refusal]:
    for index, line in enumerate(lines):
        path = ("order", "lineItems", index)
        if line["quantity"] < 1:
            yield Refusal("Line items Quantity must be greater than 0", path=(*path, "quantity"))
        if line.get("variantId") is None and not line.get("title"):
            yield Refusal("Line items Title can't be blank", path=(*path, "title"))
        if line.get("variantId") is None and line.get("priceSet") is None:
            yield Refusal("Line items Price can't be blank", path=(*path, "priceSet"))
        if line.get("fulfillmentService") not in (None, "manual"):
            text = "Fulfillment service does not exist"
            yield Refusal(text, "FULFILLMENT_SERVICE_INVALID", (*path, "fulfillmentService"))


def _variant(shop: PracticeShop, line: Mapping[str, Any]) -> PracticeVariant | None:
    """A variant that is not there is refused in these two sentences, without saying which (recorded)."""
    gid = line.get("variantId")
    if gid is None:
        return None
    key = number_of(gid, "ProductVariant")
    variant = shop.variants.filter(pk=key).first() if key else None
    if variant is None:
        raise OrderRefused(Refusal("Order Line items is invalid"), Refusal("Line items Title can't be blank"))
    return variant


def _bags(order: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every amount in the input with where it stands."""
    places = [(path, part.get("priceSet")) for path, part in _parts(order)]
    for path, part in [*_parts(order), (("order",), order)]:
        places += [(path, tax.get("priceSet")) for path, tax in _numbered(part, "taxLines", path)]
    places += [(path, item["amountSet"]) for path, item in _numbered(order, "transactions", ("order",))]
    fixed = (order.get("discountCode") or {}).get("itemFixedDiscountCode") or {}
    places.append((("order", "discountCode"), fixed.get("amountSet")))
    return ((path, bag) for path, bag in places if bag)


def _parts(order: Mapping[str, Any]) -> list[tuple[Path, Mapping[str, Any]]]:
    """What can bear tax: the lines and the shipping lines."""
    return [*_numbered(order, "lineItems", ("order",)), *_numbered(order, "shippingLines", ("order",))]


def _numbered(part: Mapping[str, Any], name: str, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    return (((*path, name, index), item) for index, item in enumerate(part.get(name) or []))


def _discount(code: Mapping[str, Any], items: Decimal, currency: str) -> Decimal:
    if "itemFixedDiscountCode" in code:
        return amount_of(code["itemFixedDiscountCode"].get("amountSet"))
    percentage = (code.get("itemPercentageDiscountCode") or {}).get("percentage") or 0
    return money.round_half_up(items * Decimal(str(percentage)) / 100, currency)
