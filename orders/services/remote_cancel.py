"""Cancelling an order where it was sent: asked for, looked at afterwards, and told to a person when it cannot be done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from connectors.base import Blocker, BlockerCode, RemoteOrder
from connectors.models import ConnectionState
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, OutboxMessage
from orders.services import history, loading, notices, sight
from orders.services.transitions import lock, move_push
from orders.states import PUSH_TRANSITIONS
from orders.world import World

AT_ONCE = 200
ENDED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.DECLINED)


def key_of(push: OrderPush) -> str:
    """The outbox key of the promise to cancel."""
    return f"cancel:{push.public_id}"


def promise(push: OrderPush, *, at: datetime) -> None:
    """Have a worker cancel it there. One that no worker can reach any more is told to a person at once."""
    if push.connection.state == ConnectionState.REMOVED:
        text = f"{push.connection.name} was disconnected: cancel {push.remote_name} there yourself."
        tell(push, text, cause=f"{key_of(push)}:removed", at=at)
        return
    outbox.post(Topic.CANCEL_REMOTE, order=push.order, push=push, connection=push.connection, key=key_of(push), at=at)


def tell_unreachable(push: OrderPush, *, at: datetime) -> None:
    """Perhaps it is there, and nobody can look any more: a person has to. Nothing happens while it can be looked for."""
    if push.connection.state == ConnectionState.REMOVED:
        text = f"{push.connection.name} was disconnected while this was being sent: look for {push.reference} there."
        tell(push, text, cause=f"{key_of(push)}:removed", at=at)


def run(message: OutboxMessage, world: World) -> Iterator[str]:
    """CANCEL_REMOTE: cancel the order there, with its copies, and see that it is; repeating it is harmless."""
    push = loading.push_of(message)
    if not push.remote_id or (push.status == PushStatus.CANCELLED and push.remote_cancelled):
        return
    if push.remote_cancelled:
        _write(message, "It had been cancelled there already.", world)
        return
    connector = world.connector_for(push.connection)
    if not connector.capabilities.cancel:
        raise outbox.Hold(f"Cancel {push.remote_name} in {push.connection.name} yourself: it cannot be done from here.")
    copies = [(copy["id"], copy["name"]) for copy in push.undecided_copies]
    for remote_id, name in [(push.remote_id, push.remote_name), *copies]:
        yield "cancelling"
        connector.cancel(remote_id, note=f"Cancelled in Storeward (order {push.order.number})")
        yield "cancelled"
        if stands(sight.read(connector, remote_id, made_at=sight.since_of(push), at=world.now())):
            raise outbox.RetryLater(f"{push.connection.name} has not cancelled {name} yet.")
        yield "seen cancelled"
    _write(message, f"Cancelled in {push.connection.name}.", world)


def stands(remote: RemoteOrder | None) -> bool:
    """Whether what was read is an order that may still be sent to somebody."""
    return remote is not None and not remote.cancelled


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """An order that was called off here and stands there is a task for a person, and the push says which."""
    if outcome.status != "held":
        return
    lock(message.order.pk)
    push = loading.push_of(message)
    tell(push, outcome.reason, cause=f"{message.key}:{message.attempts}", at=at)


def tell(push: OrderPush, reason: str, *, cause: str, at: datetime) -> None:
    """Write a cancellation that failed where people look: history, the push, a mail. Inside a transaction."""
    history.note(push.order, kind="push.cancel_failed", text=reason, by=history.STOREWARD, at=at, push=push.public_id)
    notices.promise_merchant(push.order, kind="cancel_failed", cause_key=cause, at=at, reason=reason, push=push)
    if PushStatus.HELD in PUSH_TRANSITIONS[push.status] or push.status == PushStatus.HELD:
        blocker = Blocker(BlockerCode.CANCELLED_MEANWHILE, reason, "status", "not_cancelled")
        move_push(push, to=PushStatus.HELD, by=history.STOREWARD, at=at, reason=reason, blockers=[blocker.as_json()])


def may_ask_again(push: OrderPush) -> bool:
    """Whether the order was called off, stands there, and is connected."""
    ended = push.order.status in ENDED and push.status == PushStatus.HELD and bool(push.remote_id)
    return ended and not push.remote_cancelled and push.connection.state != ConnectionState.REMOVED


@transaction.atomic
def ask_again(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Try once more to cancel an order there that was called off here. Raises TransitionNotAllowed when there is none."""
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    if not may_ask_again(push):
        raise TransitionNotAllowed("There is nothing to cancel there.")
    if not outbox.renew(key_of(push), at=at):
        promise(push, at=at)
    text = f"{by} asked to cancel {push.remote_name} in {push.connection.name} again."
    history.note(push.order, kind="push.cancel_asked", text=text, by=by, at=at, push=push.public_id)
    return push


def tell_stranded(*, at: datetime) -> None:
    """Work for called-off orders in a store that was disconnected since: no worker gets there any more. Safe to repeat."""
    stranded = OutboxMessage.objects.filter(
        Q(topic=Topic.CANCEL_REMOTE) | Q(topic=Topic.PUSH_ORDER, push__remote_id="") & ~Q(push__status=PushStatus.HELD),
        status=OutboxStatus.WAITING,
        lane__connection__state=ConnectionState.REMOVED,
        order__status__in=ENDED,
    )
    for message_id in list(stranded.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            message = OutboxMessage.objects.select_related("order").get(pk=message_id)
            lock(message.order.pk)
            push = loading.push_of(message)
            if message.topic == Topic.PUSH_ORDER:
                tell_unreachable(push, at=at)
            elif outbox.withdraw(message.key, at=at):
                promise(push, at=at)


@transaction.atomic
def take_stray(*, push_id: int, remote: RemoteOrder, at: datetime) -> bool:
    """An order stands there for a push that had ended without one: its request was carried out very late.

    When the order was called off it is cancelled there; when it lives, and goes elsewhere or stays here, a person
    decides. False when there is nothing to do.
    """
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    if push.remote_id or push.status not in (PushStatus.CANCELLED, PushStatus.SKIPPED) or not stands(remote):
        return False
    push.remote_id, push.remote_name, push.remote_url = remote.ref.remote_id, remote.ref.name[:60], remote.ref.url[:300]
    push.pushed_at, push.adopted = at, True
    push.save(update_fields=["remote_id", "remote_name", "remote_url", "pushed_at", "adopted"])
    text = f"{remote.ref.name} appeared in {push.connection.name} after this part of the order had ended."
    history.note(push.order, kind="push.stray", text=text, by=history.STOREWARD, at=at, push=push.public_id)
    if push.order.status in ENDED:
        promise(push, at=at)
    else:
        reason = f"{text} Cancel it there, unless it should be sent from there."
        notices.promise_merchant(
            push.order, kind="suspected_duplicate", cause_key=push.public_id, at=at, reason=reason, push=push
        )
    return True


def _write(message: OutboxMessage, text: str, world: World) -> None:
    with outbox.finishing(message, at=world.now()):
        lock(message.order.pk)
        push = loading.push_of(message)
        move_push(
            push, to=PushStatus.CANCELLED, by=history.STOREWARD, at=world.now(), text=text, remote_cancelled=True,
            blockers=[],
        )  # fmt: skip
