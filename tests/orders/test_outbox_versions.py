"""While older and newer code run side by side, a worker carries out only what it understands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import OutboxMessage
from orders.models.outbox import PAYLOAD_VERSION
from orders.pump import oldest_due
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.test_partners import send

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


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is one of before the last change of the payloads."""
    with monkeypatch.context() as code:
        code.setattr("orders.models.outbox.PAYLOAD_VERSION", PAYLOAD_VERSION - 1)
        yield


def as_posted_by_this_code(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(payload_version=PAYLOAD_VERSION)


def test_a_worker_of_before_takes_its_own_promises_and_leaves_ours(older: None):
    ours, its = posted("ours"), posted("its")
    as_posted_by_this_code(ours)

    assert its.payload_version == PAYLOAD_VERSION - 1
    assert outbox.claim(at=LATER) == [its]
    assert outbox.claim(at=LATER) == []
    outbox.drain(at=LATER, world=make_world(FakeStore()))
    ours.refresh_from_db()
    assert (ours.status, ours.attempts, ours.reason) == (OutboxStatus.WAITING, 0, "")


@pytest.mark.parametrize("fields", [{"crashes": 1}, {"maybe_sent_at": NOON}, {"tries": 3, "first_failed_at": NOON}])
def test_it_leaves_them_alone_whatever_has_happened_to_them(older: None, fields: dict[str, Any]):
    ours = posted("ours")
    as_posted_by_this_code(ours)
    OutboxMessage.objects.update(**fields)

    assert not outbox.suspect_is_due(at=LATER)
    assert outbox.claim(at=LATER) == []


def test_the_page_of_before_says_that_the_order_waits_for_the_update(client: Client, monkeypatch: pytest.MonkeyPatch):
    order = posted("ours").order
    client.force_login(make_member(order.merchant))
    page, words = reverse("orders:detail", args=[order.public_id]), "Storeward is being updated."
    assert words not in client.get(page).content.decode()

    monkeypatch.setattr("orders.models.outbox.PAYLOAD_VERSION", PAYLOAD_VERSION - 1)
    assert words in client.get(page).content.decode()

    OutboxMessage.objects.update(status=OutboxStatus.DONE, done_at=NOON)
    assert words not in client.get(page).content.decode()


def test_the_api_of_before_says_so_of_the_order_and_the_push(monkeypatch: pytest.MonkeyPatch):
    order = make_order(connections=[make_connection()])
    with transaction.atomic():
        outbox.post(Topic.PUSH_ORDER, order=order, push=order.pushes.get(), key="push", at=NOON)

    def shown() -> tuple[bool, bool]:
        told = send(order.merchant, "GET", f"orders/{order.public_id}/").json()
        return told["waits_for_update"], told["pushes"][0]["waits_for_update"]

    assert shown() == (False, False)

    monkeypatch.setattr("orders.models.outbox.PAYLOAD_VERSION", PAYLOAD_VERSION - 1)
    assert shown() == (True, True)
    OutboxMessage.objects.update(push=None)
    assert shown() == (True, False)


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
