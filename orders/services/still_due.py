"""What of a push is still to be sent: its lines and amounts, less the units that were given back before they were sent.

The units go, and with them what a refund of them comes to: their price, less their share of the discount, with their
tax. So the destination holds exactly what was paid less what these units were refunded at, to the minor unit of the
currency. Shipping stays, refunded or not: it is the price of the parcel that still goes. Reads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.money import from_minor, to_minor, total
from orders.enums import PushStatus
from orders.models import Order, OrderLine, OrderPush, PushLine
from orders.models.fields import ZERO
from orders.services import shares
from orders.services.refund_shares import part, share_out, shares_of

# what it held back stands on it; one that was kept out holds nothing back until it goes after all
_SETTLED = (PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.PUSHED, PushStatus.CANCELLED, PushStatus.SKIPPED)

Taxes = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class DueLine:
    """One line with the units that go, and the taxes on these."""

    line: OrderLine
    quantity: int
    taxes: Taxes

    @property
    def amount(self) -> Decimal:
        return self.line.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Due:
    """Lines of which nothing goes are not among them; `given_back` is what the share is less than the push's own."""

    lines: tuple[DueLine, ...]
    share: shares.Share
    given_back: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class _Less:
    """What units of a line that do not go take off its push, in minor units; `taxes` are those that the line names."""

    amount: int
    tax: int
    taxes: tuple[int, ...]
    given: int  # what a refund of them comes to


def of(push: OrderPush, rows: Sequence[PushLine], share: shares.Share, *, as_sent: bool = False) -> Due:
    """Of the rows of a push, with their lines, in their order. `as_sent`: as the last sending had it, whatever was
    given back since."""
    order, units = push.order, [units_of(row, as_sent=as_sent) for row in rows]
    less = _less(order, rows, units)
    lines = tuple(
        _line(row.line, left, less.get(row.line_id), order.currency)
        for row, left in zip(rows, units, strict=True)
        if left
    )
    return Due(lines, share) if not less else _reduced(order, share, lines, list(less.values()))


def units_of(row: PushLine, *, as_sent: bool = False) -> int:
    """How many units of its line go."""
    if as_sent:
        return row.line.quantity if row.sent_quantity is None else row.sent_quantity
    return row.line.due_quantity


def of_nothing(push: OrderPush) -> bool:
    """Whether all units of a push that has lines were given back before they were sent."""
    rows = list(push.push_lines.select_related("line"))
    return bool(rows) and not any(row.line.due_quantity for row in rows)


def given_back(push: OrderPush) -> Decimal:
    """What its share is less than it was for that; for a push with its lines read."""
    return of(push, list(push.push_lines.all()), shares.of(push)).given_back


def given_back_by_now(push: OrderPush) -> Decimal:
    """What refunds took off its part before it was sent, or will have when it is; from `push_lines`, with their lines."""
    rows = sorted(push.push_lines.all(), key=lambda row: row.line.position)
    if push.status in _SETTLED or push.remote_id or not any(row.line.called_off_quantity for row in rows):
        return push.given_back
    return of(push, rows, shares.of(push)).given_back


def _less(order: Order, rows: Sequence[PushLine], units: Sequence[int]) -> dict[int, _Less]:
    """By the pk of each line of which not all goes."""
    gone = {row.line_id: row.line.quantity - left for row, left in zip(rows, units, strict=True)}
    if not any(gone.values()):
        return {}
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    paid, taxes = shares_of(order, lines).lines, _taxes(order, lines)
    return {
        line.pk: _less_of(line, gone[line.pk], paid[line.pk], taxes[line.pk], order.currency)
        for line in lines
        if gone.get(line.pk)
    }


def _less_of(line: OrderLine, gone: int, paid: int, tax: int, currency: str) -> _Less:
    named = [to_minor(Decimal(row["amount"]), currency) for row in line.taxes]
    return _Less(
        amount=to_minor(line.unit_price * gone, currency),
        tax=part(tax, gone, line.quantity),
        taxes=tuple(share_out(part(sum(named), gone, line.quantity), named)) if named else (),
        given=part(paid, gone, line.quantity),
    )


def _taxes(order: Order, lines: Sequence[OrderLine]) -> dict[int, int]:
    """Each line's share of the order's tax, as orders.services.refund_shares shares it out; also where prices include it."""
    on_shipping = total(Decimal(row["amount"]) for row in order.shipping_taxes)
    named = [to_minor(total(Decimal(row["amount"]) for row in line.taxes), order.currency) for line in lines]
    weights = named if any(named) else [to_minor(line.amount, order.currency) for line in lines]
    whole = max(to_minor(order.tax - on_shipping, order.currency), 0)
    return dict(zip((line.pk for line in lines), share_out(whole, weights), strict=True))


def _line(line: OrderLine, units: int, less: _Less | None, currency: str) -> DueLine:
    if less is None:
        return DueLine(line, units, line.taxes)
    taxes = [
        {**row, "amount": f"{Decimal(row['amount']) - from_minor(gone, currency):f}"}
        for row, gone in zip(line.taxes, less.taxes, strict=True)
    ]
    return DueLine(line, units, taxes)


def _reduced(order: Order, share: shares.Share, lines: tuple[DueLine, ...], less: Sequence[_Less]) -> Due:
    """The discount takes up what rounding leaves. It stays between nothing and what the lines come to: a part whose
    discount was rounded the other way than its lines' differs by that one minor unit."""
    currency = order.currency
    subtotal = share.subtotal - from_minor(sum(one.amount for one in less), currency)
    tax = max(share.tax - from_minor(sum(one.tax for one in less), currency), ZERO)
    on_top = ZERO if order.prices_include_tax else tax
    wanted = share.total - from_minor(sum(one.given for one in less), currency)
    discount = min(max(subtotal + share.shipping + on_top - wanted, ZERO), subtotal)
    whole = subtotal - discount + share.shipping + on_top
    reduced = replace(share, subtotal=subtotal, discount=discount, tax=tax, total=whole)
    return Due(lines, reduced, share.total - whole)
