"""Refunds: what they come to, what is refused, and that each gives its money once whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from connectors.errors import ConnectorError, OutcomeUnknownError, RejectedError
from connectors.gateway.base import AuthorizationGoneError, Refunded
from connectors.gateway.sandbox import SandboxGateway
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, RefundStatus, Topic
from orders.errors import IdempotencyConflict, InvalidRefund, TransitionNotAllowed
from orders.models import Order, OutboxMessage, Payment, Refund, RefundRequest
from orders.services import decisions, owed_back, payment_news, refund_quotes, refunds
from tests.factories import NOON, make_order
from tests.fakes import FakeClock, FakeStore, make_world
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import charge_of, drain, issue, make_paid, wanted

pytestmark = pytest.mark.django_db


def refusals(act: Callable[[], Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRefund) as refusal:
        act()
    return [(problem.field, problem.code) for problem in refusal.value.problems]


# --- what it comes to ---


def test_units_and_shipping_come_to_what_they_cost():
    refund = issue(make_paid(), {"1": 2, "2": 1}, shipping=Decimal("1.50"))

    assert (refund.amount, refund.computed, refund.shipping) == (Decimal("36.50"), Decimal("36.50"), Decimal("1.50"))
    assert list(refund.lines.order_by("pk").values_list("quantity", "amount")) == [(2, 20), (1, 15)]


def test_a_discount_on_the_order_is_shared_out_to_the_cent():
    order = make_paid(discount=Decimal("10.00"))

    amounts = [issue(order, {"1": 1}).amount for _ in range(3)] + [issue(order, {"2": 1}).amount]

    assert amounts == [Decimal("7.78"), Decimal("7.77"), Decimal("7.78"), Decimal("11.67")]


def test_tax_on_top_goes_back_with_its_units():
    taxed = {"sku": "A", "quantity": 2, "unit_price": "10.00", "taxes": [{"amount": "1.75"}]}
    order = make_paid(
        prices_include_tax=False, lines=[taxed], shipping_taxes=[{"amount": "0.50"}], tax=Decimal("2.25"),
        total=Decimal("27.25"),
    )  # fmt: skip

    assert issue(order, {"1": 1}).amount == Decimal("10.88")
    assert issue(order, {"1": 1}, shipping=Decimal("5.50")).amount == Decimal("16.37")


def test_the_merchant_may_lower_the_amount_but_not_raise_it():
    order = make_paid()

    assert issue(order, {"1": 2}, amount=Decimal("12.34")).amount == Decimal("12.34")
    assert refusals(lambda: issue(order, {"2": 1}, amount=Decimal("15.01"))) == [("amount", "more_than_computed")]


def test_what_a_lower_amount_left_over_can_be_given_without_lines():
    order = make_paid()
    issue(order, {"1": 3, "2": 1}, shipping=Decimal(5), amount=Decimal(20))

    assert refusals(lambda: issue(order, amount=Decimal("30.01"))) == [("amount", "too_much")]
    assert issue(order, amount=Decimal("30.00")).amount == 30


def test_lines_give_no_more_than_the_money_that_is_left():
    order = make_paid()
    issue(order, amount=Decimal(45))

    assert issue(order, {"1": 3}).amount == 5


def test_a_refund_that_was_withdrawn_leaves_no_cent_behind():
    order = make_paid(lines=[{"sku": "A", "quantity": 3, "unit_price": "5.00"}], discount=Decimal("4.99"), shipping=0)
    first, second = issue(order, {"1": 1}), issue(order, {"1": 1})
    refunds.withdraw(refund_id=first.pk, by="ana", at=NOON)

    rest = issue(order, {"1": 2})

    assert (first.amount, second.amount, rest.amount) == (Decimal("3.34"), Decimal("3.33"), Decimal("6.68"))


# --- what is refused ---


@pytest.mark.parametrize(
    ("lines", "fields", "problem"),
    [
        ({"1": 4}, {}, ("lines[0].quantity", "too_many")),
        ({"1": 0}, {}, ("lines[0].quantity", "out_of_range")),
        ({"1": -1}, {}, ("lines[0].quantity", "out_of_range")),
        ({"9": 1}, {}, ("lines[0].id", "unknown_line")),
        ({}, {}, ("amount", "required")),
        ({}, {"amount": Decimal(0)}, ("amount", "out_of_range")),
        ({"1": 1}, {"amount": Decimal(-1)}, ("amount", "out_of_range")),
        ({}, {"amount": Decimal("50.01")}, ("amount", "too_much")),
        ({}, {"amount": Decimal("1.001")}, ("amount", "too_precise")),
        ({}, {"shipping": Decimal("5.01")}, ("shipping", "too_much")),
        ({}, {"shipping": Decimal(-1)}, ("shipping", "out_of_range")),
        ({}, {"shipping": Decimal("0.005")}, ("shipping", "too_precise")),
    ],
    ids=str,
)
def test_refused_with_its_field(lines: dict, fields: dict, problem: tuple[str, str]):
    order = make_paid()

    assert refusals(lambda: issue(order, lines, **fields)) == [problem]
    assert not Refund.objects.exists()


def test_a_line_named_twice_is_refused():
    twice = refund_quotes.Wanted(wanted({"1": 1}).lines * 2)
    order = make_paid()

    assert refusals(lambda: refund_quotes.quote(order, twice)) == [("lines[1].id", "duplicate_id")]


def test_units_count_once_however_they_were_given():
    order = make_paid()
    issue(order, {"1": 2})

    assert refusals(lambda: issue(order, {"1": 2})) == [("lines[0].quantity", "too_many")]


@pytest.mark.parametrize(
    ("status", "payment", "words"),
    [
        (PaymentStatus.AUTHORIZED, {}, "has not been taken yet"),
        (PaymentStatus.FAILED, {}, "has not been taken yet"),
        (PaymentStatus.VOIDED, {"voided_at": NOON}, "was released, not taken"),
        (PaymentStatus.REFUNDED, {"captured_at": NOON, "captured": 1, "refunded": 1}, "given back in full"),
        (PaymentStatus.NONE, {}, "No payment came"),
    ],
)
def test_without_taken_money_there_is_nothing_to_give_back(status: str, payment: dict, words: str):
    order = make_order(status=OrderStatus.CONFIRMED, payment_status=status, payment=payment)

    with pytest.raises(TransitionNotAllowed, match=words):
        issue(order, {"1": 1})


def test_while_the_payment_is_being_taken_nothing_is_refunded():
    order = make_order()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    with pytest.raises(TransitionNotAllowed, match="has not been taken yet"):
        issue(order, {"1": 1})


def test_the_same_click_twice_is_one_refund():
    order = make_paid()
    ask = {"order_id": order.pk, "wanted": wanted({"1": 1}), "by": "ana", "at": NOON, "key": "click"}

    first, again = refunds.issue(**ask), refunds.issue(**ask)

    assert (first, again) == ((first[0], True), (first[0], False))
    with pytest.raises(IdempotencyConflict):
        refunds.issue(**ask | {"wanted": wanted({"1": 2})})


# --- giving it ---


def test_the_money_goes_back_and_everything_says_so():
    order = make_paid()
    refund = issue(order, {"1": 1})

    drain()

    order.refresh_from_db()
    refund.refresh_from_db()
    assert (refund.status, charge_of(order).refunded) == (RefundStatus.DONE, 1000)
    assert (order.payment_status, order.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, 10)
    assert [event.text for event in order.events.order_by("pk")] == [
        "ana gives 10.00 NZD back for 1 × Oak stool: arrived damaged.",  # noqa: RUF001  # the sign that people read
        "10.00 NZD given back to the customer.",
        "Told the customer by e-mail: refund given.",
    ]


def test_part_after_part_ends_refunded():
    order = make_paid()
    for lines in ({"1": 1}, {"1": 2}, {"2": 1}):
        issue(order, lines)
        drain()
    issue(order, shipping=Decimal(5))

    drain()

    order.refresh_from_db()
    assert (order.payment_status, charge_of(order).refunded) == (PaymentStatus.REFUNDED, 5000)


def test_the_customer_is_told_in_the_merchants_name():
    issue(make_paid(number="AP-7"), {"1": 2}, shipping=Decimal("1.00"))

    drain()

    assert [message.subject for message in mail.outbox] == ["21.00 NZD given back for your order AP-7"]
    assert "2 × Oak stool" in mail.outbox[0].body  # noqa: RUF001  # the sign that people read
    assert "Of it for shipping: 1.00 NZD" in mail.outbox[0].body


def test_cancelling_gives_back_what_refunds_have_left():
    order = make_paid()
    issue(order, {"1": 1})

    decisions.cancel(order_id=order.pk, reason="Flood.", by="ana", at=NOON)
    drain()

    order.refresh_from_db()
    assert (order.payment_status, charge_of(order).refunded) == (PaymentStatus.REFUNDED, 5000)
    assert [refund.amount for refund in order.refunds.order_by("pk")] == [10, 40]
    assert [message.subject for message in mail.outbox] == [
        f"{amount} NZD given back for your order {order.number}" for amount in ("10.00", "40.00")
    ]
    assert "Reason: Order cancelled" in mail.outbox[1].body


def test_cancelling_answers_what_the_customer_asked_for():
    order = make_paid()
    request = RefundRequest.objects.create(order=order, reason="damaged", created_at=NOON)

    decisions.cancel(order_id=order.pk, reason="Flood.", by="ana", at=NOON)
    drain()

    request.refresh_from_db()
    assert (request.status, request.decided_by, request.refunds.get().amount) == ("issued", "ana", 50)
    assert "has agreed to your request" in mail.outbox[0].body


# --- when it goes wrong ---


class Line(SandboxGateway):
    """The sandbox behind a line on which things happen to refunds, one after another."""

    def __init__(self, *happenings: Any) -> None:
        self.happenings = list(happenings)
        self.keys: list[str] = []

    def refund(self, reference: str, *, key: str, **of: Any) -> Refunded:
        self.keys.append(key)
        happening = self.happenings.pop(0) if self.happenings else None
        if isinstance(happening, Exception):
            raise happening
        given = super().refund(reference, key=key, **of)
        if happening == "lost":
            raise OutcomeUnknownError("No answer.")
        if happening == "done all the same":
            raise answered()
        return Refunded(given.refund_id, given.amount, happening or given.status)


def test_a_lost_answer_is_asked_for_again_under_its_key_and_gives_the_money_once():
    order, line, clock = make_paid(), Line("lost"), FakeClock()
    refund = issue(order, {"1": 1})
    drain(line, clock=clock)
    clock.advance(600)

    drain(line, clock=clock)

    refund.refresh_from_db()
    assert (refund.status, charge_of(order).refunded) == (RefundStatus.DONE, 1000)
    assert line.keys == [refunds.key_of(refund)] * 2


def test_a_request_that_never_arrived_is_sent_again_under_its_key():
    order, line, clock = make_paid(), Line(OutcomeUnknownError("No answer.")), FakeClock()
    issue(order, {"1": 1})
    drain(line, clock=clock)
    clock.advance(600)

    drain(line, clock=clock)

    assert (charge_of(order).refunded, len(set(line.keys)), len(line.keys)) == (1000, 1, 2)


def later(line: Line, clock: FakeClock, *times: int) -> None:
    for seconds in times:
        clock.advance(seconds)
        drain(line, clock=clock)


def answered() -> OutcomeUnknownError:
    return OutcomeUnknownError("The gateway answered with status 500.", answered=True)


def test_a_fault_that_the_gateway_keeps_for_our_key_is_asked_past_with_another():
    order, line, clock = make_paid(), Line(*(answered() for _ in range(4))), FakeClock()
    refund = issue(order, {"1": 1})

    later(line, clock, 0, 20, 60, 240, 600)

    refund.refresh_from_db()
    key = refunds.key_of(refund)
    assert line.keys == [key] * 4 + [f"{key}:2"]
    assert (refund.status, charge_of(order).refunded) == (RefundStatus.DONE, 1000)
    assert order.events.filter(kind="refund.asked_anew").count() == 1


def test_what_was_given_all_the_same_is_found_and_not_given_again():
    order, line, clock = make_paid(), Line(*(answered() for _ in range(3)), "done all the same"), FakeClock()
    refund = issue(order, {"1": 1})

    later(line, clock, 0, 20, 60, 240, 600)

    refund.refresh_from_db()
    assert (refund.status, charge_of(order).refunded, len(set(line.keys))) == (RefundStatus.DONE, 1000, 2)


def test_silence_is_never_asked_past_with_another_key():
    order, clock = make_paid(), FakeClock()
    line = Line(*(OutcomeUnknownError("No answer.") for _ in range(5)))
    issue(order, {"1": 1})

    later(line, clock, 0, 20, 60, 240, 600, 1200)

    assert (len(line.keys), len(set(line.keys)), charge_of(order).refunded) == (6, 1, 1000)


def test_a_worker_that_comes_late_with_such_a_fault_changes_nothing():
    order = make_paid()
    refund = issue(order, {"1": 1})
    refunds.ask_anew(refund.pk, instead_of=1, at=NOON)

    refunds.ask_anew(refund.pk, instead_of=1, at=NOON)

    refund.refresh_from_db()
    assert refund.request_number == 2
    drain()
    refunds.ask_anew(refund.pk, instead_of=2, at=NOON)
    refund.refresh_from_db()
    assert refund.request_number == 2


def test_two_lost_answers_of_one_order_are_told_apart_by_their_keys():
    order, clock = make_paid(), FakeClock()
    line = Line("lost", OutcomeUnknownError("No answer."))
    issue(order, {"1": 1})
    issue(order, {"1": 1})
    drain(line, clock=clock)
    clock.advance(600)

    drain(line, clock=clock)

    order.refresh_from_db()
    assert (charge_of(order).refunded, order.payment.refunded) == (2000, 20)
    assert set(order.refunds.values_list("status", flat=True)) == {RefundStatus.DONE}


@pytest.mark.parametrize(
    "refusal", [RejectedError("Stripe refused the refund: disputed."), AuthorizationGoneError("unknown"), "failed"]
)
def test_a_refusal_says_why_and_tells_the_merchant(refusal: Any):
    order = make_paid()
    refund = issue(order, {"1": 1})

    drain(Line(refusal))

    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.status, order.payment_status) == (RefundStatus.FAILED, PaymentStatus.CAPTURED)
    assert refund.failure
    told = OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT, order=order)
    assert told.payload["kind"] == "refund_failed"


def test_a_refused_refund_is_tried_again_as_a_new_request():
    order, line = make_paid(), Line(RejectedError("disputed."))
    refund = issue(order, {"1": 1})
    drain(line)

    refunds.try_again(refund_id=refund.pk, by="ana", at=NOON)
    drain(line)

    refund.refresh_from_db()
    assert (refund.status, charge_of(order).refunded, len(set(line.keys))) == (RefundStatus.DONE, 1000, 2)


def test_one_that_was_never_refused_is_tried_again_under_the_same_key():
    order, line = make_paid(), Line(ConnectorError("Nobody knows what happened."))
    refund = issue(order, {"1": 1})
    drain(line)

    refunds.try_again(refund_id=refund.pk, by="ana", at=NOON)
    drain(line)

    assert (charge_of(order).refunded, len(set(line.keys))) == (1000, 1)


def test_a_refund_waits_with_the_reason_while_it_is_tried_again_by_itself():
    refund = issue(make_paid(), {"1": 1})

    drain(Line(OutcomeUnknownError("No answer.")))

    refund.refresh_from_db()
    assert (refund.status, refund.failure) == (RefundStatus.REQUESTED, "No answer.")


def test_a_refused_refund_can_be_withdrawn_and_its_units_given_anew():
    order = make_paid()
    refund = issue(order, {"1": 3})
    drain(Line(RejectedError("disputed.")))

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)

    assert issue(order, {"1": 3}).amount == 30


def test_what_may_have_been_given_is_not_withdrawn():
    refund = issue(make_paid(), {"1": 1})
    drain(Line("lost"))

    with pytest.raises(TransitionNotAllowed, match="may have been given"):
        refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)


def test_a_refund_that_has_not_begun_can_be_withdrawn():
    order = make_paid()
    refund = issue(order, {"1": 1})

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)
    drain()

    assert charge_of(order).refunded == 0
    assert OutboxMessage.objects.get(topic=Topic.REFUND_PAYMENT).status == OutboxStatus.DONE


@pytest.mark.parametrize("act", [refunds.try_again, refunds.withdraw])
def test_a_refund_that_is_done_is_left_alone(act: Callable[..., Refund]):
    refund = issue(make_paid(), {"1": 1})
    drain()

    with pytest.raises(TransitionNotAllowed):
        act(refund_id=refund.pk, by="ana", at=NOON)


# --- a bank that has to take it ---


def paid_by(behaviour: str) -> Order:
    return make_paid(payment={"reference": f"sandbox_{behaviour}_1"})


def test_what_the_bank_has_not_taken_is_on_its_way_and_nobody_is_told_that_it_was_given():
    order = paid_by("slow")
    refund = issue(order, {"1": 1})

    drain()

    refund.refresh_from_db()
    assert (refund.status, refund.failure) == (RefundStatus.REQUESTED, "The customer's bank has not taken it yet.")
    assert (Payment.objects.get(order=order).refunded, mail.outbox) == (0, [])
    with pytest.raises(TransitionNotAllowed, match="may have been given"):
        refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)


@pytest.mark.parametrize(
    ("behaviour", "status", "given", "mails"),
    [("slow", RefundStatus.DONE, 10, 1), ("returned", RefundStatus.FAILED, 0, 0)],
)
def test_a_pending_refund_is_looked_at_again_until_it_ends(behaviour: str, status: str, given: int, mails: int):
    order, clock = paid_by(behaviour), FakeClock()
    refund = issue(order, {"1": 1})
    drain(clock=clock)
    clock.advance(600)

    drain(clock=clock)

    refund.refresh_from_db()
    assert (refund.status, Payment.objects.get(order=order).refunded) == (status, given)
    assert charge_of(order).refunded == given * 100
    assert len([letter for letter in mail.outbox if letter.to == [order.customer_email]]) == mails


def test_a_webhook_has_a_pending_refund_looked_at_at_once():
    order = paid_by("returned")
    refund = issue(order, {"1": 1})
    drain()

    noticed(order)
    drain()

    refund.refresh_from_db()
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, refunds.BANK_REFUSED)


@pytest.mark.parametrize(
    ("before", "status", "given"),
    [({}, PaymentStatus.CAPTURED, 0), ({"2": 1}, PaymentStatus.PARTIALLY_REFUNDED, 15)],
)
def test_money_that_comes_back_after_it_was_given_is_taken_back_here_and_told(before: dict, status: str, given: int):
    order = make_paid()
    if before:
        issue(order, before)
        drain()
    refund = issue(order, {"1": 1})
    drain()
    sent_back(order, refund)

    differs = [noticed(order) for _ in range(2)][-1]

    refund.refresh_from_db()
    payment = Payment.objects.get(order=order)
    assert (refund.status, refund.done_at) == (RefundStatus.FAILED, None)
    assert (payment.status, payment.refunded, differs) == (status, given, [])
    kinds = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).values_list("payload__kind", flat=True)
    assert list(kinds) == ["refund_failed"]


def to_customer(order: Order) -> list[str]:
    return [letter.subject for letter in mail.outbox if letter.to == [order.customer_email]]


def test_a_customer_who_was_told_of_a_refund_is_told_once_that_it_came_back():
    order = make_paid()
    refund = issue(order, {"1": 1})
    drain()
    sent_back(order, refund)

    for _ in range(2):
        noticed(order)
        drain()

    assert to_customer(order) == [
        f"10.00 NZD given back for your order {order.number}",
        f"The refund of 10.00 NZD for your order {order.number} did not arrive",
    ]
    assert "You do not have to do anything" in mail.outbox[-1].body
    assert order.events.filter(text="Told the customer by e-mail: the refund came back.").count() == 1


def test_one_that_came_back_before_the_customer_was_told_is_told_of_in_no_mail():
    order = make_paid()
    refund = issue(order, {"1": 1})
    (message,) = outbox.claim(at=NOON, limit=1)
    outbox.carry_out(message, make_world(FakeStore()))
    refund.refresh_from_db()
    assert refund.status == RefundStatus.DONE
    sent_back(order, refund)

    noticed(order)
    drain()

    assert to_customer(order) == []


def test_when_it_is_given_again_the_customer_is_told_again():
    order = make_paid()
    refund = issue(order, {"1": 1})
    drain()
    sent_back(order, refund)
    noticed(order)
    refunds.try_again(refund_id=refund.pk, by="ana", at=NOON)

    drain()

    assert [subject.split(" for ")[0] for subject in to_customer(order)] == [
        "10.00 NZD given back",
        "The refund of 10.00 NZD",
        "10.00 NZD given back",
    ]


def test_a_refund_that_came_back_is_given_again_under_a_new_key():
    order = make_paid()
    refund = issue(order, {"1": 3})
    drain()
    sent_back(order, refund)
    noticed(order)

    refunds.try_again(refund_id=refund.pk, by="ana", at=NOON)
    drain()

    refund.refresh_from_db()
    assert (refund.status, refund.generation) == (RefundStatus.DONE, 2)
    assert (charge_of(order).refunded, Payment.objects.get(order=order).refunded) == (3000, 30)


def test_an_order_that_was_given_back_in_full_is_open_for_a_refund_again_when_it_came_back():
    order = make_paid()
    refund = issue(order, {"1": 3, "2": 1}, shipping=Decimal(5))
    drain()
    assert Payment.objects.get(order=order).status == PaymentStatus.REFUNDED
    refund.refresh_from_db()
    sent_back(order, refund)
    noticed(order)

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)

    assert issue(order, {"1": 3}).amount == 30


def sent_back(order: Order, refund: Refund) -> None:
    """By the customer's bank, days later, in the sandbox's books."""
    refund.refresh_from_db()
    charge = charge_of(order)
    (known,) = [made for made in charge.answers.values() if made["answer"] == refund.gateway_id]
    known["status"] = "failed"
    charge.refunded -= known["request"]["refund"]
    charge.save()


# --- seen at the gateway ---


def noticed(order: Order) -> list[str]:
    payment_news.notice(gateway="sandbox", reference=order.payment.reference, at=NOON)
    return list(order.events.filter(kind="payment.differs").values_list("text", flat=True))


def test_money_that_went_back_past_us_is_told_once():
    order = make_paid()
    SandboxGateway().refund(order.payment.reference, amount=Decimal(3), currency="NZD", key="by hand", reason="x")

    told = [noticed(order) for _ in range(2)][-1]

    assert told == ["The gateway shows 3.00 NZD given back, Storeward 0.00 NZD. Look at the payment there."]
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 1


def test_our_own_refund_is_no_news():
    order = make_paid()
    issue(order, {"1": 1})
    drain()

    assert noticed(order) == []


def test_a_refund_under_way_is_not_compared():
    order = make_paid()
    issue(order, {"1": 1})
    drain(Line("lost"))

    assert noticed(order) == []


# --- seen in the store ---


def test_what_the_store_gave_back_is_owed_until_it_is_given_here():
    pushed = make_pushed()
    Payment.objects.update(captured=pushed.order.total)
    pushed.store.refund(pushed.push.remote_id, "20.00")
    pushed.pull()

    assert owed_back.of(pushed.order).amount == 20
    issue(pushed.order, amount=Decimal(20))
    assert owed_back.of(pushed.order).amount == 0


def test_a_refund_that_the_store_only_repeats_warns_nobody():
    pushed = make_pushed()
    Payment.objects.update(captured=pushed.order.total)
    issue(pushed.order, amount=Decimal(20))

    pushed.store.refund(pushed.push.remote_id, "20.00")
    pushed.pull()

    assert pushed.promised(Topic.TELL_MERCHANT) == []


@pytest.mark.parametrize(
    ("amount", "lines", "shipping", "rest"),
    [
        ("50.00", {"1": 3, "2": 1}, "5", None),
        ("5.00", {}, "5", None),
        ("20.00", {"1": 2}, "0", None),
        ("15.00", {"2": 1}, "0", None),
        ("7.00", {}, "0", "7"),
        ("99.00", {}, "0", "50"),
    ],
)
def test_the_matching_refund(amount: str, lines: dict, shipping: str, rest: str | None):
    found = refund_quotes.matching(make_paid(), Decimal(amount))

    assert {line.id: line.quantity for line in found.lines} == lines
    assert (found.shipping, found.amount) == (Decimal(shipping), rest and Decimal(rest))
