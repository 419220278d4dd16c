"""What a destination gave back, cancelled or took off an order by itself, and nobody gave back here. Reads only.

A refund, a cancellation or an edit in a store moves no money of an order that was paid here. What the customer is owed
for it is worked out from what the store shows, and the refund that matches is filled in for a person to confirm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.db.models import QuerySet

from accounts.models import Merchant
from connectors.money import total
from orders.enums import PushStatus, RefundStatus
from orders.models import Order, OrderPush, Payment, Refund
from orders.models.fields import ZERO
from orders.services import looks, partner_amounts
from orders.services.push_records import compares_totals
from orders.services.refund_quotes import TAKEN, Left, Wanted, WantedLine, matching

SHOWN = 50


class Why(StrEnum):
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Owed:
    """What stores took off an order beyond what is given, or promised, here; zero when nothing is owed."""

    amount: Decimal
    why: Why = Why.REFUNDED  # of the largest part


def of(order: Order) -> Owed:
    pushes = OrderPush.objects.filter(order=order).select_related("connection")
    payment = Payment.objects.filter(order=order).first()
    return of_rows(pushes, Refund.objects.filter(order=order).prefetch_related("lines"), payment)


def of_rows(pushes: Iterable[OrderPush], refunds: Iterable[Refund], payment: Payment | None) -> Owed:
    """The same, from rows that are read already: pushes with their connections, refunds with their lines."""
    is_paid_here = payment is not None and payment.status in TAKEN and not payment.taken_in_store
    pushes = list(pushes)
    parts = [_taken_off(push, is_paid_here=is_paid_here) for push in pushes]
    standing = [refund for refund in refunds if refund.status != RefundStatus.WITHDRAWN]
    given = total(refund.amount for refund in standing) - _never_held(pushes, standing)
    amount = max(total(part.amount for part in parts) - given, ZERO)
    largest = max(parts, key=lambda part: part.amount, default=Owed(ZERO))
    return Owed(amount, largest.why)


def owing(merchant: Merchant) -> QuerySet[Order]:
    """Orders of which customers are owed something, with what `of_rows` reads.

    The database reckons as `of_rows` does, so that a debt is found however many orders are newer.
    """
    taken_off = OrderPush.objects.of(merchant).filter(looks.touched())
    orders = Order.objects.of(merchant).filter(looks.owes(), pk__in=taken_off.values("order"))
    return orders.select_related("payment").prefetch_related("pushes__connection", "refunds__lines")


def listed(merchant: Merchant) -> list[tuple[Order, Owed]]:
    """The newest of them, as many as a page shows."""
    newest = owing(merchant).order_by("-placed_at", "-pk")[:SHOWN]
    found = ((order, of_rows(order.pushes.all(), order.refunds.all(), order.payment)) for order in newest)
    return [(order, owed) for order, owed in found if owed.amount]


def suggested(order: Order, left: Left) -> Wanted | None:
    """The refund that gives what is owed: the lines that a store cancelled, or what comes to the amount. None: nothing is."""
    owed = of(order)
    if not owed.amount:
        return None
    return _cancelled(order, left) if owed.why == Why.CANCELLED else matching(order, owed.amount)


def _never_held(pushes: Sequence[OrderPush], standing: Sequence[Refund]) -> Decimal:
    """What refunds of units unsent gave that no store ever held: such a refund may be lower than what its units came to."""
    less = [push for push in pushes if push.given_back]
    before = [refund for refund in standing if any(_went_without(push, refund) for push in less)]
    of_unsent = [refund for refund in before if any(row.not_sent for row in refund.lines.all())]
    return min(total(push.given_back for push in less), total(refund.amount for refund in of_unsent))


def _went_without(push: OrderPush, refund: Refund) -> bool:
    """Whether a refund was promised before the last sending, so that the destination was not asked for its units."""
    return not push.remote_id or push.sent_at is None or push.sent_at >= refund.requested_at


def _taken_off(push: OrderPush, *, is_paid_here: bool) -> Owed:
    """The most that its store shows: whoever edits an order there gives the difference back there as well."""
    candidates = [Owed(push.remote_refunded)]
    if is_paid_here and _is_cancelled(push):
        candidates.append(Owed(partner_amounts.customers_part(push), Why.CANCELLED))
    if is_paid_here and push.status == PushStatus.PUSHED and push.remote_total is not None and compares_totals(push):
        less = max(push.expected_total - push.remote_total, ZERO)
        candidates.append(Owed(min(less, partner_amounts.customers_part(push)), Why.CHANGED))
    return max(candidates, key=lambda part: part.amount)


def _is_cancelled(push: OrderPush) -> bool:
    """There, and not here: a person has to decide. An export that another one replaced is cancelled here too."""
    return push.remote_cancelled and push.status == PushStatus.HELD


def _cancelled(order: Order, left: Left) -> Wanted:
    pushes = [push for push in OrderPush.objects.filter(order=order) if _is_cancelled(push)]
    gone = {row.line.external_id for push in pushes for row in push.push_lines.select_related("line")}
    lines = tuple(
        WantedLine(item.line.external_id, item.quantity)
        for item in left.lines
        if item.quantity and item.line.external_id in gone
    )
    return Wanted(lines, left.shipping if any(push.carries_shipping for push in pushes) else ZERO)
