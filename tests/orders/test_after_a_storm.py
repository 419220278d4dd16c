"""A store answers every call with an error for ten minutes: few calls while it lasts, everything there soon after.

The clock is virtual: it is turned to the next instant at which something is due.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from django.db.models import Min

from connectors import conditions
from connectors.base import Budget
from connectors.errors import OutcomeUnknownError, RetryableError
from connectors.models import ClearedCondition, Connection
from connectors.services import limits
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import reconcile
from orders.services.transitions import move_push
from orders.world import World
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db

STORM = timedelta(minutes=10)
AFTER = timedelta(minutes=5)
PROBE_EVERY_S = 30
BUCKET, RESTORE_PER_S = 40.0, 2.0  # calls
SEED = 7
POLL_EVERY, AGAIN_EVERY = timedelta(minutes=5), timedelta(minutes=2)  # as the schedules call


class StormyStore(FakeStore):
    """Fails every call until `ends`. Each call takes a tenth of a second, and one of the bucket while it answers."""

    def __init__(self, ends: datetime) -> None:
        super().__init__()
        self.ends = ends
        self.failed: list[datetime] = []
        self.answered: list[datetime] = []
        self._left, self._left_at = BUCKET, self.clock.now()

    def _call(self, name: str) -> None:
        self.clock.advance(0.1)
        at = self.clock.now()
        if at < self.ends:
            self.failed.append(at)
            raise OutcomeUnknownError("The store answered with an error.")
        self.answered.append(at)
        self._left = min(self._left + (at - self._left_at).total_seconds() * RESTORE_PER_S, BUCKET) - 1
        self._left_at = at
        self.budget = Budget(self._left, BUCKET, RESTORE_PER_S)
        if self._left < 0:
            raise RetryableError("Too many requests.", throttled=True, after_s=-self._left / RESTORE_PER_S)
        super()._call(name)


@pytest.fixture
def connection() -> Connection:
    return make_connection()


def due_pushes(connection: Connection, count: int) -> None:
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


def ride_out(store: StormyStore, *, until: datetime) -> datetime:
    """Work as a pump and the schedule do until all is there. Returns when it was."""
    world, polled_at, again_at = replace(make_world(store), rng=random.Random(SEED)), NOON, NOON
    while store.clock.now() < until and OrderPush.objects.exclude(status=PushStatus.PUSHED).exists():
        if store.clock.now() >= polled_at + POLL_EVERY:
            polled_at = store.clock.now()
            reconcile.poll_changes(world=world)
        if store.clock.now() >= again_at + AGAIN_EVERY:
            again_at = store.clock.now()
            reconcile.poll_unanswered(world=world)
        _work(store, world, next_poll=min(polled_at + POLL_EVERY, again_at + AGAIN_EVERY))
    return store.clock.now()


def _work(store: StormyStore, world: World, *, next_poll: datetime) -> None:
    at = store.clock.now()
    outbox.release(at=at)
    outbox.take_back_expired(at=at)
    for message in (claimed := outbox.claim(at=at)):
        outbox.carry_out(message, world)
    if not claimed:
        store.clock.at = max(min(next_poll, _next_instant(at)), at + timedelta(seconds=1))


def _next_instant(at: datetime) -> datetime:
    due = OutboxMessage.objects.filter(status="waiting", wait_for="", next_attempt_at__gt=at)
    instants = [
        due.aggregate(at=Min("next_attempt_at"))["at"],
        Connection.objects.filter(open_until__gt=at).aggregate(at=Min("open_until"))["at"],
        at + timedelta(minutes=1),  # the sweep
    ]
    return min(instant for instant in instants if instant)


def most_in_a_second(times: list[datetime]) -> int:
    return max(sum(at <= other < at + timedelta(seconds=1) for other in times) for at in times)


def assert_all_there_once(count: int) -> None:
    assert OrderPush.objects.filter(status=PushStatus.PUSHED).count() == count


@pytest.mark.parametrize("count", [40, 11, 3, 1])
def test_all_orders_are_there_five_minutes_after_a_storm_of_ten(connection, count: int):
    store = StormyStore(NOON + STORM)
    due_pushes(connection, count)

    there_at = ride_out(store, until=NOON + timedelta(hours=3))

    assert_all_there_once(count)
    assert len(store.orders) == count
    assert there_at <= store.ends + AFTER


def test_a_storm_of_a_day_ends_as_soon(connection):
    """The messages' own schedule is at four hours by then."""
    store = StormyStore(NOON + timedelta(days=1))
    due_pushes(connection, 12)

    there_at = ride_out(store, until=NOON + timedelta(days=2))

    assert_all_there_once(12)
    assert there_at <= store.ends + AFTER


def test_while_it_lasts_an_open_circuit_lets_one_call_through_in_thirty_seconds(connection):
    store = StormyStore(NOON + STORM)
    due_pushes(connection, 40)

    ride_out(store, until=store.ends)

    probes = store.failed[max(limits.CALLS_BEFORE_OPENING, outbox.CLAIM_SIZE) :]  # what one claim had begun ends first
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(probes)]
    assert len(gaps) >= 3
    assert min(gaps) >= PROBE_EVERY_S


