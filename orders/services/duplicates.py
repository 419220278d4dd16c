"""An order that stands at its destination more than once: held until a person says which of them is meant.

Nothing is cancelled that nobody decided about; an order that is called off takes its undecided copies with it, see
`orders.services.remote_cancel`. What the store itself shows decides too: a copy that was cancelled there is
none any more, and where the recorded one was cancelled and a copy stands, the copy takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction

from connectors.base import RemoteOrder, RemoteRef
from connectors.models import ConnectionState
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, OutboxMessage
from orders.services import history, loading, notices, push_copies, sight
from orders.services.push_copies import names
from orders.services.transitions import lock, move_push
from orders.world import World

LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
STANDS = (PushStatus.PUSHED, PushStatus.HELD)


def suspect(push: OrderPush, others: Sequence[RemoteRef], *, at: datetime) -> None:
    """Orders there besides the recorded one carry its reference. Inside a transaction, under the order's lock.

    Those that are known are no news. The push of an order that was called off is not held: it ended.
    """
    known = {push.remote_id, *(copy["id"] for copy in push.copies)}
    new = [push_copies.as_json(ref) for ref in others if ref.remote_id not in known]
    if not new:
        return
    push.copies = [*push.copies, *new]
    push.save(update_fields=["copies"])
    text = push_copies.blocker(push).message
    history.note(push.order, kind="push.duplicate", text=text, by=history.STOREWARD, at=at, push=push.public_id)
    if push.order.status in LIVE and push.status in STANDS and not push.remote_cancelled:
        move_push(push, to=PushStatus.HELD, by=history.STOREWARD, at=at, reason=text, blockers=push.blockers)
    cause = f"{push.public_id}:{len(push.copies)}"
    notices.promise_merchant(push.order, kind="suspected_duplicate", cause_key=cause, at=at, reason=text, push=push)


def seen(push: OrderPush, remotes: Sequence[RemoteOrder], *, at: datetime) -> None:
    """What a list of the destination shows of orders with its reference. Inside a transaction, under the order's lock."""
    suspect(push, [remote.ref for remote in remotes if not remote.cancelled], at=at)
    cancelled = {remote.ref.remote_id for remote in remotes if remote.cancelled}
    gone = [copy for copy in push.undecided_copies if copy["id"] in cancelled]
    if gone:
        text = f"{names(gone)} was cancelled in {push.connection.name}."
        _forget(push, gone, by=push.connection.name, text=text, at=at)


def take_place(push: OrderPush, how: str, *, at: datetime) -> bool:
    """The recorded order was cancelled there, or is gone: its copy is the order now, and is read. Inside a transaction.

    False when there is none.
    """
    copies = push.undecided_copies
    if not copies or push.remote_cancelled:
        return False
    first, was = copies[0], push.remote_name
    push.copies = [copy for copy in push.copies if copy["id"] != first["id"]]
    text = f"{was} was {how} in {push.connection.name}: {first['name']}, its copy, is the order now."
    move_push(
        push, to=PushStatus.PUSHED, by=push.connection.name, at=at, text=text, blockers=[], copies=push.copies,
        remote_id=first["id"], remote_name=first["name"], remote_url=first["url"], remote_version="",
        remote_updated_at=None, remote_refunded=0, remote_total=None, read_back_at=None, adopted=True,
    )  # fmt: skip
    outbox.post(
        Topic.PULL_REMOTE, order=push.order, push=push, connection=push.connection, at=at,
        key=f"pull:{push.public_id}:copy-{first['id']}",
    )  # fmt: skip
    return True


# --- what a person decides ---------------------------------------------------------------------------


