"""The embedded gateway: a card network on a laptop, as strict as a real one. Its books are SandboxCharge rows.

The reference says how a payment behaves: `sandbox_<behaviour>_<anything>`.

| behaviour | what happens |
|---|---|
| ok | authorized, captures, refunds |
| declined | the capture is refused: insufficient_funds |
| expired | the authorization has run out already |
| timeout | the first capture is carried out, but its answer is lost |
| flaky | the gateway is down for the first two captures |
| slow | the bank takes refunds only after a while |
| returned | the bank takes refunds at first, and sends them back after a while |

A payment is first seen when it is read, captured or voided; it counts as authorized for seven days from then, for the
amount and in the currency of its first capture. Write calls take an idempotency key: the same key with the same request gets the
first answer again, with another request it is refused.
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
from connectors.money import MoneyError, from_minor, to_minor

BEHAVIOURS = ("ok", "declined", "expired", "timeout", "flaky", "slow", "returned")
WINDOW = timedelta(days=7)
FLAKY_FAILURES = 2
REFERENCE_MAX = 120
NO_CURRENCY = "XXX"  # ISO 4217's code for it

_STATES: dict[str, AuthorizationState] = {
    "requires_capture": "requires_capture",
    "succeeded": "succeeded",
    "canceled": "canceled",
}


class SandboxGateway(Gateway):
    name: ClassVar[str] = "sandbox"
    label: ClassVar[str] = "Sandbox"

    def read(self, reference: str) -> Authorization:
        with transaction.atomic():
            charge = _open(reference)
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
        units = _units(amount, currency)
        with transaction.atomic():
            charge = _open(reference, currency=currency, units=units)
            before = _answered(charge, key, {"capture": units}) or _captured_before(charge, currency, units)
            heard = before or self._capture(charge, currency, units, key)
        if heard:
            return Captured(heard, amount, already=before is not None)
        if _behaviour(reference) == "flaky":
            raise RetryableError("The sandbox gateway is down (test value: flaky).")
        raise OutcomeUnknownError("The sandbox gateway's answer was lost (test value: timeout).")

    def _capture(self, charge: SandboxCharge, currency: str, units: int, key: str) -> str | None:
        """Take the money in the books. The capture's id; None when the caller must not hear of it."""
        behaviour = _behaviour(charge.reference)
        if behaviour == "declined":
            raise PaymentDeclinedError("The card has insufficient funds.", decline_code="insufficient_funds")
        if _state(charge) != "requires_capture":
            raise AuthorizationGoneError("The authorization has run out or was released.")
        if charge.currency == NO_CURRENCY:  # it was only looked at so far
            charge.currency, charge.authorized = currency, units
            charge.save(update_fields=["currency", "authorized"])
        _check_currency(charge, currency)
        if units > charge.authorized:
            raise RejectedError("More than was authorized cannot be captured.")
        failures = charge.answers.get("failures", 0)
        if behaviour == "flaky" and failures < FLAKY_FAILURES:
            charge.answers["failures"] = failures + 1
            charge.save(update_fields=["answers"])
            return None
        charge.captured, charge.state = units, "succeeded"
        capture_id = _remember(charge, key, {"capture": units}, answer=_capture_id(charge))
        return None if behaviour == "timeout" else capture_id

    def void(self, reference: str, *, reason: str, key: str) -> None:
        with transaction.atomic():
            charge = _open(reference)
            if charge.state == "succeeded":
                raise RejectedError("The payment has been captured: it can be refunded, not released.")
            charge.state = "canceled"
            charge.save(update_fields=["state"])

    def refund(
        self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str, mark: str = ""
    ) -> Refunded:
        units, key = _units(amount, currency), mark or key
        with transaction.atomic():
            charge = _open(reference)
            if _answered(charge, key, {"refund": units}) is None:
                self._refund(charge, currency, units, key)
            return _refunded(charge.answers[key], charge.currency)

    def refunds(self, reference: str) -> tuple[Refunded, ...]:
        """What was pending has come to its end by the time that somebody looks."""
        with transaction.atomic():
            charge = _open(reference)
            made = [known for known in charge.answers.values() if isinstance(known, dict) and "status" in known]
            for known in made:
                if known["status"] == "pending":
                    _end(charge, known)
            return tuple(_refunded(known, charge.currency) for known in made)

    def _refund(self, charge: SandboxCharge, currency: str, units: int, key: str) -> None:
        if units > charge.captured - charge.refunded:
            raise RejectedError("More than is left of the payment cannot be refunded.")
        _check_currency(charge, currency)
        charge.refunded += units
        status = "pending" if _behaviour(charge.reference) in ("slow", "returned") else "succeeded"
        number = f"sandbox_re_{charge.pk}_{len(charge.answers)}"
        _remember(charge, key, {"refund": units}, answer=number, status=status)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        raise BadSignatureError("The sandbox gateway sends no webhooks.")


def _units(amount: Decimal, currency: str) -> int:
    try:
        units = to_minor(amount, currency)
    except MoneyError as error:
        raise RejectedError(str(error)) from error
    if units <= 0:
        raise RejectedError("The amount must be more than nothing.")
    return units


def _behaviour(reference: str) -> str:
    """The test value in a reference. Raises AuthorizationGoneError for one that the sandbox cannot know."""
    parts = reference.split("_", 2)
    known = len(parts) == 3 and parts[0] == "sandbox" and parts[1] in BEHAVIOURS
    if not known or len(reference) > REFERENCE_MAX or not reference.isprintable():
        raise AuthorizationGoneError(
            f"This is not a sandbox payment: use sandbox_<{'|'.join(BEHAVIOURS)}>_<anything>, "
            f"{REFERENCE_MAX} characters at most."
        )
    return parts[1]


def _open(reference: str, *, currency: str = NO_CURRENCY, units: int = 0) -> SandboxCharge:
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


def _check_currency(charge: SandboxCharge, currency: str) -> None:
    if charge.currency != currency:
        raise RejectedError(f"The payment was authorized in {charge.currency}, not in {currency}.")


def _capture_id(charge: SandboxCharge) -> str:
    return f"sandbox_ch_{charge.pk}"


def _captured_before(charge: SandboxCharge, currency: str, units: int) -> str | None:
    """The id of an earlier capture of the same amount. RejectedError when it was another amount."""
    if charge.state != "succeeded":
        return None
    if (charge.captured, charge.currency) != (units, currency):
        raise RejectedError("The payment was captured before, with another amount.")
    return _capture_id(charge)


def _answered(charge: SandboxCharge, key: str, request: dict[str, int]) -> str | None:
    """The answer that this key got before."""
    known: dict[str, Any] | None = charge.answers.get(key)
    if known is None:
        return None
    if known["request"] != request:
        raise RejectedError("The idempotency key was used for another request.")
    return str(known["answer"])


def _refunded(known: dict[str, Any], currency: str) -> Refunded:
    amount = from_minor(known["request"]["refund"], currency)
    return Refunded(known["answer"], amount, known.get("status", "succeeded"))


def _end(charge: SandboxCharge, known: dict[str, Any]) -> None:
    known["status"] = "succeeded"
    if _behaviour(charge.reference) == "returned":
        known["status"] = "failed"
        charge.refunded -= known["request"]["refund"]
    charge.save(update_fields=["answers", "refunded"])


def _remember(charge: SandboxCharge, key: str, request: dict[str, int], *, answer: str, **more: str) -> str:
    charge.answers[key] = {"request": request, "answer": answer, **more}
    charge.save(update_fields=["answers", "captured", "refunded", "state"])
    return answer
