"""The outbox asks no connection that wants to be left alone, and counts no such wait as a failure."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from connectors.base import Budget
from connectors.errors import RetryableError
from connectors.models import Connection
from connectors.services import limits
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import OutboxMessage
from orders.pump import oldest_due
from orders.services import decisions, reconcile
from orders.services.transitions import move_push
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


class MeteredStore(FakeStore):
    """Says with every answer, a refusal too, what is left of 100 points; each call takes `price`."""

    left, price, restore_per_s = 100.0, 10.0, 1.0

    def _call(self, name: str) -> None:
        self.left -= self.price
        self.budget = Budget(self.left, 100.0, self.restore_per_s)
        super()._call(name)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def due_pushes(connection: Connection, count: int = 1) -> None:
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


def open_circuit(connection: Connection) -> None:
    for _ in range(limits.CALLS_BEFORE_OPENING):
        limits.record(connection.pk, outcome="failed", at=NOON)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.get(pk=connection.pk)


def pushes() -> list[tuple[str, int]]:
    return list(OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).order_by("pk").values_list("status", "tries"))


@pytest.fixture
def connection() -> Connection:
    return make_connection()


@pytest.fixture
def store() -> MeteredStore:
    return MeteredStore()


def carry_out_one(store: FakeStore) -> OutboxMessage:
    (message,) = outbox.claim(at=store.clock.now(), limit=1)
    outbox.carry_out(message, make_world(store))
    return message


# --- the budget ------------------------------------------------------------------------------------


def test_what_the_store_said_of_its_budget_is_kept(connection, store):
    due_pushes(connection)

    carry_out_one(store)

    kept = fresh(connection)
    assert (kept.budget_available, kept.budget_maximum, kept.budget_restore_per_s) == (80, 100, 1)
    assert kept.budget_at == NOON


@pytest.mark.parametrize("fault", ["throttled", "down", "rejected", "timeout_after_create"])
def test_the_budget_is_kept_after_an_attempt_that_came_to_nothing(connection, store, fault: str):
    due_pushes(connection)
    store.next_fault = fault

    carry_out_one(store)

    assert fresh(connection).budget_available == 90


def test_the_budget_of_a_store_that_a_capture_asked_is_kept(connection, store):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    store.stock_up("A")

    assert carry_out_one(store).topic == Topic.CAPTURE_PAYMENT

    assert fresh(connection).budget_available == 90


def test_a_push_waits_until_the_budget_holds_its_cost(connection, store):
    due_pushes(connection)
    limits.learn(connection.pk, Budget(5, 100, 1), at=NOON)

    assert outbox.claim(at=NOON) == []
    assert outbox.claim(at=after(19.9)) == []

    assert len(outbox.claim(at=after(20))) == 1


def test_waiting_for_the_budget_costs_no_attempt_and_raises_no_alarm(connection, store):
    due_pushes(connection)
    limits.learn(connection.pk, Budget(5, 100, 1), at=NOON)

    assert outbox.claim(at=NOON) == []

    message = OutboxMessage.objects.get(topic=Topic.PUSH_ORDER)
    assert (message.status, message.attempts, message.tries) == (OutboxStatus.WAITING, 0, 0)
    assert oldest_due(at=after(1)) is None


def test_all_workers_draw_on_one_budget(connection):
    due_pushes(connection, 4)
    limits.learn(connection.pk, Budget(60, 100, 1), at=NOON)

    claims = [len(outbox.claim(at=NOON, limit=1)) for _ in range(4)]

    assert claims == [1, 1, 0, 0]


def test_a_claim_stops_where_the_calls_of_a_minute_end():
    """S&S: 60 calls a minute, and every answer tells how many are left."""
    supplier = make_connection(platform="ssactivewear")
    due_pushes(supplier, 4)
    limits.learn(supplier.pk, Budget(2, 60, 1), at=NOON)

    claims = [len(outbox.claim(at=NOON)), len(outbox.claim(at=after(0.5))), len(outbox.claim(at=after(1)))]

    assert claims == [2, 0, 1]


def test_nothing_is_looked_for_at_a_supplier_whose_minute_is_spent(store):
    supplier = make_connection(platform="ssactivewear")
    order = make_order(supplier.merchant, connections=[supplier], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    limits.learn(supplier.pk, Budget(0, 60, 1), at=NOON)

    carry_out_one(store)

    assert store.calls == []


def test_a_claim_stops_where_the_requests_that_are_planned_end():
    """Squarespace: 300 requests of any kind a minute, and no answer tells how many are left."""
    site = make_connection(platform="squarespace", requests_left=2, requests_at=NOON)
    due_pushes(site, 4)

    assert (len(outbox.claim(at=NOON)), len(outbox.claim(at=after(0.1)))) == (2, 0)


def test_the_plan_of_a_store_that_tells_nothing_counts_after_its_first_answer(connection):
    """Squarespace: so many imports an hour, and no answer tells how many are left."""
    due_pushes(connection, 2)
    store = FakeStore()
    store.budget = Budget(None, 10, 0.1)

    carry_out_one(store)

    assert fresh(connection).budget_available == 10


def test_a_store_without_budget_delays_no_other(connection, store):
    other = make_connection()
    due_pushes(connection, 5)
    due_pushes(other)
    limits.learn(connection.pk, Budget(0, 100, 0.1), at=NOON)

    (message,) = outbox.claim(at=NOON)

    assert message.connection == other


# --- a rate limit ----------------------------------------------------------------------------------


def test_a_throttled_push_is_due_when_the_store_allows_it_and_costs_no_try(connection, store):
    due_pushes(connection)
    store.next_fault = "throttled"

    carry_out_one(store)

    assert pushes() == [(OutboxStatus.WAITING, 0)]
    assert outbox.claim(at=after(1.9)) == []
    assert len(outbox.claim(at=after(2))) == 1


def test_a_throttled_busy_store_delays_no_other(connection, store):
    small = make_connection()
    due_pushes(connection, 6)
    due_pushes(small)
    store.next_fault = "throttled"
    carry_out_one(store)

    claimed = [outbox.claim(at=NOON) for _ in range(2)]

    assert [[message.connection for message in messages] for messages in claimed] == [[small], []]


# --- an open circuit -------------------------------------------------------------------------------


def test_ten_pushes_that_fail_open_the_circuit(connection):
    store = FakeStore()
    due_pushes(connection, 11)
    for _ in range(10):
        store.next_fault = "down"
        carry_out_one(store)

    assert outbox.claim(at=after(4)) == []
    assert fresh(connection).open_until == after(30)


def test_one_push_alone_probes_a_circuit_whose_time_is_over(connection, store):
    due_pushes(connection, 3)
    open_circuit(connection)

    assert [len(outbox.claim(at=after(30))) for _ in range(3)] == [1, 0, 0]


def test_the_next_push_follows_when_the_probe_has_succeeded(connection, store):
    due_pushes(connection, 4)
    open_circuit(connection)
    store.clock.advance(30)

    for _ in range(limits.SUCCESSES_TO_CLOSE):
        carry_out_one(store)

    assert (fresh(connection).breaker_opened, fresh(connection).open_until) == (0, None)


def test_a_probe_that_fails_opens_the_circuit_for_twice_as_long(connection, store):
    due_pushes(connection, 2)
    open_circuit(connection)
    store.clock.advance(30)
    store.next_fault = "down"

    carry_out_one(store)

    assert fresh(connection).open_until == after(90)


def test_a_refused_probe_is_an_answer(connection, store):
    due_pushes(connection)
    open_circuit(connection)
    store.clock.advance(30)
    store.next_fault = "rejected"

    carry_out_one(store)

    assert (fresh(connection).breaker_successes, fresh(connection).open_until) == (1, None)


def test_a_fault_of_ours_in_a_probe_lets_the_next_one_try(connection, store, monkeypatch):
    due_pushes(connection, 2)
    open_circuit(connection)
    store.clock.advance(30)
    monkeypatch.setattr(store, "create", lambda order: 1 / 0)

    carry_out_one(store)

    assert fresh(connection).breaker_successes == 0
    assert len(outbox.claim(at=after(30))) == 1


def test_a_probe_whose_worker_died_blocks_nobody_for_ever(connection):
    due_pushes(connection, 2)
    open_circuit(connection)
    (dead,) = outbox.claim(at=after(30))

    assert outbox.claim(at=after(149)) == []
    (next_one,) = outbox.claim(at=after(150))

    assert next_one.pk != dead.pk


def test_a_store_that_is_being_probed_delays_no_other(connection):
    other = make_connection()
    due_pushes(connection, 2)
    due_pushes(other, 2)
    open_circuit(connection)

    claimed = [outbox.claim(at=after(30)) for _ in range(3)]

    assert [[message.connection for message in messages] for messages in claimed] == [[connection], [other, other], []]


def test_a_capture_leaves_a_store_with_an_open_circuit_alone_and_counts_no_failure(connection, store):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    open_circuit(connection)

    carry_out_one(store)

    message = OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT)
    assert (message.tries, message.next_attempt_at, store.calls) == (0, after(30), [])
    assert "takes no calls at the moment" in message.reason


def test_a_store_that_fails_in_the_last_check_before_money_is_counted(connection, store):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    store.next_fault = "down"

    carry_out_one(store)

    assert fresh(connection).breaker_failures == 1


def test_a_gateway_that_fails_is_not_counted_against_the_store(connection, store):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    store.stock_up("A")
    world = make_world(store)
    world = type(world)(world.clock, world.connector_for, gateway_for=_no_gateway)

    outbox.drain(world=world)

    assert (fresh(connection).breaker_failures, fresh(connection).last_success_at) == (0, NOON)


def test_a_poll_probes_an_open_circuit_too(connection, store):
    open_circuit(connection)
    store.clock.advance(30)

    reconcile.poll_changes(world=make_world(store))

    assert (fresh(connection).breaker_successes, fresh(connection).budget_available) == (1, 90)


def test_a_poll_waits_for_the_probe_that_is_under_way(connection, store):
    due_pushes(connection)
    open_circuit(connection)
    store.clock.advance(30)
    outbox.claim(at=after(30))

    reconcile.poll_changes(world=make_world(store))

    assert store.calls == []


def _no_gateway(name: str):
    raise RetryableError("The gateway could not be reached.")
