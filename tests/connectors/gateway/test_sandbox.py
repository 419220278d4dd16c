"""The embedded gateway: the contract, and each of its documented test values."""

from __future__ import annotations

import itertools
import re
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from connectors.errors import BadSignatureError, OutcomeUnknownError, RetryableError
from connectors.gateway import sandbox
from connectors.gateway.base import AuthorizationGoneError, Captured, PaymentDeclinedError
from connectors.models import SandboxCharge
from tests.connectors.gateway.contract import HUNDRED, IMPOSSIBLE, Bank, Behaviour, GatewayContract
from tests.locks import until_waiting

pytestmark = pytest.mark.django_db

DECISION = Path(__file__).parents[3] / "docs/adr/0007-a-sandbox-gateway-by-default.md"


class SandboxBank(Bank):
    prefix = "sandbox_ok"

    def __init__(self) -> None:
        self.gateway = sandbox.SandboxGateway()
        self.capture_before = timezone.now() + timedelta(days=7)
        self._numbers = itertools.count(1)

    def authorized(self, amount: str = "100.00", currency: str = "NZD", *, behaviour: Behaviour = "ok") -> str:
        units = {"NZD": 100, "JPY": 1, "KWD": 1000}[currency]
        charge = SandboxCharge.objects.create(
            reference=f"sandbox_{behaviour}_{next(self._numbers)}",
            currency=currency,
            authorized=int(Decimal(amount) * units),
            state="requires_capture",
            capture_before=self.capture_before - timedelta(days=8 if behaviour == "expired" else 0),
        )
        return charge.reference

    def taken(self, reference: str) -> int:
        charge = SandboxCharge.objects.get(reference=reference)
        return charge.captured - charge.refunded


@pytest.fixture
def bank() -> Bank:
    return SandboxBank()


class TestSandbox(GatewayContract):
    @pytest.mark.parametrize("name", IMPOSSIBLE)
    def test_a_reference_that_the_gateway_does_not_know_cannot_be_read(self, bank: Bank, name: str):
        """Whatever reads like a test value is a payment from its first sight."""
        super().test_a_reference_that_the_gateway_does_not_know_cannot_be_read(bank, name)


def charge() -> SandboxCharge:
    return SandboxCharge.objects.get()


def test_every_value_is_told_in_the_table_and_in_the_decision():
    told = re.findall(r"^\| ([a-z]+) \|", sandbox.__doc__ or "", re.MULTILINE)

    assert told == ["behaviour", *sandbox.BEHAVIOURS]
    assert re.findall(r"`sandbox_([a-z]+)_`", DECISION.read_text()) == list(sandbox.BEHAVIOURS)


def test_ok_is_authorized_at_first_sight_for_the_amount_of_its_capture(bank):
    assert bank.capture("sandbox_ok_1").amount == HUNDRED

    assert (charge().authorized, charge().captured, charge().currency) == (10_000, 10_000, "NZD")
    assert bank.refund("sandbox_ok_1").status == "succeeded"


def test_ok_is_read_at_first_sight_and_captured_before_the_end_that_was_read(bank):
    seen = bank.read("sandbox_ok_1")

    assert (seen.state, seen.capture_before) == ("requires_capture", charge().capture_before)
    assert bank.capture("sandbox_ok_1").amount == HUNDRED
    assert (charge().authorized, charge().currency, charge().capture_before) == (10_000, "NZD", seen.capture_before)


def test_expired_is_read_as_cancelled(bank):
    assert bank.read("sandbox_expired_1").state == "canceled"


def test_ok_can_be_released_at_first_sight(bank):
    bank.void("sandbox_ok_1")

    with pytest.raises(AuthorizationGoneError):
        bank.capture("sandbox_ok_1")


def test_declined_refuses_every_capture(bank):
    for key in ("cap:1", "cap:2"):
        with pytest.raises(PaymentDeclinedError, match="insufficient funds"):
            bank.capture("sandbox_declined_1", key=key)

    assert not SandboxCharge.objects.exists()


def test_expired_has_run_out_at_first_sight(bank):
    with pytest.raises(AuthorizationGoneError):
        bank.capture("sandbox_expired_1")
    bank.void("sandbox_expired_1")

    assert charge().captured == 0


def test_timeout_captures_and_answers_the_second_time(bank):
    with pytest.raises(OutcomeUnknownError):
        bank.capture("sandbox_timeout_1")
    assert charge().captured == 10_000

    assert bank.capture("sandbox_timeout_1").already


def test_flaky_is_down_for_two_captures_and_takes_nothing_until_then(bank):
    for _ in range(2):
        with pytest.raises(RetryableError) as caught:
            bank.capture("sandbox_flaky_1")
        assert type(caught.value) is RetryableError
        assert charge().captured == 0

    taken = bank.capture("sandbox_flaky_1")

    assert (taken.already, charge().captured) == (False, 10_000)


def test_an_unknown_value_is_told_which_there_are(bank):
    with pytest.raises(
        AuthorizationGoneError, match=r"sandbox_<ok\|declined\|expired\|timeout\|flaky\|slow\|returned>_<anything>"
    ):
        bank.capture("sandbox_maybe_1")


def test_it_sends_no_webhooks(bank):
    with pytest.raises(BadSignatureError):
        bank.gateway.parse_webhook(headers={}, body=b"{}", at=timezone.now())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_captures_at_once_are_one_charge(bank):
    assert connection.vendor == "postgresql", "run by `make test-postgres`"
    reference = bank.authorized()
    taken: list[Captured] = []

    def capture(key: str) -> None:
        try:
            taken.append(bank.capture(reference, key=key))
        finally:
            connection.close()

    threads = [threading.Thread(target=capture, args=(key,)) for key in ("cap:1", "cap:2")]
    with transaction.atomic():
        SandboxCharge.objects.select_for_update().get(reference=reference)
        for count, thread in enumerate(threads, start=1):
            thread.start()
            until_waiting(count)
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(one.already for one in taken) == [False, True]
    assert len({one.capture_id for one in taken}) == 1
