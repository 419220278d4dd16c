"""A preview shows what would be sent, where it comes from, and what is another since the last time."""

from __future__ import annotations

import json

import pytest

from connectors.base import PreviewCall
from connectors.errors import RejectedError
from connectors.models import Connection
from orders.enums import OrderStatus, PushStatus
from orders.models import OrderPush
from orders.services import preview
from orders.services.preview import NOTHING, Change
from tests.factories import make_connection, make_order
from tests.fakes import FakeStore
from tests.orders.services.split import make_paid

pytestmark = pytest.mark.django_db


class ToldStore(FakeStore):
    """Says where its fields come from, and that it has a key."""

    def calls_for(self, order):
        body = json.dumps({"order": {"number": order.number, "lines": len(order.lines)}, "mode": "live"}).encode()
        sources = {"order.number": ("order",), "order.lines": ("line", "product link")}
        return (PreviewCall("POST", "/orders", {"X-Key": "(hidden)"}, body, sources=sources),)


def a_push(**fields) -> OrderPush:
    return make_order(connections=[make_connection(name="Kauri")], **fields).pushes.select_related("order").get()


def test_each_field_says_where_it_comes_from():
    push = a_push()

    (call,) = preview.of(push, ToldStore()).calls

    assert [(field.path, field.value, field.sources) for field in call.fields] == [
        ("order.number", f'"{push.order.number}"', ("order",)),
        ("order.lines", "2", ("line", "product link")),
        ("mode", '"live"', ()),
    ]


def test_a_driver_that_says_no_more_shows_its_body():
    push = a_push()

    (call,) = preview.of(push, FakeStore()).calls

    assert json.loads(call.text) == {"reference": push.reference, "total": str(push.total)}
    assert (call.call.path, call.fields[0].sources) == ("", ())


def test_what_is_sent_is_kept_with_its_time_and_without_headers():
    split = make_paid()
    split.drain()

    push = split.push(split.first)

    body = {"reference": push.reference, "total": str(split.order.total)}
    assert push.sent_calls == [{"method": "POST", "path": "", "body": body}]
    assert push.sent_at == split.world.now()


def test_a_push_that_was_not_sent_has_nothing_to_compare():
    assert preview.of(a_push(), FakeStore()).changes == ()


def test_what_is_another_since_the_last_sending_is_shown():
    split = make_paid()
    split.store(split.first).next_fault = "rejected"
    split.drain()
    push = split.push(split.first)
    assert preview.of(push, split.store(split.first)).changes == ()

    push.total = push.subtotal = 5
    push.discount = push.shipping = 0

    (change,) = preview.of(push, split.store(split.first)).changes
    assert change == Change("0.body.total", '"106.9900"', '"5"')


def test_differences_name_the_place():
    before, after = {"a": [1, 2], "b": {"c": None}}, {"a": [1], "b": {"c": 1}, "d": "x"}

    found = list(preview.differences(before, after))

    assert found == [Change("a.1", "2", NOTHING), Change("b.c", "null", "1"), Change("d", NOTHING, '"x"')]


def test_true_and_one_are_not_the_same():
    assert len(list(preview.differences({"a": True}, {"a": 1}))) == 1


def test_a_driver_that_cannot_form_the_call_says_why():
    class Stuck(FakeStore):
        def calls_for(self, order):
            raise RejectedError("A key or token holds characters that cannot be sent.")

    shown = preview.of(a_push(), Stuck())

    assert (shown.calls, shown.refusal) == ((), "A key or token holds characters that cannot be sent.")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": PushStatus.SKIPPED, "wait_for": "", "reason": "Left out by ana."}, "Left out by ana."),
        ({}, ""),
    ],
)
def test_it_says_why_nothing_will_be_sent(fields: dict, words: str):
    push = a_push()
    OrderPush.objects.filter(pk=push.pk).update(**fields)

    assert preview.of(OrderPush.objects.get(pk=push.pk), FakeStore()).not_sent == words


def test_a_declined_order_is_not_sent():
    assert preview.why_not_sent(a_push(status=OrderStatus.DECLINED)) == "The order is declined: nothing will be sent."


def test_a_store_that_left_gets_nothing():
    push = a_push()
    Connection.objects.update(state="removed")

    assert "Kauri was disconnected" in preview.why_not_sent(OrderPush.objects.get(pk=push.pk))


def test_what_is_there_is_not_sent_again():
    split = make_paid()
    split.drain()

    assert "#1001 is in Kauri already" in preview.why_not_sent(split.push(split.first))
