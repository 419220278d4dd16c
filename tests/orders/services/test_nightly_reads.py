"""What nobody told us of orders that stand at a destination is found within a day."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connectors.models import Connection, ConnectionState
from orders.enums import FulfillmentStatus, OrderStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import nightly_reads
from tests.factories import NOON, make_merchant, make_order
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db
NIGHT = NOON + timedelta(hours=15)


@pytest.fixture
def pushed() -> Pushed:
    pushed = make_pushed()
    OrderPush.objects.update(pushed_at=NOON)
    return pushed


def test_an_order_that_was_deleted_there_without_a_word_is_noticed(pushed: Pushed):
    pushed.store.orders.clear()

    assert nightly_reads.promise(at=NIGHT) == 1
    pushed.store.clock.at = NIGHT + nightly_reads.APART
    pushed.drain()

    assert pushed.push.remote_cancelled
    assert pushed.history("push.held") == ["#1001 was deleted in Kauri Shopify."]


def test_a_held_order_that_stands_there_is_read_too(pushed: Pushed):
    OrderPush.objects.update(status="held", reason="Another total.")
    pushed.store.fulfill(pushed.push.remote_id)

    assert nightly_reads.promise(at=NIGHT) == 1
    pushed.store.clock.at = NIGHT + nightly_reads.APART
    pushed.drain()

    assert pushed.order.fulfillment_status == FulfillmentStatus.FULFILLED


def test_one_night_is_one_reading(pushed: Pushed):
    nightly_reads.promise(at=NIGHT)
    OutboxMessage.objects.filter(topic=Topic.PULL_REMOTE).update(status="done", done_at=NIGHT)

    nightly_reads.promise(at=NIGHT)

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Order, {"fulfillment_status": FulfillmentStatus.FULFILLED}),
        (Order, {"status": OrderStatus.CANCELLED}),
        (OrderPush, {"remote_cancelled": True}),
        (OrderPush, {"pushed_at": NIGHT - timedelta(hours=11)}),
        (OrderPush, {"pushed_at": NIGHT - timedelta(days=61)}),
        (Connection, {"state": ConnectionState.AUTH_LOST}),
    ],
)
def test_what_is_over_new_or_out_of_reach_is_not_read(pushed: Pushed, model, fields):
    model.objects.update(**fields)

    assert nightly_reads.promise(at=NIGHT) == 0


def test_what_is_going_to_be_read_anyway_is_left_alone(pushed: Pushed):
    nightly_reads.promise(at=NIGHT)

    assert nightly_reads.promise(at=NIGHT + timedelta(days=1)) == 0


def test_more_than_one_night_takes_are_read_in_turn_and_apart(pushed: Pushed, monkeypatch):
    monkeypatch.setattr(nightly_reads, "AT_ONCE", 2)
    for _ in range(4):
        make_pushed(store=pushed.store, connection=pushed.push.connection)
    OrderPush.objects.update(pushed_at=NOON)

    read, most = set(), 0
    for night in range(3):
        most = max(most, nightly_reads.promise(at=NIGHT + timedelta(days=night)))
        rows = OutboxMessage.objects.filter(topic=Topic.PULL_REMOTE, status="waiting")
        due = sorted(rows.values_list("next_attempt_at", flat=True))
        assert all(later - sooner == nightly_reads.APART for sooner, later in pairwise(due))
        read |= set(rows.values_list("push", flat=True))
        rows.update(status="done", done_at=NIGHT)

    assert (len(read), most) == (5, 2)


def test_payments_are_read_apart_so_that_captures_pass_them():
    merchant = make_merchant()
    for _ in range(3):
        make_order(merchant)

    assert nightly_reads.promise_payments(at=NIGHT) == 3

    checks = OutboxMessage.objects.filter(payload={nightly_reads.PAYMENT: True})
    due = list(checks.order_by("next_attempt_at").values_list("next_attempt_at", flat=True))
    assert due == [NIGHT + number * nightly_reads.APART for number in range(3)]


def test_it_costs_as_many_statements_for_many_as_for_one(pushed: Pushed):
    with CaptureQueriesContext(database) as for_one:
        nightly_reads.promise(at=NIGHT)
    for _ in range(3):
        make_pushed(store=pushed.store, connection=pushed.push.connection)
    OrderPush.objects.update(pushed_at=NOON)
    OutboxMessage.objects.all().delete()

    with CaptureQueriesContext(database) as for_four:
        nightly_reads.promise(at=NIGHT)

    assert len(for_four) <= len(for_one)
