"""What customers ask back: through their link alone, once at a time, answered by mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core import mail, signing

from orders.enums import RefundReason, RefundRequestStatus, Topic
from orders.errors import InvalidRefund, TransitionNotAllowed
from orders.models import Order, OutboxMessage, RefundPicture, RefundRequest
from orders.services import clock, refund_links, refund_quotes, refund_requests, refunds
from orders.services.refund_requests import AskedLine
from tests.factories import NOON, make_order
from tests.orders.services.refundable import drain, issue, make_paid, wanted

pytestmark = pytest.mark.django_db


def ask(order: Order, units: int = 1, **fields: object) -> RefundRequest:
    values = {"lines": (AskedLine("1", units),), "reason": RefundReason.DAMAGED, "note": "It wobbles.", "at": NOON}
    return refund_requests.ask(order_id=order.pk, **{**values, **fields})


def answer(request: RefundRequest, order: Order) -> None:
    wish = refund_requests.wanted(request, refund_quotes.left_of(order))
    refunds.issue(order_id=order.pk, wanted=wish, by="ana", at=NOON, request_id=request.pk)


def test_the_merchant_is_told_once_of_a_request():
    order = make_paid()

    ask(order, 2)

    told = OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT)
    assert told.payload == {"kind": "refund_asked", "reason": "The customer asks for a refund: arrived damaged."}
    assert [event.by for event in order.events.all()] == ["The customer"]


def test_one_request_is_open_at_a_time():
    order = make_paid()
    ask(order)

    with pytest.raises(TransitionNotAllowed, match="asked for a refund already"):
        ask(order)


def test_a_link_makes_no_more_than_ten_requests():
    order = make_paid()
    for _ in range(refund_requests.MOST_OPENED):
        refund_requests.decline(request_id=ask(order).pk, answer="No.", by="ana", at=NOON)

    with pytest.raises(TransitionNotAllowed, match="Too many"):
        ask(order)


@pytest.mark.parametrize(
    "fields",
    [
        {"lines": ()},
        {"lines": (AskedLine("1", 4),)},
        {"lines": (AskedLine("1", 0),)},
        {"lines": (AskedLine("1", -1),)},
        {"lines": (AskedLine("9", 1),)},
        {"reason": "cancelled"},
        {"reason": "whatever"},
    ],
    ids=str,
)
def test_a_request_for_what_is_not_there_is_refused(fields: dict):
    order = make_paid()

    with pytest.raises(InvalidRefund):
        ask(order, **fields)


def test_nothing_is_asked_back_of_an_order_that_is_not_paid():
    with pytest.raises(InvalidRefund, match="nothing left to refund"):
        ask(make_order())


def test_units_that_were_given_back_are_not_asked_for_again():
    order = make_paid()
    issue(order, {"1": 3})

    with pytest.raises(InvalidRefund):
        ask(order, 1)


def test_issuing_answers_the_request_and_the_customer_is_told_when_the_money_is_given():
    order = make_paid()
    request = ask(order, 2)

    answer(request, order)
    assert mail.outbox == []
    drain()

    request.refresh_from_db()
    told = next(message for message in mail.outbox if message.to == [order.customer_email])
    assert (request.status, request.decided_by) == (RefundRequestStatus.ISSUED, "ana")
    assert "has agreed to your request: 20.00 NZD" in told.body


def test_declining_tells_the_customer_why():
    order = make_paid()
    request = ask(order, 2)

    refund_requests.decline(request_id=request.pk, answer="Older than 30 days.\nSorry.", by="ana", at=NOON)
    drain()

    told = next(message for message in mail.outbox if message.to == [order.customer_email])
    assert "Their answer: Older than 30 days. Sorry." in told.body
    assert "2 × Oak stool" in told.body  # noqa: RUF001  # the sign that people read
    assert "Older than 30 days. Sorry." in told.alternatives[0][0]


def test_a_request_is_answered_once():
    order = make_paid()
    request = ask(order)
    answer(request, order)

    with pytest.raises(TransitionNotAllowed, match="issued by ana"):
        refund_requests.decline(request_id=request.pk, answer="No.", by="ben", at=NOON)
    with pytest.raises(TransitionNotAllowed, match="issued by ana"):
        refunds.issue(order_id=order.pk, wanted=wanted({"2": 1}), by="ben", at=NOON, request_id=request.pk)


def test_a_request_whose_refund_is_withdrawn_waits_again():
    order = make_paid()
    request = ask(order)
    answer(request, order)

    refunds.withdraw(refund_id=order.refunds.get().pk, by="ana", at=NOON)

    request.refresh_from_db()
    assert request.status == RefundRequestStatus.OPEN


def test_a_request_is_issued_as_far_as_its_units_are_left():
    order = make_paid()
    request = ask(order, 3)
    issue(order, {"1": 2})

    wish = refund_requests.wanted(request, refund_quotes.left_of(order))

    assert [(line.id, line.quantity) for line in wish.lines] == [("1", 1)]


def test_pictures_are_deleted_half_a_year_after_the_answer():
    order = make_paid()
    request = ask(order, lines=(AskedLine("1", 1, b"jpeg"), AskedLine("2", 1, b"jpeg")))
    clock.prune(at=NOON + timedelta(days=999))
    assert RefundPicture.objects.count() == 2
    refund_requests.decline(request_id=request.pk, answer="No.", by="ana", at=NOON)

    clock.prune(at=NOON + clock.KEEP_PICTURES)
    assert RefundPicture.objects.count() == 2
    clock.prune(at=NOON + clock.KEEP_PICTURES + timedelta(seconds=1))
    assert RefundPicture.objects.count() == 0


# --- the link ---


def test_a_link_opens_its_order_for_ninety_days():
    order = make_paid()
    with time_machine.travel(NOON, tick=False):
        token = refund_links.url_for(order).rstrip("/").rpartition("/")[2]
    with time_machine.travel(NOON + refund_links.VALID_FOR - timedelta(seconds=1), tick=False):
        assert refund_links.order_of(token) == order
    with time_machine.travel(NOON + refund_links.VALID_FOR + timedelta(seconds=2), tick=False):
        assert refund_links.order_of(token) is None


def test_a_link_that_was_made_for_something_else_opens_nothing():
    order = make_paid()

    assert refund_links.order_of(signing.dumps(order.public_id)) is None
    assert refund_links.order_of(order.public_id) is None
