"""Which units of an order may still be sent, or set aside, from here. Reads only; decide under the order's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import F, Sum

from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, ShipmentStatus
from orders.errors import FieldProblem, InvalidShipment, TransitionNotAllowed
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, OrderPush, PushLine
from orders.services.looks import ELSEWHERE

_LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
_UNPAID = (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED, PaymentStatus.VOIDED)
STANDING = (ShipmentStatus.SUCCESS, ShipmentStatus.READY)


@dataclass(frozen=True, slots=True)
class WantedLine:
    id: str  # the channel's own
    quantity: int


@dataclass(frozen=True, slots=True)
class OpenLine:
    line: OrderLine
    quantity: int  # that may still go
    sender: str = ""  # the destination that sends it instead of us; then the quantity is 0


def is_unpaid(order: Order) -> bool:
    """Whether a payment came with the order and was not taken. One of nothing that was released owes nothing."""
    owes_nothing = order.payment_status == PaymentStatus.VOIDED and not order.total
    return order.payment_status in _UNPAID and not owes_nothing


def refuse_closed(order: Order) -> None:
    """Raises TransitionNotAllowed unless the order is confirmed, and paid when a payment came with it."""
    if closed := why_closed(order):
        raise TransitionNotAllowed(closed)


def why_closed(order: Order) -> str:
    """Why nothing of it can be sent; empty when it can."""
    if order.status not in _LIVE:
        status = OrderStatus(order.status).label.lower()
        return f"Order {order.number} is {status}: nothing of it can be sent."
    if order.status == OrderStatus.COMPLETED and _was_sent_elsewhere(order):
        return f"Order {order.number} is completed: {order.channel.name} sent it itself."
    if is_unpaid(order):
        return f"The payment of order {order.number} has not been taken: nothing is sent before."
    return ""


def _was_sent_elsewhere(order: Order) -> bool:
    """A completed order has units of which nobody told us that they were sent: the shop where it was placed did."""
    if order.fulfillment_status == FulfillmentStatus.FULFILLED:
        return False
    return OrderLine.objects.filter(order=order, quantity__gt=F("called_off_quantity")).exists()


def open_lines(order: Order) -> list[OpenLine]:
    """Every line with what is left of it: neither sent, nor set aside, nor given back unsent, nor another's to send."""
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    gone, senders, never_asked = _gone([order]), _senders([order]), unasked([order])
    return [
        OpenLine(line, never_asked.get(line.pk, 0), "" if line.pk in never_asked else senders[line.pk])
        if line.pk in senders
        else OpenLine(line, max(line.due_quantity - gone[line.pk], 0))
        for line in lines
    ]


def unasked(orders: Iterable[Order]) -> dict[int, int]:
    """Units that are owed and that the line's destination, which has the rest, was never asked for; by the line's pk.

    They were given back before it was sent, and that refund was withdrawn.
    """
    wanted = list(orders)
    rows = PushLine.objects.filter(push__order__in=wanted, sent_quantity__lt=F("line__quantity"))
    rows = rows.exclude(push__remote_id="").exclude(push__status__in=ELSEWHERE).select_related("line")
    lines = {row.line_id: row.line.due_quantity - (row.sent_quantity or 0) for row in rows}
    own = FulfillmentLine.objects.filter(line__in=lines, fulfillment__push=None, fulfillment__status__in=STANDING)
    from_here = dict(own.values_list("line").annotate(units=Sum("quantity")).order_by()) if lines else {}
    left = {line_id: units - from_here.get(line_id, 0) for line_id, units in lines.items()}
    return {line_id: units for line_id, units in left.items() if units > 0}


@dataclass(frozen=True, slots=True)
class Leaving:
    """Which orders something leaves from here, and who sends the lines of the others."""

    from_here: frozenset[int]  # pks
    senders: Mapping[int, str]  # the name of one of them, by the order's pk


def leaving(orders: Iterable[Order]) -> Leaving:
    """Something leaves from here when it was shipped from here, or may be. Five queries, and one more where units come back."""
    wanted = list(orders)
    gone, senders, never_asked = _gone(wanted), _senders(wanted), unasked(wanted)
    shipped = Fulfillment.objects.own().filter(order__in=wanted, status=ShipmentStatus.SUCCESS)
    here, others = set(shipped.values_list("order_id", flat=True)), {}
    for line in OrderLine.objects.filter(order__in=wanted):
        if line.pk in never_asked:
            here.add(line.order_id)
        elif line.pk in senders:
            others[line.order_id] = senders[line.pk]
        elif line.due_quantity > gone[line.pk]:
            here.add(line.order_id)
    return Leaving(frozenset(here), others)


def chosen(order: Order, wanted: Iterable[WantedLine]) -> dict[OrderLine, int]:
    """The units that were asked for. Raises InvalidShipment with every problem."""
    rows = {row.line.external_id: row for row in open_lines(order)}
    units: dict[OrderLine, int] = {}
    problems = []
    for index, asked in enumerate(wanted):
        row = rows.get(asked.id)
        refusal = _refusal(row, asked, units)
        if refusal is not None:
            problems.append(FieldProblem(f"lines[{index}].{refusal[0]}", *refusal[1:]))
        elif row is not None:
            units[row.line] = asked.quantity
    if not (units or problems):
        problems.append(FieldProblem("lines", "nothing_chosen", "Say how many units of which lines."))
    if problems:
        raise InvalidShipment(problems)
    return units


def is_sent_from_here(line: OrderLine) -> bool:
    """Whether any unit of it was shipped or set aside by the merchant: then no destination may get the line any more."""
    rows = FulfillmentLine.objects.filter(line=line, fulfillment__push=None)
    return rows.filter(fulfillment__status__in=STANDING).exists()


def in_words(units: Mapping[OrderLine, int]) -> str:
    return ", ".join(f"{quantity} × {line.title}" for line, quantity in units.items())  # noqa: RUF001  # the sign that people read


def _refusal(row: OpenLine | None, asked: WantedLine, units: Mapping[OrderLine, int]) -> tuple[str, str, str] | None:
    if row is None:
        return "id", "unknown_line", "This order has no such line."
    if row.line in units:
        return "id", "line_twice", "Name each line once."
    if row.sender:
        return "id", "sent_elsewhere", f"{row.sender} sends {row.line.title}: mark it fulfilled there."
    if not 1 <= asked.quantity <= row.quantity:
        left = (
            f"{row.quantity} of {row.line.title} can still go." if row.quantity else f"All of {row.line.title} is gone."
        )
        return "quantity", "more_than_open", left
    return None


def _gone(orders: Iterable[Order]) -> Counter[int]:
    """Units sent by whomever, or set aside for the customer, by the line's pk."""
    rows = FulfillmentLine.objects.filter(fulfillment__order__in=orders, fulfillment__status__in=STANDING)
    return Counter(dict(rows.values_list("line").annotate(units=Sum("quantity")).order_by()))


def _senders(orders: Iterable[Order]) -> dict[int, str]:
    """The destination's name, by the pk of each line that it has or will get."""
    pushes = OrderPush.objects.filter(order__in=orders).exclude(status__in=ELSEWHERE)
    return dict(pushes.exclude(push_lines__line=None).values_list("push_lines__line", "connection__name"))
