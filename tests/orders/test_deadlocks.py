"""Handlers that touch the same order on PostgreSQL: all lock the order first, so that none waits for another in a circle;
and one that PostgreSQL breaks off all the same is carried out again, with nothing lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction

from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, preflight, summary
from orders.services.transitions import lock
from tests import locks
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
refresh = summary.refresh


@pytest.fixture(autouse=True)
def _on_postgres():
    assert connection.vendor == "postgresql", "run by `make test-postgres`"


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


@pytest.fixture
def order() -> Order:
    return make_order(connections=[make_connection()], lines=[{"sku": "A"}])


class Side(threading.Thread):
    """One of two that work at once, and what broke it off."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.act, self.error = act, ""

    def run(self) -> None:
        try:
            self.act()
        except OperationalError as error:
            self.error = str(error)
        finally:
            connection.close()


def claimed(topic: Topic) -> OutboxMessage:
    lane = OutboxMessage.objects.get(topic=topic).lane
    messages = outbox.claim(at=NOON, room={other.pk: 0 for other in type(lane).objects.exclude(pk=lane.pk)})
    (message,) = [message for message in messages if message.topic == topic]
    return message


def meeting(monkeypatch: pytest.MonkeyPatch, first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """`first` stops right before it writes the order's summary until `second` waits for what it has. What broke off."""
    reached, sides = threading.Event(), [Side(first), Side(second)]

    def pausing(order_id: int) -> None:
        if threading.current_thread() is sides[0] and not reached.is_set():
            reached.set()
            locks.until_waiting(1)
        refresh(order_id)

    monkeypatch.setattr(summary, "refresh", pausing)
    sides[0].start()
    assert reached.wait(60)
    sides[1].start()
    for side in sides:
        side.join(60)
    return [side.error for side in sides]


def test_a_check_and_a_confirmation_do_not_wait_in_a_circle(order: Order, store: FakeStore, monkeypatch):
    with transaction.atomic():
        preflight.ask(order, at=NOON)
    check = claimed(Topic.CHECK_ORDER)
    OrderPush.objects.update(status=PushStatus.HELD, wait_for="", reason="Out of stock.")

    errors = meeting(
        monkeypatch,
        lambda: outbox.carry_out(check, make_world(store)),
        lambda: decisions.cancel(order_id=order.pk, reason="Changed her mind.", by="ana", at=NOON),
    )

    assert errors == ["", ""]
    order.refresh_from_db()
    check.refresh_from_db()
    assert (order.status, check.status, check.attempts) == ("cancelled", OutboxStatus.DONE, 1)


def test_a_check_and_a_capture_do_not_wait_in_a_circle(order: Order, store: FakeStore, monkeypatch):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    with transaction.atomic():
        preflight.ask(order, at=NOON)
    check, capture = claimed(Topic.CHECK_ORDER), claimed(Topic.CAPTURE_PAYMENT)
    steps = outbox.steps(capture, make_world(store))
    while next(steps) != "captured":
        pass

    errors = meeting(monkeypatch, lambda: outbox.carry_out(check, make_world(store)), lambda: list(steps))

    assert errors == ["", ""]
    assert not OutboxMessage.objects.filter(pk__in=[check.pk, capture.pk]).exclude(status=OutboxStatus.DONE).exists()
    outbox.drain(at=NOON, world=make_world(store))
    assert (OrderPush.objects.get().status, len(store.orders)) == (PushStatus.PUSHED, 1)


def test_a_handler_in_a_circle_is_broken_off_and_loses_nothing(order: Order, store: FakeStore, caplog):
    """A stranger's transaction has the order and wants the promise: PostgreSQL breaks one of the two off."""
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    capture = claimed(Topic.CAPTURE_PAYMENT)
    steps = outbox.steps(capture, make_world(store))
    while next(steps) != "captured":
        pass
    worker = Side(lambda: list(steps))

    def stranger() -> None:
        with transaction.atomic():
            lock(order.pk)
            worker.start()
            locks.until_waiting(1)
            OutboxMessage.objects.filter(pk=capture.pk).update(reason="Touched.")

    other = Side(stranger)
    with caplog.at_level(logging.WARNING):
        other.start()
        other.join(60)
        worker.join(60)
    outbox.drain(at=NOON, world=make_world(store))
    store.clock.advance(60)
    outbox.drain(at=store.clock.now(), world=make_world(store))

    broken_off = [record.message for record in caplog.records] + [other.error]
    assert "database broke off" in broken_off or "deadlock detected" in other.error
    assert worker.error == ""
    assert (OrderPush.objects.get().status, len(store.orders)) == (PushStatus.PUSHED, 1)
    assert SandboxCharge.objects.get().captured == 1500
    assert order.events.filter(kind="payment.captured").count() == 1
