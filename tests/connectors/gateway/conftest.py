"""Stripe's stand-in, and the real gateway pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.gateway.stripe import StripeGateway
from tests.connectors.gateway import stripe_stand_in
from tests.connectors.gateway.contract import Bank, Behaviour
from tests.connectors.gateway.stripe_stand_in import StripeStandIn


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
def stripe(settings) -> Iterator[StripeStandIn]:
    with stripe_stand_in.serving() as stripe:
        settings.STRIPE_API_URL = stripe.url
        settings.STRIPE_SECRET_KEY = stripe_stand_in.KEY
        settings.HTTP_DEADLINE_S = 0.5
        yield stripe
