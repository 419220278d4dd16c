"""What each destination's part of an order comes to. The parts add up to the order, to the currency's last decimal.

Lines and their taxes belong to the part that they are in. The discount on the order is shared out by what the lines come
to. Shipping, with its taxes, goes whole to one part: a parcel's price cannot be read off the lines, and every platform
keeps it as one amount. Tax that no line names is shared out as the discount is. A part with shipping of its own takes
none of the order's: what a partner is paid for sending is agreed with the partner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from connectors.money import apportion, total
from orders.models import Order, OrderLine, OrderPush

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Part:
    """The lines for one destination, in the order's order; `goes_out` is false for those that stay here."""

    lines: tuple[OrderLine, ...]
    goes_out: bool = True
    own_shipping: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """Amounts in the order's currency; none is negative, and they add up as the order's do."""

    subtotal: Decimal = ZERO
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal = ZERO
    carries_shipping: bool = False


AMOUNTS = tuple(name.name for name in fields(Share))  # as a push has them


def of(push: OrderPush) -> Share:
    """The share that stands on a push."""
    return Share(**{name: getattr(push, name) for name in AMOUNTS})


def split(order: Order, parts: Sequence[Part], *, settled: Sequence[Share] = ()) -> list[Share]:
    """One share per part. `settled` are those of parts that have left: what they carry is not shared out again."""
    if not parts:
        return []
    sums = [total(line.amount for line in part.lines) for part in parts]
    discounts = apportion(order.discount - _sum(settled, "discount"), sums, order.currency)
    carried = any(share.carries_shipping for share in settled)
    carrier = None if carried else _carrier(parts)
    shipping = [order.shipping if index == carrier else ZERO for index in range(len(parts))]
    rest = order.tax - _sum(settled, "tax")
    if carrier is None and not carried:
        rest -= _named(order.shipping_taxes)  # nobody carries the shipping: its taxes stay here with it
    taxes = _taxes(order, parts, sums, carrier, rest)
    return [
        Share(
            subtotal=sums[index],
            discount=discounts[index],
            shipping=shipping[index],
            tax=taxes[index],
            total=sums[index]
            - discounts[index]
            + shipping[index]
            + (ZERO if order.prices_include_tax else taxes[index]),
            carries_shipping=index == carrier,
        )
        for index in range(len(parts))
    ]


def _carrier(parts: Sequence[Part]) -> int | None:
    """The part that pays for shipping: of those that go out and have something to ship, the one with the first line."""
    may_carry = (index for index, part in enumerate(parts) if not part.own_shipping)
    return min(may_carry, key=lambda index: _precedence(parts[index]), default=None)


def _precedence(part: Part) -> tuple[bool, bool, int]:
    shipped = [line.position for line in part.lines if line.requires_shipping]
    first = min(shipped or [line.position for line in part.lines], default=0)
    return not part.goes_out or not part.lines, not shipped, first


def _taxes(
    order: Order, parts: Sequence[Part], sums: Sequence[Decimal], carrier: int | None, whole: Decimal
) -> list[Decimal]:
    """`whole` is the tax to be shared out among these parts, what lines and shipping name included."""
    named = [_named(tax for line in part.lines for tax in line.taxes) for part in parts]
    if carrier is not None:
        named[carrier] += _named(order.shipping_taxes)
    rest = whole - total(named)
    return [ours + more for ours, more in zip(named, apportion(rest, sums, order.currency), strict=True)]


def _named(taxes: Iterable[dict[str, str]]) -> Decimal:
    return total(Decimal(tax["amount"]) for tax in taxes)


def _sum(shares: Iterable[Share], name: str) -> Decimal:
    return total(getattr(share, name) for share in shares)
