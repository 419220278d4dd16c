"""Click and collect for the store where the customer bought: it is told once all that is left of an order waits here.

A store takes that of an order as a whole and lets nobody take it back; telling it twice does nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from connectors.base import ShipmentLine
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OutboxStatus, ShipmentStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import FulfillmentLine, Order, OutboxMessage, ReadyNotice
from orders.services import history, looks, notices
from orders.services.transitions import lock
from orders.world import World

HELD_AT_ONCE = 200


def follow(order_id: int, *, at: datetime) -> None:
    """Promise it when all that is left waits for the customer; forget it when it does not. Inside the order's transaction."""
    order = Order.objects.select_related("channel__connection").get(pk=order_id)
    if order.fulfillment_status != FulfillmentStatus.READY:
        _forget(order, at=at)
        return
    store = order.channel.connection
    if store is None or not connector_class(store.platform).capabilities.readies:
        return
    row, created = ReadyNotice.objects.get_or_create(order=order, defaults={"connection": store})
    if created:
        _post(row, at=at)


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_READY. Nothing happens when it does not wait any more."""
    row = _of(message)
    if row is None or row.state == WriteBackState.DONE:
        return
    connector = world.connector_for(row.connection)
    lines = _waiting(row.order)
    yield "telling"
    connector.ready_for_pickup(row.order.external_id, lines)
    yield "told"
    with outbox.finishing(message, at=world.now()):
        order, fresh = lock(row.order_id), _of(message)
        if fresh is None:  # forgotten while the store was being told
            _note_still_told(order, row.connection, at=world.now())
            return
        _done(fresh, at=world.now())
        text = f"Told {row.connection.name} that it can be picked up; its own mail about it goes to the customer."
        history.note(order, kind="pickup.told", text=text, by=history.STOREWARD, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show why the store does not know yet."""
    lock(message.order.pk)
    row = _of(message)
    if row is None or row.state == WriteBackState.DONE:
        return
    held = outcome.status == OutboxStatus.HELD
    row.state, row.reason = (WriteBackState.HELD if held else WriteBackState.WAITING), outcome.reason[:500]
    row.save(update_fields=["state", "reason"])
    looks.refresh(row.order_id)
    if held:
        _ask_a_person(row, outcome.reason, cause=f"{message.key}:{message.attempts}", at=at)


@transaction.atomic
def retry(*, notice_id: int, by: str, at: datetime) -> ReadyNotice:
    """Tell the store once more; one that was connected anew through its new connection.

    Raises TransitionNotAllowed unless it is held, and while the store is disconnected.
    """
    row = _held(notice_id)
    if row.connection.state == ConnectionState.REMOVED:
        heir = Connection.objects.same_shop_as(row.connection).first()
        if heir is None:
            raise TransitionNotAllowed(
                f"{row.connection.name} was disconnected. Connect it again, or do it there yourself."
            )
        _withdraw(row, at=at)
        row.connection = heir
    row.state, row.reason = WriteBackState.WAITING, ""
    row.save(update_fields=["connection", "state", "reason"])
    message = _post(row, at=at)
    outbox.release_now(message.key, at=at)
    looks.refresh(row.order_id)
    text = f"{by} asked to tell {row.connection.name} again that it can be picked up."
    history.note(row.order, kind="pickup.tell_again", text=text, by=by, at=at)
    return row


@transaction.atomic
def settle(*, notice_id: int, by: str, at: datetime) -> ReadyNotice:
    """A person marked it as ready in the store. Raises TransitionNotAllowed unless it is held."""
    row = _held(notice_id)
    _withdraw(row, at=at)
    _done(row, at=at)
    text = f"{by} marked it as ready for pickup in {row.connection.name}."
    history.note(row.order, kind="pickup.told", text=text, by=by, at=at)
    return row


