"""What every gateway must do. A gateway's tests inherit it and bring a `bank`: the gateway with its books."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from decimal import Decimal
from typing import Literal

import pytest

from connectors.errors import ConnectorError, OutcomeUnknownError, RejectedError
from connectors.gateway.base import Authorization, AuthorizationGoneError, Captured, Gateway, PaymentDeclinedError

Behaviour = Literal["ok", "declined", "expired", "timeout"]
HUNDRED = Decimal("100.00")
IMPOSSIBLE = {
    "empty": "",
    "of another gateway": "tok_1Kauri",
    "with a NUL": "{}_1\x00Kauri",
    "with a line break": "{}_1Kauri\n",
    "very long": "{}_" + "1" * 10_000,
}
STRANGE = {
    "unknown": "{}_0Kauri",
    "with a path": "{}_1Kauri/../../refunds",
    "with a query": "{}_1Kauri?limit=1",
    "not ascii": "{}_1Kaurí",
}


class Bank(ABC):
    """A gateway and, behind it, the other side's books, which tests look into and set up."""

    gateway: Gateway
    prefix: str  # of references
    capture_before: datetime  # of what is authorized, unless expired

    @abstractmethod
    def authorized(self, amount: str = "100.00", currency: str = "NZD", *, behaviour: Behaviour = "ok") -> str:
        """The reference of a new authorization. "timeout": its first capture is carried out, but not answered."""

    @abstractmethod
    def taken(self, reference: str) -> int:
        """Minor units that the other side has taken and not given back."""

    def capture(
        self, reference: str, amount: Decimal = HUNDRED, *, currency: str = "NZD", key: str = "cap:1"
    ) -> Captured:
        return self.gateway.capture(reference, amount=amount, currency=currency, key=key)

    def captured(self, amount: str = "100.00", currency: str = "NZD") -> str:
        reference = self.authorized(amount, currency)
        self.capture(reference, Decimal(amount), currency=currency)
        return reference

    def refund(
        self, reference: str, amount: str = "100.00", *, currency: str = "NZD", key: str = "refund:1", mark: str = ""
    ):
        return self.gateway.refund(
            reference, amount=Decimal(amount), currency=currency, key=key, reason="cancelled", mark=mark
        )

    def void(self, reference: str, *, key: str = "void:1") -> None:
        self.gateway.void(reference, reason="declined", key=key)

    def read(self, reference: str) -> Authorization:
        return self.gateway.read(reference)


