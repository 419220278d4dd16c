"""An order gets to its store exactly once, whatever the store answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core import mail
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.http import CallRecord
from connectors.models import CallLog, Connection, ConnectionState
from connectors.services import connections, links
from connectors.services.calls import Log
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage, SyncFault
from orders.services import decisions, outbound, pushes
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


def captured(store: FakeStore, *, settings: dict | None = None) -> OrderPush:
    """An order whose payment is taken and whose push is due."""
    store.stock_up("A")
    order = make_order(connections=[make_connection(settings=settings)], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON)
    outbox.carry_out(message, make_world(store))
    return order.pushes.select_related("connection", "order").get()


def drained(store: FakeStore, push: OrderPush) -> OrderPush:
    outbox.drain(world=make_world(store))
    return OrderPush.objects.select_related("order").get(pk=push.pk)


def message_of(push: OrderPush) -> OutboxMessage:
    return OutboxMessage.objects.get(push=push, topic=Topic.PUSH_ORDER)


def test_the_push_is_read_back_and_equal_to_the_cent():
    store = FakeStore()

    push = drained(store, captured(store))

    assert (push.status, push.remote_total, push.read_back_at) == (PushStatus.PUSHED, push.order.total, NOON)


def test_a_push_costs_no_more_statements_than_it_did():
    """Without those of the call log and of transactions, which the store in memory and SQLite have fewer of."""
    store = FakeStore()
    captured(store)
    (message,) = outbox.claim(at=NOON)

    with CaptureQueriesContext(database) as seen:
        outbox.carry_out(message, make_world(store))

    statements = [query["sql"] for query in seen if query["sql"].startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))]
    assert (OrderPush.objects.get().status, len(statements)) == (PushStatus.PUSHED, 18)


def test_a_lost_answer_is_looked_for_and_adopted():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "timeout_after_create"
    push = drained(store, push)
    assert push.status == PushStatus.UNKNOWN

    store.clock.advance(60)
    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)


def lost(store: FakeStore) -> OrderPush:
    """An order that is there, of which nobody here knows."""
    push = captured(store)
    store.next_fault = "timeout_after_create"
    drained(store, push)
    store.half_made.update(store.orders)
    store.clock.advance(60)
    return push


def test_an_order_that_was_found_half_made_is_completed():
    store = FakeStore()

    push = drained(store, lost(store))

    assert (push.status, push.adopted, store.half_made) == (PushStatus.PUSHED, True, set())


def test_an_order_that_was_found_and_cannot_be_completed_is_held():
    store = FakeStore()
    push = lost(store)
    store.lacks = Blocker(BlockerCode.INTERNAL_ERROR, "The store has another product.", "lines[0].sku")

    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.HELD, True, 1)
    assert push.blockers[0]["message"] == "The store has another product."


def test_what_cannot_be_completed_yet_is_completed_when_it_is_read():
    store = FakeStore()
    push = lost(store)
    step(store)
    store.next_fault = ""
    push = OrderPush.objects.get(pk=push.pk)
    assert push.read_back_at is None

    store.clock.advance(3600)
    push = drained(store, push)

    assert (push.status, push.remote_total, store.half_made) == (PushStatus.PUSHED, push.order.total, set())


def step(store: FakeStore) -> None:
    """The order is found, and the store is down when it is to be completed."""
    (message,) = outbox.claim(at=store.clock.now())
    for at in outbox.steps(message, make_world(store)):
        if at == "reading back":
            store.next_fault = "down"


def test_not_found_is_not_believed_before_the_horizon():
    store = FakeStore(index_lag_s=100)
    push = captured(store)
    store.next_fault = "timeout_after_create"
    drained(store, push)
    store.clock.advance(30)

    drained(store, push)
    assert store.calls.count("create") == 1
    store.clock.advance(120)
    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)


def test_an_order_that_the_store_says_it_has_is_looked_for_at_once_and_adopted():
    store = FakeStore()
    store.unique_references = True
    push = captured(store)
    store.add(outbound.build(push))  # by a worker whose mark nobody kept

    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)
    assert store.calls.count("create") == 1


def test_an_order_that_the_store_has_but_does_not_show_yet_is_looked_for_until_the_horizon():
    store = FakeStore(index_lag_s=100)
    store.unique_references = True
    push = captured(store)
    store.add(outbound.build(push))
    assert drained(store, push).status == PushStatus.UNKNOWN

    store.clock.advance(130)
    push = drained(store, push)

    assert (push.status, push.adopted, store.calls.count("create")) == (PushStatus.PUSHED, True, 1)


def test_an_order_that_the_store_says_it_has_and_never_shows_is_held():
    store = FakeStore(index_lag_s=10_000)
    store.unique_references = True
    push = captured(store)
    store.add(outbound.build(push))
    drained(store, push)
    store.clock.advance(130)

    push = drained(store, push)

    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "already_at_destination")
    assert len(store.orders) == 1


def test_what_never_arrived_is_sent_again_after_the_horizon():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "timeout_after_create"
    drained(store, push)
    store.orders.clear()
    store.clock.advance(130)

    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, False, 1)


def test_a_store_that_is_down_is_tried_again_on_the_schedule():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "down"
    push = drained(store, push)
    message = message_of(push)
    assert (push.status, message.tries, message.maybe_sent_at) == (PushStatus.QUEUED, 1, None)
    assert 5 <= (message.next_attempt_at - NOON).total_seconds() <= 10

    store.clock.advance(10)
    assert drained(store, push).status == PushStatus.PUSHED


def test_a_rate_limit_costs_no_try_and_slows_the_connection():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "throttled"

    push = drained(store, push)

    assert message_of(push).tries == 0
    assert (Connection.objects.get().open_until - NOON).total_seconds() == 2


def test_a_refusal_is_held_with_its_reason_and_the_merchant_is_told():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "rejected"

    push = drained(store, push)

    assert (push.status, push.blockers[0]["code"], push.order.headline) == (
        PushStatus.HELD,
        "province_unknown",
        "push_failed",
    )
    assert len(mail.outbox) == 0 or push.order.number in mail.outbox[0].body


def test_retry_by_hand_goes_on_without_counting_attempts_anew():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "rejected"
    drained(store, push)
    before = message_of(push).attempts

    pushes.retry(push_id=push.pk, by="ana", at=NOON)

    assert drained(store, push).status == PushStatus.PUSHED
    assert message_of(push).attempts == before + 1


def test_a_dead_token_makes_all_wait_and_a_new_one_lets_all_go_on():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "auth"
    push = drained(store, push)
    assert (push.status, push.wait_for) == (PushStatus.WAITING, conditions.token_renewed(push.connection_id))
    assert Connection.objects.get().state == ConnectionState.AUTH_LOST

    connections.reconnect(connection_id=push.connection_id, credentials={"access_token": "new"}, by="ana", at=NOON)

    assert drained(store, push).status == PushStatus.PUSHED


def test_a_paused_connection_makes_orders_wait_without_a_call():
    store = FakeStore()
    push = captured(store)
    connections.pause(connection_id=push.connection_id, by="ana", at=NOON)
    calls = len(store.calls)

    drained(store, push)
    assert len(store.calls) == calls
    connections.resume(connection_id=push.connection_id, by="ana", at=NOON)

    assert drained(store, push).status == PushStatus.PUSHED


def test_an_order_kept_in_storeward_does_not_go_out():
    store = FakeStore()
    push = captured(store)
    connections.save_settings(connection_id=push.connection_id, by="ana", at=NOON, sync_orders=False)

    push = drained(store, push)

    assert (push.status, store.orders) == (PushStatus.SKIPPED, {})


@pytest.mark.plants("I5", "called off by a bare update")
def test_cancelled_right_before_the_send_nothing_is_sent():
    store = FakeStore()
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "built":
        pass
    Order.objects.filter(pk=push.order_id).update(status="cancelled")

    for _ in steps:
        pass
    push = drained(store, push)

    assert (push.status, store.orders) == (PushStatus.CANCELLED, {})


def test_cancelled_while_sending_it_is_cancelled_there_too():
    store = FakeStore()
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "created":
        pass
    decisions.cancel(order_id=push.order_id, reason="Changed her mind.", by="ana", at=NOON)

    for _ in steps:
        pass
    push = drained(store, push)

    assert push.status == PushStatus.CANCELLED
    assert [remote.cancelled for remote in store.orders.values()] == [True]


def test_a_worker_that_lost_its_lease_writes_nothing():
    store = FakeStore()
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=message.attempts + 1)

    outbox.carry_out(message, make_world(store))

    push.refresh_from_db()
    assert (push.status, store.orders) == (PushStatus.QUEUED, {})


class LoggingStore(FakeStore):
    """Its calls stand in the log, as those of a store that is spoken to over HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.log: Log | None = None

    def _call(self, verb: str) -> None:
        super()._call(verb)
        if self.log is not None:
            self.log(CallRecord(NOON, "POST", "https://fake.example/", verb, 200, "ok", "", 1))


