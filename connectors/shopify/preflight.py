"""Why Shopify would refuse an order or hold another total than was paid, found without asking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.base import Account, Address, Blocker, BlockerCode, OutboundLine, OutboundOrder, RemoteVariant
from connectors.shopify import mapping

LINES_MAX = 250  # Shopify takes no longer list in an argument (API limits, November 2026)


def blockers(
    order: OutboundOrder, variables: Mapping[str, Any], variants: Mapping[str, RemoteVariant], account: Account
) -> tuple[Blocker, ...]:
    """`variables` are the very ones that will be sent; `variants` by id, fresh."""
    return (
        *_money(order, variables, account),
        *_lines(order, variants),
        *_stock(order, variants),
        *_addresses(order),
        *_texts(variables),
    )


def _money(order: OutboundOrder, variables: Mapping[str, Any], account: Account) -> Iterator[Blocker]:
    if order.currency != account.currency:
        yield Blocker(
            BlockerCode.CURRENCY_UNSUPPORTED,
            f"The order is in {order.currency}, the shop sells in {account.currency or 'an unknown currency'}. "
            "Test the connection again or connect a shop with the order's currency.",
            "currency",
            order.currency,
        )
    if order.total <= 0:
        yield Blocker(BlockerCode.ZERO_TOTAL, "The order has no value, and only paid orders are sent.", "total", "0")
    predicted = mapping.predicted_total(variables)
    if predicted != order.total:
        would, paid = _figure(predicted, order.currency), _figure(order.total, order.currency)
        yield Blocker(
            BlockerCode.TOTAL_MISMATCH,
            f"Shopify would hold {would}, the customer paid {paid}. Correct the amounts or taxes at their source.",
            "total",
            f"{predicted:f}",
        )


def _figure(amount: Decimal, currency: str) -> str:
    return f"{money.plain(amount, currency)} {currency}"


def _lines(order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> Iterator[Blocker]:
    if len(order.lines) > LINES_MAX:
        message = f"The order has {len(order.lines)} lines, Shopify takes {LINES_MAX}. Split it at its source."
        yield Blocker(BlockerCode.INTERNAL_ERROR, message, "lines", str(len(order.lines)))
    for index, line in enumerate(order.lines):
        blocker = _line(line, variants.get(line.variant_id), field=f"lines[{index}].sku")
        if blocker:
            yield blocker


def _line(line: OutboundLine, variant: RemoteVariant | None, *, field: str) -> Blocker | None:
    if not line.variant_id and not line.sku:
        message = f"“{line.title}” has no SKU, and only products of the shop can be ordered there."
        return Blocker(BlockerCode.CUSTOM_LINE, message, field)
    if not line.variant_id:
        message = f"No product in the shop is linked to SKU {line.sku}. Link one."
        return Blocker(BlockerCode.UNMAPPED_SKU, message, field, line.sku)
    if variant is None:
        message = f"The product linked to SKU {line.sku} is gone from the shop. Link another."
        return Blocker(BlockerCode.SKU_GONE, message, field, line.sku)
    if not variant.sellable:
        message = f"{variant.title} is archived or a draft in the shop. Make it active there."
        return Blocker(BlockerCode.NOT_SELLABLE, message, field, line.sku)
    return None


def _stock(order: OutboundOrder, variants: Mapping[str, RemoteVariant]) -> Iterator[Blocker]:
    """Two lines of one variant need their sum."""
    if order.options.bypass_stock_check:
        return
    needed: Counter[str] = Counter()
    for line in order.lines:
        needed[line.variant_id] += line.quantity
    for index, line in enumerate(order.lines):
        variant, quantity = variants.get(line.variant_id), needed.pop(line.variant_id, 0)
        if variant and variant.stock is not None and quantity > variant.stock:
            yield Blocker(
                BlockerCode.OUT_OF_STOCK,
                f"{variant.title}: {quantity} ordered, {max(variant.stock, 0)} in stock. Restock it in the shop.",
                f"lines[{index}].sku",
                line.sku,
            )


def _addresses(order: OutboundOrder) -> Iterator[Blocker]:
    if order.pickup is None:
        yield from _incomplete(order.shipping_address or Address())
    for name, address in (("shipping_address", order.shipping_address), ("billing_address", order.billing)):
        if address and address.country_code in mapping.NO_COUNTRY:
            message = f"Shopify does not know the country {address.country_code}."
            yield Blocker(BlockerCode.COUNTRY_UNSUPPORTED, message, f"{name}.country", address.country_code)


def _incomplete(address: Address) -> Iterator[Blocker]:
    needed = {
        "name": address.first_name or address.last_name or address.company,
        "address1": address.address1,
        "city": address.city,
        "country": address.country_code,
    }
    for part, value in needed.items():
        if not value:
            message = f"The shipping address has no {_PARTS[part]}."
            yield Blocker(BlockerCode.ADDRESS_INCOMPLETE, message, f"shipping_address.{part}")


_PARTS = {"name": "name", "address1": "street", "city": "city", "country": "country"}


def _texts(variables: Mapping[str, Any]) -> Iterator[Blocker]:
    """Only limits that are known; an unknown one comes back as Shopify's own refusal."""
    body = variables["order"]
    note = body.get("note", "")
    if len(note) > mapping.NOTE_MAX:
        message = f"The note would have {len(note)} characters, Shopify takes {mapping.NOTE_MAX}."
        yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "note", str(len(note)))
    for tag in body["tags"]:
        if len(tag) > mapping.TAG_MAX:
            message = f"The tag “{tag}” has {len(tag)} characters, Shopify takes {mapping.TAG_MAX}."
            yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "tags", str(len(tag)))