@transaction.atomic
def are_two(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """They are orders of their own: the push goes on, and these are not asked about again. Raises TransitionNotAllowed."""
    push = _locked(push_id)
    if not outbox.withdraw(_key(push), at=at) and _is_being_cancelled(push):
        raise TransitionNotAllowed("The copy is being cancelled just now.")
    kept = push.undecided_copies
    push.copies = [{**copy, "kept": True} for copy in push.copies]
    _go_on(push, by=by, text=f"{by}: {push.remote_name} and {names(kept)} are different orders.", at=at)
    return push


@transaction.atomic
def cancel_copies(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Have the copies cancelled there, and looked at; where nothing can be cancelled from here, looked at alone.

    Raises TransitionNotAllowed when there is none, and while nobody can look there.
    """
    push = _locked(push_id)
    if push.connection.state == ConnectionState.REMOVED:
        raise TransitionNotAllowed(
            f"{push.connection.name} was disconnected: connect it again, so that it can be seen."
        )
    key = _key(push)
    message = outbox.post(Topic.CANCEL_COPY, order=push.order, push=push, connection=push.connection, key=key, at=at)
    if message.status != OutboxStatus.WAITING and not outbox.renew(key, at=at):
        raise TransitionNotAllowed("The copy is being cancelled just now.")
    text = f"{by} asked to cancel {names(push.undecided_copies)} in {push.connection.name}, the copy of {push.remote_name}."
    history.note(push.order, kind="push.cancel_copy", text=text, by=by, at=at, push=push.public_id)
    return push


def run(message: OutboxMessage, world: World) -> Iterator[str]:
    """CANCEL_COPY: cancel what is not decided about and see that it is; repeating it is harmless."""
    push = loading.push_of(message)
    copies = push.undecided_copies
    if not copies:
        return
    connector = world.connector_for(push.connection)
    for copy in copies:
        if connector.capabilities.cancel:
            yield "cancelling"
            connector.cancel(copy["id"], note=f"A copy of {push.remote_name} (order {push.order.number})")
            yield "cancelled"
        remote = sight.read(connector, copy["id"], made_at=sight.since_of(push), at=world.now())
        yield "seen"
        if remote is not None and not remote.cancelled:
            if connector.capabilities.cancel:
                raise outbox.RetryLater(f"{push.connection.name} has not cancelled {copy['name']} yet.")
            text = f"{copy['name']} stands in {push.connection.name} still. Cancel it there, then say so here."
            raise outbox.Hold(text)
    with outbox.finishing(message, at=world.now()):
        lock(message.order.pk)
        fresh = loading.push_of(message)
        ids = {copy["id"] for copy in copies}
        gone = [copy for copy in fresh.undecided_copies if copy["id"] in ids]
        text = f"{names(copies)} is cancelled in {push.connection.name}: {push.remote_name} is the only one."
        _forget(fresh, gone, by=history.STOREWARD, text=text, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """A copy that could not be cancelled is a person's again, and the push says why."""
    lock(message.order.pk)
    push = loading.push_of(message)
    if outcome.status != OutboxStatus.HELD or not push.undecided_copies or push.status != PushStatus.HELD:
        return
    text = f"{names(push.undecided_copies)} was not cancelled: {outcome.reason}"
    move_push(push, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=text, reason=text, blockers=push.blockers)
    cause = f"{message.key}:{message.attempts}"
    notices.promise_merchant(push.order, kind="cancel_failed", cause_key=cause, at=at, reason=text, push=push)


# --- inside ----------------------------------------------------------------------------------------


def _key(push: OrderPush) -> str:
    return f"cancel-copy:{push.public_id}"


def _is_being_cancelled(push: OrderPush) -> bool:
    return OutboxMessage.objects.filter(key=_key(push)).exclude(status=OutboxStatus.DONE).exists()


def _locked(push_id: int) -> OrderPush:
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    if push.status != PushStatus.HELD or not push.undecided_copies:
        raise TransitionNotAllowed("No copy of this order waits for a decision.")
    return push


def _forget(push: OrderPush, gone: Sequence[dict[str, object]], *, by: str, text: str, at: datetime) -> None:
    ids = {copy["id"] for copy in gone}
    push.copies = [copy for copy in push.copies if copy["id"] not in ids]
    _go_on(push, by=by, text=text, at=at)


def _go_on(push: OrderPush, *, by: str, text: str, at: datetime) -> None:
    """It stands there once, unless another copy, or something else, still holds it."""
    left = push_copies.with_it(push, push.blockers)
    if push.status != PushStatus.HELD:
        push.save(update_fields=["copies"])
        history.note(push.order, kind="push.copy_gone", text=text, by=by, at=at, push=push.public_id)
    elif left:
        why = left[0]["message"]
        move_push(push, to=PushStatus.HELD, by=by, at=at, text=text, reason=why, blockers=left, copies=push.copies)
    else:
        move_push(push, to=PushStatus.PUSHED, by=by, at=at, text=text, blockers=[], copies=push.copies)
