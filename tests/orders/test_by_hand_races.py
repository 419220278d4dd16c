"""Pushing by hand at the same time as somebody else, on PostgreSQL: the second waits for the first, and then loses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors import conditions
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import by_hand, decisions, order_data
from tests.factories import NOON, make_connection, make_order
from tests.orders.test_races import behind_a_lock

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def waiting() -> OrderPush:
    connection = make_connection(settings={"push_by_hand": True})
    order = make_order(
        connection.merchant,
        connections=[connection],
        status=OrderStatus.CONFIRMED,
        payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1},
    )
    push = order.pushes.get()
    OrderPush.objects.filter(pk=push.pk).update(wait_for=conditions.pushed_by_hand(push.pk))
    return push


def push_now(push: OrderPush, by: str) -> Callable[[], object]:
    return lambda: by_hand.push_now(push_id=push.pk, by=by, at=NOON)


def test_two_pushes_at_once_make_one_promise():
    push = waiting()

    outcomes = behind_a_lock(push.order, push_now(push, "ana"), push_now(push, "ben"))

    push.refresh_from_db()
    assert sorted(outcomes) == ["", "transition_not_allowed"]
    assert (push.status, OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).count()) == (PushStatus.QUEUED, 1)


def test_a_push_behind_a_cancellation_is_refused_and_promises_nothing():
    push = waiting()
    order_id = push.order_id

    outcomes = behind_a_lock(
        push.order,
        lambda: decisions.cancel(order_id=order_id, reason="x", by="cat", at=NOON),
        push_now(push, "ben"),
    )

    push.refresh_from_db()
    assert (outcomes, push.status) == (["", "transition_not_allowed"], PushStatus.CANCELLED)
    assert not OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).exists()


def test_another_interval_while_somebody_pushes_moves_nothing_that_was_pushed():
    push = waiting()
    connection = push.connection
    OrderPush.objects.filter(pk=push.pk).update(wait_for=conditions.slot(connection.pk))

    outcomes = behind_a_lock(
        push.order,
        push_now(push, "ben"),
        lambda: order_data.save(connection_id=connection.pk, by="ana", at=NOON, push_every_minutes=60),
    )

    push.refresh_from_db()
    message = OutboxMessage.objects.get(topic=Topic.PUSH_ORDER)
    assert (outcomes, push.status, message.next_attempt_at) == (["", ""], PushStatus.QUEUED, NOON)