def test_the_calls_that_create_and_read_back_are_logged_with_the_record():
    store = LoggingStore()
    push = captured(store)
    store.log = Log(push.connection_id)
    (message,) = outbox.claim(at=NOON)
    logged = {}

    for step in outbox.steps(message, make_world(store)):
        logged[step] = list(CallLog.objects.order_by("pk").values_list("operation", flat=True))

    assert (logged["created"], logged["read back"]) == ([], [])
    assert logged["settling"] == ["create", "read"]


def test_the_call_that_reads_back_is_logged_though_the_record_is_not_written():
    store = LoggingStore()
    push = captured(store)
    store.log = Log(push.connection_id)
    (message,) = outbox.claim(at=NOON)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "read back":
        pass
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=message.attempts + 1)

    for _ in steps:
        pass

    push.refresh_from_db()
    assert push.status == PushStatus.SENDING
    assert list(CallLog.objects.order_by("pk").values_list("operation", flat=True)) == ["create", "read"]


def test_a_worker_that_died_after_the_mark_is_followed_by_one_that_looks_first():
    store = FakeStore()
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "created":
        pass
    steps.close()
    store.clock.advance(121)

    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)


def test_a_message_that_kills_its_worker_every_time_is_held():
    store = FakeStore()
    push = captured(store)
    for _ in range(outbox.CRASHES_ALLOWED):
        outbox.take_back_expired(at=store.clock.now())
        assert outbox.claim(at=store.clock.now())
        store.clock.advance(121)

    outbox.take_back_expired(at=store.clock.now())

    push.refresh_from_db()
    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "internal_error")


