"""How a re-export ends, whoever ends it. Inside a transaction, under the order's lock."""

from __future__ import annotations

from datetime import datetime

from connectors.base import Blocker
from orders import outbox
from orders.enums import ReexportStatus
from orders.models import Order, Reexport


def look_key(row: Reexport) -> str:
    """The outbox key of the promise to look at the earlier copy."""
    return f"reexport-look:{row.public_id}"


def run_key(row: Reexport) -> str:
    """The outbox key of the promise to carry out what was chosen."""
    return f"reexport:{row.public_id}"


def end(
    row: Reexport, status: ReexportStatus, *, at: datetime, reason: str = "", blockers: tuple[Blocker, ...] = ()
) -> None:
    row.status, row.reason, row.ended_at = status, reason[:500], at
    row.blockers = [blocker.as_json() for blocker in blockers]
    row.save(update_fields=["status", "reason", "ended_at", "blockers"])


def end_open(order: Order, *, at: datetime) -> None:
    """The order was called off. A worker that is at one finds it ended and makes no new copy."""
    for row in Reexport.objects.open().filter(push__order=order):
        end(row, ReexportStatus.WITHDRAWN, at=at, reason="The order was called off.")
        for key in (look_key(row), run_key(row)):
            outbox.withdraw(key, at=at)
