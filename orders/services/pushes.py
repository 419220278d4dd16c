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
from connectors.money import Money
from connectors.registry import connector_class
from connectors.services import links
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, OutboxMessage
from orders.services import (
    by_hand,
    checks,
    history,
    notices,
    outbound,
    parts,
    preflight,
    preview,
    push_gates,
    push_notes,
    readiness,
    reexport_plan,
    remote_cancel,
    sync_faults,
)
from orders.services.decisions import push_key
from orders.services.transitions import lock, lock_status, move_push
from orders.world import World

STALE_MARK = timedelta(seconds=1)  # a process that paused longer after its mark marks again
SEARCH_MARGIN = timedelta(hours=1)  # around our clock and the destination's

_MAY_HAVE_CHANGED = ("status", "remote_id", "remote_cancelled", "total")  # of a push, while it was sent


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
            yield from _finish(message, push, found[0], connector, world, adopted=True, copies=len(found))
            return
        _believe_not_found(message, connector, world)
    if _ended_before(message, push, world):
        return
    push_gates.wait_for_addon(push)
    push_gates.refuse_out_of_reach(connection)
    if by_hand.is_needed(push):
        raise outbox.Wait(conditions.pushed_by_hand(push.pk), by_hand.REASON)
    if removed := readiness.removed(push.order):
        raise RejectedError(removed.message, [removed])
    reexport_plan.refuse_copies(push, connector)
    order = outbound.build(push)
    if push.shipping_fee is not None:
        yield from _ask_again(push, world)
    push.due_total = None if order.total == push.total else order.total
    push.sent_calls = preview.kept(connector.calls_for(order))
    yield "built"
    yield from _mark(message, push, world)
    try:
        ref = connector.create(order)
    except RejectedError as refusal:
        _wait_if_possible(push, refusal, at=world.now())
        raise
    yield "created"
    yield from _finish(message, push, ref, connector, world, adopted=False, copies=1)


def _ask_again(push: OrderPush, world: World) -> Iterator[str]:
    """The price of shipping is another than the destination was asked about before the money was taken."""
    yield "examining"
    finding = preflight.examine(push, world)
    yield "examined"
    if finding.wait_for:
        text = finding.blockers[0].message
        raise outbox.Wait(finding.wait_for, text, data=finding.blockers, nothing_sent=True)
    if finding.blockers:
        raise RejectedError(finding.blockers[0].message, finding.blockers)


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


def _wait_if_possible(push: OrderPush, refusal: RejectedError, *, at: datetime) -> None:
    """A missing link or missing stock is waited for; any other refusal needs a person."""
    wait_for = preflight.condition(push.connection_id, refusal.blockers)
    if wait_for:
        links.ask(push.connection_id, refusal.blockers, at=at)
        raise outbox.Wait(wait_for, str(refusal), data=refusal.blockers, nothing_sent=True) from refusal


def _mark(message: OutboxMessage, push: OrderPush, world: World) -> Iterator[str]:
    """Commit "maybe sent", and again if the process was stopped in between; look for a cancellation with it."""
    for _ in range(5):
        with transaction.atomic():
            order = lock(push.order_id)
            if order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
                raise outbox.Postponed("The order was called off.", after_s=0)
            if order.revision != push.order.revision:
                raise outbox.Postponed("The order was edited: forming it anew.", after_s=0)
            outbox.mark_sending(message, at=world.now())
            push_gates.refuse_ended(push)
            sent = {"sent_calls": push.sent_calls, "sent_at": world.now(), "due_total": push.due_total}
            push.refresh_from_db(fields=["status"])
            if push.status != PushStatus.SENDING:
                move_push(push, to=PushStatus.SENDING, by=history.STOREWARD, at=world.now(), **sent)
            else:
                OrderPush.objects.filter(pk=push.pk).update(**sent)
        yield "marked"
        if message.maybe_sent_at and world.now() - message.maybe_sent_at <= STALE_MARK:
            return
    raise outbox.Postponed("This machine is too slow to send safely; trying again.", after_s=5)


def _finish(
    message: OutboxMessage,
    push: OrderPush,
    ref: RemoteRef,
    connector: Connector,
    world: World,
    *,
    adopted: bool,
    copies: int,
) -> Iterator[str]:
    """Read it back when that works, and record what is there."""
    yield "reading back"
    try:
        remote = connector.read(ref.remote_id)
    except ConnectorError:
        remote = None  # it is there; the promise to read it back is posted with the record
    yield "read back"
    with outbox.finishing(message, at=world.now()):
        push.refresh_from_db(fields=_MAY_HAVE_CHANGED)
        record(push, ref, at=world.now(), adopted=adopted)
        if remote is None:
            promise_read(push, cause="read-back", at=world.now())
        else:
            parts.record(push, remote.parts)
            compare(push, remote, at=world.now())
        if copies > 1:
            alarm_duplicate(push, copies, at=world.now())