def test_a_fault_of_ours_is_held_with_a_reference_and_stops_nothing_else(monkeypatch, caplog):
    store = FakeStore()
    push = captured(store)
    monkeypatch.setattr(store, "create", lambda order: 1 / 0)

    push = drained(store, push)

    reference = message_of(push).error_reference
    assert push.status == PushStatus.HELD
    assert reference in push.reason
    assert any(record.reference == reference for record in caplog.records if record.name == "orders.outbox.endings")


def test_a_total_that_differs_there_is_held_and_never_adjusted(monkeypatch):
    store = FakeStore()
    push = captured(store)
    read = store.read
    monkeypatch.setattr(store, "read", lambda remote_id: _dearer(read(remote_id)))

    push = drained(store, push)

    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "total_mismatch")


def test_an_order_that_is_there_without_some_of_its_lines_is_held_and_not_sent_again(monkeypatch):
    store = FakeStore()
    push = captured(store)
    missing = Blocker(BlockerCode.OUT_OF_STOCK, "A is out of stock.", "lines[0].sku", "A")
    create = store.create
    monkeypatch.setattr(store, "create", lambda order: replace(create(order), left_out=(missing,)))

    push = drained(store, push)

    assert (push.status, push.remote_name) == (PushStatus.HELD, "#1001")
    assert [(each["code"], each["value"]) for each in push.blockers] == [
        ("changed_at_destination", ""),
        ("out_of_stock", "A"),
    ]
    assert SyncFault.objects.get().code == "changed_at_destination"
    with pytest.raises(TransitionNotAllowed):
        pushes.retry(push_id=push.pk, by="ana", at=NOON)


def test_a_supplier_s_cost_is_not_held_against_what_was_paid(monkeypatch):
    store = FakeStore()
    push = captured(store)
    Connection.objects.update(platform="ssactivewear")
    read = store.read
    monkeypatch.setattr(store, "read", lambda remote_id: _dearer(read(remote_id)))

    push = drained(store, push)

    assert (push.status, push.blockers) == (PushStatus.PUSHED, [])


def test_a_missing_link_found_at_the_send_is_waited_for_and_released():
    store = FakeStore()
    order = make_order(connections=[make_connection()], lines=[{"sku": "B"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    push = drained(store, order.pushes.get())
    calls = len(store.calls)
    drained(store, push)
    assert len(store.calls) == calls  # it waits without asking

    store.stock_up("C")
    variant = store.variants["C"]
    links.link(
        connection_id=push.connection_id, sku="B", variant_id=variant.variant_id, variant_title="C", by="ana", at=NOON
    )

    assert drained(store, push).status == PushStatus.PUSHED


def test_a_pushed_order_cannot_be_retried_or_left_out():
    store = FakeStore()
    push = drained(store, captured(store))

    for service in (pushes.retry, pushes.skip):
        with pytest.raises(TransitionNotAllowed):
            service(push_id=push.pk, by="ana", at=NOON)


def test_one_busy_connection_does_not_delay_another():
    store = FakeStore()
    busy, small = make_connection(name="Busy"), make_connection(name="Small")
    for connection, count in ((busy, 20), (small, 1)):
        for _ in range(count):
            order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
            decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    store.stock_up("A")

    first = outbox.claim(at=NOON, limit=4)
    second = outbox.claim(at=NOON, limit=4)

    assert {message.order.merchant_id for message in first} == {busy.merchant_id}
    assert {message.order.merchant_id for message in second} == {small.merchant_id}


def _dearer(remote):
    from dataclasses import replace

    return replace(remote, total=remote.total + 1)
