"""Stripe's stand-in, and the real gateway pointed at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.gateway.stripe import StripeGateway
from connectors.http import Answer, HttpClient
from connectors.wire import _TimedReader, limits
from tests.connectors.gateway import stripe_stand_in
from tests.connectors.gateway.contract import Bank, Behaviour
from tests.connectors.gateway.stripe_stand_in import StripeStandIn

SILENCE_S = 0.05  # once it is certain that the question has been carried out


class StripeBank(Bank):
    prefix = "pi"

    def __init__(self, stripe: StripeStandIn) -> None:
        self.gateway, self.stripe = StripeGateway(), stripe
        self.capture_before = stripe.now + stripe_stand_in.WINDOW

    def authorized(self, amount: str = "100.00", currency: str = "NZD", *, behaviour: Behaviour = "ok") -> str:
        intent = self.stripe.authorize(amount, currency)
        if behaviour == "declined":
            intent.decline_code = "insufficient_funds"
        elif behaviour == "expired":
            intent.capture_before = self.stripe.now - timedelta(seconds=1)
        elif behaviour == "timeout":
            self.stripe.next_answer(stripe_stand_in.silent)
        return intent.id

    def taken(self, reference: str) -> int:
        intent = self.stripe.intents[reference]
        assert intent.captures <= 1
        return intent.received - intent.refunded

    def meanwhile_captured(self, reference: str, amount: Decimal) -> None:
        """By another hand, between our look and our capture."""
        intent = self.stripe.intents[reference]
        intent.status, intent.received = "succeeded", int(amount * 100)


@pytest.fixture
def stripe(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeStandIn]:
    with stripe_stand_in.serving() as stripe:
        monkeypatch.setattr("connectors.gateway.stripe.HttpClient", _waiting_for(stripe))
        settings.STRIPE_API_URL = stripe.url
        settings.STRIPE_SECRET_KEY = stripe_stand_in.KEY
        yield stripe


def _waiting_for(stripe: StripeStandIn) -> type[HttpClient]:
    class Client(HttpClient):
        """Waits long for each answer, but for one that never comes."""

        def request(self, method: str, url: str, **told: Any) -> Answer:
            if not stripe.is_silent_next(method):
                return super().request(method, url, **told)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_TimedReader, "readinto", _giving_up_on(stripe))
                return super().request(method, url, **told)

    return Client


def _giving_up_on(stripe: StripeStandIn) -> Callable[[_TimedReader, Any], int | None]:
    """The time is up a moment after the other side has fallen silent, however long it took until then."""
    read = _TimedReader.readinto

    def readinto(reader: _TimedReader, buffer: Any) -> int | None:
        assert stripe.fell_silent.wait(60)
        stripe.fell_silent.clear()
        object.__setattr__(limits.get(), "ends_at", time.monotonic() + SILENCE_S)
        return read(reader, buffer)

    return readinto
