"""While older and newer code run side by side, a worker carries out only what it understands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import OutboxMessage
from orders.models.outbox import PAYLOAD_VERSION
from orders.pump import oldest_due
from tests.factories import NOON, make_order

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
_NOT_THERE = ("id", "payload_version")  # for code that is older than the column


def posted(name: str) -> OutboxMessage:
    with transaction.atomic():
        order = make_order()
        return outbox.post(Topic.CHECK_ORDER, order=order, key=f"{name}:{order.pk}", at=NOON)


def make_newer(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(payload_version=PAYLOAD_VERSION + 1)


def test_a_newer_message_waits_for_newer_code(monkeypatch: pytest.MonkeyPatch):
    newer, ours = posted("newer"), posted("ours")
    make_newer(newer)

    assert outbox.claim(at=LATER) == [ours]
    assert outbox.claim(at=LATER) == []
    assert oldest_due(at=LATER) is None

    monkeypatch.setattr("orders.models.outbox.PAYLOAD_VERSION", PAYLOAD_VERSION + 1)
    assert outbox.claim(at=LATER) == [newer]
    assert posted("next").payload_version == PAYLOAD_VERSION + 1


def test_the_end_of_a_newer_message_is_left_to_newer_code():
    message = posted("newer")
    outbox.claim(at=NOON)
    make_newer(message)

    assert outbox.take_back_expired(at=LATER) == 0
    message.refresh_from_db()
    assert (message.status, message.crashes) == (OutboxStatus.RUNNING, 0)


def test_code_that_knows_of_no_versions_posts_the_first_one():
    message = posted("kept")
    columns = [field.column for field in OutboxMessage._meta.concrete_fields if field.name not in _NOT_THERE]
    into, values = ", ".join(columns), ", ".join("'older'" if column == "key" else column for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_outboxmessage ({into}) SELECT {values} FROM orders_outboxmessage WHERE id = %s",
            [message.pk],
        )

    assert OutboxMessage.objects.get(key="older").payload_version == 1
