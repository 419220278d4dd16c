"""Promising, taking back, and letting go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django_q.tasks import async_task

from connectors import conditions, rows
from connectors.models import ClearedCondition, Connection
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, Order, OrderPush, OutboxMessage

SECOND_RELEASE = timedelta(seconds=60)
PULLED_OVER_S = 30  # what is pulled forward comes spread over so many seconds


def post(
    topic: Topic,
    *,
    order: Order,
    key: str,
    at: datetime,
    push: OrderPush | None = None,
    connection: Connection | None = None,
    payload: dict[str, Any] | None = None,
    delay_s: float = 0.0,
) -> OutboxMessage:
    """Promise something, in the transaction that makes it due. The same key twice is one promise."""
    if not database.in_atomic_block:
        raise RuntimeError("post() belongs in the transaction that changes the order.")
    message, created = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "topic": topic,
            "order": order,
            "push": push,
            "lane": _lane(order, connection),
            "payload": payload or {},
            "next_attempt_at": at + timedelta(seconds=delay_s),
            "created_at": at,
        },
    )
    if created and not delay_s:
        transaction.on_commit(wake, robust=True)
    return message


def post_first(topic: Topic, *, order: Order, pushes: Mapping[str, OrderPush | None], at: datetime) -> None:
    """Promises by key about rows that this very transaction made: nobody can have made them before."""
    if not database.in_atomic_block:
        raise RuntimeError("post_first() belongs in the transaction that makes the order.")
    rows.insert(
        [
            OutboxMessage(
                topic=topic,
                key=key,
                order=order,
                push=push,
                lane=_lane(order, push.connection if push else None),
                next_attempt_at=at,
                created_at=at,
            )
            for key, push in pushes.items()
        ]
    )
    transaction.on_commit(wake, robust=True)


def post_many(
    topic: Topic, *, orders: Mapping[str, Order], payload: dict[str, Any], at: datetime, apart: timedelta = timedelta(0)
) -> None:
    """Promises by key about orders of one merchant, in one statement; those that stand already stay.

    Each so much later than the one before: what is promised meanwhile passes them.
    """
    if not database.in_atomic_block:
        raise RuntimeError("post_many() belongs in the transaction that makes them due.")
    if not orders:
        return
    lane = _lane(next(iter(orders.values())), None)
    OutboxMessage.objects.bulk_create(
        (
            OutboxMessage(
                topic=topic,
                key=key,
                order=order,
                lane=lane,
                payload=payload,
                next_attempt_at=at + number * apart,
                created_at=at,
            )
            for number, (key, order) in enumerate(orders.items())
        ),
        batch_size=500,
        ignore_conflicts=True,
    )
    transaction.on_commit(wake, robust=True)


def post_apart(
    topic: Topic, *, pushes: Mapping[str, OrderPush], connection: Connection, apart: timedelta, at: datetime
) -> None:
    """Promises by key to one connection that has its own access, each so much later than the one before.

    What is promised meanwhile passes them. Those that stand already stay.
    """
    if not database.in_atomic_block:
        raise RuntimeError("post_apart() belongs in the transaction that makes them due.")
    if not pushes:
        return
    lane, _ = Lane.objects.get_or_create(connection=connection)
    OutboxMessage.objects.bulk_create(
        (
            OutboxMessage(
                topic=topic, key=key, order_id=push.order_id, push=push, lane=lane, next_attempt_at=at + number * apart,
                created_at=at,
            )
            for number, (key, push) in enumerate(pushes.items(), start=1)
        ),
        batch_size=500,
        ignore_conflicts=True,
    )  # fmt: skip


def renew(key: str, *, at: datetime) -> bool:
    """Make a promise due at once, even one that was kept before. False when there is none, or it is running."""
    renewed = OutboxMessage.objects.filter(key=key).exclude(status=OutboxStatus.RUNNING).update(
        status=OutboxStatus.WAITING, wait_for="", next_attempt_at=at, tries=0, crashes=0, first_failed_at=None,
        done_at=None, maybe_sent_at=None, reason="",
    )  # fmt: skip
    if renewed:
        transaction.on_commit(wake, robust=True)
    return bool(renewed)


def withdraw(key: str, *, at: datetime) -> bool:
    """Take a promise back. False when it is being carried out, or was perhaps: then it is too late."""
    taken = OutboxMessage.objects.filter(
        key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD], maybe_sent_at=None
    ).update(status=OutboxStatus.DONE, wait_for="", done_at=at, reason="Withdrawn.")
    return bool(taken)


def withdraw_sent(key: str, *, at: datetime, reason: str = "Found there.") -> bool:
    """Take back a promise that was kept elsewhere, or has nothing left to do. False while a worker is at it."""
    unfinished = OutboxMessage.objects.filter(key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD])
    taken = unfinished.update(status=OutboxStatus.DONE, wait_for="", done_at=at, reason=reason)
    return bool(taken)


def take_back_mark(key: str, *, maybe_sent_at: datetime) -> bool:
    """Forget that a request may have been carried out, since it was not. False when it was sent again, or is."""
    unfinished = OutboxMessage.objects.filter(key=key, status__in=[OutboxStatus.WAITING, OutboxStatus.HELD])
    return bool(unfinished.filter(maybe_sent_at=maybe_sent_at).update(maybe_sent_at=None))


def release_now(key: str, *, at: datetime) -> bool:
    """Make a held or waiting promise due at once with a fresh retry schedule. `attempts` keeps growing."""
    return bool(release_all(OutboxMessage.objects.filter(key=key), at=at))


def release_all(messages: QuerySet[OutboxMessage], *, at: datetime) -> int:
    """The same for several. Returns how many."""
    released = messages.filter(status__in=[OutboxStatus.WAITING, OutboxStatus.HELD]).update(
        status=OutboxStatus.WAITING,
        wait_for="",
        next_attempt_at=at,
        tries=0,
        crashes=0,
        first_failed_at=None,
        reason="",
    )
    if released:
        transaction.on_commit(wake, robust=True)
    return released


def move_to(connection: Connection, *, push: OrderPush) -> None:
    """What is promised about a push stands in the lane of its new connection. Nothing that is being carried out moves."""
    OutboxMessage.objects.filter(push=push).exclude(lane__connection=None).exclude(status=OutboxStatus.RUNNING).update(
        lane=_lane(push.order, connection)
    )


def wake() -> None:
    """Call a pump, unless one was called in the last ten seconds and has not started. A hint; the sweep needs none."""
    at = timezone.now()
    now, stale = map(database.ops.adapt_datetimefield_value, (at, at - timedelta(seconds=10)))
    with database.cursor() as cursor:
        cursor.execute(_CALL, [now, stale])
        if not cursor.rowcount:
            return
    async_task(settings.PUMP_TASK)


_CALL = """INSERT INTO orders_wakeup AS known (id, called_at) VALUES (1, %s) ON CONFLICT (id) DO UPDATE
    SET called_at = excluded.called_at WHERE known.called_at IS NULL OR known.called_at < %s"""


def _lane(order: Order, connection: Connection | None) -> Lane:
    if connection and hasattr(connection, "lane"):
        return connection.lane  # read together with the connection where many are posted
    owner = {"connection_id": connection.speaker_id} if connection else {"merchant_id": order.merchant_id}
    return Lane.objects.get_or_create(**owner)[0]  # type: ignore[arg-type]  # keys of two columns


def release(*, at: datetime) -> int:
    """Let go on what waited for conditions that have been cleared.

    Each is released twice, a minute apart: a message that was just being put to wait when its condition came about
    was not visible to the first release.
    """
    released = 0
    for condition in ClearedCondition.objects.order_by(F("released_at").asc(nulls_first=True), "pk")[:500]:
        if condition.released_at is None or condition.released_at <= at - SECOND_RELEASE:
            answering = conditions.answering(condition.key)
            released += release_waiting(condition.key, at=at) if answering is None else pull_forward(answering, at=at)
        if condition.released_at is None:
            ClearedCondition.objects.filter(pk=condition.pk).update(released_at=at)
        elif condition.released_at <= at - SECOND_RELEASE:
            condition.delete()
    return released


def release_waiting(key: str, *, at: datetime) -> int:
    return OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for=key).update(
        wait_for="", next_attempt_at=at, tries=0, first_failed_at=None
    )


def pull_forward(connection_id: int, *, at: datetime) -> int:
    """Try again within half a minute what failed while the connection did not answer. Returns how many messages.

    That is what its lane retries, and captures whose last check asks it. Tries and marks stay as they are: what fails
    now goes on in its place on the schedule, and the connection's budget is spent as by any other claim.
    """
    its = Q(connection=connection_id) | Q(connection__source=connection_id)
    asks_it = Q(topic=Topic.CAPTURE_PAYMENT) & Exists(OrderPush.objects.filter(its, order=OuterRef("order")))
    merchants = Connection.objects.filter(Q(pk=connection_id) | Q(source=connection_id)).values("merchant")
    lanes = Lane.objects.filter(Q(connection=connection_id) | Q(merchant__in=merchants))
    later = OutboxMessage.objects.filter(
        status=OutboxStatus.WAITING, wait_for="", tries__gt=0, next_attempt_at__gt=at + timedelta(seconds=PULLED_OVER_S)
    )
    moments = {second: Value(at + timedelta(seconds=second)) for second in range(PULLED_OVER_S)}
    return (
        later.filter(Q(lane__connection=connection_id) | asks_it, lane__in=lanes)
        .alias(slot=F("pk") % PULLED_OVER_S)
        .update(
            next_attempt_at=Case(
                *(When(slot=second, then=moment) for second, moment in moments.items()),
                default=moments[0],
                output_field=DateTimeField(),
            )
        )
    )
