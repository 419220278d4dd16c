"""What every destination checks before an order leaves. A driver adds what is its own; no network, nothing kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from connectors import money
from connectors.base import Account, Address, Blocker, BlockerCode, OutboundLine, OutboundOrder, RemoteVariant

ADDRESS_PARTS = {"name": "name", "address1": "street", "city": "city", "country": "country"}
FULL_ADDRESS_PARTS = ADDRESS_PARTS | {"province": "state or province", "postcode": "postcode"}


def payable(order: OutboundOrder, account: Account, *, place: str) -> Iterator[Blocker]:
    """The shop's currency and a value. `place` is what people call the other side: "the shop"."""
    if order.currency != account.currency:
        yield Blocker(
            BlockerCode.CURRENCY_UNSUPPORTED,
            f"The order is in {order.currency}, {place} sells in {account.currency or 'an unknown currency'}. "
            "Test the connection again or connect one with the order's currency.",
            "currency",
            order.currency,
        )
    if order.total <= 0:
        yield Blocker(BlockerCode.ZERO_TOTAL, "The order has no value, and only paid orders are sent.", "total", "0")


def equal_total(order: OutboundOrder, predicted: Decimal, *, holder: str, fix: str) -> Iterator[Blocker]:
    """`predicted` must be what was paid, to the cent. `holder` begins the sentence: "Shopify would hold"."""
    if predicted != order.total:
        would, paid = (f"{money.plain(amount, order.currency)} {order.currency}" for amount in (predicted, order.total))
        message = f"{holder} {would}, the customer paid {paid}. {fix}"
        yield Blocker(BlockerCode.TOTAL_MISMATCH, message, "total", f"{predicted:f}")


def linked(
    order: OutboundOrder, variants: Mapping[str, RemoteVariant], *, place: str, unsellable: str = ""
) -> Iterator[Blocker]:
    """Each line has a product there. `unsellable` ends the sentence on one that is not for sale; empty: not asked."""
    for index, line in enumerate(order.lines):
        found = _unlinked(line, variants.get(line.variant_id), place=place, unsellable=unsellable)
        if found:
            code, message = found
            yield Blocker(code, message, f"lines[{index}].sku", line.sku)


def _unlinked(
    line: OutboundLine, variant: RemoteVariant | None, *, place: str, unsellable: str
) -> tuple[BlockerCode, str] | None:
    if not line.variant_id and not line.sku:
        return BlockerCode.CUSTOM_LINE, f"“{line.title}” has no SKU, and only products of {place} can be ordered there."
    if not line.variant_id:
        return BlockerCode.UNMAPPED_SKU, f"No product of {place} is linked to SKU {line.sku}. Link one."
    if variant is None:
        return BlockerCode.SKU_GONE, f"The product linked to SKU {line.sku} is gone from {place}. Link another."
    if unsellable and not variant.sellable:
        return BlockerCode.NOT_SELLABLE, f"{variant.title} {unsellable}"
    return None


def stocked(order: OutboundOrder, variants: Mapping[str, RemoteVariant], *, where: str) -> Iterator[Blocker]:
    """Enough of everything; two lines of one product need their sum. `where` ends the sentence."""
    needed: Counter[str] = Counter()
    for line in order.lines:
        needed[line.variant_id] += line.quantity
    for index, line in enumerate(order.lines):
        variant, quantity = variants.get(line.variant_id), needed.pop(line.variant_id, 0)
        if variant and variant.stock is not None and quantity > variant.stock:
            message = f"{variant.title}: {quantity} ordered, {max(variant.stock, 0)} in stock{where}"
            yield Blocker(BlockerCode.OUT_OF_STOCK, message, f"lines[{index}].sku", line.sku)


def doubt_of_stock(order: OutboundOrder, variants: Mapping[str, RemoteVariant], *, is_told: bool, place: str) -> str:
    """Why it is not known that all of it is in stock; empty when it is, whether or not the settings ask for that.

    What is not counted there, or sold below zero, is never short.
    """
    if not is_told:
        return f"{place} does not tell its stock"
    return next((short.message for short in stocked(order, variants, where=f" at {place}")), "")


def complete(address: Address | None, parts: Mapping[str, str] = ADDRESS_PARTS, *, name: str = "") -> Iterator[Blocker]:
    """Each of `parts`, keyed as the API names them, is filled in. `name` stands in for one that the address lacks."""
    to = address or Address()
    values = {
        "name": to.first_name or to.last_name or to.company or name,
        "address1": to.address1,
        "city": to.city,
        "province": to.province_code,
        "postcode": to.postcode,
        "country": to.country_code,
    }
    for part, words in parts.items():
        if not values[part]:
            message = f"The shipping address has no {words}."
            yield Blocker(BlockerCode.ADDRESS_INCOMPLETE, message, f"shipping_address.{part}")
