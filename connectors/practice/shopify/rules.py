"""What Shopify refuses and how it sums up an order (Admin API 2026-10 documentation and recorded answers, November 2026)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.practice.models import PracticeOrder, PracticeShop, PracticeVariant

TOO_MANY = "Too many attempts. Please try again later."
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_VARIANT = re.compile(r"gid://shopify/ProductVariant/([0-9]+)")


class OrderRefused(Exception):
    """A userError of orderCreate."""

    def __init__(self, message: str, code: str = "INVALID", path: Sequence[str | int] = ("order",)) -> None:
        super().__init__(message)
        self.code, self.path = code, [str(part) for part in path]


@dataclass(frozen=True)
class Sums:
    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal


@dataclass
class Draft:
    """The input, checked: each line with its variant."""

    order: Mapping[str, Any]
    variants: dict[int, PracticeVariant | None] = field(default_factory=dict)  # by position


def check(shop: PracticeShop, order: Mapping[str, Any], *, at: datetime) -> Draft:
    """Raises OrderRefused for everything that Shopify refuses before it creates."""
    if shop.is_development:
        _check_rate(shop, at)
    lines = order.get("lineItems") or []
    if not lines:
        raise OrderRefused("Line items must have at least one line item", path=("order", "lineItems"))
    if order.get("customer") and order.get("customerId"):
        raise OrderRefused("Only one of customer and customerId may be given", "REDUNDANT_CUSTOMER_FIELDS", ("order",))
    if order.get("phone") and not _E164.fullmatch(order["phone"]):
        raise OrderRefused("Order Phone is invalid", path=("order", "phone"))
    _check_taxes(order)
    _check_currency(shop, order)
    return Draft(order, {index: _variant(shop, line, index) for index, line in enumerate(lines)})


def sums(order: Mapping[str, Any]) -> Sums:
    """Σ price x quantity - fixed discount + shipping, plus the tax lines unless taxes are included."""
    items = sum((_shop_money(line.get("priceSet")) * line["quantity"] for line in order["lineItems"]), Decimal(0))
    shipping_lines = order.get("shippingLines") or []
    shipping = sum((_shop_money(line["priceSet"]) for line in shipping_lines), Decimal(0))
    taxed = [*order["lineItems"], *shipping_lines, order]
    tax = sum((_shop_money(tax.get("priceSet")) for part in taxed for tax in part.get("taxLines") or []), Decimal(0))
    discount = min(_discount(order, items), items)
    total = items - discount + shipping + (Decimal(0) if order.get("taxesIncluded") else tax)
    return Sums(items - discount, discount, shipping, tax, total)


def financial_status(order: Mapping[str, Any], total: Decimal) -> tuple[str, Decimal]:
    """The display status ("" stands for null) and what was received."""
    paid = authorized = Decimal(0)
    for transaction in order.get("transactions") or []:
        if transaction.get("status", "SUCCESS") != "SUCCESS":
            continue
        amount = _shop_money(transaction["amountSet"])
        if transaction.get("kind") in ("SALE", "CAPTURE"):
            paid += amount
        elif transaction.get("kind") == "AUTHORIZATION":
            authorized += amount
    if paid:
        return ("PAID" if paid >= total else "PARTIALLY_PAID"), paid
    if authorized:
        return "AUTHORIZED", Decimal(0)
    return order.get("financialStatus") or "", Decimal(0)


def claim_stock(draft: Draft, behaviour: str) -> None:
    """Take the units from stock as the options say. Raises OrderRefused when they are not there."""
    if behaviour == "BYPASS":
        return
    wanted: dict[int, int] = {}
    for index, line in enumerate(draft.order["lineItems"]):
        variant = draft.variants[index]
        if variant is not None:
            wanted[variant.pk] = wanted.get(variant.pk, 0) + line["quantity"]
    for pk, units in sorted(wanted.items()):
        variant = PracticeVariant.objects.select_for_update().get(pk=pk)
        if behaviour == "DECREMENT_OBEYING_POLICY" and not variant.sells_below_zero and variant.stock < units:
            raise OrderRefused("Unable to claim inventory", "INVENTORY_CLAIM_FAILED", ("order", "lineItems"))
        variant.stock -= units
        variant.save(update_fields=["stock"])


def _check_rate(shop: PracticeShop, at: datetime) -> None:
    lately = PracticeOrder.objects.filter(shop=shop, created_at__gt=at - timedelta(minutes=1)).count()
    if lately >= 5:  # noqa: PLR2004  # Shopify's figure for development and trial stores
        raise OrderRefused(TOO_MANY)


def _check_taxes(order: Mapping[str, Any]) -> None:
    below = [("lineItems", order.get("lineItems") or []), ("shippingLines", order.get("shippingLines") or [])]
    on_parts = any(part.get("taxLines") for _, parts in below for part in parts)
    if order.get("taxLines") and on_parts:
        raise OrderRefused("Tax lines can be set on the order or on its lines, not on both", path=("order", "taxLines"))
    for name, parts in below:
        for index, part in enumerate(parts):
            for at, tax in enumerate(part.get("taxLines") or []):
                if tax.get("rate") is None:
                    path = ("order", name, index, "taxLines", at, "rate")
                    raise OrderRefused("Rate can't be blank", "TAX_LINE_RATE_MISSING", path)


def _check_currency(shop: PracticeShop, order: Mapping[str, Any]) -> None:
    currency = order.get("currency") or shop.currency
    bags = [line.get("priceSet") for line in order["lineItems"]]
    bags += [line["priceSet"] for line in order.get("shippingLines") or []]
    for bag in bags:
        if bag and bag["shopMoney"]["currencyCode"] != currency:
            raise OrderRefused("Currency of the prices must be the order's currency", path=("order", "currency"))
    if currency != shop.currency:
        raise OrderRefused("Currency must be the shop's currency", path=("order", "currency"))


def _variant(shop: PracticeShop, line: Mapping[str, Any], index: int) -> PracticeVariant | None:
    if line["quantity"] < 1:
        raise OrderRefused("Quantity must be greater than 0", path=("order", "lineItems", index, "quantity"))
    gid = line.get("variantId")
    if gid is None:
        if not line.get("title"):
            raise OrderRefused("Line items Title can't be blank", path=("order", "lineItems", index, "title"))
        if line.get("priceSet") is None:
            raise OrderRefused("Line items Price can't be blank", path=("order", "lineItems", index, "priceSet"))
        return None
    match = _VARIANT.fullmatch(gid)
    variant = PracticeVariant.objects.filter(shop=shop, pk=match[1]).first() if match else None
    if variant is None:
        raise OrderRefused("Order Line items is invalid", path=("order",))
    return variant


def _discount(order: Mapping[str, Any], items: Decimal) -> Decimal:
    code = order.get("discountCode") or {}
    if "itemFixedDiscountCode" in code:
        return _shop_money(code["itemFixedDiscountCode"].get("amountSet"))
    if "itemPercentageDiscountCode" in code:
        return items * Decimal(str(code["itemPercentageDiscountCode"].get("percentage") or 0)) / 100
    return Decimal(0)


def _shop_money(bag: Mapping[str, Any] | None) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"]) if bag else Decimal(0)
