"""The orders that a supplier made of one push, kept as it told them last."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import RemotePart
from orders.models import OrderPush, PushPart


def record(push: OrderPush, told: Sequence[RemotePart] | None) -> None:
    """Make the push's parts those of the supplier; None: it told none. Inside a transaction, under the order's lock."""
    if told is None:
        return
    PushPart.objects.filter(push=push).exclude(number__in=[_number(part) for part in told]).delete()
    for part in told:
        PushPart.objects.update_or_create(
            push=push,
            number=_number(part),
            defaults={
                "warehouse": part.warehouse[:60],
                "status": part.status.value,
                "tracking": list(part.tracking),
                "expected_on": part.expected_on,
            },
        )


def _number(part: RemotePart) -> str:
    return part.number[:60]