def test_what_comes_after_it_stays_within_the_stores_bucket(connection):
    store = StormyStore(NOON + STORM)
    due_pushes(connection, 40)

    ride_out(store, until=NOON + timedelta(hours=3))

    assert most_in_a_second(store.answered) <= BUCKET
    assert store._left >= 0


# --- the poll finds out too ------------------------------------------------------------------------


def test_a_poll_is_tried_again_soon_and_its_first_answer_pulls_retries_forward(connection):
    store = FakeStore()
    store.next_fault = "down"
    reconcile.poll_changes(world=make_world(store))
    due_pushes(connection, 1)
    fail(OutboxMessage.objects, tries=6, due_at=NOON + timedelta(hours=4))
    store.clock.advance(120)

    asked = reconcile.poll_unanswered(world=make_world(store))
    outbox.release(at=store.clock.now())

    assert asked == 1
    assert OutboxMessage.objects.get().next_attempt_at < NOON + timedelta(seconds=150)


def test_only_destinations_that_did_not_answer_are_asked_again_before_their_time(connection):
    store = FakeStore()
    reconcile.poll_changes(world=make_world(store))
    store.clock.advance(120)

    assert reconcile.poll_unanswered(world=make_world(store)) == 0


def test_a_poll_probes_for_a_lane_whose_retries_are_far_away(connection):
    store = FakeStore()
    reconcile.poll_changes(world=make_world(store))
    for _ in range(limits.CALLS_BEFORE_OPENING):
        limits.record(connection.pk, outcome="failed", at=NOON)
    store.clock.advance(120)

    assert reconcile.poll_unanswered(world=make_world(store)) == 1


def test_they_are_left_alone_for_a_minute(connection):
    store = FakeStore()
    store.next_fault = "down"
    reconcile.poll_changes(world=make_world(store))
    store.clock.advance(59)

    assert reconcile.poll_unanswered(world=make_world(store)) == 0


# --- what is pulled forward ------------------------------------------------------------------------


def fail(messages, *, tries: int, due_at: datetime) -> None:
    messages.update(tries=tries, first_failed_at=NOON, next_attempt_at=due_at)


def answers_again(connection: Connection) -> None:
    conditions.cleared(conditions.answers_again(connection.pk))
    outbox.release(at=NOON)


def test_retries_come_within_half_a_minute_spread_and_keep_their_tries(connection):
    due_pushes(connection, 30)
    fail(OutboxMessage.objects, tries=6, due_at=NOON + timedelta(hours=1))

    answers_again(connection)

    rows = list(OutboxMessage.objects.values_list("next_attempt_at", "tries", "first_failed_at"))
    assert sorted(at for at, _, _ in rows) == [NOON + timedelta(seconds=second) for second in range(30)]
    assert {row[1:] for row in rows} == {(6, NOON)}


def test_what_did_not_fail_keeps_its_time(connection):
    due_pushes(connection, 1)
    fail(OutboxMessage.objects, tries=0, due_at=NOON + timedelta(hours=1))

    answers_again(connection)

    assert OutboxMessage.objects.get().next_attempt_at == NOON + timedelta(hours=1)


def test_what_is_due_sooner_is_not_put_off(connection):
    due_pushes(connection, 1)
    fail(OutboxMessage.objects, tries=1, due_at=NOON + timedelta(seconds=3))

    answers_again(connection)

    assert OutboxMessage.objects.get().next_attempt_at == NOON + timedelta(seconds=3)


def test_other_lanes_are_left_alone(connection):
    other = make_connection(connection.merchant)
    due_pushes(other, 1)
    fail(OutboxMessage.objects, tries=6, due_at=NOON + timedelta(hours=1))

    answers_again(connection)

    assert OutboxMessage.objects.get().next_attempt_at == NOON + timedelta(hours=1)


def test_a_capture_whose_last_check_failed_at_the_store_comes_too(connection):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    with transaction.atomic():
        outbox.post(Topic.CAPTURE_PAYMENT, order=order, key="capture", at=NOON)
    fail(OutboxMessage.objects.filter(key="capture"), tries=6, due_at=NOON + timedelta(hours=1))

    answers_again(connection)

    assert OutboxMessage.objects.get(key="capture").next_attempt_at < NOON + timedelta(seconds=30)


def test_a_capture_that_asks_another_store_keeps_its_time(connection):
    order = make_order(connection.merchant, connections=[make_connection(connection.merchant)], lines=[{"sku": "A"}])
    with transaction.atomic():
        outbox.post(Topic.CAPTURE_PAYMENT, order=order, key="capture", at=NOON)
    fail(OutboxMessage.objects.filter(key="capture"), tries=6, due_at=NOON + timedelta(hours=1))

    answers_again(connection)

    assert OutboxMessage.objects.get(key="capture").next_attempt_at == NOON + timedelta(hours=1)


def test_a_store_that_goes_on_answering_pulls_nothing_forward(connection):
    limits.record(connection.pk, outcome="ok", at=NOON)

    assert not ClearedCondition.objects.exists()
