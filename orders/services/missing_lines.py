"""Lines that a destination left out of an order that it took: its push is held while any unit of them is owed to the customer.

`orders.services.missing_again` has the ways out; giving the money back is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from connectors.base import Blocker, BlockerCode
from connectors.money import Money, from_minor
from orders.enums import PushStatus, RefundReason
from orders.models import Order, OrderLine, OrderPush, Payment, PushLine
from orders.services.refund_quotes import Left, Wanted, WantedLine
from orders.services.refund_shares import part, shares_of
from orders.services.transitions import move_push

FIELD = "lines"
_STANDS = (PushStatus.PUSHED, PushStatus.HELD)


def mark(push: OrderPush, left_out: Iterable[Blocker]) -> list[PushLine]:
    """Write down which lines these blockers name, by SKU. Inside the transaction that records the order."""
    rows = list(PushLine.objects.filter(push=push).select_related("line").order_by("line__position"))
    found = [row for blocker in left_out for row in rows if blocker.value and blocker.value == row.line.sku]
    missing = list(dict.fromkeys(found))
    PushLine.objects.filter(pk__in=[row.pk for row in missing]).update(missing=True)
    return missing


def about_lines(told: Blocker) -> Blocker:
    """As the push keeps it: told apart from what else may be wrong by its field."""
    return told if told.field.startswith(FIELD) else replace(told, field=FIELD)


def blocker(push: OrderPush, rows: Sequence[PushLine]) -> Blocker:
    """Why it is held, and what can be done."""
    name, elsewhere = push.connection.name, paid_elsewhere(push.order)
    if not rows:
        back = f"give what is missing back in {elsewhere}" if elsewhere else "refund what is missing"
        text = (
            f"{name} took {push.remote_name} without all of its lines. Cancel it there and export the order again, "
            f"or {back}."
        )
    else:
        paid = f" in {elsewhere}: {Money(worth(push.order, rows), push.order.currency)}" if elsewhere else ""
        back = f"give it back in {elsewhere} and say so here" if elsewhere else "give the money back"
        text = (
            f"{name} took {push.remote_name} without {in_words(rows)}, which the customer has paid{paid}. Send it again, "
            f"keep it here to send it yourself, or {back}."
        )
    return Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, FIELD)


def owed(push: OrderPush) -> list[PushLine]:
    """The lines that it lacks and that the customer still waits for; from `push_lines`, with their lines."""
    rows = [row for row in push.push_lines.all() if row.missing and units_of(row)]
    return sorted(rows, key=lambda row: row.line.position)


def paid_elsewhere(order: Order) -> str:
    """The store that took the customer's money, and where it is given back; empty for every other order."""
    payment = Payment.objects.filter(order=order).first()
    return order.channel.name if payment is not None and payment.taken_in_store else ""


def worth(order: Order, rows: Iterable[PushLine]) -> Decimal:
    """What the customer paid for the units that are owed of these, in major units: as a refund of them has it."""
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    paid = shares_of(order, lines).lines
    units = sum(_share(row, paid[row.line_id]) for row in rows)
    return from_minor(units, order.currency)


def in_words(rows: Iterable[PushLine]) -> str:
    return ", ".join(f"{units_of(row)} x {row.line.title}" for row in rows)


def units_of(row: PushLine) -> int:
    """How many units of it the customer still waits for."""
    return max(row.line.due_quantity - row.line.fulfilled_quantity, 0)


def suggested(order: Order, left: Left) -> Wanted | None:
    """The refund of what destinations left out. None: nothing is owed."""
    pushes = OrderPush.objects.filter(order=order, push_lines__missing=True, status=PushStatus.HELD).distinct()
    units = {row.line.external_id: units_of(row) for push in _whole(pushes) for row in owed(push)}
    lines = tuple(
        WantedLine(item.line.external_id, min(units[item.line.external_id], item.quantity))
        for item in left.lines
        if item.quantity and item.line.external_id in units
    )
    return Wanted(lines, reason=RefundReason.OUT_OF_STOCK) if lines else None


def follow(order_id: int, *, by: str, at: datetime) -> None:
    """After a refund or a fulfillment: what nobody waits for holds nothing any more. Inside the order's transaction."""
    pushes = OrderPush.objects.filter(
        order=order_id, push_lines__missing=True, status__in=_STANDS, remote_cancelled=False
    )
    for push in _whole(pushes.distinct()):
        rows = owed(push)
        if rows and push.status == PushStatus.PUSHED:
            why = blocker(push, rows)
            move_push(
                push, to=PushStatus.HELD, by=by, at=at, text=why.message, reason=why.message, blockers=[why.as_json()]
            )
        elif not rows and push.status == PushStatus.HELD:
            release(push, by=by, at=at, text=f"Nothing that {push.remote_name} lacks is owed any more.")


def release(push: OrderPush, *, by: str, at: datetime, text: str) -> None:
    """It holds all that it has to, unless something else is wrong."""
    rest = [each for each in push.blockers if not each["field"].startswith(FIELD)]
    to = PushStatus.HELD if rest else PushStatus.PUSHED
    move_push(push, to=to, by=by, at=at, text=text, reason=rest[0]["message"] if rest else "", blockers=rest)


def _whole(pushes: Iterable[OrderPush]) -> list[OrderPush]:
    keys = [push.pk for push in pushes]
    rows = OrderPush.objects.filter(pk__in=keys).select_related("order", "connection")
    return list(rows.prefetch_related("push_lines__line").order_by("pk"))


def _share(row: PushLine, paid: int) -> int:
    before, of = row.line.called_off_quantity, row.line.quantity
    return part(paid, before + units_of(row), of) - part(paid, before, of)
