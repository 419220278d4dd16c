"""The mark of a push that is about to be sent: "maybe sent", committed before the first byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors.base import Blocker, BlockerCode, Connector
from connectors.together import Together
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import OrderPush, OutboxMessage, PushLine
from orders.services import history, push_gates
from orders.services.transitions import Locked, PushMoves, lock_many, pushes_of


@dataclass(frozen=True, slots=True)
class Sending:
    message: OutboxMessage
    push: OrderPush  # with what will be sent
    at: datetime
    before: int = 0  # sendings in a row that may have been carried out
    again: bool = False  # the same sending, marked anew since it was stopped in between


@transaction.atomic
def write_all(sendings: Sequence[Sending]) -> None:
    at = max(sending.at for sending in sendings)
    pushes = {sending.push.pk: sending.push for sending in sendings}
    locked = lock_many({push.order_id for push in pushes.values()})
    for push in pushes.values():
        _refuse_changed(push, locked[push.order_id])
        push_gates.refuse_ended(push)
    for sending in sendings:
        _count(sending, at=at)
    outbox.mark_sending(*(sending.message for sending in sendings), at=at)
    among = pushes_of(locked)
    moves = PushMoves(by=history.STOREWARD, at=at, among=among)
    for pk, push in pushes.items():
        push.status = PushStatus(among[pk].status)
        kept = {
            "sent_calls": push.sent_calls,
            "sent_at": at,
            "took_stock": push.took_stock,
            "due_total": push.due_total,
            "given_back": push.given_back,
        }
        moves.change(push, **kept, **_counted(push))
        if push.status != PushStatus.SENDING:
            moves.move(push, to=PushStatus.SENDING)
    moves.write()
    _keep_units(pushes.values())


write: Together[Sending] = Together(write_all)


def _keep_units(pushes: Iterable[OrderPush]) -> None:
    """Write down how many units are asked for, where it is not all of the line."""
    changed = []
    for row in (row for push in pushes for row in push.push_lines.all()):
        units = row.line.due_quantity if row.line.called_off_quantity else None
        if row.sent_quantity != units:
            row.sent_quantity = units
            changed.append(row)
    if changed:
        PushLine.objects.bulk_update(changed, ["sent_quantity"])


def unsent(push: OrderPush) -> None:
    """The sending that was marked last was certainly not carried out: it does not count."""
    push.sends = max(push.sends - 1, 0)
    OrderPush.objects.filter(pk=push.pk).update(sends=push.sends)


def refuse_more(push: OrderPush, connector: Connector, *, at: datetime) -> None:
    """Raise Hold when as many sendings as the destination bears were not answered, and nothing was found of them."""
    many = connector.most_sends is not None and push.sends >= connector.most_sends
    long = connector.resends_for is not None and push.unsure_since and at - push.unsure_since > connector.resends_for
    if many or long:
        times = "once" if push.sends == 1 else f"{push.sends} times"
        text = (
            f"Sent {times} without an answer, and not found in {push.connection.name}. Look there, and say here whether it"
            " is there: it is not sent again before."
        )
        raise outbox.Hold(text, data=(Blocker(BlockerCode.OUTCOME_UNKNOWN, text),))


def _count(sending: Sending, *, at: datetime) -> None:
    """A sending without one before it that may have been carried out begins anew."""
    push = sending.push
    if sending.again:
        return
    push.sends = sending.before + 1
    if not sending.before:
        push.unsure_since = at


def _counted(push: OrderPush) -> dict[str, Any]:
    return {"sends": push.sends, "unsure_since": push.unsure_since}


def _refuse_changed(push: OrderPush, order: Locked) -> None:
    if order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
        raise outbox.Postponed("The order was called off.", after_s=0)
    if order.revision != push.order.revision:
        raise outbox.Postponed("The order was edited: forming it anew.", after_s=0)
    if order.called_off_units != push.order.called_off_units:
        raise outbox.Postponed("Something of it was given back: forming it anew.", after_s=0)
