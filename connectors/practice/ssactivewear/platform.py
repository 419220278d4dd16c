"""The keys and refusals of a practice S&S Activewear. It has no webhooks."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse

from connectors.practice import dials
from connectors.practice.models import PracticeDelivery, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Change, PracticePlatform, Typed
from connectors.practice.ssactivewear import answers


class SsActivewearPractice(PracticePlatform):
    key: ClassVar[str] = "ssactivewear"
    label: ClassVar[str] = "S&S Activewear"
    faults: ClassVar[frozenset[str]] = dials.HTTP | {"index_lag", "takes_part"}

    def domain(self, slug: str) -> str:
        return f"{slug}.ssactivewear.example"

    def keys(self) -> dict[str, Any]:
        """One website user has a saved card: orders may be paid with it instead of on account."""
        number = f"{secrets.randbelow(900_000) + 100_000}"
        card = {"profileID": 123456789, "profileType": "Credit Card", "name": "Practice Bank 1234 (Ana Kauri)"}
        return {
            "access_token": str(uuid.uuid4()),
            "time_zone": "America/Chicago",
            "settings": {"account_number": number, "profiles": {"ana@example.com": [card]}},
        }

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (
            Typed("account_number", "Account number", shop.settings["account_number"]),
            Typed("api_key", "API key", shop.access_token),
        )

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        return None

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return False

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        return {}

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        """The real one names no wait when its limit is broken."""
        return answers.too_many() if dial == "too_many" else answers.unauthorized()
