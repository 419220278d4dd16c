"""Only a message that truly kills its worker is ever held for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import OutboxMessage
from orders.pump import Crew, _claim
from tests.factories import NOON, make_merchant, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def messages() -> list[OutboxMessage]:
    """Eight that are due, of two merchants, in the order in which they were posted."""
    return [post(f"m{n}", merchant) for merchant in (make_merchant(), make_merchant()) for n in range(4)]


def post(name: str, merchant) -> OutboxMessage:
    with transaction.atomic():
        order = make_order(merchant)
        return outbox.post(Topic.CHECK_ORDER, order=order, key=f"{name}:{order.pk}", at=NOON)


def mark(*messages: OutboxMessage, crashes: int = 1) -> None:
    OutboxMessage.objects.filter(pk__in=[message.pk for message in messages]).update(crashes=crashes)


def crashes(messages: list[OutboxMessage]) -> list[int]:
    return [OutboxMessage.objects.get(pk=message.pk).crashes for message in messages]


def test_a_suspect_is_claimed_by_itself(messages):
    mark(messages[0])

    assert outbox.claim(at=NOON) == [messages[0]]


def test_a_suspect_is_not_claimed_among_clean_ones(messages):
    mark(messages[1])

    assert outbox.claim(at=NOON, among=outbox.CLEAN) == [messages[0], messages[2], messages[3]]


def test_a_suspect_behind_clean_ones_is_left_for_a_claim_of_its_own(messages):
    mark(messages[1])

    assert outbox.claim(at=NOON) == [messages[0], messages[2], messages[3]]


def test_a_claim_among_suspects_finds_the_suspect_behind_others(messages):
    mark(messages[3])

    assert outbox.claim(at=NOON, among=outbox.SUSPECT) == [messages[3]]
    assert outbox.claim(at=NOON, among=outbox.SUSPECT) == []


def test_a_suspect_is_due_while_one_waits(messages):
    assert not outbox.suspect_is_due(at=NOON)

    mark(messages[3])

    assert outbox.suspect_is_due(at=NOON)


def test_a_message_that_succeeds_is_clean_again(messages):
    mark(messages[0], crashes=4)

    outbox.drain(at=NOON, world=make_world(FakeStore()))

    assert crashes(messages) == [0] * 8


def test_of_eight_that_died_with_the_poisonous_one_it_alone_is_held(messages):
    poison = messages[5]
    batches, at = [outbox.claim(at=NOON), outbox.claim(at=NOON)], NOON
    assert [len(batch) for batch in batches] == [4, 4]

    for _ in range(outbox.CRASHES_ALLOWED):
        at += timedelta(seconds=121)
        outbox.take_back_expired(at=at)
        until_the_worker_dies(poison, at)

    poison.refresh_from_db()
    assert (poison.status, poison.crashes) == (OutboxStatus.HELD, outbox.CRASHES_ALLOWED)
    assert poison.error_reference in poison.reason
    assert OutboxMessage.objects.filter(status=OutboxStatus.DONE).count() == 7


def until_the_worker_dies(poison: OutboxMessage, at: datetime) -> None:
    """Carry out what is due as a single worker does; one that meets the poison leaves everything as it stands."""
    world = make_world(FakeStore())
    while claimed := outbox.claim(at=at):
        for message in claimed:
            if message == poison:
                return
            outbox.carry_out(message, world)


# --- the crew --------------------------------------------------------------------------------------


@pytest.fixture
def crew():
    made = Crew(3, make_world(FakeStore()))
    made.stop()  # what it is given stays undone
    return made


def test_beside_a_suspect_the_crew_has_no_room(messages, crew):
    mark(messages[0])

    crew.give(outbox.claim(at=NOON)[:1])

    assert (crew.alone, crew.free) == (True, 0)


def test_beside_a_clean_message_the_crew_has_room(messages, crew):
    crew.give(outbox.claim(at=NOON)[:1])

    assert (crew.alone, crew.free) == (False, 2)


def test_a_busy_crew_lets_a_suspect_wait_until_it_has_finished(messages, crew):
    crew.give(outbox.claim(at=NOON)[:1])
    mark(*messages[4:])

    assert _claim(crew, suspect_due=True, at=NOON) == []
    assert _claim(crew, suspect_due=False, at=NOON) == []

    crew.busy = 0
    assert _claim(crew, suspect_due=True, at=NOON) == [messages[4]]