def record(push: OrderPush, ref: RemoteRef, *, at: datetime, adopted: bool) -> OrderPush:
    """The order is there. Inside a transaction; an order called off meanwhile is cancelled there too."""
    status = lock_status(push.order_id)
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
    if status in remote_cancel.ENDED:
        remote_cancel.promise(push, at=at)
    elif push_notes.are_apart(push):
        push_notes.promise(push, at=at)
    return push


def compare(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """Hold what was paid against what the destination has, to the cent. A difference is a blocker.

    A supplier's total is what the merchant pays there: it is written down and compared with nothing.
    """
    order, due = push.order, Money(push.expected_total, push.order.currency)
    push.remote_total, push.read_back_at, push.remote_version = remote.total, at, remote.remote_version[:60]
    push.save(update_fields=["remote_total", "read_back_at", "remote_version"])
    if not compares_totals(push):
        costs = f": it costs {remote.total:f} {remote.currency} there" if remote.total else ""
        text = f"Read back from {push.connection.name}{costs}."
        history.note(order, kind="push.cost", text=text, by=history.STOREWARD, at=at, push=push.public_id)
        return
    if remote.total == push.expected_total and remote.currency == order.currency:
        like = "what was paid" if push.due_total is None else "what was sent"
        text = f"Read back from {push.connection.name}: {Money(remote.total, remote.currency)}, equal to {like}."
        history.note(order, kind="push.equal", text=text, by=history.STOREWARD, at=at, push=push.public_id)
        return
    text = (
        f"{push.connection.name} has {remote.total.normalize():f} {remote.currency}; "
        f"{_owed(push)} {due}{_of_whole(push)}. Correct {push.remote_name} there."
    )
    blocker = Blocker(BlockerCode.TOTAL_MISMATCH, text, "total", f"{remote.total:f}")
    move_push(
        push, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=text, reason=text, blockers=[blocker.as_json()]
    )
    sync_faults.report(push, [blocker], at=at)


def compares_totals(push: OrderPush) -> bool:
    """Whether the destination's total is meant to be what the customer paid."""
    return connector_class(push.connection.platform).capabilities.compares_totals


def _owed(push: OrderPush) -> str:
    return "the customer paid" if push.due_total is None else "it was sent as"


def _of_whole(push: OrderPush) -> str:
    """Words for a push that is not the whole order."""
    return "" if push.due_total is not None or push.total == push.order.total else " for its part of the order"


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
    notices.promise_merchant(
        push.order, kind="suspected_duplicate", cause_key=push.public_id, at=at, reason=text, push=push
    )


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
    text = f"{by} asked to send it to {push.connection.name} again."
    move_push(push, to=PushStatus.QUEUED, by=by, at=at, text=text, pushed_by=by[:254])
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


# --- how an attempt ended ------------------------------------------------------------------------


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Show on the push why it is not there yet."""
    lock(message.order.pk)
    push = _fresh(message)
    if push.status not in (PushStatus.QUEUED, PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.WAITING):
        return
    if outcome.status == "held":
        _hold(push, message, outcome, at=at)
    elif outcome.wait_for:
        _show(push, PushStatus.WAITING, outcome, at=at, wait_for=outcome.wait_for)
        sync_faults.report(
            push, outcome.data if isinstance(outcome.data, tuple) else [checks.as_blocker(outcome)], at=at
        )
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
    sync_faults.report(push, blockers, at=at)


def _show(push: OrderPush, to: PushStatus, outcome: outbox.Outcome, *, at: datetime, wait_for: str = "") -> None:
    changed = push.status != to or push.reason != outcome.reason[:500]
    text = outcome.reason if changed else ""
    blockers = [blocker.as_json() for blocker in outcome.data] if isinstance(outcome.data, tuple) else []
    move_push(
        push, to=to, by=history.STOREWARD, at=at, text=text, reason=outcome.reason, wait_for=wait_for, blockers=blockers
    )


def _fresh(message: OutboxMessage) -> OrderPush:
    related = ("order__channel", "order__payment", "connection__sync_settings", "connection__source")
    rows = OrderPush.objects.select_related(*related)
    return rows.get(pk=message.push_id or 0)


def _locked(push_id: int) -> OrderPush:
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    lock(push.order_id)
    return OrderPush.objects.select_related("order", "connection").get(pk=push_id)