class GatewayContract:
    # --- reading ---

    def test_an_authorization_is_read_with_its_amount_currency_and_end(self, bank: Bank):
        reference = bank.authorized("100.00", "NZD")

        assert bank.read(reference) == Authorization(
            reference=reference,
            state="requires_capture",
            currency="NZD",
            authorized=HUNDRED,
            captured=Decimal(0),
            refunded=Decimal(0),
            capture_before=bank.capture_before,
        )

    def test_what_was_captured_and_given_back_is_read(self, bank: Bank):
        reference = bank.captured()
        bank.refund(reference, "30.50")

        truth = bank.read(reference)

        assert (truth.state, truth.captured, truth.refunded) == ("succeeded", HUNDRED, Decimal("30.50"))

    @pytest.mark.parametrize("name", IMPOSSIBLE | STRANGE)
    def test_a_reference_that_the_gateway_does_not_know_cannot_be_read(self, bank: Bank, name: str):
        with pytest.raises(AuthorizationGoneError):
            bank.read((IMPOSSIBLE | STRANGE)[name].format(bank.prefix))

    @pytest.mark.parametrize("name", IMPOSSIBLE)
    def test_nothing_is_moved_under_an_impossible_reference(self, bank: Bank, name: str):
        for move in (bank.capture, bank.void, bank.refund):
            with pytest.raises(AuthorizationGoneError):
                move(IMPOSSIBLE[name].format(bank.prefix))

    # --- capturing ---

    def test_the_whole_amount_is_captured(self, bank: Bank):
        reference = bank.authorized()

        taken = bank.capture(reference)

        assert (taken.amount, taken.already, bank.taken(reference)) == (HUNDRED, False, 10_000)
        assert taken.capture_id

    def test_a_part_can_be_captured_and_closes_the_payment(self, bank: Bank):
        reference = bank.authorized()

        bank.capture(reference, Decimal("60.00"))

        assert bank.read(reference).state == "succeeded"
        with pytest.raises(RejectedError):
            bank.capture(reference, Decimal("40.00"), key="cap:2")
        assert bank.taken(reference) == 6_000

    @pytest.mark.parametrize("again", ["cap:1", "cap:2"])
    def test_capturing_again_gives_the_same_capture(self, bank: Bank, again: str):
        reference = bank.authorized()
        first = bank.capture(reference, key="cap:1")

        second = bank.capture(reference, key=again)

        assert (second.capture_id, second.amount, second.already) == (first.capture_id, HUNDRED, True)
        assert bank.taken(reference) == 10_000

    def test_the_same_key_with_another_amount_is_refused(self, bank: Bank):
        reference = bank.authorized()
        bank.capture(reference, Decimal("60.00"), key="cap:1")

        with pytest.raises(RejectedError):
            bank.capture(reference, Decimal("61.00"), key="cap:1")

        assert bank.taken(reference) == 6_000

    def test_more_than_was_authorized_is_not_captured(self, bank: Bank):
        reference = bank.authorized("100.00")
        bank.read(reference)

        with pytest.raises(RejectedError):
            bank.capture(reference, Decimal("100.01"))

        assert bank.taken(reference) == 0

    @pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "Infinity", "1E+30"])
    def test_an_amount_that_is_no_money_is_neither_captured_nor_given_back(self, bank: Bank, amount: str):
        reference = bank.authorized()

        with pytest.raises(RejectedError):
            bank.capture(reference, Decimal(amount))
        with pytest.raises(RejectedError):
            bank.refund(reference, amount)

        assert bank.read(reference).state == "requires_capture"

    @pytest.mark.parametrize("currency", ["USD", "JPY", "nzd", ""])
    def test_another_currency_is_not_captured(self, bank: Bank, currency: str):
        reference = bank.authorized("100.00", "NZD")

        with pytest.raises(RejectedError):
            bank.capture(reference, Decimal(100), currency=currency)

        assert bank.taken(reference) == 0

    def test_a_declined_card_is_told_with_the_gateways_word(self, bank: Bank):
        reference = bank.authorized(behaviour="declined")

        with pytest.raises(PaymentDeclinedError) as caught:
            bank.capture(reference)

        assert (caught.value.decline_code, caught.value.code) == ("insufficient_funds", "capture_declined")
        assert bank.taken(reference) == 0

    def test_an_expired_authorization_is_gone(self, bank: Bank):
        reference = bank.authorized(behaviour="expired")

        with pytest.raises(AuthorizationGoneError) as caught:
            bank.capture(reference)

        assert (caught.value.code, bank.taken(reference)) == ("authorization_expired", 0)

    def test_a_released_authorization_is_gone(self, bank: Bank):
        reference = bank.authorized()
        bank.void(reference)

        with pytest.raises(AuthorizationGoneError):
            bank.capture(reference)

        assert bank.taken(reference) == 0

    def test_a_lost_answer_and_a_second_try_are_one_charge(self, bank: Bank):
        reference = bank.authorized(behaviour="timeout")

        with pytest.raises(OutcomeUnknownError):
            bank.capture(reference)
        second = bank.capture(reference)

        assert (second.amount, second.already, bank.taken(reference)) == (HUNDRED, True, 10_000)

    @pytest.mark.parametrize(("currency", "amount", "units"), [("JPY", "1200", 1200), ("KWD", "3.250", 3250)])
    def test_amounts_are_counted_in_the_currencys_own_units(self, bank: Bank, currency: str, amount: str, units: int):
        reference = bank.authorized(amount, currency)
        bank.capture(reference, Decimal(amount), currency=currency)

        assert bank.taken(reference) == units
        truth = bank.read(reference)
        assert (truth.currency, truth.authorized, truth.captured) == (currency, Decimal(amount), Decimal(amount))
        assert bank.refund(reference, amount, currency=currency).amount == Decimal(amount)
        assert bank.taken(reference) == 0

    # --- releasing ---

    def test_an_authorization_is_released(self, bank: Bank):
        reference = bank.authorized()

        bank.void(reference)

        assert bank.read(reference).state == "canceled"

    @pytest.mark.parametrize("again", ["void:1", "void:2"])
    def test_releasing_again_is_safe(self, bank: Bank, again: str):
        reference = bank.authorized()
        bank.void(reference, key="void:1")

        bank.void(reference, key=again)

        assert bank.read(reference).state == "canceled"

    def test_an_expired_authorization_is_released_already(self, bank: Bank):
        reference = bank.authorized(behaviour="expired")

        bank.void(reference)

        assert bank.read(reference).state == "canceled"

    def test_what_was_captured_is_not_released(self, bank: Bank):
        reference = bank.captured()

        with pytest.raises(RejectedError, match="captured"):
            bank.void(reference)

        assert bank.taken(reference) == 10_000

    # --- giving back ---

    def test_a_part_and_the_rest_are_two_refunds(self, bank: Bank):
        reference = bank.captured()

        part = bank.refund(reference, "30.00", key="refund:1")
        rest = bank.refund(reference, "70.00", key="refund:2")

        assert (part.amount, rest.amount, bank.taken(reference)) == (Decimal("30.00"), Decimal("70.00"), 0)
        assert (part.status, rest.status) == ("succeeded", "succeeded")
        assert part.refund_id != rest.refund_id

    @pytest.mark.parametrize("amount", ["100.01", "70.01"])
    def test_more_than_is_left_is_not_given_back(self, bank: Bank, amount: str):
        reference = bank.captured()
        bank.refund(reference, "30.00", key="refund:1")

        with pytest.raises(RejectedError):
            bank.refund(reference, amount, key="refund:2")

        assert bank.taken(reference) == 7_000

    def test_nothing_is_given_back_twice(self, bank: Bank):
        reference = bank.captured()
        bank.refund(reference, "100.00", key="refund:1")

        with pytest.raises(RejectedError):
            bank.refund(reference, "0.01", key="refund:2")

        assert bank.taken(reference) == 0

    def test_what_was_not_captured_is_not_given_back(self, bank: Bank):
        reference = bank.authorized()

        with pytest.raises(RejectedError):
            bank.refund(reference, "10.00")

        assert bank.read(reference).state == "requires_capture"

    def test_what_was_given_back_is_listed(self, bank: Bank):
        reference = bank.captured()
        made = [bank.refund(reference, "30.00", key="refund:1"), bank.refund(reference, "20.00", key="refund:2")]

        listed = bank.gateway.refunds(reference)

        assert sorted(listed, key=lambda given: given.refund_id) == sorted(made, key=lambda given: given.refund_id)

    def test_the_same_key_gives_back_once(self, bank: Bank):
        reference = bank.captured()

        first = bank.refund(reference, "30.00", key="refund:1")
        second = bank.refund(reference, "30.00", key="refund:1")

        assert (second, bank.taken(reference)) == (first, 7_000)

    def test_the_same_mark_gives_back_once_under_whatever_key(self, bank: Bank):
        reference = bank.captured()

        first = bank.refund(reference, "30.00", key="refund:1", mark="refund:1")
        second = bank.refund(reference, "30.00", key="refund:1:2", mark="refund:1")

        assert (second, bank.taken(reference)) == (first, 7_000)

    def test_the_same_key_does_not_give_back_another_amount(self, bank: Bank):
        reference = bank.captured()
        bank.refund(reference, "30.00", key="refund:1")

        with pytest.raises(RejectedError):
            bank.refund(reference, "31.00", key="refund:1")

        assert bank.taken(reference) == 7_000

    @pytest.mark.parametrize("currency", ["USD", "JPY", ""])
    def test_nothing_is_given_back_in_another_currency(self, bank: Bank, currency: str):
        reference = bank.captured("100.00", "NZD")

        with pytest.raises(RejectedError):
            bank.refund(reference, "10", currency=currency)

        assert bank.taken(reference) == 10_000

    # --- what is told ---

    def test_every_refusal_is_a_sentence(self, bank: Bank):
        captured, expired = bank.captured(), bank.authorized(behaviour="expired")

        for refused in (
            lambda: bank.capture(captured, Decimal("1.00"), key="cap:2"),
            lambda: bank.capture(expired),
            lambda: bank.void(captured),
            lambda: bank.refund(captured, "100.01"),
        ):
            with pytest.raises(ConnectorError, match=r"^[A-Z].{10,}\.$"):
                refused()
