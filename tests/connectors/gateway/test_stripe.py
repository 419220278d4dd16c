"""The Stripe gateway over real HTTP: the contract, and what only a network and Stripe's own words can do."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest

from connectors.errors import (
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.gateway.base import AuthorizationGoneError, PaymentDeclinedError
from connectors.gateway.stripe import amount_of, units_of
from connectors.money import MoneyError
from tests.connectors.gateway.conftest import StripeBank
from tests.connectors.gateway.contract import HUNDRED, STRANGE, GatewayContract
from tests.connectors.gateway.stripe_stand_in import KEY, StripeStandIn, cut, instead, lost, silent

VERBS = ("read", "capture", "void", "refund")
WRITES = ("capture", "void", "refund")
PAGE = b"<!doctype html><title>Bad gateway</title>"
WIRES = {
    "a page": instead(200, PAGE, kind="text/html"),
    "a page called JSON": instead(200, PAGE),
    "a list": instead(200, b"[]"),
    "null": instead(200, b"null"),
    "nothing": instead(200, b""),
    "NaN": instead(200, b'{"amount": NaN}'),
    "not UTF-8": instead(200, b'{"id": "\xff"}'),
    "half of the body": cut,
    "a huge body": instead(200, b'{"id": "' + b"x" * 3_000_000 + b'"}'),
    "a redirect": instead(302, Location="https://elsewhere.example/"),
    "a permanent redirect": instead(308, Location="/v1/payment_intents/pi_2"),
    "500": instead(500),
    "502 with a page": instead(502, PAGE, kind="text/html"),
    "503": instead(503, Retry_After="7"),
    "a dead line": lost,
    "silence": silent,
}


@pytest.fixture
def bank(stripe: StripeStandIn) -> StripeBank:
    return StripeBank(stripe)


def act(bank: StripeBank, verb: str, reference: str) -> object:
    return getattr(bank, verb)(reference)


def method(verb: str) -> str:
    return "GET" if verb == "read" else "POST"


def ready(bank: StripeBank, verb: str) -> str:
    """A payment for which the verb makes sense."""
    return bank.captured() if verb == "refund" else bank.authorized()


class TestStripe(GatewayContract):
    pass


# --- what is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", WRITES)
def test_every_write_carries_our_key(bank, stripe, verb):
    reference = ready(bank, verb)

    act(bank, verb, reference)

    assert stripe.writes()[-1].headers["idempotency-key"] == {"capture": "cap:1"}.get(verb, f"{verb}:1")


def test_the_amount_to_capture_is_always_named(bank, stripe):
    bank.capture(bank.authorized())

    assert [call.form for call in stripe.writes()] == [{"amount_to_capture": "10000"}]


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("verb", WRITES)
def test_a_strange_reference_moves_nothing(bank, stripe, verb, name):
    bank.captured()
    before = len(stripe.writes())

    with pytest.raises(AuthorizationGoneError):
        act(bank, verb, STRANGE[name].format("pi"))

    assert stripe.writes()[before:] == []


# --- money in Stripe's units -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("12.30", "NZD", 1230), ("1200", "JPY", 1200), ("3.25", "KWD", 3250), ("5", "ISK", 500), ("5", "UGX", 500), ("5", "MGA", 5)],
)  # fmt: skip
def test_amounts_are_in_stripes_own_units(bank, amount, currency, units):
    reference = bank.captured(amount, currency)

    assert bank.taken(reference) == units == units_of(Decimal(amount), currency)
    assert bank.read(reference).captured == Decimal(amount) == amount_of(units, currency)


@pytest.mark.parametrize(("amount", "currency"), [("3.255", "KWD"), ("5.5", "MGA"), ("5.5", "ISK"), ("5.5", "JPY")])
def test_an_amount_that_stripe_cannot_take_is_not_sent(bank, stripe, amount, currency):
    with pytest.raises(MoneyError):
        units_of(Decimal(amount), currency)
    with pytest.raises(RejectedError):
        bank.capture("pi_1", Decimal(amount), currency=currency)

    assert stripe.calls == []


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["insufficient_funds", "lost_card", "stolen_card", "generic_decline", "do_not_honor"])
def test_a_declined_card_is_told_with_its_decline_code(bank, stripe, code):
    stripe.refuse_next(402, "Your card was declined.", type="card_error", code="card_declined", decline_code=code)

    with pytest.raises(PaymentDeclinedError, match=r"Your card was declined\.") as caught:
        bank.capture(bank.authorized())

    assert caught.value.decline_code == code


@pytest.mark.parametrize("code", ["expired_card", "incorrect_cvc", "processing_error", "authentication_required"])
def test_a_card_error_without_a_decline_code_is_told_by_its_code(bank, stripe, code):
    stripe.refuse_next(402, type="card_error", code=code)

    with pytest.raises(PaymentDeclinedError) as caught:
        bank.capture(bank.authorized())

    assert caught.value.decline_code == code


GONE = ("charge_expired_for_capture", "capture_charge_authorization_expired", "payment_intent_unexpected_state")


@pytest.mark.parametrize("code", GONE)
def test_a_payment_that_can_no_longer_be_captured_is_gone(bank, stripe, code):
    stripe.refuse_next(400, code=code)

    with pytest.raises(AuthorizationGoneError):
        bank.capture(bank.authorized())


@pytest.mark.parametrize("verb", VERBS)
def test_a_payment_of_another_account_is_gone(bank, stripe, verb):
    reference = bank.authorized()
    stripe.refuse_next(404, "No such payment_intent", to="GET", code="resource_missing")
    stripe.refuse_next(404, "No such payment_intent", code="resource_missing")

    with pytest.raises(AuthorizationGoneError):
        act(bank, verb, reference)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("verb", VERBS)
def test_a_key_that_stripe_does_not_take_is_told(bank, stripe, verb, status):
    reference = ready(bank, verb)
    stripe.refuse_next(status, "Invalid API Key provided", to=method(verb))

    with pytest.raises(CredentialsError, match="does not accept our key"):
        act(bank, verb, reference)


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_key_is_told(bank, settings, verb):
    reference = ready(bank, verb)
    settings.STRIPE_SECRET_KEY = ""

    with pytest.raises(CredentialsError):
        act(bank, verb, reference)


@pytest.mark.parametrize(
    "error", [{"code": "lock_timeout"}, {"type": "idempotency_error", "code": "idempotency_key_in_use"}]
)
@pytest.mark.parametrize("verb", WRITES)
def test_a_conflict_is_tried_again(bank, stripe, verb, error):
    reference = ready(bank, verb)
    stripe.refuse_next(409, **error)

    with pytest.raises(RetryableError) as caught:
        act(bank, verb, reference)

    assert type(caught.value) is RetryableError


@pytest.mark.parametrize("verb", WRITES)
def test_a_key_used_for_another_request_is_refused(bank, verb):
    bank.capture(bank.authorized(), key="the same")
    reference = ready(bank, verb)

    with pytest.raises(RejectedError, match="idempotent"):
        getattr(bank, verb)(reference, key="the same")


@pytest.mark.parametrize("error", [{}, {"error": None}, {"error": "no"}, {"error": {"code": 7, "message": None}}])
def test_an_error_without_a_reason_is_a_refusal(bank, stripe, error):
    stripe.next_answer(instead(400, json.dumps(error).encode()))

    with pytest.raises(RejectedError, match="Stripe refused the request"):
        bank.refund(bank.captured())


# --- the network -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_too_many_requests_cost_no_attempt(bank, stripe, verb):
    reference = ready(bank, verb)
    stripe.next_answer(instead(429, Retry_After="3"), to=method(verb))

    with pytest.raises(RetryableError) as caught:
        act(bank, verb, reference)

    assert (caught.value.throttled, caught.value.after_s) == (True, 3.0)


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("verb", WRITES)
def test_after_an_unreadable_answer_to_a_write_the_same_key_moves_money_once(bank, stripe, verb, name):
    reference = ready(bank, verb)
    stripe.next_answer(WIRES[name])

    with pytest.raises(OutcomeUnknownError):
        act(bank, verb, reference)
    act(bank, verb, reference)

    assert bank.taken(reference) == (10_000 if verb == "capture" else 0)
    assert len(stripe.refunds) == (verb == "refund")


@pytest.mark.parametrize("name", WIRES)
def test_an_unreadable_answer_to_a_read_is_asked_for_again(bank, stripe, name):
    reference = bank.authorized()
    stripe.next_answer(WIRES[name], to="GET")

    with pytest.raises(RetryableError) as caught:
        bank.read(reference)

    assert not isinstance(caught.value, OutcomeUnknownError)


PAID = {"id": "pi_1", "currency": "nzd", "status": "succeeded", "amount": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        PAID | {"amount": "much"},
        PAID | {"amount": None},
        PAID | {"currency": "zzz"},
        PAID | {"latest_charge": {"payment_method_details": [1]}},
        PAID | {"latest_charge": {"payment_method_details": {"card": {"capture_before": 10**14}}}},
    ],
)
def test_a_payment_in_another_shape_is_an_unreadable_answer(bank, stripe, body):
    stripe.next_answer(instead(200, json.dumps(body).encode()), to="GET")

    with pytest.raises(RetryableError, match="could not be read"):
        bank.read(bank.authorized())


def test_a_redirect_is_not_followed(bank, stripe):
    stripe.next_answer(instead(302, Location=f"{stripe.url}/v1/payment_intents/pi_2"), to="GET")

    with pytest.raises(RetryableError, match="redirect"):
        bank.read(bank.authorized())

    assert len(stripe.calls) == 1


@pytest.mark.parametrize("verb", WRITES)
def test_a_500_that_stripe_repeats_does_not_hide_what_was_done(bank, stripe, verb):
    reference = ready(bank, verb)
    stripe.broken_after = 1

    with pytest.raises(OutcomeUnknownError):
        act(bank, verb, reference)
    act(bank, verb, reference)

    assert bank.taken(reference) == (10_000 if verb == "capture" else 0)


@pytest.mark.parametrize("verb", ["capture", "void"])
def test_a_500_with_nothing_done_is_repeated_for_its_key_and_overcome_by_the_next(bank, stripe, verb):
    reference = bank.authorized()
    stripe.broken_before = 1

    for _ in range(2):
        with pytest.raises(OutcomeUnknownError):
            act(bank, verb, reference)
    getattr(bank, verb)(reference, key="next")

    assert stripe.intents[reference].status == ("succeeded" if verb == "capture" else "canceled")


@pytest.mark.parametrize("fault", ["broken_before", "broken_after"])
def test_a_refund_past_a_500_is_given_once(bank, stripe, fault):
    reference = bank.captured()
    setattr(stripe, fault, 1)
    with pytest.raises(OutcomeUnknownError) as broken:
        bank.refund(reference, "30.00", mark="refund:1")
    assert broken.value.answered

    bank.refund(reference, "30.00", key="refund:1:2", mark="refund:1")

    assert (bank.taken(reference), len(stripe.refunds)) == (7_000, 1)


def test_silence_is_no_answer(bank, stripe):
    reference = bank.captured()
    stripe.next_answer(silent)

    with pytest.raises(OutcomeUnknownError) as broken:
        bank.refund(reference)

    assert not broken.value.answered


def test_where_not_all_refunds_are_shown_another_key_gives_nothing(bank, stripe, monkeypatch):
    monkeypatch.setattr("connectors.gateway.stripe._LISTED", 1)
    reference = bank.captured()
    bank.refund(reference, "10.00", key="refund:1")

    with pytest.raises(RejectedError, match="Look at the payment"):
        bank.refund(reference, "30.00", key="refund:2:2", mark="refund:2")

    assert bank.taken(reference) == 9_000


@pytest.mark.parametrize(
    ("there", "here"),
    [("pending", "pending"), ("requires_action", "pending"), ("failed", "failed"), ("canceled", "failed")],
)
def test_a_refund_is_read_back_as_it_stands_now(bank, stripe, there, here):
    reference = bank.captured()
    given = bank.refund(reference)
    stripe.refunds[0]["status"] = there

    assert [(made.refund_id, made.status) for made in bank.gateway.refunds(reference)] == [(given.refund_id, here)]


@pytest.mark.parametrize("name", ["a page", "half of the body", "500"])
def test_refunds_that_cannot_be_read_are_read_later(bank, stripe, name):
    reference = bank.captured()
    stripe.next_answer(WIRES[name], to="GET")

    with pytest.raises(RetryableError):
        bank.gateway.refunds(reference)


# --- when the key protects no longer ---------------------------------------------------------------


@pytest.mark.parametrize("verb", WRITES)
def test_a_day_later_the_books_protect_instead_of_the_key(bank, stripe, verb):
    reference = ready(bank, verb)
    stripe.next_answer(silent)
    with pytest.raises(OutcomeUnknownError):
        act(bank, verb, reference)
    stripe.replies.clear()

    act(bank, verb, reference)

    assert bank.taken(reference) == (10_000 if verb == "capture" else 0)
    assert len(stripe.refunds) == (verb == "refund")


def test_a_day_later_a_part_is_not_given_back_twice(bank, stripe):
    reference = bank.captured()
    first = bank.refund(reference, "30.00")
    stripe.replies.clear()

    assert bank.refund(reference, "30.00") == first
    assert bank.taken(reference) == 7_000


@pytest.mark.parametrize("code", ["charge_already_captured", "payment_intent_unexpected_state"])
@pytest.mark.parametrize(("captured", "expected"), [("100.00", True), ("60.00", False)])
def test_a_capture_between_look_and_capture_is_found(bank, stripe, code, captured, expected):
    reference = bank.authorized()
    stripe.refuse_next(400, code=code)
    ask = stripe.answer

    def answer(call):
        got = ask(call)
        if call.method == "POST":
            bank.meanwhile_captured(reference, Decimal(captured))
        return got

    stripe.answer = answer

    if expected:
        assert bank.capture(reference).already
    else:
        with pytest.raises(RejectedError, match="another amount"):
            bank.capture(reference)


def test_a_capture_between_look_and_release_is_told(bank, stripe):
    reference = bank.authorized()
    stripe.refuse_next(400, code="payment_intent_unexpected_state")
    ask = stripe.answer

    def answer(call):
        got = ask(call)
        if call.method == "POST":
            bank.meanwhile_captured(reference, HUNDRED)
        return got

    stripe.answer = answer

    with pytest.raises(RejectedError, match="has been captured"):
        bank.void(reference)


def test_a_capture_that_stripe_has_not_finished_is_not_believed(bank, stripe):
    stripe.next_answer(instead(200, b'{"id": "pi_1", "status": "processing"}'))

    with pytest.raises(OutcomeUnknownError, match="has not said"):
        bank.capture(bank.authorized())


@pytest.mark.parametrize(
    ("said", "meant"),
    [("pending", "pending"), ("requires_action", "pending"), ("failed", "failed"), ("canceled", "failed")],
)
def test_a_refund_on_its_way_is_told_apart(bank, stripe, said, meant):
    stripe.refund_status = said

    assert bank.refund(bank.captured()).status == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [("requires_action", "requires_action"), ("processing", "requires_action"), ("requires_payment_method", "failed"), ("new", "failed")],
)  # fmt: skip
def test_every_state_of_a_payment_has_a_meaning(bank, stripe, said, meant):
    reference = stripe.authorize("1.00", "NZD", status=said).id

    assert bank.read(reference).state == meant


# --- secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wire", ["a page", "a dead line", "500", "a redirect"])
def test_the_key_is_in_no_log_and_no_error(bank, stripe, caplog, verb, wire):
    caplog.set_level(logging.DEBUG)
    reference = ready(bank, verb)
    stripe.next_answer(WIRES[wire], to=method(verb))

    with pytest.raises(ConnectorError) as caught:
        act(bank, verb, reference)

    assert KEY not in caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert KEY not in "".join(map(repr, chain(caught.value)))


@pytest.mark.parametrize("key", ["sk_test_canary\n", "sk_test_canary\x00", "sk_test_canaryé"])
def test_a_key_that_cannot_be_sent_is_not_shown(bank, settings, key):
    settings.STRIPE_SECRET_KEY = key

    with pytest.raises(RejectedError) as caught:
        bank.capture("pi_1", HUNDRED)

    assert "canary" not in "".join(map(repr, chain(caught.value)))


def chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
