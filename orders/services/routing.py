"""Which lines go to which destination. Today every standing destination of the merchant gets all lines."""

from __future__ import annotations

from datetime import datetime

from connectors import conditions
from connectors.models import Connection
from orders.enums import PushStatus
from orders.models import Order, OrderPush, PushLine
from orders.services import history, summary


def plan(order: Order, *, at: datetime) -> list[OrderPush]:
    """Make the order's pushes, waiting for its confirmation. Call it in the transaction that places the order."""
    destinations = (
        Connection.objects.of(order.merchant)
        .standing()
        .filter(is_destination=True)
        .select_related("sync_settings")
        .order_by("pk")
    )
    lines = list(order.lines.all())
    pushes = [_plan_one(order, connection) for connection in destinations]
    PushLine.objects.bulk_create(PushLine(push=push, line=line) for push in pushes for line in lines)
    for push in pushes:
        if push.status == PushStatus.SKIPPED:
            text = f"Kept in Storeward: order sync is off for {push.connection.name}."
            history.note(order, kind="push.skipped", text=text, by=history.STOREWARD, at=at, push=push.public_id)
    summary.refresh(order.pk)
    return pushes


def reference_of(order: Order, *, generation: int) -> str:
    """What a destination carries of ours: unique there, new for each generation."""
    return f"SW-{order.pk}" if generation == 1 else f"SW-{order.pk}-G{generation}"


def _plan_one(order: Order, connection: Connection) -> OrderPush:
    synced = connection.sync_settings.sync_orders
    return OrderPush.objects.create(
        order=order,
        connection=connection,
        reference=reference_of(order, generation=1),
        status=PushStatus.WAITING if synced else PushStatus.SKIPPED,
        wait_for=conditions.confirmed(order.pk) if synced else "",
        reason="Waiting for your confirmation." if synced else "Order sync is off for this connection.",
    )
