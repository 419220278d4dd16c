from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from connectors.base import RemoteOrder, RemoteRef
from connectors.errors import RetryableError
from connectors.models import Connection, ConnectionState
from connectors.services import health, limits
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import OutboxMessage
from orders.services import outbound, reconcile
from orders.services.keys import push_key
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db


def poll(pushed: Pushed) -> int:
    asked = reconcile.poll_changes(world=pushed.world)
    pushed.push.connection.refresh_from_db()
    return asked


def test_a_fulfillment_whose_webhook_was_lost_is_found():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)

    poll(pushed)
    pushed.drain()

    assert pushed.order.status == OrderStatus.COMPLETED


def test_an_order_that_is_known_as_it_is_makes_no_read():
    pushed = make_pushed()

    poll(pushed)

    assert pushed.promised(Topic.PULL_REMOTE) == []


def test_the_watermark_is_the_newest_change_that_was_seen():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    seen = pushed.remote.updated_at
    pushed.store.clock.advance(3600)

    poll(pushed)

    assert pushed.push.connection.polled_until == seen


def test_the_watermark_stays_where_nothing_was_seen():
    pushed = make_pushed()
    poll(pushed)
    before = pushed.push.connection.polled_until
    pushed.store.orders.clear()
    pushed.store.clock.advance(3600)

    poll(pushed)

    assert pushed.push.connection.polled_until == before == NOON


def test_a_change_that_was_indexed_late_is_found_within_the_overlap():
    pushed = make_pushed()
    other = make_pushed(store=pushed.store, connection=pushed.push.connection)
    hidden = pushed.store.fulfill(pushed.push.remote_id) and pushed.store.orders.pop(pushed.push.remote_id)
    pushed.store.clock.advance(300)
    pushed.store.fulfill(other.push.remote_id)
    poll(pushed)
    pushed.store.orders[pushed.push.remote_id] = hidden
    pushed.store.clock.advance(600)

    poll(pushed)
    pushed.drain()

    assert pushed.order.status == OrderStatus.COMPLETED


def test_a_connection_is_asked_again_when_it_is_due():
    pushed = make_pushed()

    assert [poll(pushed), poll(pushed)] == [1, 0]
    pushed.store.clock.advance(300)
    assert poll(pushed) == 1


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.AUTH_LOST, ConnectionState.REMOVED])
def test_a_connection_that_is_not_active_is_not_asked(state: ConnectionState):
    pushed = make_pushed()
    pushed.push.connection.state = state
    pushed.push.connection.save()

    assert poll(pushed) == 0


@pytest.mark.parametrize("fault", ["down", "throttled", "rejected"])
def test_a_store_that_does_not_answer_delays_no_other(fault: str):
    pushed = make_pushed()
    other = make_pushed(store=pushed.store)
    pushed.store.fulfill(other.push.remote_id)
    pushed.store.next_fault = fault

    assert poll(pushed) == 2
    assert len(other.promised(Topic.PULL_REMOTE)) == 1


def test_a_fault_of_ours_with_one_store_delays_no_other(caplog: pytest.LogCaptureFixture):
    pushed = make_pushed()
    make_pushed(store=pushed.store)
    answers = iter([ZeroDivisionError(), []])

    def changed_since(since):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pushed.store.changed_since = changed_since

    assert poll(pushed) == 2
    assert [record.message for record in caplog.records] == ["poll failed"]


def test_a_dead_token_is_told_once():
    pushed = make_pushed()
    pushed.store.next_fault = "auth"

    poll(pushed)

    assert pushed.push.connection.state == ConnectionState.AUTH_LOST
    assert list(OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).values_list("payload__kind", flat=True)) == [
        "reconnect"
    ]


