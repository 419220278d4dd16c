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
from orders.models.write_back import BY_HAND
from orders.services import history, looks, notices, told_shipments
from orders.services.transitions import lock

HELD_AT_ONCE = 200
_UNTOLD = (WriteBackState.WAITING, WriteBackState.HELD)


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
            and (row.remote_id or row.is_told_by_hand)
            and row.parcels == told_shipments.as_json(told_shipments.parcels_of(fulfillment))
        ):
            _stand_again(row, at=at)
            continue
        if row.connection_id != store.pk and row.connection.state == ConnectionState.REMOVED:
            row.connection = store  # the channel goes on with a newer connection
            row.save(update_fields=["connection"])
        if row.connection.state == ConnectionState.REMOVED:
            reason = _mark_it_there(row.connection)
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.HELD, reason=reason)
            continue
        message = _promise_told(order, row, at=at)
        if message.status == OutboxStatus.WAITING:
            WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason=message.reason)
    _take_back(order, fulfillments, at=at)
    looks.refresh(order.pk)
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
    looks.refresh(message.order.pk)
    if held:
        stands = row.fulfillment.status == ShipmentStatus.SUCCESS
        what = "was not told what was sent" if stands else "was not told that a fulfillment was taken back"
        text = f"{row.connection.name} {what}: {outcome.reason}"
        _ask_a_person(row, text, outcome.reason, cause=f"{message.key}:{message.attempts}", at=at)


@transaction.atomic
def retry(*, write_back_id: int, by: str, at: datetime) -> WriteBack:
    """Tell the store once more; it is looked there first. One that was connected anew is told through its new connection.

    Raises TransitionNotAllowed unless it is held, and while nobody but a person can do it.
    """
    row, order = _locked(write_back_id)
    if row.state != WriteBackState.HELD:
        raise TransitionNotAllowed("There is nothing to tell again.")
    if row.connection.state == ConnectionState.REMOVED:
        _let_heir_tell(row, order, at=at)
    else:
        message = _held_messages(row).order_by("-pk").first()
        if message is None and row.is_taken_back and not _why_by_hand(row):
            _promise_undo(order, row, at=at)  # a person was asked when its platform could not be
        elif message is None or not outbox.release_now(message.key, at=at):
            raise TransitionNotAllowed("There is nothing to tell again.")
        row.state, row.reason = WriteBackState.WAITING, ""
        row.save(update_fields=["state", "reason"])
    looks.refresh(order.pk)
    text = f"{by} asked to tell {row.connection.name} again."
    history.note(order, kind="fulfillment.tell_again", text=text, by=by, at=at)
    return row


@transaction.atomic
def settle(*, write_back_id: int, by: str, at: datetime) -> Fulfillment:
    """A person marked it as sent in the store, or took it back there too. Raises TransitionNotAllowed unless it is held."""
    row, order = _locked(write_back_id)
    if row.state != WriteBackState.HELD:
        raise TransitionNotAllowed("The store does not wait for a person here.")
    for message in _held_messages(row):
        outbox.withdraw_sent(message.key, at=at)
    if row.is_taken_back:
        text = f"{by} took the fulfillment back in {row.connection.name}."
        history.note(order, kind="fulfillment.untold", text=text, by=by, at=at)
        row.delete()
        looks.refresh(order.pk)
        return row.fulfillment
    _write_down_by_hand(row, at=at)
    looks.refresh(order.pk)
    text = f"{by} marked the fulfillment in {row.connection.name}."
    history.note(order, kind="fulfillment.told", text=text, by=by, at=at)
    return row.fulfillment


def take_up_all(*, at: datetime) -> int:
    """Once a minute: what stores that were disconnected are to be told goes on through the connection that was made anew.

    Returns how many do.
    """
    left = WriteBack.objects.filter(state__in=_UNTOLD, connection__state=ConnectionState.REMOVED)
    taken = 0
    for old in Connection.objects.filter(pk__in=left.values("connection")).order_by("pk"):
        heir = Connection.objects.same_shop_as(old).first()
        if heir is not None:
            ids = list(left.filter(connection=old).order_by("pk").values_list("pk", flat=True)[:HELD_AT_ONCE])
            taken += sum(_take_up(row_id, heir, at=at) for row_id in ids)
    return taken


def hold_stranded(*, at: datetime) -> None:
    """Once a minute: what waits to be told to stores that were disconnected. No worker gets there any more."""
    waiting = WriteBack.objects.filter(state=WriteBackState.WAITING, connection__state=ConnectionState.REMOVED)
    for row_id in list(waiting.order_by("pk").values_list("pk", flat=True)[:HELD_AT_ONCE]):
        with transaction.atomic():
            row, order = _locked(row_id)
            reason = _why_by_hand(row) if row.is_taken_back else _mark_it_there(row.connection)
            if _withdrawn(row, at=at):
                row.state, row.reason = WriteBackState.HELD, reason
                row.save(update_fields=["state", "reason"])
                looks.refresh(order.pk)
                _ask_a_person(row, reason, reason, cause=f"{row.public_id}:removed", at=at)


