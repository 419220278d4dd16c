"""Notes that a destination keeps beside the order, written in a call of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connectors.registry import connector_class, knows
from orders import outbox
from orders.enums import Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import history, loading, notices, outbound
from orders.world import World


def promise(push: OrderPush, *, at: datetime) -> None:
    """Made with the record of the order: a note that fails is tried again by itself, and the order is not touched."""
    outbox.post(
        Topic.ADD_NOTES,
        order=push.order,
        push=push,
        connection=push.connection,
        key=f"notes:{push.public_id}",
        at=at,
    )


def are_apart(push: OrderPush) -> bool:
    """Whether the destination takes notes only after the order."""
    platform = push.connection.platform
    return knows(platform) and connector_class(platform).capabilities.separate_notes


def add(message: OutboxMessage, world: World) -> Iterator[str]:
    """ADD_NOTES: write those that are missing there; repeating it is harmless."""
    push = loading.push_of(message)
    if not push.remote_id or push.remote_cancelled:
        return
    connector = world.connector_for(push.connection)
    order = outbound.build(push, as_sent=True)
    yield "adding notes"
    connector.add_notes(push.remote_id, order)
    yield "notes added"


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """Either the notes cannot be written, or what stands there is not the order that was sent."""
    if outcome.status == "held":
        push = loading.push_of(message)
        text = f"Notes on {push.remote_name} in {push.connection.name} are missing: {outcome.reason}"
        history.note(message.order, kind="push.notes_failed", text=text, by=history.STOREWARD, at=at)
        notices.promise_merchant(message.order, kind="push_held", cause_key=message.key, at=at, reason=text, push=push)
