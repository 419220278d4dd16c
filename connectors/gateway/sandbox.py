"""The embedded gateway: a card network on a laptop, as strict as a real one. Its books are SandboxCharge rows.

The reference says how a payment behaves: `sandbox_<behaviour>_<anything>`.

| behaviour | what happens |
|---|---|
| ok | authorized, captures, refunds |
| declined | the capture is refused: insufficient_funds |
| expired | the authorization has run out already |
| timeout | the first capture is carried out, but its answer is lost |
| flaky | the gateway is down for the first two captures |

A payment is first seen when it is captured, voided or refunded; it counts as authorized for seven days from then, for
the amount of that capture. Write calls take an idempotency key: the same key with the same request gets the first
answer again, with another request it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone

from connectors.errors import BadSignatureError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.gateway.base import (
    Authorization,
    AuthorizationGoneError,
    AuthorizationState,
    Captured,
    Gateway,
    PaymentDeclinedError,
    PaymentNotice,
    Refunded,
)
from connectors.models import SandboxCharge
from connectors.money import from_minor, to_minor

BEHAVIOURS = ("ok", "declined", "expired", "timeout", "flaky")
WINDOW = timedelta(days=7)
FLAKY_FAILURES = 2

_STATES: dict[str, AuthorizationState] = {
    "requires_capture": "requires_capture",
    "succeeded": "succeeded",
    "canceled": "canceled",
}


class SandboxGateway(Gateway):
    name: ClassVar[str] = "sandbox"
    label: ClassVar[str] = "Sandbox"

    def read(self, reference: str) -> Authorization:
        charge = SandboxCharge.objects.filter(reference=reference).first()
        if charge is None:
            raise AuthorizationGoneError("The sandbox knows no such payment.")
        return Authorization(
            reference=reference,
            state=_STATES[_state(charge)],
            currency=charge.currency,
            authorized=from_minor(charge.authorized, charge.currency),
            captured=from_minor(charge.captured, charge.currency),
            refunded=from_minor(charge.refunded, charge.currency),
            capture_before=charge.capture_before,
        )

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> Captured:
        units = to_minor(amount, currency)
        lost = False
        with transaction.atomic():
            charge = _open(reference, currency=currency, units=units)
            known = _replayed(charge, key, {"capture": units})
            if known is None:
                lost = self._capture(charge, units, key)
        if lost and _behaviour(reference) == "flaky":
            raise RetryableError("The sandbox gateway is down (test value: flaky).")
        if lost:
            raise OutcomeUnknownError("The sandbox gateway's answer was lost (test value: timeout).")
        return Captured(f"sandbox_ch_{charge.pk}", amount, already=known is not None)

    def _capture(self, charge: SandboxCharge, units: int, key: str) -> bool:
        """Take the money in the books. True when the caller must not hear of it."""
        behaviour = _behaviour(charge.reference)
        if behaviour == "declined":
            raise PaymentDeclinedError("The card has insufficient funds.", decline_code="insufficient_funds")
        if _state(charge) != "requires_capture":
            raise AuthorizationGoneError("The authorization has run out, was released or was captured before.")
        if units > charge.authorized:
            raise RejectedError("More than was authorized cannot be captured.")
        failures = charge.answers.get("failures", 0)
        if behaviour == "flaky" and failures < FLAKY_FAILURES:
            charge.answers["failures"] = failures + 1
            charge.save(update_fields=["answers"])
            return True
        charge.captured, charge.state = units, "succeeded"
        _remember(charge, key, {"capture": units})
        return behaviour == "timeout"

    def void(self, reference: str, *, reason: str, key: str) -> None:
        with transaction.atomic():
            charge = _open(reference)
            if charge.state == "succeeded":
                raise RejectedError("The payment has been captured: it can be refunded, not released.")
            charge.state = "canceled"
            charge.save(update_fields=["state"])

    def refund(self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str) -> Refunded:
        units = to_minor(amount, currency)
        with transaction.atomic():
            charge = _open(reference)
            if _replayed(charge, key, {"refund": units}) is None:
                if units <= 0 or units > charge.captured - charge.refunded:
                    raise RejectedError("More than is left of the payment cannot be refunded.")
                charge.refunded += units
                _remember(charge, key, {"refund": units})
        return Refunded(f"sandbox_re_{charge.pk}", amount, "succeeded")

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        raise BadSignatureError("The sandbox gateway sends no webhooks.")


def _behaviour(reference: str) -> str:
    parts = reference.split("_", 2)
    if len(parts) != 3 or parts[0] != "sandbox" or parts[1] not in BEHAVIOURS:
        raise AuthorizationGoneError(
            f"{reference!r} is not a sandbox payment: use sandbox_<{'|'.join(BEHAVIOURS)}>_<anything>."
        )
    return parts[1]


def _open(reference: str, *, currency: str = "XXX", units: int = 0) -> SandboxCharge:
    """The locked row of a payment, made on first sight."""
    age = WINDOW if _behaviour(reference) == "expired" else timedelta(0)
    fresh: dict[str, Any] = {
        "currency": currency,
        "authorized": units,
        "state": "requires_capture",
        "capture_before": timezone.now() + WINDOW - age,
    }
    charge, _ = SandboxCharge.objects.select_for_update().get_or_create(reference=reference, defaults=fresh)
    return charge


def _state(charge: SandboxCharge) -> str:
    if charge.state == "requires_capture" and charge.capture_before <= timezone.now():
        return "canceled"
    return charge.state


def _replayed(charge: SandboxCharge, key: str, request: dict[str, int]) -> dict[str, int] | None:
    known: dict[str, int] | None = charge.answers.get(key)
    if known is not None and known != request:
        raise RejectedError("The idempotency key was used for another request.")
    return known


def _remember(charge: SandboxCharge, key: str, request: dict[str, int]) -> None:
    charge.answers[key] = request
    charge.save(update_fields=["answers", "captured", "refunded", "state"])