def test_an_order_that_is_there_but_not_recorded_is_taken_over():
    store, connection = FakeStore(), make_connection(created_at=NOON)
    order = make_order(
        connection.merchant, connections=[connection], status=OrderStatus.CONFIRMED,
        payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1},
    )  # fmt: skip
    push = order.pushes.get()
    ref = store.add(outbound.build(push))
    with transaction.atomic():
        outbox.post(
            Topic.PUSH_ORDER, order=order, push=push, connection=connection, key=push_key(push), at=NOON, delay_s=900
        )
    OutboxMessage.objects.update(maybe_sent_at=NOON)

    reconcile.poll_changes(world=make_world(store))
    outbox.drain(at=NOON, world=make_world(store))

    push.refresh_from_db()
    assert (push.status, push.remote_id, push.adopted) == (PushStatus.PUSHED, ref.remote_id, True)
    assert push.remote_total == order.total


@pytest.mark.plants("I1", "the store has a second copy")
def test_two_orders_with_one_reference_raise_one_alarm_and_cancel_nothing():
    pushed = make_pushed()
    pushed.store.add(outbound.build(pushed.push))

    poll(pushed)
    pushed.store.clock.advance(600)
    poll(pushed)

    assert len(pushed.history("push.duplicate")) == 1
    assert [message.payload["kind"] for message in pushed.promised(Topic.TELL_MERCHANT)] == ["suspected_duplicate"]
    assert [order.cancelled for order in pushed.store.orders.values()] == [False, False]


@pytest.mark.plants("I1", "the store has a second copy")
def test_a_second_copy_is_found_though_the_first_has_not_changed():
    pushed = make_pushed()
    poll(pushed)
    pushed.store.clock.advance(3600)
    pushed.store.add(outbound.build(pushed.push))

    poll(pushed)

    assert len(pushed.history("push.duplicate")) == 1


@pytest.mark.plants("I1", "the store has a second copy")
def test_a_copy_that_was_cancelled_raises_no_alarm():
    pushed = make_pushed()
    copy = pushed.store.add(outbound.build(pushed.push))
    pushed.store.change(copy.remote_id, cancelled=True)

    poll(pushed)

    assert pushed.history("push.duplicate") == []


def test_a_reference_of_another_shop_is_not_ours():
    pushed = make_pushed()
    stranger = make_connection(created_at=NOON - timedelta(days=1))
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.push.connection.state = ConnectionState.PAUSED
    pushed.push.connection.save()

    assert poll(pushed) == 1
    stranger.refresh_from_db()
    assert stranger.polled_until is not None
    assert pushed.promised(Topic.PULL_REMOTE) == []


# --- hundreds of changes in a list that is read page by page ---


class BusyStore(FakeStore):
    """Lists its changes page by page, without versions, and throttles after so many pages."""

    def __init__(self, *, pages: int, page_s: float = 0.0, per_page: int = 100) -> None:
        super().__init__()
        self.pages, self.page_s, self.per_page = pages, page_s, per_page

    def changed_since(self, since):
        rows = super().changed_since(since)
        for number, start in enumerate(range(0, len(rows), self.per_page), start=1):
            if number > self.pages:
                raise RetryableError("Too many requests.", throttled=True, after_s=10)
            self.clock.advance(self.page_s)
            yield from [replace(row, remote_version="", shipments=()) for row in rows[start : start + self.per_page]]

    def crowd(self, count: int) -> None:
        """Orders of the shop's own customers, one a second."""
        for number in range(count):
            self.clock.advance(1)
            ref = RemoteRef(f"foreign-{number}", f"#{number}")
            self.orders[ref.remote_id] = RemoteOrder(ref, "", "NZD", Decimal(1), updated_at=self.clock.now())


def test_a_store_with_hundreds_of_changes_is_read_on_over_several_polls_although_it_throttles():
    store = BusyStore(pages=8)
    pushed = make_pushed(store=store)
    store.crowd(2500)
    store.fulfill(pushed.push.remote_id)

    polls = 0
    while not pushed.promised(Topic.PULL_REMOTE) and polls < 20:
        poll(pushed)
        store.clock.advance(300)
        polls += 1
    pushed.drain()

    assert pushed.order.status == OrderStatus.COMPLETED
    assert polls > 1


