"""How an order gets to its destination: marked before the first byte, looked for before it is repeated.

The order of the steps is not a matter of taste; the simulation shows what each one is for (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from connectors import conditions
from connectors.base import Blocker, BlockerCode, Connector, RemoteOrder, RemoteRef
from connectors.errors import ConnectorError, RejectedError
from connectors.models import Connection, ConnectionState
from connectors.money import Money
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, OutboxMessage
from orders.services import checks, history, notices, outbound, preflight
from orders.services.decisions import push_key
from orders.services.transitions import lock, move_push
from orders.world import World

STALE_MARK = timedelta(seconds=1)  # a process that paused longer after its mark marks again
SEARCH_MARGIN = timedelta(hours=1)  # around our clock and the destination's


def send(message: OutboxMessage, world: World) -> Iterator[str]:
    """PUSH_ORDER: create the order there exactly once."""
    push = _fresh(message)
    if push.status in (PushStatus.PUSHED, PushStatus.CANCELLED):
        return
    connection = push.connection
    connector = world.connector_for(connection)
    if message.maybe_sent_at is not None:
        yield "looking"
        found = _look(push, message, connector, world)
        yield "looked"
        if found:
            yield from _finish(message, found[0], connector, world, adopted=True, copies=len(found))
            return
        _believe_not_found(message, connector, world)
    if _ended_before(message, push, world):
        return
    _refuse_out_of_reach(connection)
    order = outbound.build(push)
    yield "built"
    yield from _mark(message, push, world)
    try:
        ref = connector.create(order)
    except RejectedError as refusal:
        _wait_if_possible(push, refusal)
        raise
    yield "created"
    yield from _finish(message, ref, connector, world, adopted=False, copies=1)


def _look(push: OrderPush, message: OutboxMessage, connector: Connector, world: World) -> tuple[RemoteRef, ...]:
    since = (message.maybe_sent_at or world.now()) - SEARCH_MARGIN
    return connector.find(push.reference, since=min(since, message.created_at - SEARCH_MARGIN))


def _believe_not_found(message: OutboxMessage, connector: Connector, world: World) -> None:
    """Not there proves nothing before the horizon: the request may still be carried out, or not be indexed yet."""
    if message.maybe_sent_at is None:
        return
    left = (message.maybe_sent_at + timedelta(seconds=connector.horizon_s) - world.now()).total_seconds()
    if left > 0:
        raise outbox.Postponed(
            "Sent, no answer: looking for it in the store before anything is sent again.", after_s=left
        )


def _ended_before(message: OutboxMessage, push: OrderPush, world: World) -> bool:
    """The order was called off, or its settings say to keep it here: nothing leaves. True when that ended the push."""
    if push.order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
        to, reason = PushStatus.CANCELLED, "Cancelled before it was sent."
    elif not push.connection.sync_settings.sync_orders:
        to, reason = PushStatus.SKIPPED, "Order sync is off for this connection."
    else:
        return False
    with outbox.finishing(message, at=world.now()):
        lock(push.order_id)
        move_push(_fresh(message), to=to, by=history.STOREWARD, at=world.now(), reason=reason, text=reason)
    return True


def _refuse_out_of_reach(connection: Connection) -> None:
    if connection.state == ConnectionState.AUTH_LOST:
        raise outbox.Wait(conditions.token_renewed(connection.pk), f"{connection.name} needs reconnecting.")
    if connection.state == ConnectionState.PAUSED:
        raise outbox.Wait(conditions.pause_lifted(connection.pk), f"{connection.name} is paused.")
    if connection.state == ConnectionState.REMOVED:
        gone = Blocker(BlockerCode.SYNC_TURNED_OFF, f"{connection.name} was disconnected.")
        raise RejectedError(gone.message, [gone])


def _wait_if_possible(push: OrderPush, refusal: RejectedError) -> None:
    """A missing link or missing stock is waited for; any other refusal needs a person."""
    wait_for = preflight.condition(push.connection_id, refusal.blockers)
    if wait_for:
        raise outbox.Wait(wait_for, str(refusal), data=refusal.blockers, nothing_sent=True) from refusal


def _mark(message: OutboxMessage, push: OrderPush, world: World) -> Iterator[str]:
    """Commit "maybe sent", and again if the process was stopped in between; look for a cancellation with it."""
    for _ in range(5):
        with transaction.atomic():
            if lock(push.order_id).status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
                raise outbox.Postponed("The order was called off.", after_s=0)
            outbox.mark_sending(message, at=world.now())
            fresh = _fresh(message)
            if fresh.status != PushStatus.SENDING:
                move_push(fresh, to=PushStatus.SENDING, by=history.STOREWARD, at=world.now())
        yield "marked"
        if message.maybe_sent_at and world.now() - message.maybe_sent_at <= STALE_MARK:
            return
    raise outbox.Postponed("This machine is too slow to send safely; trying again.", after_s=5)


def _finish(
    message: OutboxMessage, ref: RemoteRef, connector: Connector, world: World, *, adopted: bool, copies: int
) -> Iterator[str]:
    """Read it back when that works, and record what is there."""
    yield "reading back"
    try:
        remote = connector.read(ref.remote_id)
    except ConnectorError:
        remote = None  # it is there; the promise to read it back is posted with the record
    yield "read back"
    with outbox.finishing(message, at=world.now()):
        push = record(_fresh(message), ref, at=world.now(), adopted=adopted)
        if remote is None:
            promise_read(push, cause="read-back", at=world.now())
        else:
            compare(push, remote, at=world.now())
        if copies > 1:
            alarm_duplicate(push, copies, at=world.now())


def record(push: OrderPush, ref: RemoteRef, *, at: datetime, adopted: bool) -> OrderPush:
    """The order is there. Inside a transaction; an order called off meanwhile is cancelled there too."""
    order = lock(push.order_id)
    how = "Found in" if adopted else "Created in"
    move_push(
        push,
        to=PushStatus.PUSHED,
        by=history.STOREWARD,
        at=at,
        text=f"{how} {push.connection.name} as {ref.name}.",
        remote_id=ref.remote_id,
        remote_name=ref.name[:60],
        remote_url=ref.url[:300],
        adopted=adopted,
        pushed_at=at,
        blockers=[],
    )
    if order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.DECLINED):
        promise_cancel(push, at=at)
    return push


def compare(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """Hold what was paid against what the destination has, to the cent. A difference is a blocker."""
    order = push.order
    push.remote_total, push.read_back_at, push.remote_version = remote.total, at, remote.remote_version[:60]
    push.save(update_fields=["remote_total", "read_back_at", "remote_version"])
    if remote.total == order.total and remote.currency == order.currency:
        text = f"Read back from {push.connection.name}: {Money(remote.total, remote.currency)}, equal to what was paid."
        history.note(order, kind="push.equal", text=text, by=history.STOREWARD, at=at, push=push.public_id)
        return
    text = (
        f"{push.connection.name} has {remote.total.normalize():f} {remote.currency}; "
        f"the customer paid {Money(order.total, order.currency)}. Correct {push.remote_name} there."
    )
    blocker = Blocker(BlockerCode.TOTAL_MISMATCH, text, "total", f"{remote.total:f}")
    move_push(
        push, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=text, reason=text, blockers=[blocker.as_json()]
    )
    notices.promise_merchant(order, kind="push_held", cause_key=f"{push.public_id}:total", at=at, reason=text)


def promise_read(push: OrderPush, *, cause: str, at: datetime) -> None:
    """Have the destination's truth read and applied by a worker."""
    outbox.post(
        Topic.PULL_REMOTE,
        order=push.order,
        push=push,
        connection=push.connection,
        key=f"pull:{push.public_id}:{cause}",
        at=at,
    )


