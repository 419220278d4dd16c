"""What a destination has of a push, written down: that it is there, and whether its total is what was paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.base import Blocker, BlockerCode, RemoteOrder, RemoteRef
from connectors.models import CallLog
from connectors.money import Money, named
from connectors.registry import connector_class
from connectors.services import calls
from connectors.together import Together
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import (
    duplicates,
    history,
    missing_lines,
    owed_there,
    parts,
    push_notes,
    remote_cancel,
    sync_faults,
)
from orders.services.transitions import PushMoves, PushNow, lock_many, lock_status, pushes_of


@dataclass(frozen=True, slots=True)
class Sent:
    message: OutboxMessage
    push: OrderPush
    ref: RemoteRef
    remote: RemoteOrder | None  # None: it could not be read back
    adopted: bool
    others: tuple[RemoteRef, ...]  # there under the same reference
    at: datetime
    calls: tuple[CallLog, ...] = ()  # that brought `remote`, not yet in the log
    lacks: tuple[Blocker, ...] = ()  # why what was found is not what was sent


def write_all(sendings: Sequence[Sent]) -> None:
    at = max(sent.at for sent in sendings)
    with outbox.finishing(*(sent.message for sent in sendings), at=at):
        locked = lock_many({sent.push.order_id for sent in sendings})
        among = pushes_of(locked)
        moves = PushMoves(by=history.STOREWARD, at=at, among=among)
        for sent in sendings:
            _take_over(sent.push, among[sent.push.pk])
        differences = [_write_one(sent, moves, at=at) for sent in sendings]
        moves.write()
        calls.add([call for sent in sendings for call in sent.calls])
        for sent, blockers in zip(sendings, differences, strict=True):
            sync_faults.report(sent.push, blockers, at=at)
            _promise_next(sent.push, locked[sent.push.order_id].status, at=at)
            if sent.remote is None:
                promise_read(sent.push, cause="read-back", at=at)
            else:
                parts.record(sent.push, sent.remote.parts)
            is_wanted = locked[sent.push.order_id].status not in remote_cancel.ENDED
            if sent.push.remote_outstanding and is_wanted and not blockers:
                owed_there.tell(sent.push, sent.push.remote_outstanding, at=at)
            duplicates.suspect(sent.push, sent.others, at=at)


write: Together[Sent] = Together(write_all)


def _take_over(push: OrderPush, now: PushNow) -> None:
    """What may have changed while it was sent."""
    push.status, push.remote_id = PushStatus(now.status), now.remote_id
    push.remote_cancelled, push.total = now.remote_cancelled, now.total


def _write_one(sent: Sent, moves: PushMoves, *, at: datetime) -> tuple[Blocker, ...]:
    _record(sent.push, sent.ref, moves, at=at, adopted=sent.adopted)
    differing = () if sent.remote is None else _compare(sent.push, sent.remote, moves, at=at, lacks=sent.lacks)
    return _hold_for(sent.push, sent.ref.left_out, moves) if sent.ref.left_out else differing


def _hold_for(push: OrderPush, left_out: tuple[Blocker, ...], moves: PushMoves) -> tuple[Blocker, ...]:
    """It is there without some of its lines. Neither a link nor stock mends that, so the first blocker is another."""
    why = missing_lines.blocker(push, missing_lines.mark(push, left_out))
    text, blockers = why.message, (why, *map(missing_lines.about_lines, left_out))
    moves.move(push, to=PushStatus.HELD, text=text, reason=text, blockers=[each.as_json() for each in blockers])
    return blockers


def record(push: OrderPush, ref: RemoteRef, *, at: datetime, adopted: bool) -> OrderPush:
    """The order is there. Inside a transaction; an order called off meanwhile is cancelled there too."""
    status = lock_status(push.order_id)
    moves = PushMoves(by=history.STOREWARD, at=at)
    _record(push, ref, moves, at=at, adopted=adopted)
    moves.write()
    _promise_next(push, status, at=at)
    return push


def _record(push: OrderPush, ref: RemoteRef, moves: PushMoves, *, at: datetime, adopted: bool) -> None:
    how = "Found in" if adopted else "Created in"
    moves.move(
        push,
        to=PushStatus.PUSHED,
        text=f"{how} {push.connection.name} as {ref.name}.",
        remote_id=ref.remote_id,
        remote_name=ref.name[:60],
        remote_url=ref.url[:300],
        adopted=adopted,
        pushed_at=at,
        blockers=[],
    )


def _promise_next(push: OrderPush, status: OrderStatus, *, at: datetime) -> None:
    if status in remote_cancel.ENDED:
        remote_cancel.promise(push, at=at)
    elif push_notes.are_apart(push):
        push_notes.promise(push, at=at)


def compare(push: OrderPush, remote: RemoteOrder, *, at: datetime, lacks: tuple[Blocker, ...] = ()) -> None:
    """Hold what was paid against what the destination has, to the cent. A difference is a blocker.

    A supplier's total is what the merchant pays there: it is written down and compared with nothing.
    `lacks` is what a found order was seen to lack besides.
    """
    moves = PushMoves(by=history.STOREWARD, at=at)
    blockers = _compare(push, remote, moves, at=at, lacks=lacks)
    moves.write()
    sync_faults.report(push, blockers, at=at)


def _compare(
    push: OrderPush, remote: RemoteOrder, moves: PushMoves, *, at: datetime, lacks: tuple[Blocker, ...]
) -> tuple[Blocker, ...]:
    """What is wrong there; empty when nothing is."""
    order, due = push.order, Money(push.expected_total, push.order.currency)
    moves.change(
        push, remote_total=remote.total, read_back_at=at, remote_version=remote.remote_version[:60],
        remote_outstanding=owed_there.amount(push, remote),
    )  # fmt: skip
    if lacks:
        text = f"{push.remote_name} in {push.connection.name} is not what was sent: {lacks[0].message}"
        moves.move(push, to=PushStatus.HELD, text=text, reason=text, blockers=[each.as_json() for each in lacks])
        return lacks
    if not compares_totals(push):
        costs = f": it costs {named(remote.total, remote.currency)} there" if remote.total else ""
        moves.note(push, kind="push.cost", text=f"Read back from {push.connection.name}{costs}.")
        return ()
    if remote.total == push.expected_total and remote.currency == order.currency:
        like = "what was paid" if push.holds_what_was_paid else "what was sent"
        text = f"Read back from {push.connection.name}: {Money(remote.total, remote.currency)}, equal to {like}."
        moves.note(push, kind="push.equal", text=text)
        return ()
    text = (
        f"{push.connection.name} has {named(remote.total, remote.currency)}; "
        f"{_owed(push)} {due}{_of_whole(push)}. Correct {push.remote_name} there."
    )
    blocker = Blocker(BlockerCode.TOTAL_MISMATCH, text, "total", f"{remote.total:f}")
    moves.move(push, to=PushStatus.HELD, text=text, reason=text, blockers=[blocker.as_json()])
    return (blocker,)


def compares_totals(push: OrderPush) -> bool:
    """Whether the destination's total is meant to be what the customer paid."""
    return connector_class(push.connection.platform).capabilities.compares_totals


def _owed(push: OrderPush) -> str:
    return "the customer paid" if push.holds_what_was_paid else "it was sent as"


def _of_whole(push: OrderPush) -> str:
    """Words for a push that is not the whole order."""
    return "" if not push.holds_what_was_paid or push.total == push.order.total else " for its part of the order"


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
