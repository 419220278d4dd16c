"""Pushes that are under way at the same time are read and written together."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connectors.base import RemoteOrder, RemoteRef
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.models import Order, OrderEvent, OrderPush, OutboxMessage
from orders.services import decisions, loading, looks, outbound, push_marks, push_records
from tests.factories import NOON, make_channel, make_connection, make_merchant, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db

GST = [{"title": "GST", "rate": "0.15", "amount": "1.96"}]


def claimed(count: int) -> list[OutboxMessage]:
    """Pushes of paid orders to one connection, about to be sent."""
    store, merchant, channel = FakeStore(), make_merchant(), make_channel()
    store.stock_up("A")
    connection = make_connection(merchant)
    for _ in range(count):
        order = make_order(merchant, channel=channel, connections=[connection], lines=[{"sku": "A", "taxes": GST}])
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    while captures := outbox.claim(at=NOON, limit=count):
        if captures[0].topic == Topic.PUSH_ORDER:
            return captures
        for message in captures:
            outbox.carry_out(message, make_world(store))
    raise AssertionError("no push became due")


def loaded(messages: list[OutboxMessage]) -> list[OrderPush]:
    wanted = [loading.Wanted(message.push_id or 0) for message in messages]
    loading.read_all(wanted)
    return [each.push for each in wanted if each.push]


def marks(messages: list[OutboxMessage], pushes: list[OrderPush]) -> list[push_marks.Sending]:
    return [push_marks.Sending(message, push, NOON) for message, push in zip(messages, pushes, strict=True)]


def sent(messages: list[OutboxMessage], pushes: list[OrderPush], *, more: int = 0) -> list[push_records.Sent]:
    """As they would come back; `more` is what the last holds too much."""
    found = []
    for number, (message, push) in enumerate(zip(messages, pushes, strict=True), start=1):
        ref = RemoteRef(f"id-{number}", f"#{number}")
        total = push.total + (more if message is messages[-1] else 0)
        remote = RemoteOrder(ref, push.reference, "NZD", total)
        found.append(push_records.Sent(message, push, ref, remote, adopted=False, others=(), at=NOON))
    return found


def statements(count: int) -> int:
    messages = claimed(count)
    with CaptureQueriesContext(database) as seen:
        pushes = loaded(messages)
        for push in pushes:
            outbound.build(push)
        push_marks.write_all(marks(messages, pushes))
        push_records.write_all(sent(messages, pushes))
    assert OrderPush.objects.filter(status=PushStatus.PUSHED).count() == count
    return len([query for query in seen if "SAVEPOINT" not in query["sql"]])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_several_pushes_cost_the_statements_of_one(count):
    assert statements(count) == 16


def test_each_push_gets_its_own_record_and_history():
    messages = claimed(3)
    pushes = loaded(messages)
    push_marks.write_all(marks(messages, pushes))

    push_records.write_all(sent(messages, pushes))

    found = OrderPush.objects.order_by("remote_name").values_list("reference", "remote_id", "remote_total", "status")
    assert list(found) == [(push.reference, f"id-{n}", push.total, "pushed") for n, push in enumerate(pushes, start=1)]
    for push in pushes:
        lines = OrderEvent.objects.filter(order=push.order_id, data__push=push.public_id)
        assert [line.kind for line in lines] == ["push.pushed", "push.equal"]
    assert set(Order.objects.values_list("push_status", flat=True)) == {"pushed"}
    assert set(OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).values_list("status", flat=True)) == {"done"}


def test_of_several_one_with_another_total_is_held_and_the_others_are_not():
    messages = claimed(3)
    pushes = loaded(messages)
    push_marks.write_all(marks(messages, pushes))

    push_records.write_all(sent(messages, pushes, more=1))

    assert [push.status for push in OrderPush.objects.order_by("remote_name")] == ["pushed", "pushed", "held"]
    assert OrderPush.objects.get(status="held").blockers[0]["code"] == "total_mismatch"


def test_whether_a_person_should_look_is_asked_where_it_can_be_different_and_nowhere_else():
    messages = claimed(2)
    pushes = loaded(messages)

    with CaptureQueriesContext(database) as seen:
        push_marks.write_all(marks(messages, pushes))
        push_records.write_all(sent(messages, pushes))

    assert not [query for query in seen if "needs_look" in query["sql"]]


def refunded_there(push: OrderPush) -> None:
    OrderPush.objects.filter(pk=push.pk).update(remote_refunded=1)


def given_back(push: OrderPush) -> None:
    OrderPush.objects.filter(pk=push.pk).update(remote_refunded=push.total, given_back=push.total)


@pytest.mark.parametrize("prepare", [refunded_there, given_back])
def test_an_order_with_something_to_see_is_looked_at_with_each_change(prepare):
    messages = claimed(2)
    pushes = loaded(messages)
    prepare(pushes[0])

    push_marks.write_all(marks(messages, pushes))
    push_records.write_all(sent(messages, pushes))

    due = set(Order.objects.filter(looks.needs_look()).values_list("pk", flat=True))
    assert set(Order.objects.filter(needs_look=True).values_list("pk", flat=True)) == due
    assert due == {pushes[0].order_id}


def test_none_of_several_is_marked_when_one_lost_its_lease():
    messages = claimed(3)
    pushes = loaded(messages)
    OutboxMessage.objects.filter(pk=messages[1].pk).update(attempts=9)

    with pytest.raises(outbox.LeaseLost):
        push_marks.write_all(marks(messages, pushes))

    assert not OutboxMessage.objects.exclude(maybe_sent_at=None).filter(topic=Topic.PUSH_ORDER).exists()
    assert [message.maybe_sent_at for message in messages] == [None, None, None]


def test_none_of_several_is_recorded_when_one_lost_its_lease():
    messages = claimed(2)
    pushes = loaded(messages)
    push_marks.write_all(marks(messages, pushes))
    OutboxMessage.objects.filter(pk=messages[1].pk).update(attempts=9)

    with pytest.raises(outbox.LeaseLost):
        push_records.write_all(sent(messages, pushes))

    assert not OrderPush.objects.filter(status=PushStatus.PUSHED).exists()


@pytest.mark.plants("I5", "called off by a bare update")
def test_an_order_called_off_meanwhile_keeps_several_from_being_marked():
    messages = claimed(2)
    pushes = loaded(messages)
    Order.objects.filter(pk=pushes[0].order_id).update(status="cancelled")

    with pytest.raises(outbox.Postponed, match="called off"):
        push_marks.write_all(marks(messages, pushes))

    assert not OutboxMessage.objects.exclude(maybe_sent_at=None).filter(topic=Topic.PUSH_ORDER).exists()
