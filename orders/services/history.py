"""The one way to write an order's history. Call it in the transaction that made the change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orders.models import Order, OrderEvent, OutboxMessage

STOREWARD = "Storeward"  # who did it, when it was none of the people


def note(order: Order, *, kind: str, text: str, by: str, at: datetime, **data: Any) -> OrderEvent:
    """Add one line. `kind` is "<axis>.<what>"; `data` holds ids and values, never secrets."""
    return OrderEvent.objects.create(order=order, kind=kind, text=text[:500], by=by, at=at, data=data)


def told_when_held(message: OutboxMessage, outcome: Any, *, at: datetime) -> None:
    """For mails: one that could not be sent for three days stands in the history."""
    if outcome.status == "held":
        note(message.order, kind="mail.failed", text=f"A mail was not sent: {outcome.reason}", by=STOREWARD, at=at)


def not_told(message: OutboxMessage, outcome: object, *, at: datetime) -> None:
    """For promises whose waiting nobody needs to see on the order."""