def test_what_came_before_a_store_throttled_counts_although_it_is_no_whole_batch():
    store = BusyStore(pages=1, per_page=30)
    pushed = make_pushed(store=store)
    store.fulfill(pushed.push.remote_id)
    store.crowd(40)

    poll(pushed)

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1
    assert pushed.push.connection.poll_goes_on_from == store.orders["foreign-28"].updated_at
    assert pushed.push.connection.poll_error


def test_when_the_time_is_up_within_one_store_its_next_poll_goes_on_there():
    store = BusyStore(pages=99, page_s=30)
    pushed = make_pushed(store=store)
    store.crowd(1000)
    began = store.clock.now()

    poll(pushed)

    assert store.clock.now() - began == timedelta(seconds=60)
    assert pushed.push.connection.poll_goes_on_from == store.orders["foreign-198"].updated_at


def test_a_store_with_more_changes_within_the_overlap_than_one_poll_reads_is_read_to_its_end():
    store = BusyStore(pages=1, per_page=30)
    pushed = make_pushed(store=store)
    store.crowd(300)  # in five minutes
    store.fulfill(pushed.push.remote_id)

    polls = 0
    while not pushed.promised(Topic.PULL_REMOTE) and polls < 30:
        poll(pushed)
        store.clock.advance(300)
        polls += 1

    assert polls == 11


def test_a_reading_of_several_polls_is_not_believed_beyond_the_moment_it_began():
    store = BusyStore(pages=1, per_page=30)
    pushed = make_pushed(store=store)
    store.crowd(50)
    began = store.clock.now()
    poll(pushed)
    store.clock.advance(300)
    store.crowd(60)
    store.pages = 9

    poll(pushed)

    assert (pushed.push.connection.polled_until, pushed.push.connection.poll_goes_on_from) == (began, None)


def test_more_changes_at_one_moment_than_a_poll_has_time_for_are_read_on():
    store = BusyStore(pages=99, page_s=50)
    pushed = make_pushed(store=store)
    store.crowd(250)
    moment = store.clock.now()
    store.orders.update({key: replace(row, updated_at=moment) for key, row in store.orders.items()})
    store.fulfill(pushed.push.remote_id)
    Connection.objects.update(poll_goes_on_from=moment, poll_began_at=moment)

    poll(pushed)

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1


def test_one_change_that_is_listed_by_its_time_is_read_once_while_it_is_fresh_and_once_when_it_is_settled():
    store = BusyStore(pages=1)
    pushed = make_pushed(store=store)
    store.fulfill(pushed.push.remote_id)

    poll(pushed)
    pushed.drain()
    for _ in range(3):
        store.clock.advance(300)
        poll(pushed)
        pushed.drain()

    read = OutboxMessage.objects.filter(topic=Topic.PULL_REMOTE).values_list("key", flat=True).order_by("pk")
    assert [key.endswith("-settled") for key in read] == [False, True]


def test_when_the_time_is_up_the_next_call_goes_on_with_the_rest():
    pushed = make_pushed()
    make_pushed(store=pushed.store)
    slow = pushed.store.changed_since

    def slowly(since):
        pushed.store.clock.advance(60)
        return slow(since)

    pushed.store.changed_since = slowly

    assert [poll(pushed), poll(pushed)] == [1, 1]


def test_a_poll_that_fails_is_told_until_one_is_answered_whatever_else_succeeds():
    pushed = make_pushed()
    pushed.store.next_fault = "down"
    poll(pushed)
    connection = pushed.push.connection
    assert connection.poll_error

    limits.record(connection.pk, outcome="ok", at=NOON + timedelta(minutes=1))
    connection.refresh_from_db()
    assert health.of(connection, at=NOON + timedelta(minutes=2)).headline == "Changes could not be fetched"

    pushed.store.clock.advance(3600)
    poll(pushed)
    assert connection.poll_error == ""
