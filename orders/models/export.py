"""The export of an order in one word, for SQL and for rows that are read already; both from one table.

Only the newest generation at each destination counts.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Case, Exists, OuterRef, Q, Value, When

from orders.enums import ExportStatus, PushStatus
from orders.models.push import OrderPush

# Of one push; the first of ExportStatus that any push of an order has names the order.
_OF_PUSH: tuple[tuple[ExportStatus, Q], ...] = (
    (ExportStatus.FAILED, Q(status__in=[PushStatus.HELD, PushStatus.UNKNOWN])),
    (ExportStatus.MODIFIED, ~Q(remote_id="") & Q(changed_at__isnull=False)),
    (ExportStatus.SUCCESS, ~Q(remote_id="")),
)


def export_status_expression() -> Case:
    """For Order rows."""
    whens = [When(_any(condition), then=Value(status.value)) for status, condition in _OF_PUSH]
    return Case(*whens, default=Value(ExportStatus.NOT_ATTEMPTED.value))


def export_status_is(status: str) -> Q:
    """Order rows whose export is in this state."""
    condition = Q()
    for name, of_push in _OF_PUSH:
        if name == status:
            return condition & Q(_any(of_push))
        condition &= ~Q(_any(of_push))
    return condition


def export_status_of(pushes: Iterable[OrderPush]) -> ExportStatus:
    """The same from the pushes in memory."""
    latest: dict[tuple[int, int], OrderPush] = {}
    for push in sorted(pushes, key=lambda push: push.generation):
        latest[push.connection_id, push.generation if push.beside else 0] = push
    rows = list(latest.values())
    if any(push.status in (PushStatus.HELD, PushStatus.UNKNOWN) for push in rows):
        return ExportStatus.FAILED
    if any(push.remote_id and push.changed_at for push in rows):
        return ExportStatus.MODIFIED
    return ExportStatus.SUCCESS if any(push.remote_id for push in rows) else ExportStatus.NOT_ATTEMPTED


def _any(of_push: Q) -> Exists:
    return Exists(OrderPush.objects.filter(of_push, order=OuterRef("pk")).newest())