def fresh(message: OutboxMessage) -> WriteBack | None:
    """None when the fulfillment was taken back before it was told."""
    rows = WriteBack.objects.select_related(
        "connection", "fulfillment__push__connection", "fulfillment__order__channel"
    )
    return rows.filter(pk=message.payload["write_back"]).first()


# --- inside ----------------------------------------------------------------------------------------


@transaction.atomic
def _take_up(row_id: int, heir: Connection, *, at: datetime) -> bool:
    """False while a worker is at it still, and when it was ended meanwhile."""
    row, order = _locked(row_id)
    if row.state not in _UNTOLD or row.connection.state != ConnectionState.REMOVED or not _withdrawn(row, at=at):
        return False
    _tell_through(row, order, heir, at=at)
    looks.refresh(order.pk)
    text = f"{heir.name} is connected again: this goes on." if row.state == WriteBackState.WAITING else row.reason
    history.note(order, kind="fulfillment.tell_again", text=text, by=history.STOREWARD, at=at)
    return True


def _let_heir_tell(row: WriteBack, order: Order, *, at: datetime) -> None:
    heir = Connection.objects.same_shop_as(row.connection).first()
    if heir is None:
        raise TransitionNotAllowed(
            f"{row.connection.name} was disconnected. Connect it again and this goes on by itself, or do it there yourself."
        )
    if not _withdrawn(row, at=at):
        raise TransitionNotAllowed("It is being told just now.")
    _tell_through(row, order, heir, at=at)
    if row.state == WriteBackState.HELD:
        raise TransitionNotAllowed(row.reason)


def _tell_through(row: WriteBack, order: Order, heir: Connection, *, at: datetime) -> None:
    """Promise anew what stands now; a doubt whether it was told stays one, and is looked at first."""
    row.connection, row.state, row.reason = heir, WriteBackState.WAITING, ""
    if row.is_taken_back and row.is_known_there and (by_hand := _why_by_hand(row)):
        row.state, row.reason = WriteBackState.HELD, by_hand
    row.save(update_fields=["connection", "state", "reason"])
    if row.state == WriteBackState.WAITING:
        _post(order, row, _undo_key(row), at=at, undo=True) if row.is_taken_back else _promise_told(order, row, at=at)


def _write_down_by_hand(row: WriteBack, *, at: datetime) -> None:
    """What the person made there has no id that we know: should it change or be taken back, it is looked for."""
    row.state, row.reason = WriteBackState.DONE, ""
    row.parcels = told_shipments.as_json(told_shipments.parcels_of(row.fulfillment))
    if not row.remote_id:
        row.maybe_told_at, row.maybe_told_by = at, BY_HAND
    row.save(update_fields=["state", "reason", "parcels", "maybe_told_at", "maybe_told_by"])


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
        if not row.is_known_there:
            if row.state == WriteBackState.HELD:
                row.delete()  # a person need not mark it there any more
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


def _promise_told(order: Order, row: WriteBack, *, at: datetime) -> OutboxMessage:
    key = f"back:{row.public_id}:{told_shipments.digest_of(row.fulfillment)}:{row.connection_id}"
    return _post(order, row, key, at=at)


def _promise_undo(order: Order, row: WriteBack, *, at: datetime) -> None:
    message = _post(order, row, _undo_key(row), at=at, undo=True)
    if row.state == WriteBackState.DONE:
        outbox.renew(message.key, at=at)
    elif message.status != OutboxStatus.WAITING:
        return
    WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.WAITING, reason="")


def _stand_again(row: WriteBack, *, at: datetime) -> None:
    """What was to be taken back there stands here again: look whether it still does there."""
    undoing = OutboxMessage.objects.filter(key__startswith=f"back:{row.public_id}:undo")
    if row.state != WriteBackState.DONE and not outbox.release_all(undoing, at=at):
        WriteBack.objects.filter(pk=row.pk).update(state=WriteBackState.DONE, reason="")


def _undo_key(row: WriteBack) -> str:
    return f"back:{row.public_id}:undo:{row.connection_id}"


def _post(order: Order, row: WriteBack, key: str, *, at: datetime, undo: bool = False) -> OutboxMessage:
    """A key is of one connection: a promise stands in the lane where it was made."""
    payload = {"write_back": row.pk, **({"undo": True} if undo else {})}
    push = row.fulfillment.push
    return outbox.post(
        Topic.WRITE_BACK, order=order, push=push, connection=row.connection, key=key, at=at, payload=payload
    )


def _ask_a_person(row: WriteBack, text: str, reason: str, *, cause: str, at: datetime) -> None:
    order = row.fulfillment.order
    history.note(order, kind="fulfillment.not_told", text=text, by=history.STOREWARD, at=at)
    kind: notices.MerchantNotice = "take_back_held" if row.is_taken_back else "write_back_held"
    notices.promise_merchant(order, kind=kind, cause_key=cause, at=at, reason=reason, store=row.connection)


def _is_complete(order: Order) -> bool:
    return Order.objects.filter(pk=order.pk, fulfillment_status=FulfillmentStatus.FULFILLED).exists()
