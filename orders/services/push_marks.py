"""The mark of a push that is about to be sent: "maybe sent", committed before the first byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from connectors.together import Together
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import OrderPush, OutboxMessage
from orders.services import history, push_gates
from orders.services.transitions import Locked, PushMoves, lock_many, pushes_of


@dataclass(frozen=True, slots=True)
class Sending:
    message: OutboxMessage
    push: OrderPush  # with what will be sent
    at: datetime


@transaction.atomic
def write_all(sendings: Sequence[Sending]) -> None:
    at = max(sending.at for sending in sendings)
    pushes = {sending.push.pk: sending.push for sending in sendings}
    locked = lock_many({push.order_id for push in pushes.values()})
    for push in pushes.values():
        _refuse_changed(push, locked[push.order_id])
        push_gates.refuse_ended(push)
    outbox.mark_sending(*(sending.message for sending in sendings), at=at)
    among = pushes_of(locked)
    moves = PushMoves(by=history.STOREWARD, at=at, among=among)
    for pk, push in pushes.items():
        push.status = PushStatus(among[pk].status)
        moves.change(push, sent_calls=push.sent_calls, sent_at=at, due_total=push.due_total)
        if push.status != PushStatus.SENDING:
            moves.move(push, to=PushStatus.SENDING)
    moves.write()


write: Together[Sending] = Together(write_all)


def _refuse_changed(push: OrderPush, order: Locked) -> None:
    if order.status not in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED):
        raise outbox.Postponed("The order was called off.", after_s=0)
    if order.revision != push.order.revision:
        raise outbox.Postponed("The order was edited: forming it anew.", after_s=0)