def hold_stranded(*, at: datetime) -> None:
    """Once a minute: what waits to be told to stores that were disconnected. No worker gets there any more."""
    waiting = ReadyNotice.objects.filter(state=WriteBackState.WAITING, connection__state=ConnectionState.REMOVED)
    for row_id, order_id in list(waiting.order_by("pk").values_list("pk", "order")[:HELD_AT_ONCE]):
        with transaction.atomic():
            lock(order_id)
            row = waiting.select_related("connection", "order").filter(pk=row_id).first()
            if row is not None and _withdraw(row, at=at):
                row.state = WriteBackState.HELD
                row.reason = f"{row.connection.name} was disconnected: mark the order as ready for pickup there."
                row.save(update_fields=["state", "reason"])
                looks.refresh(order_id)
                _ask_a_person(row, row.reason, cause=f"{row.public_id}:removed", at=at)


# --- inside ----------------------------------------------------------------------------------------


def _forget(order: Order, *, at: datetime) -> None:
    row = ReadyNotice.objects.select_related("connection").filter(order=order).first()
    if row is None or (row.state == WriteBackState.DONE and order.fulfillment_status == FulfillmentStatus.FULFILLED):
        return
    _withdraw(row, at=at)
    if row.state == WriteBackState.DONE:
        _note_still_told(order, row.connection, at=at)
    row.delete()
    looks.refresh(order.pk)


def _waiting(order: Order) -> list[ShipmentLine]:
    """All units that wait for the customer, by line."""
    rows = FulfillmentLine.objects.filter(fulfillment__order=order, fulfillment__status=ShipmentStatus.READY)
    units = (
        rows.values_list("line__external_id", "line__sku").annotate(units=Sum("quantity")).order_by("line__position")
    )
    return [ShipmentLine(sku, quantity, remote_line_id=line_id) for line_id, sku, quantity in units]


def _post(row: ReadyNotice, *, at: datetime) -> OutboxMessage:
    """A key is of one connection: a promise stands in the lane where it was made."""
    key = f"ready:{row.public_id}:{row.connection_id}"
    return outbox.post(
        Topic.TELL_READY, order=row.order, connection=row.connection, key=key, at=at, payload={"notice": row.pk}
    )


def _note_still_told(order: Order, store: Connection, *, at: datetime) -> None:
    text = f"{store.name} still shows it as ready for pickup: it lets no app take that back."
    history.note(order, kind="pickup.still_told", text=text, by=history.STOREWARD, at=at)


def _withdraw(row: ReadyNotice, *, at: datetime) -> bool:
    """False while a worker is at it."""
    open_ones = OutboxMessage.objects.filter(key__startswith=f"ready:{row.public_id}:").exclude(
        status=OutboxStatus.DONE
    )
    return all(outbox.withdraw_sent(key, at=at) for key in open_ones.values_list("key", flat=True))


def _done(row: ReadyNotice, *, at: datetime) -> None:
    row.state, row.reason, row.told_at = WriteBackState.DONE, "", at
    row.save(update_fields=["state", "reason", "told_at"])
    looks.refresh(row.order_id)


def _of(message: OutboxMessage) -> ReadyNotice | None:
    rows = ReadyNotice.objects.select_related("connection", "order")
    return rows.filter(pk=message.payload["notice"]).first()


def _held(notice_id: int) -> ReadyNotice:
    lock(ReadyNotice.objects.values_list("order_id", flat=True).get(pk=notice_id))
    row = ReadyNotice.objects.select_related("connection", "order").get(pk=notice_id)
    if row.state != WriteBackState.HELD:
        raise TransitionNotAllowed("The store does not wait for a person here.")
    return row


def _ask_a_person(row: ReadyNotice, reason: str, *, cause: str, at: datetime) -> None:
    text = f"{row.connection.name} was not told that it can be picked up: {reason}"
    history.note(row.order, kind="pickup.not_told", text=text, by=history.STOREWARD, at=at)
    notices.promise_merchant(row.order, kind="ready_held", cause_key=cause, at=at, reason=reason, store=row.connection)
