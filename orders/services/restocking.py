"""Units of a refund that go back into stock: told to the stores that can be told, each once.

A promise of its own, made when the money has been given. One that fails is tried again alone and costs the customer
nothing; where a store cannot be told, the history says who has to change its stock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.base import PutBack
from connectors.money import total
from connectors.registry import connector_class, knows
from orders import outbox
from orders.enums import PushStatus, RefundReason, Topic
from orders.models import OrderPush, OutboxMessage, PushLine, Refund
from orders.services import history, notices
from orders.world import World


def promise(refund: Refund, *, at: datetime) -> None:
    """Inside the transaction that records the refund as given."""
    lines = list(refund.lines.values_list("line_id", flat=True))
    pushes = OrderPush.objects.filter(order=refund.order, status=PushStatus.PUSHED, push_lines__line__in=lines)
    for push in pushes.exclude(remote_id="").select_related("connection").distinct().order_by("pk"):
        if _can_be_told(push):
            outbox.post(
                Topic.PUT_BACK,
                order=refund.order,
                push=push,
                connection=push.connection,
                key=f"restock:{refund.public_id}:{push.public_id}",
                payload={"refund": refund.pk},
                at=at,
            )
        else:
            text = f"{push.connection.name} is not told of units that go back into stock: change its stock there."
            history.note(refund.order, kind="push.restock_by_hand", text=text, by=history.STOREWARD, at=at)


def put_back(message: OutboxMessage, world: World) -> Iterator[str]:
    """PUT_BACK: looked for there before it is booked again, once a lost request cannot arrive any more."""
    push = _push_of(message)
    connector = world.connector_for(push.connection)
    if message.maybe_sent_at is not None:
        ends_at = message.maybe_sent_at + timedelta(seconds=connector.horizon_s)
        if ends_at > world.now():
            left = (ends_at - world.now()).total_seconds()
            raise outbox.Postponed("Sent, no answer: looking there before it is sent again.", after_s=left)
    back = _told(Refund.objects.get(pk=message.payload["refund"]), push)
    yield "formed"
    outbox.mark_sending(message, at=world.now())
    yield "marked"
    connector.put_back(push.remote_id, back)
    yield "put back"
    with outbox.finishing(message, at=world.now()):
        units = sum(back.units.values())
        text = f"{units} unit{'' if units == 1 else 's'} put back into stock in {push.connection.name}."
        history.note(push.order, kind="push.restocked", text=text, by=history.STOREWARD, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """The store did not take it: somebody has to change the stock there."""
    if outcome.status == "held":
        push = _push_of(message)
        text = f"Units were not put back into stock in {push.connection.name}: {outcome.reason}"
        history.note(message.order, kind="push.restock_failed", text=text, by=history.STOREWARD, at=at)
        notices.promise_merchant(message.order, kind="push_held", cause_key=message.key, at=at, reason=text)


def _push_of(message: OutboxMessage) -> OrderPush:
    return OrderPush.objects.select_related("order", "connection").get(messages=message)


def _can_be_told(push: OrderPush) -> bool:
    platform = push.connection.platform
    return knows(platform) and connector_class(platform).capabilities.restock


def _told(refund: Refund, push: OrderPush) -> PutBack:
    """The refund's units that went to this destination, and what the customer got for them."""
    here = set(PushLine.objects.filter(push=push).values_list("line_id", flat=True))
    rows = [row for row in refund.lines.select_related("line") if row.line_id in here]
    return PutBack(
        reference=f"{push.reference}-{refund.public_id[:12]}",
        units={row.line.public_id: row.quantity for row in rows},
        amount=min(total(row.amount for row in rows), refund.amount),
        reason=RefundReason(refund.reason).label,
    )
