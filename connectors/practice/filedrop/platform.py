"""A practice supplier that takes orders by e-mail. It has an address, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse

from connectors.practice.models import PracticeDelivery, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Change, PracticePlatform, Typed


class FileDropPractice(PracticePlatform):
    key: ClassVar[str] = "filedrop"
    label: ClassVar[str] = "Supplier by e-mail"
    faults: ClassVar[frozenset[str]] = frozenset()  # mail alone is sent there

    def domain(self, slug: str) -> str:
        """Its address for orders."""
        return f"orders@{slug}.example"

    def keys(self) -> dict[str, Any]:
        return {"access_token": "", "time_zone": "UTC"}

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (
            Typed("email", "E-mail address for orders", shop.domain),
            Typed("currency", "Currency", shop.currency),
        )

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        return None

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return False

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        return {}

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        """It is never called: nobody speaks HTTP to it."""
        return HttpResponse(status=503)
