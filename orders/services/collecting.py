"""Click and collect: set aside for the customer, who is told where and with which code; then handed over.

What is set aside is a fulfillment without a push that waits; handed over, it counts as fulfilled. Customers who come for
a part get that part; the rest goes on waiting under the same code.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from orders.enums import ShipmentStatus
from orders.errors import FieldProblem, InvalidShipment, TransitionNotAllowed
from orders.models import Fulfillment, FulfillmentLine, OrderLine
from orders.services import fulfilled, history, open_units, pickup_mails, write_backs
from orders.services.mails import one_line
from orders.services.open_units import WantedLine
from orders.services.shipping import locked
from orders.services.transitions import lock

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0 and O, no 1 and I
CODE_LENGTH = 6
NAME_MAX = 200


@transaction.atomic
def set_aside(*, order_id: int, lines: Sequence[WantedLine], by: str, at: datetime) -> Fulfillment:
    """These units are ready for pickup; the customer is told. Raises InvalidShipment, TransitionNotAllowed."""
    order = lock(order_id)
    open_units.refuse_closed(order)
    if not order.has_pickup:
        raise TransitionNotAllowed(f"Order {order.number} is for delivery: ship it instead.")
    units = open_units.chosen(order, lines)
    row = Fulfillment.objects.create(
        order=order,
        status=ShipmentStatus.READY,
        pickup_code="".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH)),
        ready_at=at,
        created_at=at,
    )
    _set_lines(row, units)
    text = f"{by} set aside for pickup: {open_units.in_words(units)}."
    history.note(order, kind="fulfillment.ready", text=text, by=by, at=at, fulfillment=row.pk)
    pickup_mails.promise_ready(row, at=at)
    fulfilled.recount(order.pk, by=by, at=at)
    return row


@transaction.atomic
def hand_over(
    *, fulfillment_id: int, collected_by: str, lines: Sequence[WantedLine] = (), by: str, at: datetime
) -> Fulfillment:
    """Somebody came for it; without `lines`, for all of it. Returns what was handed over.

    Raises TransitionNotAllowed when it does not wait, InvalidShipment for lines that are not in it or without a name.
    """
    row = locked(fulfillment_id)
    if row.status != ShipmentStatus.READY:
        raise TransitionNotAllowed("This does not wait for pickup: it was picked up, or taken back.")
    name = one_line(collected_by)
    if not name or len(name) > NAME_MAX:
        raise InvalidShipment([FieldProblem("collected_by", "required", "Say who picked it up.")])
    waiting = {each.line: each.quantity for each in row.lines.select_related("line").order_by("line__position")}
    units = _handed(waiting, lines) if lines else waiting
    rest = {line: quantity - units.get(line, 0) for line, quantity in waiting.items() if quantity > units.get(line, 0)}
    if rest:
        _keep_waiting(row, rest, at=at)
        _set_lines(row, units)
    row.status, row.collected_at, row.collected_by, row.shipped_at = ShipmentStatus.SUCCESS, at, name, at
    row.save(update_fields=["status", "collected_at", "collected_by", "shipped_at"])
    text = f"Handed over by {by}: {open_units.in_words(units)}."  # who came stands on the fulfillment, where it can be removed
    history.note(row.order, kind="fulfillment.collected", text=text, by=by, at=at, fulfillment=row.pk)
    pickup_mails.promise_collected(row, at=at)
    fulfilled.recount(row.order_id, by=by, at=at)
    write_backs.promise_own(row.order, at=at)
    return row


def _handed(waiting: dict[OrderLine, int], lines: Sequence[WantedLine]) -> dict[OrderLine, int]:
    by_id = {line.external_id: line for line in waiting}
    units: dict[OrderLine, int] = {}
    problems = []
    for index, asked in enumerate(lines):
        line = by_id.get(asked.id)
        if line is None or line in units:
            text = "This does not wait for pickup, or is named twice."
            problems.append(FieldProblem(f"lines[{index}].id", "unknown_line", text))
        elif not 1 <= asked.quantity <= waiting[line]:
            text = f"{waiting[line]} of {line.title} wait for pickup."
            problems.append(FieldProblem(f"lines[{index}].quantity", "more_than_ready", text))
        else:
            units[line] = asked.quantity
    if problems:
        raise InvalidShipment(problems)
    return units


def _keep_waiting(row: Fulfillment, rest: dict[OrderLine, int], *, at: datetime) -> None:
    """What was not handed over waits on by itself, under the code that the customer has."""
    left = Fulfillment.objects.create(
        order=row.order,
        status=ShipmentStatus.READY,
        pickup_code=row.pickup_code,
        ready_at=row.ready_at,
        told_at=row.told_at,
        created_at=at,
    )
    _set_lines(left, rest)


def _set_lines(row: Fulfillment, units: dict[OrderLine, int]) -> None:
    row.lines.all().delete()
    FulfillmentLine.objects.bulk_create(
        FulfillmentLine(fulfillment=row, line=line, quantity=quantity) for line, quantity in units.items()
    )
