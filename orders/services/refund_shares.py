"""What each line, each of its units and the shipping cost the customer: exact shares of what was paid.

All in whole minor units. The order's discount is shared out over the lines by their amounts; tax on top goes where it
was charged. The shares of all lines and of the shipping add up to the order's total, and the units of a line to its
share, whatever the currency's decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

from connectors.money import to_minor, total
from orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class Shares:
    lines: Mapping[int, int]  # by the line's pk: all its units together
    shipping: int


def shares_of(order: Order, lines: Sequence[OrderLine]) -> Shares:
    """Of an order with all its lines."""
    currency = order.currency
    amounts = [to_minor(line.amount, currency) for line in lines]
    discounts = share_out(to_minor(order.discount, currency), amounts)
    shipping, taxes = to_minor(order.shipping, currency), [0] * len(lines)
    if not order.prices_include_tax:
        on_shipping = _tax(order.shipping_taxes, currency)
        on_lines = [_tax(line.taxes, currency) for line in lines]
        taxes = share_out(to_minor(order.tax, currency) - on_shipping, on_lines if any(on_lines) else amounts)
        shipping += on_shipping
    paid = (amount - less + tax for amount, less, tax in zip(amounts, discounts, taxes, strict=True))
    return Shares({line.pk: units for line, units in zip(lines, paid, strict=True)}, shipping)


def share_out(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole` by the weights, each share within one unit of exact; they add up to `whole`. Equal without weights."""
    weights = weights if any(weights) else [1] * len(weights)
    steps = [0, *accumulate(weights)]
    return [part(whole, after, steps[-1]) - part(whole, before, steps[-1]) for before, after in pairwise(steps)]


def part(whole: int, units: int, of: int) -> int:
    """`units` of `of` equal parts of `whole`, halves rounded up. Nothing for 0, all of it for `of`, never shrinking."""
    return (2 * whole * units + of) // (2 * of)


def _tax(rows: Iterable[Mapping[str, Any]], currency: str) -> int:
    return to_minor(total(Decimal(row["amount"]) for row in rows), currency)
