"""Coming back: the destination's truth, read by a worker and applied so that any order of arrival ends the same.

What was read is a whole order at one instant. An instant older than the newest that was applied changes nothing, so
that two workers whose reads overtake each other, repeats and late webhooks all end in the state that the newest read
saw. Nothing here moves money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from connectors.base import Blocker, BlockerCode, RemoteOrder
from connectors.money import named
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PushStatus, ReexportStatus, ReexportWay, Topic
from orders.models import Fulfillment, OrderPush, OutboxMessage
from orders.services import (
    customer_notices,
    duplicates,
    fulfilled,
    history,
    mending,
    notices,
    overcharged,
    owed_back,
    owed_there,
    parts,
    push_records,
    shipments,
    sight,
    still_due,
    write_backs,
)
from orders.services.transitions import lock, move_push
from orders.world import World

_LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)


def pull(message: OutboxMessage, world: World) -> Iterator[str]:
    """PULL_REMOTE: read the order where it is and take over what changed there."""
    push = OrderPush.objects.select_related("order", "connection").get(messages=message)
    if not push.remote_id:
        return
    yield "reading"
    connector = world.connector_for(push.connection)
    is_found = push.adopted and push.read_back_at is None
    lacks = mending.mend(push, push.remote_id, connector) if is_found else ()
    remote = sight.read(connector, push.remote_id, made_at=sight.since_of(push), at=world.now())
    yield "read"
    with outbox.finishing(message, at=world.now()):
        lock(push.order_id)
        if OrderPush.objects.filter(pk=push.pk, remote_id=push.remote_id).exists():  # else a copy took its place
            record(push_id=push.pk, remote=remote, at=world.now(), lacks=lacks)


def ask(push: OrderPush, *, cause: str, at: datetime) -> None:
    """Have a worker read the order. Inside a transaction; a burst of causes is one read.

    A read that is promised and has not begun will see this change too. One that failed, and was put off or held, is
    due at once: something stirs there.
    """
    not_begun = OutboxMessage.objects.filter(status__in=[OutboxStatus.WAITING, OutboxStatus.HELD])
    promised = not_begun.filter(push=push, topic=Topic.PULL_REMOTE).order_by("pk").first()
    if promised is None:
        push_records.promise_read(push, cause=cause, at=at)
    elif not promised.wait_for and (promised.status == OutboxStatus.HELD or promised.next_attempt_at > at):
        outbox.release_now(promised.key, at=at)


def record(*, push_id: int, remote: RemoteOrder | None, at: datetime, lacks: tuple[Blocker, ...] = ()) -> None:
    """Apply what the destination holds; None: the order is gone there. Inside a transaction; repeating is harmless.

    `lacks`: why an order that was found is not what was sent.
    """
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    if remote is None:
        _take_leave(push, "deleted", at=at)
        return
    if _is_older(remote.updated_at, push.remote_updated_at):
        return
    push.remote_updated_at = remote.updated_at or push.remote_updated_at
    push.remote_version = remote.remote_version[:60]
    push.save(update_fields=["remote_updated_at", "remote_version"])
    parts.record(push, remote.parts)
    known, is_first = (push.remote_total, push.remote_refunded), push.read_back_at is None
    known_owed = Decimal(0) if is_first else push.remote_outstanding
    _record_total(push, remote, at=at, lacks=lacks)
    _record_refund(push, remote, at=at)
    if push.order.status in _LIVE and not push.remote_cancelled and not remote.cancelled:
        differs = not is_first and known != (push.remote_total, push.remote_refunded)
        explained = differs or push.status == PushStatus.HELD
        owed_there.record(push, owed_there.amount(push, remote), known=known_owed, explained=explained, at=at)
    _record_shipments(push, remote, at=at)
    _record_cancelled_parts(push, remote, at=at)
    if remote.cancelled:
        _take_leave(push, "cancelled", at=at)


def _is_older(this: datetime | None, known: datetime | None) -> bool:
    return this is not None and known is not None and this < known


# --- shipments -----------------------------------------------------------------------------------


def _record_shipments(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    of_push = Fulfillment.objects.filter(push=push)
    before = shipments.sent(of_push)
    shipments.record(push, remote.shipments, at=at)
    _warn_of_excess(push, before, shipments.sent(of_push), at=at)
    fulfilled.recount(push.order_id, by=push.connection.name, at=at)
    customer_notices.promise(push, at=at)
    write_backs.promise(push, at=at)


def _warn_of_excess(push: OrderPush, before: Mapping[int, int], after: Mapping[int, int], *, at: datetime) -> None:
    """More was sent than was ordered. It is on its way already: holding the push would stop nothing, so it is told."""
    name = push.connection.name
    rows = push.push_lines.select_related("line").filter(line__in=after).order_by("line__position")
    for row in rows:
        line, units, asked = row.line, after[row.line_id], still_due.units_of(row, as_sent=True)
        if units > max(asked, before.get(line.pk, 0)):
            asked_for = f"the customer ordered {asked}" if asked == line.quantity else f"it was to send {asked}"
            text = f"{name} sent {units} of {line.sku or line.title}; {asked_for}."
            _tell(push, "changed_in_store", f"line-{line.position}:{units}", text, at=at)


# --- what was done there besides sending -----------------------------------------------------------


def _record_total(push: OrderPush, remote: RemoteOrder, *, at: datetime, lacks: tuple[Blocker, ...]) -> None:
    """The first read is compared with what was paid; a later change is told once, and ends a hold that it mends."""
    if push.status not in (PushStatus.PUSHED, PushStatus.HELD) or push.remote_cancelled or remote.cancelled:
        return
    if push.read_back_at is None:
        push_records.compare(push, remote, at=at, lacks=lacks)
        return
    if remote.total == push.remote_total:
        return
    if not push_records.compares_totals(push):
        push.remote_total = remote.total
        push.save(update_fields=["remote_total"])
        return
    equal = remote.total == push.expected_total and remote.currency == push.order.currency
    if push.status == PushStatus.HELD:
        push_records.compare(push, remote, at=at)
        if equal:
            move_push(push, to=PushStatus.PUSHED, by=push.connection.name, at=at, blockers=[])
        return
    push.remote_total = remote.total
    push.save(update_fields=["remote_total"])
    now = named(remote.total, remote.currency)
    text = f"The total of {push.remote_name} was changed to {now} in {push.connection.name}."
    if not equal:
        due = named(push.expected_total, push.order.currency)
        owed = "The customer paid" if push.holds_what_was_paid else "It was sent as"
        text += f" {owed} {due}; no money has moved here."
    if overcharged.of(push):
        text += " Correct it there, or have the customer pay the rest, then say so on the order's page."
    _tell(push, "changed_in_store", f"total:{remote.total.normalize():f}", text, at=at)


def _record_refund(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """Money given back there is told once per amount, unless as much is given back here."""
    if remote.refunded <= push.remote_refunded:
        return
    push.remote_refunded = remote.refunded
    push.save(update_fields=["remote_refunded"])
    if push.order.status in _LIVE and owed_back.of(push.order).amount:
        amount = named(remote.refunded, remote.currency)
        text = f"{push.connection.name} shows {amount} refunded for {push.remote_name}. No money has moved here."
        _tell(push, "refunded_in_store", f"{remote.refunded.normalize():f}", text, at=at)


def _record_cancelled_parts(push: OrderPush, remote: RemoteOrder, *, at: datetime) -> None:
    """What one warehouse was to send will not come: each is told once, unless the order was called off here."""
    if not remote.cancelled_parts or push.order.status not in _LIVE:
        return
    told = push.order.events.filter(kind="push.part_cancelled", data__push=push.public_id)
    known = set(told.values_list("data__part", flat=True))
    for part in remote.cancelled_parts:
        if part not in known:
            text = f"{push.connection.name} cancelled a part of this order: {part}. The rest goes on."
            _note_part(push, part, text, at=at)


def _note_part(push: OrderPush, part: str, text: str, *, at: datetime) -> None:
    name = push.connection.name
    history.note(push.order, kind="push.part_cancelled", text=text, by=name, at=at, push=push.public_id, part=part)
    cause = f"{push.public_id}:{part}"
    notices.promise_merchant(push.order, kind="changed_in_store", cause_key=cause, at=at, reason=text, push=push)


def _take_leave(push: OrderPush, how: str, *, at: datetime) -> None:
    """The order was cancelled or deleted there. Ours goes on needing a person, unless it was called off here."""
    if push.remote_cancelled:
        return
    text = f"{push.remote_name} was {how} in {push.connection.name}."
    if push.order.status not in _LIVE:
        if _cancelling_is_done(push, at=at):
            move_push(
                push,
                to=PushStatus.CANCELLED,
                by=push.connection.name,
                at=at,
                text=text,
                reason=text,
                remote_cancelled=True,
            )
        return
    if push.reexports.filter(status=ReexportStatus.RUNNING, way=ReexportWay.RECREATE).exists():
        return  # our own doing: the re-export writes it down once it has seen it itself
    if duplicates.take_place(push, how, at=at):
        return
    advice = f"{text} Cancel the order here to give the customer the money back."
    code = BlockerCode.CANCELLED_MEANWHILE if how == "cancelled" else BlockerCode.CHANGED_AT_DESTINATION
    blocker = Blocker(code, advice, "status", how)
    move_push(
        push, to=PushStatus.HELD, by=push.connection.name, at=at, text=text, reason=advice,
        blockers=[blocker.as_json()], remote_cancelled=True,
    )  # fmt: skip
    notices.promise_merchant(
        push.order, kind="cancelled_in_store", cause_key=push.public_id, at=at, reason=text, push=push
    )


def _cancelling_is_done(push: OrderPush, *, at: datetime) -> bool:
    """Take back our own promise to cancel there. False while it is being carried out: then it writes the end itself."""
    cancelling = push.messages.filter(topic=Topic.CANCEL_REMOTE).exclude(status=OutboxStatus.DONE)
    return all(outbox.withdraw_sent(message.key, at=at) for message in cancelling)


def _tell(push: OrderPush, kind: notices.MerchantNotice, cause: str, text: str, *, at: datetime) -> None:
    history.note(push.order, kind=f"push.{kind}", text=text, by=push.connection.name, at=at, push=push.public_id)
    notices.promise_merchant(
        push.order, kind=kind, cause_key=f"{push.public_id}:{cause}", at=at, reason=text, push=push
    )
