"""A store that answers slowly keeps some threads of the pump, and never all of them."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest
from django.db import connection as database
from django.utils import timezone

from connectors.gateway import registry as gateways
from connectors.models import Connection
from orders import outbox, pump
from orders.models import OutboxMessage
from orders.world import World
from tests.factories import NOON, make_connection
from tests.fakes import FakeClock, FakeStore, Passing, make_world
from tests.orders.test_outbox_limits import due_pushes


@pytest.fixture
def slow() -> Connection:
    connection = make_connection(name="Slow")
    due_pushes(connection, 30)
    return connection


@pytest.fixture
def other(slow: Connection) -> Connection:
    connection = make_connection(name="Other")
    due_pushes(connection, 1)
    return connection


def crew_of(size: int) -> pump.Crew:
    made = pump.Crew(size, make_world(FakeStore()))
    made.stop()  # what it is given stays undone
    return made


def taken(crew: pump.Crew) -> list[int | None]:
    """Claims until nothing is given any more; the connections whose messages were."""
    given = []
    while messages := _claimed(crew):
        crew.give(messages)
        given += [message.lane.connection_id for message in messages]
    return given


def just_given(crew: pump.Crew) -> None:
    """However long the test takes, its last claim was a moment ago."""
    crew.given_at = time.monotonic() + 600


def _claimed(crew: pump.Crew) -> list[OutboxMessage]:
    crew.given_at = 0.0
    return pump._claim(crew, suspect_due=False, at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "most"), [(1, 1), (2, 1), (4, 3), (16, 12)])
def test_one_lane_has_three_quarters_of_the_crew_at_the_most(slow: Connection, size: int, most: int):
    crew = crew_of(size)

    assert taken(crew) == [slow.pk] * most
    assert crew.free == size - most


@pytest.mark.django_db
def test_the_rest_is_there_for_another_lane_at_once(slow: Connection):
    crew = crew_of(16)
    taken(crew)
    other = make_connection(name="Other")
    due_pushes(other, 9)
    just_given(crew)

    assert crew.worth_claiming == 2  # of the four that are left
    assert taken(crew) == [other.pk] * 4


@pytest.mark.django_db
def test_a_lane_whose_messages_are_done_has_its_room_again(slow: Connection):
    crew = crew_of(4)
    taken(crew)

    put_down(crew, slow, 2)

    assert taken(crew) == [slow.pk] * 2


def put_down(crew: pump.Crew, connection: Connection, count: int) -> None:
    """So many of the connection's messages are done."""
    for _ in range(count):
        crew._put_down(OutboxMessage.objects.filter(lane__connection=connection)[0].lane_id)
        crew.busy -= 1


@pytest.mark.django_db
def test_a_lane_gets_more_when_half_of_its_share_is_free(slow: Connection):
    """Messages that come by twos and threes would each pay for what a dozen can share."""
    crew = crew_of(16)
    taken(crew)
    just_given(crew)
    lane_id = OutboxMessage.objects.filter(lane__connection=slow)[0].lane_id

    put_down(crew, slow, 5)
    assert (crew.room, crew.has_room) == ({lane_id: 0}, False)
    put_down(crew, slow, 1)

    assert (crew.room, crew.has_room) == ({lane_id: 6}, True)


@pytest.mark.django_db
def test_a_lane_whose_messages_hang_gets_what_is_left_of_its_share(slow: Connection):
    crew = crew_of(16)
    taken(crew)
    put_down(crew, slow, 1)
    crew.given_at = time.monotonic() - pump.STUCK_S

    assert list(crew.room.values()) == [1]


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_found_nothing_is_not_made_again_and_again(slow: Connection, monkeypatch: pytest.MonkeyPatch):
    """Three of four threads wait for the store, and nobody else has anything to do."""
    go, there, claims, claim, time_of_pump = threading.Event(), threading.Barrier(4), [], outbox.claim, Passing()
    world = World(RealClock(), connector_for=lambda row: BlockedStore(go, there), gateway_for=gateways.get)

    def note(**wanted) -> list[OutboxMessage]:
        if len(claims) == 1:
            there.wait(300)
        claims.append(claim(**wanted))
        return claims[-1]

    crew = pump.Crew(4, world)
    monkeypatch.setattr(pump, "time", time_of_pump)
    monkeypatch.setattr(pump.Crew, "wait", lambda crew, seconds: time_of_pump.pass_by(seconds))
    monkeypatch.setattr(outbox, "claim", note)
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    try:
        pump._run(crew, world, deadline=time_of_pump.s + 0.5)
    finally:
        go.set()
        crew.stop()

    assert [len(found) for found in claims[:2]] == [3, 0]
    assert len(claims) <= 2 + 0.5 / pump.LOOK_AGAIN_S  # of the 25 times that it looked up


class RealClock(FakeClock):
    def now(self) -> datetime:
        return timezone.now()


class BlockedStore(FakeStore):
    """Answers nothing until it is let go. `there`: met by all who ask and by whoever waits for them."""

    def __init__(self, go: threading.Event, there: threading.Barrier | None = None) -> None:
        super().__init__(RealClock())
        self.go, self.there = go, there

    def _call(self, name: str) -> None:
        if self.there is not None and not self.go.is_set():
            self.there.wait(300)
        assert self.go.wait(300)
        super()._call(name)


def run(world: World) -> None:
    try:
        pump.pump(budget_s=300, threads=4, world=world)
    finally:
        database.close()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_store_that_blocks_delays_no_other(slow: Connection, other: Connection):
    go = threading.Event()
    stores: dict[int, FakeStore] = {slow.pk: BlockedStore(go), other.pk: FakeStore(RealClock())}
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    world = World(RealClock(), connector_for=lambda row: stores[row.pk], gateway_for=gateways.get)
    thread = threading.Thread(target=run, args=(world,))
    thread.start()
    try:
        until = time.monotonic() + 200
        while not stores[other.pk].orders and time.monotonic() < until:
            time.sleep(0.05)
        assert (len(stores[other.pk].orders), len(stores[slow.pk].orders)) == (1, 0)
    finally:
        go.set()
        thread.join(timeout=300)

    assert (len(stores[slow.pk].orders), outbox.claim(at=timezone.now())) == (30, [])


class CountingStore(FakeStore):
    """Remembers how many were with it at a time. The first stays until there is another."""

    def __init__(self) -> None:
        super().__init__(RealClock())
        self.inside, self.most, self.gate = 0, 0, threading.Lock()
        self.two = threading.Event()

    def _call(self, name: str) -> None:
        with self.gate:
            self.inside += 1
            self.most = max(self.most, self.inside)
            if self.inside > 1:
                self.two.set()
        self.two.wait(300)
        time.sleep(0.02)
        with self.gate:
            self.inside -= 1
        super()._call(name)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_ask_a_store_no_oftener_at_a_time_than_its_platform_bears():
    connection, store = make_connection(platform="woocommerce"), CountingStore()
    due_pushes(connection, 10)
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    world = World(RealClock(), connector_for=lambda row: store, gateway_for=gateways.get)
    workers = [threading.Thread(target=run, args=(world,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=300)

    assert (len(store.orders), store.most) == (10, 2)
