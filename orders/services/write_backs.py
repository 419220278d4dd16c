"""Which fulfillments are told to the store where the customer bought, and what a person is asked about them.

`orders.services.telling` carries the promises out.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from connectors import conditions
from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OutboxStatus, ShipmentStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Fulfillment, Order, OrderPush, OutboxMessage, WriteBack
from orders.models.fulfillment import FulfillmentQuerySet
from orders.services import history, notices, told_shipments
from orders.services.transitions import lock

HELD_AT_ONCE = 200


def promise(push: OrderPush, *, at: datetime) -> None:
    """Have what a destination sent told to the store that the order came from. Inside a transaction, under the order's lock.

    Nothing happens for an order of a marketplace, and for one that was sent by the very store it came from.
    """
    store = _store_to_tell(push.order)
    if store is None or store.pk == push.connection.speaker_id:
        return
    promise_all(push.order, Fulfillment.objects.filter(push=push), store, at=at)


def promise_own(order: Order, *, at: datetime) -> None:
    """Have what was sent from here told to the store that the order came from. Inside a transaction, under the order's lock."""
    store = _store_to_tell(order)
    if store is not None:
        promise_all(order, Fulfillment.objects.filter(order=order).own(), store, at=at)


def promise_all(order: Order, fulfillments: FulfillmentQuerySet, store: Connection, *, at: datetime) -> None:
    """Have those of these fulfillments that stand told to the store, and the others taken back there."""
    standing = fulfillments.filter(status=ShipmentStatus.SUCCESS)
    for fulfillment in standing.prefetch_related("parcels").order_by("pk"):
        row, created = WriteBack.objects.get_or_create(fulfillment=fulfillment, defaults={"connection": store})
        if (
            not created
            and row.remote_id
            and row.parcels == told_shipments.as_json(told_shipments.parcels_of(fulfillment))
        ):
            _stand_again(row, at=at)
            continue
        if store.state == ConnectionState.REMOVED:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.HELD, reason=_mark_it_there(store))
            continue
        message = outbox.post(
            Topic.WRITE_BACK,
            order=order,
            push=fulfillment.push,
            connection=store,
            key=f"back:{row.public_id}:{told_shipments.digest_of(fulfillment)}",
            at=at,
            payload={"write_back": row.pk},
        )
        if message.status == OutboxStatus.WAITING:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason=message.reason)
    _take_back(order, fulfillments, at=at)
    if order.lines.exists() and _is_complete(order):
        conditions.cleared(conditions.fulfilled(order.pk))


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show why the store does not know yet."""
    lock(message.order.pk)
    row = fresh(message)
    if row is None:
        return
    if row.state == WriteBackState.DONE and row.parcels == told_shipments.as_json(
        told_shipments.parcels_of(row.fulfillment)
    ):
        return
    held = outcome.status == OutboxStatus.HELD
    row.state, row.reason = (WriteBackState.HELD if held else WriteBackState.WAITING), outcome.reason[:500]
    if row.maybe_told_by == message.pk and message.maybe_sent_at is None:
        row.maybe_told_at = row.maybe_told_by = None  # the store refused: nothing was done there
    row.save(update_fields=["state", "reason", "maybe_told_at", "maybe_told_by"])
    if held:
        stands = row.fulfillment.status == ShipmentStatus.SUCCESS
        what = "was not told what was sent" if stands else "was not told that a fulfillment was taken back"
        text = f"{row.connection.name} {what}: {outcome.reason}"
        _ask_a_person(row, text, outcome.reason, cause=f"{message.key}:{message.attempts}", at=at)


@transaction.atomic
def retry(*, write_back_id: int, by: str, at: datetime) -> WriteBack:
    """Tell the store once more; it is looked there first. Raises TransitionNotAllowed unless it is held."""
    row, order = _locked(write_back_id)
    message = _held_messages(row).order_by("-pk").first()
    if row.state != WriteBackState.HELD or message is None or not outbox.release_now(message.key, at=at):
        raise TransitionNotAllowed("There is nothing to tell again.")
    row.state, row.reason = WriteBackState.WAITING, ""
    row.save(update_fields=["state", "reason"])
    text = f"{by} asked to tell {row.connection.name} again."
    history.note(order, kind="fulfillment.tell_again", text=text, by=by, at=at)
    return row


@transaction.atomic
def settle(*, write_back_id: int, by: str, at: datetime) -> Fulfillment:
    """A person took it back in the store too. Raises TransitionNotAllowed unless that was asked for."""
    row, order = _locked(write_back_id)
    if row.state != WriteBackState.HELD or not row.is_taken_back:
        raise TransitionNotAllowed("There is nothing to take back in the store.")
    for message in _held_messages(row):
        outbox.withdraw_sent(message.key, at=at)
    text = f"{by} took the fulfillment back in {row.connection.name}."
    history.note(order, kind="fulfillment.untold", text=text, by=by, at=at)
    row.delete()
    return row.fulfillment


def hold_stranded(*, at: datetime) -> None:
    """Once a minute: what waits to be told to stores that were disconnected. No worker gets there any more."""
    waiting = WriteBack.objects.filter(state=WriteBackState.WAITING, connection__state=ConnectionState.REMOVED)
    for row_id in list(waiting.order_by("pk").values_list("pk", flat=True)[:HELD_AT_ONCE]):
        with transaction.atomic():
            row, _ = _locked(row_id)
            reason = _why_by_hand(row) if row.is_taken_back else _mark_it_there(row.connection)
            if _withdrawn(row, at=at):
                row.state, row.reason = WriteBackState.HELD, reason
                row.save(update_fields=["state", "reason"])
                _ask_a_person(row, reason, reason, cause=f"{row.public_id}:removed", at=at)


def fresh(message: OutboxMessage) -> WriteBack | None:
    """None when the fulfillment was taken back before it was told."""
    rows = WriteBack.objects.select_related(
        "connection", "fulfillment__push__connection", "fulfillment__order__channel"
    )
    return rows.filter(pk=message.payload["write_back"]).first()


# --- inside ----------------------------------------------------------------------------------------


def _store_to_tell(order: Order) -> Connection | None:
    store = order.channel.connection
    if store is None or not connector_class(store.platform).capabilities.fulfills:
        return None
    return store


def _locked(write_back_id: int) -> tuple[WriteBack, Order]:
    row = WriteBack.objects.select_related("fulfillment__order", "connection").get(pk=write_back_id)
    order = lock(row.fulfillment.order_id)
    row.refresh_from_db(fields=["state"])
    row.fulfillment.refresh_from_db(fields=["status"])
    return row, order


def _mark_it_there(store: Connection) -> str:
    return f"{store.name} was disconnected: mark the order as fulfilled there."


def _withdrawn(row: WriteBack, *, at: datetime) -> bool:
    """False while a worker is at one of its promises."""
    open_ones = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:").exclude(status=OutboxStatus.DONE)
    return all(outbox.withdraw_sent(key, at=at) for key in open_ones.values_list("key", flat=True))


def _held_messages(row: WriteBack) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:", status=OutboxStatus.HELD)


def _take_back(order: Order, fulfillments: FulfillmentQuerySet, *, at: datetime) -> None:
    """What a store was told, or may have been, is taken back there: by us where it lets us, else by a person."""
    rows = WriteBack.objects.filter(fulfillment__in=fulfillments).exclude(fulfillment__status=ShipmentStatus.SUCCESS)
    for row in rows.select_related("connection", "fulfillment__push__connection"):
        if not row.remote_ids and row.maybe_told_at is None:
            continue  # the message that was to tell it finds that there is nothing to tell
        reason = _why_by_hand(row)
        if not reason:
            _promise_undo(order, row, at=at)
        elif (row.state, row.reason) != (WriteBackState.HELD, reason):
            row.state, row.reason = WriteBackState.HELD, reason
            row.save(update_fields=["state", "reason"])
            _ask_a_person(row, reason, reason, cause=row.public_id, at=at)


def _why_by_hand(row: WriteBack) -> str:
    """Why a person has to take it back in the store; empty when we do."""
    store, push = row.connection, row.fulfillment.push
    taken_back = f"It was taken back {f'by {push.connection.name}' if push else 'here'}"
    if store.state == ConnectionState.REMOVED:
        return f"{taken_back}, and {store.name} was disconnected: take it back there too."
    cls = connector_class(store.platform)
    if not cls.capabilities.takes_back:
        return f"{taken_back}. {cls.label} lets no app undo a fulfillment: take it back in {store.name} too."
    return ""


def _promise_undo(order: Order, row: WriteBack, *, at: datetime) -> None:
    message = outbox.post(
        Topic.WRITE_BACK,
        order=order,
        push=row.fulfillment.push,
        connection=row.connection,
        key=_undo_key(row),
        at=at,
        payload={"write_back": row.pk, "undo": True},
    )
    if row.state == WriteBackState.DONE:
        outbox.renew(message.key, at=at)
    elif message.status != OutboxStatus.WAITING:
        return
    WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason="")


def _stand_again(row: WriteBack, *, at: datetime) -> None:
    """What was to be taken back there stands here again: look whether it still does there."""
    if row.state != WriteBackState.DONE and not outbox.release_now(_undo_key(row), at=at):
        WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.DONE, reason="")


def _undo_key(row: WriteBack) -> str:
    return f"back:{row.public_id}:undo"


def _ask_a_person(row: WriteBack, text: str, reason: str, *, cause: str, at: datetime) -> None:
    order = row.fulfillment.order
    history.note(order, kind="fulfillment.not_told", text=text, by=history.STOREWARD, at=at)
    kind: notices.MerchantNotice = "take_back_held" if row.is_taken_back else "write_back_held"
    notices.promise_merchant(order, kind=kind, cause_key=cause, at=at, reason=reason, store=row.connection)


def _is_complete(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, fulfillment_status=FulfillmentStatus.FULFILLED).exists()
