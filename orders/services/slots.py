"""Collected orders: a connection that sends every N minutes sends all that waits at the same time.

Times are whole multiples of N minutes since 1970, so that they are the same for every order and every worker.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction

from connectors import conditions
from connectors.models import SyncSettings
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.models import OrderPush
from orders.services import history
from orders.services.keys import push_key
from orders.services.transitions import lock, move_push

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def next_for(chosen: SyncSettings, *, at: datetime) -> datetime:
    """When a push that is due now goes out: `at` itself where nothing is collected."""
    every = timedelta(minutes=chosen.push_every_minutes)
    if not every:
        return at
    passed = (at - _BEGINNING) % every
    return at + (every - passed) if passed else at


def promise(push: OrderPush, *, at: datetime) -> None:
    """The push is paid and nothing keeps it back: due at once, or at its connection's next time. Under the order's lock."""
    slot = next_for(push.connection.sync_settings, at=at)
    if slot == at:
        move_push(push, to=PushStatus.QUEUED, by=history.STOREWARD, at=at, blockers=[])
    else:
        _show(push, slot, at=at)
    key = push_key(push)
    if not outbox.renew(key, at=slot):
        delay_s = (slot - at).total_seconds()
        outbox.post(
            Topic.PUSH_ORDER, order=push.order, push=push, connection=push.connection, key=key, at=at, delay_s=delay_s
        )


def move_waiting(connection_id: int, *, at: datetime) -> int:
    """After the settings changed: what waits for a time waits for the new one. Each order in its own transaction."""
    waiting = OrderPush.objects.filter(
        connection_id=connection_id, status=PushStatus.WAITING, wait_for=conditions.slot(connection_id)
    )
    return sum(_move(push_id, at=at) for push_id in list(waiting.order_by("pk").values_list("pk", flat=True)))


def _move(push_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
        push = OrderPush.objects.select_related("order__merchant", "connection__sync_settings").get(pk=push_id)
        waits = push.messages.filter(key=push_key(push), status=OutboxStatus.WAITING)
        if not push.waits_for_slot or not waits.exists():
            return False  # it is on its way
        slot = next_for(push.connection.sync_settings, at=at)
        if slot == at:
            move_push(push, to=PushStatus.QUEUED, by=history.STOREWARD, at=at)
        else:
            _show(push, slot, at=at)
        return outbox.release_now(push_key(push), at=slot)


def _show(push: OrderPush, slot: datetime, *, at: datetime) -> None:
    local = slot.astimezone(push.order.merchant.zone)
    move_push(
        push,
        to=PushStatus.WAITING,
        by=history.STOREWARD,
        at=at,
        reason=f"Goes out with all the others at {local:%H:%M} ({local:%d %B}).",
        wait_for=conditions.slot(push.connection_id),
        blockers=[],
    )
