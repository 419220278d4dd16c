"""No more messages speak to a store at a time than its platform bears, whoever carries them out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from connectors.models import Connection
from connectors.services import limits, places
from connectors.woocommerce.connector import WooCommerceConnector
from orders import outbox
from orders.attempt import Attempt
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import OutboxMessage, Payment
from orders.pump import oldest_due
from orders.services import decisions
from orders.services.transitions import move_push
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def due_pushes(connection: Connection, count: int) -> None:
    """Orders whose money is in and whose pushes are due."""
    for _ in range(count):
        order = make_order(
            connection.merchant,
            connections=[connection],
            lines=[{"sku": "A"}],
            status=OrderStatus.CONFIRMED,
            payment_status=PaymentStatus.CAPTURED,
            payment={"captured_at": NOON, "captured": 1},
        )
        push = order.pushes.get()
        move_push(push, to=PushStatus.QUEUED, by="ana", at=NOON)
        with transaction.atomic():
            outbox.post(Topic.PUSH_ORDER, order=order, push=push, connection=connection, key=f"push:{push.pk}", at=NOON)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


@pytest.fixture
def woo() -> Connection:
    return make_connection(platform="woocommerce")


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


def test_a_woocommerce_store_is_asked_by_two_messages_at_a_time(woo):
    due_pushes(woo, 5)

    claims = [outbox.claim(at=NOON), outbox.claim(at=NOON)]

    assert [len(claimed) for claimed in claims] == [2, 0]
    assert OutboxMessage.objects.filter(status=OutboxStatus.RUNNING).count() == 2


def test_a_store_without_a_bound_is_asked_by_all(store):
    due_pushes(make_connection(), 5)

    assert len(outbox.claim(at=NOON)) == 5


def test_a_full_store_delays_no_other(woo):
    due_pushes(woo, 3)
    due_pushes(make_connection(woo.merchant), 3)

    claims = [outbox.claim(at=NOON) for _ in range(3)]

    assert [len(claimed) for claimed in claims] == [2, 3, 0]


def test_each_that_ends_makes_room_for_one(woo, store):
    due_pushes(woo, 5)
    first, _second = outbox.claim(at=NOON)

    outbox.carry_out(first, make_world(store))

    assert [len(outbox.claim(at=NOON)), len(outbox.claim(at=NOON))] == [1, 0]


@pytest.mark.parametrize("fault", ["throttled", "down", "rejected", "timeout_after_create"])
def test_one_that_fails_makes_room_too(woo, store, fault: str):
    due_pushes(woo, 1)
    (message,) = outbox.claim(at=NOON)
    store.next_fault = fault

    outbox.carry_out(message, make_world(store))

    assert (fresh(woo).places, fresh(woo).full_until) == ([], None)


def test_the_place_of_a_worker_that_died_is_free_when_its_lease_has_run_out(woo):
    due_pushes(woo, 4)
    outbox.claim(at=NOON)

    assert outbox.claim(at=after(119)) == []
    assert len(outbox.claim(at=after(120))) == 2


def test_what_waits_for_a_place_is_not_taken_for_work_that_nobody_does(woo):
    due_pushes(woo, 3)
    outbox.claim(at=NOON)

    assert oldest_due(at=NOON) is None


def test_a_capture_that_asks_a_full_store_comes_again_and_counts_as_no_failure(woo, store):
    due_pushes(woo, 2)
    outbox.claim(at=NOON)
    order = make_order(woo.merchant, connections=[woo], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = outbox.claim(at=NOON)

    outbox.carry_out(capture, make_world(store))

    capture.refresh_from_db()
    assert (capture.topic, capture.status, capture.tries) == (Topic.CAPTURE_PAYMENT, OutboxStatus.WAITING, 0)
    assert capture.next_attempt_at == after(places.COME_AGAIN_S)
    assert store.calls == []


def test_a_capture_has_left_the_store_while_the_money_is_taken(woo, store):
    order = make_order(woo.merchant, connections=[woo], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = outbox.claim(at=NOON)
    attempt = Attempt(make_world(store), bounded=True)

    attempt.world.connector_for(woo)
    asked = len(fresh(woo).places)
    attempt.world.gateway_for("sandbox")

    assert (capture.topic, asked, fresh(woo).places) == (Topic.CAPTURE_PAYMENT, 1, [])


def test_a_poll_waits_for_no_place_and_counts(woo, store):
    due_pushes(woo, 3)
    outbox.claim(at=NOON)
    poll = Attempt(make_world(store))

    poll.world.connector_for(woo)
    asked = len(fresh(woo).places)
    poll.answered()

    assert (asked, len(fresh(woo).places)) == (3, 2)


def test_while_a_poll_asks_one_message_less_does(woo, store):
    due_pushes(woo, 3)

    with places.beside(woo, at=NOON):
        claimed = [len(outbox.claim(at=NOON)), len(outbox.claim(at=NOON))]

    assert claimed == [1, 0]
    assert len(outbox.claim(at=NOON)) == 1


def confirmed(woo: Connection) -> OutboxMessage:
    """The capture of an order, claimed."""
    order = make_order(woo.merchant, connections=[woo], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = outbox.claim(at=NOON)
    return capture


def test_the_next_place_is_kept_for_a_capture_that_found_none_in_a_burst_of_pushes(woo, store):
    due_pushes(woo, 5)
    first, _second = outbox.claim(at=NOON)
    capture = confirmed(woo)
    outbox.carry_out(capture, make_world(store))
    outbox.carry_out(first, make_world(store))

    among_pushes = outbox.claim(at=after(1))
    again = outbox.claim(at=after(places.COME_AGAIN_S))

    assert (among_pushes, [message.topic for message in again]) == ([], [Topic.CAPTURE_PAYMENT])
    store.clock.advance(places.COME_AGAIN_S)
    outbox.carry_out(again[0], make_world(store))
    assert Payment.objects.get(order=capture.order).status == PaymentStatus.CAPTURED


def test_a_place_that_nobody_comes_for_is_free_again(woo, store):
    due_pushes(woo, 3)
    first, _second = outbox.claim(at=NOON)
    places.keep_one(woo.pk, at=NOON)
    outbox.carry_out(first, make_world(store))

    before = outbox.claim(at=after(places.KEPT_FOR.total_seconds() - 1))
    after_all = outbox.claim(at=after(places.KEPT_FOR.total_seconds()))

    assert (before, len(after_all)) == ([], 1)


def test_where_one_may_speak_at_a_time_it_is_kept_too(woo, monkeypatch):
    monkeypatch.setattr(WooCommerceConnector, "at_once", 1)
    places.keep_one(woo.pk, at=NOON)
    due_pushes(woo, 1)

    assert [len(outbox.claim(at=NOON)), len(outbox.claim(at=after(6)))] == [0, 1]


def test_no_more_are_let_in_when_the_platform_is_found_to_bear_fewer(woo, monkeypatch):
    limits.admit(woo.pk, costs=[0.0, 0.0], at=NOON)
    monkeypatch.setattr(WooCommerceConnector, "at_once", 1)
    Connection.objects.filter(pk=woo.pk).update(full_until=None)

    assert limits.admit(woo.pk, costs=[0.0], at=after(1)) == limits.Admission(0)
    assert not Connection.objects.filter(limits.ready(after(1)), pk=woo.pk).exists()


def test_a_place_that_ran_out_is_not_given_back_twice(woo):
    admission = limits.admit(woo.pk, costs=[0.0], at=NOON)
    limits.admit(woo.pk, costs=[0.0], at=after(121))

    places.leave(woo.pk, admission.place)

    assert len(fresh(woo).places) == 1


def test_leaving_a_store_that_is_gone_changes_nothing(woo):
    admission = limits.admit(woo.pk, costs=[0.0], at=NOON)
    key = woo.pk
    woo.delete()

    places.leave(key, admission.place)

    assert not Connection.objects.filter(pk=key).exists()
