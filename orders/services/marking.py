"""Paid orders that a person sends: marked for fulfillment by a supplier with auto fulfillment off, or pushed to a partner."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from connectors import conditions
from connectors.services import partner_settings, suppliers
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush
from orders.services import history, preflight
from orders.services.keys import push_key
from orders.services.transitions import lock, move_push

REASON = "Waiting until you mark it for fulfillment."
PARTNER_REASON = "Waiting until you push it."


def is_needed(push: OrderPush) -> bool:
    """Whether the settings of the supplier, or of the partnership, leave it to a person."""
    connection = push.connection
    if connection.source_id is not None:
        return not partner_settings.settings_of(connection).automatic
    return suppliers.is_supplier(connection) and not suppliers.settings_of(connection).auto_fulfillment


def wait(push: OrderPush, *, at: datetime) -> None:
    """Paid, and not to be sent yet. Inside a transaction, under the order's lock."""
    move_push(
        push,
        to=PushStatus.WAITING,
        by=history.STOREWARD,
        at=at,
        reason=REASON if push.connection.source_id is None else PARTNER_REASON,
        wait_for=conditions.marked(push.pk),
        blockers=[],
        text=f"{preflight.no_more_to_take(push.order)} {push.connection.name} gets it when it is {_how(push)}.",
    )


@transaction.atomic
def mark(*, order_id: int, by: str, at: datetime) -> Order:
    """Send what waits for it to its suppliers. Raises TransitionNotAllowed when nothing does."""
    order = lock(order_id)
    pushes = OrderPush.objects.filter(order=order, status=PushStatus.WAITING, connection__source=None)
    pushes = pushes.select_related("order", "connection")
    waiting = [push for push in pushes.order_by("pk") if push.waits_for_mark]
    if order.status != OrderStatus.CONFIRMED or not waiting:
        raise TransitionNotAllowed(f"Nothing of order {order.number} waits to be marked for fulfillment.")
    for push in waiting:
        text = f"{by} marked it for fulfillment by {push.connection.name}."
        send(push, by=by, at=at, text=text)
    return order


def send(push: OrderPush, *, by: str, at: datetime, text: str) -> None:
    """Promise a push that waited for a person. Inside a transaction, under the order's lock."""
    move_push(push, to=PushStatus.QUEUED, by=by, at=at, text=text)
    if not outbox.renew(push_key(push), at=at):  # one was promised before the lines were moved
        order, connection = push.order, push.connection
        outbox.post(Topic.PUSH_ORDER, order=order, push=push, connection=connection, key=push_key(push), at=at)


def _how(push: OrderPush) -> str:
    return "marked for fulfillment" if push.connection.source_id is None else "pushed"
