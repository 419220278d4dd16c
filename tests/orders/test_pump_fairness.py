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
from tests.fakes import FakeClock, FakeStore, make_world
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
        for message in messages:
            crew.give(message)
            given.append(message.lane.connection_id)
    return given


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
    crew.given_at = time.monotonic()

    assert crew.worth_claiming == 2  # of the four that are left
    assert taken(crew) == [other.pk] * 4


@pytest.mark.django_db
def test_a_lane_whose_messages_are_done_has_its_room_again(slow: Connection):
    crew = crew_of(4)
    taken(crew)

    for _ in range(2):
        crew._put_down(OutboxMessage.objects.filter(lane__connection=slow)[0].lane_id)
        crew.busy -= 1

    assert taken(crew) == [slow.pk] * 2


class RealClock(FakeClock):
    def now(self) -> datetime:
        return timezone.now()


class BlockedStore(FakeStore):
    """Answers nothing until it is let go."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__(RealClock())
        self.go = go

    def _call(self, name: str) -> None:
        assert self.go.wait(20)
        super()._call(name)


def run(world: World) -> None:
    try:
        pump.pump(budget_s=20, threads=4, world=world)
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
        until = time.monotonic() + 10
        while not stores[other.pk].orders and time.monotonic() < until:
            time.sleep(0.05)
        assert (len(stores[other.pk].orders), len(stores[slow.pk].orders)) == (1, 0)
    finally:
        go.set()
        thread.join(timeout=40)

    assert (len(stores[slow.pk].orders), outbox.claim(at=timezone.now())) == (30, [])