def alarm_duplicate(push: OrderPush, copies: int, *, at: datetime) -> None:
    """Two orders there carry one reference. Never cancelled by us: a person looks."""
    text = f"{push.connection.name} has {copies} orders with reference {push.reference}. Keep one and cancel the others there."
    history.note(push.order, kind="push.duplicate", text=text, by=history.STOREWARD, at=at, push=push.public_id)
    notices.promise_merchant(push.order, kind="suspected_duplicate", cause_key=push.public_id, at=at, reason=text)


@transaction.atomic
def adopt(*, push_id: int, ref: RemoteRef, at: datetime) -> bool:
    """Take over an order that the sweep found there. False when the push is recorded, or is being sent, already."""
    push = _locked(push_id)
    if push.remote_id or not outbox.withdraw_sent(push_key(push), at=at):
        return False
    promise_read(record(push, ref, at=at, adopted=True), cause="adopted", at=at)
    return True


# --- by hand -------------------------------------------------------------------------------------


@transaction.atomic
def retry(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Send a push that is held or waits once more; it is looked for first when it may be there."""
    push = _locked(push_id)
    if push.status not in (PushStatus.HELD, PushStatus.WAITING) or push.remote_id:
        raise TransitionNotAllowed("This push cannot be sent again.")
    if not outbox.release_now(push_key(push), at=at):
        raise TransitionNotAllowed("Nothing has been promised yet: confirm the order first, or check it again.")
    move_push(push, to=PushStatus.QUEUED, by=by, at=at, text=f"{by} asked to send it to {push.connection.name} again.")
    return push


@transaction.atomic
def skip(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Keep the order here: it does not go to this destination. Refused while it is, or may be, there."""
    push = _locked(push_id)
    if push.status not in (PushStatus.HELD, PushStatus.WAITING) or push.remote_id:
        raise TransitionNotAllowed("This push cannot be left out.")
    if push.messages.filter(topic=Topic.PUSH_ORDER).exists() and not outbox.withdraw(push_key(push), at=at):
        raise TransitionNotAllowed("The order may be in the store already: look there first.")
    move_push(
        push,
        to=PushStatus.SKIPPED,
        by=by,
        at=at,
        reason=f"Left out by {by}.",
        text=f"{by} kept it out of {push.connection.name}.",
    )
    outbox.release_now(f"check:{push.order.public_id}:{push.pk}", at=at)
    return push


# --- cancelling there ------------------------------------------------------------------------------


def promise_cancel(push: OrderPush, *, at: datetime) -> None:
    outbox.post(
        Topic.CANCEL_REMOTE,
        order=push.order,
        push=push,
        connection=push.connection,
        key=f"cancel:{push.public_id}",
        at=at,
    )


def cancel_remote(message: OutboxMessage, world: World) -> Iterator[str]:
    """CANCEL_REMOTE: cancel the order there; repeating it is harmless."""
    push = _fresh(message)
    if not push.remote_id or push.status == PushStatus.CANCELLED:
        return
    if push.remote_cancelled:
        _write_cancelled(message, "It had been cancelled there already.", world)
        return
    connector = world.connector_for(push.connection)
    if not connector.capabilities.cancel:
        raise outbox.Hold(f"Cancel {push.remote_name} in {push.connection.name} yourself: it cannot be done from here.")
    yield "cancelling"
    connector.cancel(push.remote_id, note=f"Cancelled in Storeward (order {push.order.number})")
    yield "cancelled"
    _write_cancelled(message, f"Cancelled in {push.connection.name}.", world)


def _write_cancelled(message: OutboxMessage, text: str, world: World) -> None:
    with outbox.finishing(message, at=world.now()):
        lock(message.order_id)
        push = _fresh(message)
        move_push(push, to=PushStatus.CANCELLED, by=history.STOREWARD, at=world.now(), text=text, remote_cancelled=True)


def cancel_settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    if outcome.status == "held":
        history.note(message.order, kind="push.cancel_failed", text=outcome.reason, by=history.STOREWARD, at=at)
        notices.promise_merchant(
            message.order, kind="cancel_failed", cause_key=message.key, at=at, reason=outcome.reason
        )


# --- how an attempt ended ------------------------------------------------------------------------


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show on the push why it is not there yet."""
    lock(message.order_id)
    push = _fresh(message)
    if push.status not in (PushStatus.QUEUED, PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.WAITING):
        return
    if outcome.status == "held":
        _hold(push, message, outcome, at=at)
    elif outcome.wait_for:
        _show(push, PushStatus.WAITING, outcome, at=at, wait_for=outcome.wait_for)
        if outcome.wait_for == conditions.token_renewed(push.connection_id):
            notices.promise_reconnect(push, at=at)
    elif outcome.unknown or (message.maybe_sent_at and not outcome.nothing_sent):
        _show(push, PushStatus.UNKNOWN, outcome, at=at)
    else:
        _show(push, PushStatus.QUEUED, outcome, at=at)


def _hold(push: OrderPush, message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    blockers = outcome.data if isinstance(outcome.data, tuple) and outcome.data else (checks.as_blocker(outcome),)
    text = f"Not in {push.connection.name}: {outcome.reason}"
    move_push(
        push, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=text, reason=outcome.reason,
        blockers=[blocker.as_json() for blocker in blockers],
    )  # fmt: skip
    cause = f"{push.public_id}:{message.attempts}"
    notices.promise_merchant(push.order, kind="push_held", cause_key=cause, at=at, reason=outcome.reason)


def _show(push: OrderPush, to: PushStatus, outcome: outbox.Outcome, *, at: datetime, wait_for: str = "") -> None:
    changed = push.status != to or push.reason != outcome.reason[:500]
    text = outcome.reason if changed else ""
    blockers = [blocker.as_json() for blocker in outcome.data] if isinstance(outcome.data, tuple) else []
    move_push(
        push, to=to, by=history.STOREWARD, at=at, text=text, reason=outcome.reason, wait_for=wait_for, blockers=blockers
    )


def _fresh(message: OutboxMessage) -> OrderPush:
    return OrderPush.objects.select_related("order", "connection__sync_settings").get(pk=message.push_id or 0)


def _locked(push_id: int) -> OrderPush:
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    lock(push.order_id)
    return OrderPush.objects.select_related("order", "connection").get(pk=push_id)
