"""How an order gets to its destination: marked before the first byte, looked for before it is repeated.

The order of the steps is not a matter of taste; the simulation shows what each one is for (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from connectors import conditions
from connectors.base import Blocker, BlockerCode, Connector, OutboundOrder, RemoteOrder, RemoteRef
from connectors.errors import ConnectorError, HostRefusedError, OutcomeUnknownError, RejectedError
from connectors.models import CallLog
from connectors.services import calls, links
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderEvent, OrderPush, OutboxMessage
from orders.services import (
    by_hand,
    called_off,
    checks,
    fulfilled,
    history,
    kept_out,
    loading,
    mending,
    outbound,
    part_amounts,
    preflight,
    preview,
    push_gates,
    push_marks,
    push_records,
    readiness,
    reexport_plan,
    sight,
    still_due,
    sync_faults,
)
from orders.services.keys import push_key
from orders.services.transitions import lock, move_push
from orders.world import World

STALE_MARK = timedelta(seconds=1)  # a process that paused longer after its mark marks again
SEARCH_MARGIN = timedelta(hours=1)  # around our clock and the destination's


def send(message: OutboxMessage, world: World) -> Iterator[str]:
    """PUSH_ORDER: create the order there exactly once."""
    push = loading.whole(message.push_id or 0)
    if push.status in (PushStatus.PUSHED, PushStatus.CANCELLED):
        return
    connection = push.connection
    connector = world.connector_for(connection)
    if message.maybe_sent_at is not None:
        yield "looking"
        found = _look(push, message, connector, world)
        yield "looked"
        if found:
            yield from _finish(message, push, found[0], connector, world, adopted=True, others=found[1:])
            return
        _believe_not_found(message, connector, world)
    if _ended_before(message, push, world):
        return
    if message.maybe_sent_at is not None:
        push_marks.refuse_more(push, connector, at=world.now())
    push_gates.wait_for_addon(push)
    push_gates.refuse_out_of_reach(connection)
    push_gates.refuse_unpaid(push)
    if by_hand.is_needed(push):
        raise outbox.Wait(conditions.pushed_by_hand(push.pk), by_hand.REASON)
    if removed := readiness.removed(push.order):
        raise RejectedError(removed.message, [removed])
    reexport_plan.refuse_copies(push, connector, at=world.now())
    _charge_by_rules(push)
    order = outbound.build(push)
    if push.shipping_fee is not None:
        yield from _ask_again(push, world)
    push.due_total = None if order.total == push.total else order.total
    push.given_back = still_due.given_back(push)
    push.took_stock = not order.options.bypass_stock_check
    push.sent_calls = preview.kept(connector.calls_for(order))
    yield "built"
    yield from _mark(message, push, world)
    yield from _create(message, push, order, connector, world)


def _charge_by_rules(push: OrderPush) -> None:
    """A partner is paid by the rules as they are now, unless an amount was typed."""
    if push.connection.source_id is not None:
        with transaction.atomic():
            lock(push.order_id)
            part_amounts.charge_by_rules(push)


def _create(
    message: OutboxMessage, push: OrderPush, order: OutboundOrder, connector: Connector, world: World
) -> Iterator[str]:
    try:
        with calls.held() as made:
            ref = _answered(push, connector, order)
    except RejectedError as refusal:
        if all(blocker.code != BlockerCode.ALREADY_AT_DESTINATION for blocker in refusal.blockers):
            _wait_if_possible(push, refusal, at=world.now())
            raise
        taken = refusal
    else:
        yield "created"
        yield from _finish(message, push, ref, connector, world, adopted=False, others=(), before=made)
        return
    yield from _take_over(message, push, taken, connector, world)


def _answered(push: OrderPush, connector: Connector, order: OutboundOrder) -> RemoteRef:
    """Create it; a sending that certainly came to nothing counts as none."""
    try:
        return connector.create(order)
    except (OutcomeUnknownError, HostRefusedError):
        raise
    except ConnectorError:
        push_marks.unsent(push)
        raise


def _take_over(
    message: OutboxMessage, push: OrderPush, taken: RejectedError, connector: Connector, world: World
) -> Iterator[str]:
    """The destination says that it has it already: it is adopted if it carries our reference.

    Not found proves nothing before the horizon; the refusal is held once a look after it found nothing.
    """
    yield "looking"
    found = _look(push, message, connector, world)
    yield "looked"
    if found:
        yield from _finish(message, push, found[0], connector, world, adopted=True, others=found[1:])
    elif message.looked_past_horizon:
        raise taken
    else:
        text = f"{push.connection.name} says that it has this order already: looking for it there."
        raise outbox.Postponed(text, after_s=connector.horizon_s)


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
    """Raises NotVisibleError when it may be there and is too old to be shown."""
    sent_at = message.maybe_sent_at or world.now()
    since = min(sent_at, message.created_at) - SEARCH_MARGIN
    found = connector.find(push.reference, since=since)
    if not found:
        sight.refuse_unseen(connector, push.reference, made_at=sent_at, at=world.now())
    return found


def _believe_not_found(message: OutboxMessage, connector: Connector, world: World) -> None:
    """Not there proves nothing before the horizon: the request may still be carried out, or not be indexed yet."""
    if message.maybe_sent_at is None:
        return
    left = (message.maybe_sent_at + timedelta(seconds=connector.horizon_s) - world.now()).total_seconds()
    if left > 0:
        raise outbox.Postponed(
            "Sent, no answer: looking for it in the store before anything is sent again.", after_s=left
        )
    message.looked_past_horizon = True


def _ended_before(message: OutboxMessage, push: OrderPush, world: World) -> bool:
    """The order was called off, all given back, or its settings say to keep it here: nothing leaves. True when that ended the push."""
    if push.order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
        to, reason = PushStatus.CANCELLED, "Cancelled before it was sent."
    elif not push.connection.sync_settings.sync_orders:
        to, reason = PushStatus.SKIPPED, "Order sync is off for this connection."
    elif called_off.is_over(push):
        to, reason = PushStatus.SKIPPED, called_off.REASON
    else:
        return False
    with outbox.finishing(message, at=world.now()):
        lock(push.order_id)
        fresh, is_called_off = _fresh(message), reason == called_off.REASON
        if is_called_off and not still_due.of_nothing(fresh):
            raise outbox.Postponed("Its refund was withdrawn.", after_s=0)
        given_back = still_due.given_back(fresh) if is_called_off else fresh.given_back
        move_push(fresh, to=to, by=history.STOREWARD, at=world.now(), reason=reason, text=reason, given_back=given_back)
        if is_called_off:
            fulfilled.recount(push.order_id, by=history.STOREWARD, at=world.now())
    return True


def _wait_if_possible(push: OrderPush, refusal: RejectedError, *, at: datetime) -> None:
    """A missing link or missing stock is waited for; any other refusal needs a person."""
    wait_for = preflight.condition(push.connection_id, refusal.blockers)
    if wait_for:
        links.ask(push.connection_id, refusal.blockers, at=at)
        raise outbox.Wait(wait_for, str(refusal), data=refusal.blockers, nothing_sent=True) from refusal


def _mark(message: OutboxMessage, push: OrderPush, world: World) -> Iterator[str]:
    """Commit "maybe sent", and again if the process was stopped in between; look for a cancellation with it."""
    before = push.sends if message.maybe_sent_at else 0
    for turn in range(5):
        push_marks.write(push_marks.Sending(message, push, world.now(), before, again=turn > 0))
        yield "marked"
        if message.maybe_sent_at and world.now() - message.maybe_sent_at <= STALE_MARK:
            return
    push_marks.unsent(push)
    raise outbox.Postponed("This machine is too slow to send safely; trying again.", after_s=5)


def _finish(
    message: OutboxMessage,
    push: OrderPush,
    ref: RemoteRef,
    connector: Connector,
    world: World,
    *,
    adopted: bool,
    others: tuple[RemoteRef, ...],
    before: Sequence[CallLog] = (),
) -> Iterator[str]:
    """Read it back when that works, and record what is there; one that was found is completed first.

    `before` are the calls that created it: they are logged with what they brought.
    """
    yield "reading back"
    with calls.held(before) as made:
        lacks = _mended(push, ref, connector) if adopted else ()
        remote = None if lacks is None else _read_back(connector, ref)
    yield "read back"
    sent = push_records.Sent(message, push, ref, remote, adopted, others, world.now(), tuple(made), lacks or ())
    try:
        push_records.write(sent)
    except Exception:
        calls.write(made)
        raise


def _mended(push: OrderPush, ref: RemoteRef, connector: Connector) -> tuple[Blocker, ...] | None:
    """What the order that was found lacks of what was sent; None when the store does not tell."""
    try:
        return mending.mend(push, ref.remote_id, connector)
    except ConnectorError:
        return None


def _read_back(connector: Connector, ref: RemoteRef) -> RemoteOrder | None:
    """None when that fails: it is there, and the promise to read it back is posted with the record."""
    try:
        return connector.read(ref.remote_id)
    except ConnectorError:
        return None


@transaction.atomic
def adopt(*, push_id: int, ref: RemoteRef, at: datetime) -> bool:
    """Take over an order that the sweep found there. False when the push is recorded, or is being sent, already."""
    push = _locked(push_id)
    if push.remote_id or not outbox.withdraw_sent(push_key(push), at=at):
        return False
    push_records.promise_read(push_records.record(push, ref, at=at, adopted=True), cause="adopted", at=at)
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
        raise TransitionNotAllowed("The order may be in the store already: say first whether it is there.")
    move_push(
        push,
        to=PushStatus.SKIPPED,
        by=by,
        at=at,
        reason=kept_out.reason(by),
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
    text = "" if _is_said(push, to, outcome.reason) else outcome.reason
    blockers = [blocker.as_json() for blocker in outcome.data] if isinstance(outcome.data, tuple) else []
    move_push(
        push, to=to, by=history.STOREWARD, at=at, text=text, reason=outcome.reason, wait_for=wait_for, blockers=blockers
    )


def _is_said(push: OrderPush, to: PushStatus, reason: str) -> bool:
    """Whether the last line about this push says so already: an attempt in between that ended alike is no news."""
    lines = OrderEvent.objects.filter(order_id=push.order_id, kind__startswith="push.", data__push=push.public_id)
    last = lines.order_by("-pk").values_list("kind", "text").first()
    return last == (f"push.{to}", reason[:500])


def _fresh(message: OutboxMessage) -> OrderPush:
    related = ("order__channel", "order__payment", "connection__sync_settings", "connection__source")
    rows = OrderPush.objects.select_related(*related)
    return rows.get(pk=message.push_id or 0)


def _locked(push_id: int) -> OrderPush:
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    lock(push.order_id)
    return OrderPush.objects.select_related("order", "connection").get(pk=push_id)
