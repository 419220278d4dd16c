"""The one way to write an order's history. Call it in the transaction that made the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from accounts.services import audit
from connectors import rows
from orders.models import Order, OrderEvent, OutboxMessage

STOREWARD = "Storeward"  # who did it, when it was none of the people


def note(order: Order, *, kind: str, text: str, by: str, at: datetime, **data: Any) -> OrderEvent:
    """Add one line. `kind` is "<axis>.<what>"; `data` holds ids and values, never secrets."""
    event = line(order, kind=kind, text=text, by=by, at=at, **data)
    rows.store([event])
    return event


def line(order: Order, *, kind: str, text: str, by: str, at: datetime, **data: Any) -> OrderEvent:
    """The same line, for whoever adds several at one go."""
    return OrderEvent(order=order, kind=kind, text=text[:500], by=by, at=at, data=data)


def add(lines: Sequence[OrderEvent]) -> None:
    """Several lines in one statement."""
    rows.insert(lines)


def note_all(
    order: Order, notes: Iterable[tuple[str, dict[str, Any]]], *, kind: str, by: str, at: datetime
) -> list[OrderEvent]:
    """Several lines of one kind, each a text with its data, in one statement."""
    return OrderEvent.objects.bulk_create(
        OrderEvent(order=order, kind=kind, text=text[:500], by=by, at=at, data=data) for text, data in notes
    )


def note_many(orders: Iterable[Order], *, kind: str, text: str, by: str, at: datetime) -> None:
    """The same line for each of several orders, in few statements."""
    OrderEvent.objects.bulk_create(
        (OrderEvent(order=order, kind=kind, text=text[:500], by=by, at=at) for order in orders), batch_size=500
    )


def told_when_held(message: OutboxMessage, outcome: Any, *, at: datetime) -> None:
    """For mails: one that could not be sent for three days stands in the history."""
    if outcome.status == "held":
        note_about(message, kind="mail.failed", text=f"A mail was not sent: {outcome.reason}", at=at)


def note_about(message: OutboxMessage, *, kind: str, text: str, at: datetime) -> None:
    """Add a line about a mail: to its order, or to the merchant's own record when it is about a connection."""
    if message.order_id is not None:
        note(message.order, kind=kind, text=text, by=STOREWARD, at=at, message=message.pk)
        return
    audit.record(merchant=message.lane.merchant, kind=kind, subject=text, by=STOREWARD, at=at, message=message.pk)


def not_told(message: OutboxMessage, outcome: object, *, at: datetime) -> None:
    """For promises whose waiting nobody needs to see on the order."""
