"""Stripe PaymentIntents with manual capture, over plain HTTP (docs.stripe.com, read November 2026).

Every write carries our own Idempotency-Key; Stripe replays its first answer, errors included, for at least 24 hours.
What a key no longer protects, the intent's own state does: a refusal that may mean "done already" is followed by a GET.
Never run against Stripe itself; tests drive a strict stand-in on the loopback interface.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings

from connectors.errors import (
    BadSignatureError,
    ConnectorError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
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
from connectors.http import Answer, HttpClient
from connectors.money import MoneyError, exponent, from_minor, to_minor

API_VERSION = "2026-10-28.endive"
SIGNATURE_TOLERANCE = timedelta(seconds=300)
TOPICS = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "charge.refunded",
        "charge.expired",
        "charge.dispute.created",
        "refund.updated",
        "refund.failed",
    }
)

_GONE = frozenset(
    {
        "charge_expired_for_capture",
        "capture_charge_authorization_expired",
        "payment_intent_unexpected_state",
        "resource_missing",
    }
)
_DONE_PERHAPS = frozenset({"charge_already_captured", "charge_already_refunded", "payment_intent_unexpected_state"})
_AGAIN = frozenset({"lock_timeout", "idempotency_key_in_use"})
_STATES: Mapping[str, AuthorizationState] = {
    "requires_capture": "requires_capture",
    "succeeded": "succeeded",
    "canceled": "canceled",
    "requires_action": "requires_action",
    "requires_confirmation": "requires_action",
    "requires_payment_method": "failed",
    "processing": "requires_action",
}
# Stripe's own exceptions to ISO 4217 (docs.stripe.com/currencies, from memory, not confirmed): these are sent with two
# decimals although they have none, so their amounts must be whole.
_TWO_DECIMALS_THERE = frozenset({"ISK", "UGX"})


class StripeGateway(Gateway):
    name: ClassVar[str] = "stripe"
    label: ClassVar[str] = "Stripe"

    def __init__(self) -> None:
        self._http = HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=settings.HTTP_DEADLINE_S)

    def read(self, reference: str) -> Authorization:
        return _authorization(self._get(reference))

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> Captured:
        form = {"amount_to_capture": str(units_of(amount, currency))}
        try:
            intent = self._post(f"/v1/payment_intents/{reference}/capture", form, key=key, operation="capture")
        except _StripeRefusal as refusal:
            return self._captured_before(reference, amount, refusal)
        return Captured(_charge_id(intent), amount)

    def _captured_before(self, reference: str, amount: Decimal, refusal: _StripeRefusal) -> Captured:
        if refusal.stripe_code not in _DONE_PERHAPS:
            raise refusal.meaning()
        intent = self._get(reference)
        truth = _authorization(intent)
        if truth.state == "succeeded" and truth.captured == amount:
            return Captured(_charge_id(intent), amount, already=True)
        raise refusal.meaning()

    def void(self, reference: str, *, reason: str, key: str) -> None:
        form = {"cancellation_reason": "requested_by_customer"}
        try:
            self._post(f"/v1/payment_intents/{reference}/cancel", form, key=key, operation="cancel")
        except _StripeRefusal as refusal:
            if refusal.stripe_code not in _DONE_PERHAPS:
                raise refusal.meaning() from None
            if _authorization(self._get(reference)).state != "canceled":
                raise RejectedError("The payment has been captured: it can be refunded, not released.") from None

    def refund(self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str) -> Refunded:
        form = {
            "payment_intent": reference,
            "amount": str(units_of(amount, currency)),
            "metadata[storeward_key]": key,
        }
        try:
            answer = self._post("/v1/refunds", form, key=key, operation="refund")
        except _StripeRefusal as refusal:
            raise RejectedError(f"Stripe refused the refund: {refusal}") from None
        status = answer.get("status")
        return Refunded(str(answer["id"]), amount, status if status in ("succeeded", "failed") else "pending")

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        occurred_at = _verified(headers.get("Stripe-Signature", ""), body, at)
        try:
            event = json.loads(body)
            target = event["data"]["object"]
            reference = target["id"] if target["object"] == "payment_intent" else target["payment_intent"]
            return PaymentNotice(str(event["id"]), str(event["type"]), str(reference or ""), occurred_at)
        except (ValueError, KeyError, TypeError) as error:
            raise BadSignatureError("The webhook is not a Stripe event.") from error

    def _get(self, reference: str) -> dict[str, Any]:
        answer = self._http.request(
            "GET",
            f"{settings.STRIPE_API_URL}/v1/payment_intents/{reference}?expand[]=latest_charge",
            headers=_headers(),
            operation="read",
            changes=False,
        )
        try:
            return _body(answer)
        except _StripeRefusal as refusal:
            raise refusal.meaning() from None

    def _post(self, path: str, form: Mapping[str, str], *, key: str, operation: str) -> dict[str, Any]:
        headers = _headers() | {"Idempotency-Key": key}
        url = settings.STRIPE_API_URL + path
        return _body(self._http.request("POST", url, headers=headers, form=form, operation=operation, changes=True))


def units_of(amount: Decimal, currency: str) -> int:
    """Stripe's smallest unit. Three-decimal currencies must end in 0 there; raises MoneyError otherwise."""
    if currency in _TWO_DECIMALS_THERE:
        return to_minor(amount, currency) * 100
    units = to_minor(amount, currency)
    if exponent(currency) == 3 and units % 10:
        raise MoneyError(f"Stripe takes {currency} amounts in steps of 0.010 only.")
    return units


def amount_of(units: int, currency: str) -> Decimal:
    if currency in _TWO_DECIMALS_THERE:
        return from_minor(units // 100, currency)
    return from_minor(units, currency)


class _StripeRefusal(Exception):
    """A 4xx with Stripe's error object. The text is Stripe's message for people."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message") or "Stripe refused the request.")[:200])
        self.status = status
        self.kind = str(error.get("type") or "")
        self.stripe_code = str(error.get("code") or "")
        self.decline_code = str(error.get("decline_code") or self.stripe_code or "declined")

    def meaning(self) -> ConnectorError:
        """The error by what the caller should do."""
        if self.stripe_code in _AGAIN or self.status == 409:
            return RetryableError("Stripe is working on this payment; trying again.")
        if self.status in (401, 403):
            return CredentialsError("Stripe does not accept our key.")
        if self.stripe_code in _GONE or self.status == 404:
            return AuthorizationGoneError("The authorization is no longer valid at Stripe.")
        if self.kind == "card_error" or self.status == 402:
            return PaymentDeclinedError(f"The card was declined: {self}", decline_code=self.decline_code)
        return RejectedError(f"Stripe refused the request: {self}")


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.STRIPE_SECRET_KEY}", "Stripe-Version": API_VERSION}


def _body(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise OutcomeUnknownError("Stripe's answer could not be read.")
    if answer.status >= 400:
        error = body.get("error")
        raise _StripeRefusal(answer.status, error if isinstance(error, dict) else {})
    return body


def _authorization(intent: Mapping[str, Any]) -> Authorization:
    currency = str(intent["currency"]).upper()
    charge = intent.get("latest_charge")
    details = charge if isinstance(charge, dict) else {}
    card = (details.get("payment_method_details") or {}).get("card") or {}
    before = card.get("capture_before")
    return Authorization(
        reference=str(intent["id"]),
        state=_STATES.get(str(intent["status"]), "failed"),
        currency=currency,
        authorized=amount_of(int(intent["amount"]), currency),
        captured=amount_of(int(intent.get("amount_received") or 0), currency),
        refunded=amount_of(int(details.get("amount_refunded") or 0), currency),
        capture_before=datetime.fromtimestamp(before, UTC) if before else None,
    )


def _charge_id(intent: Mapping[str, Any]) -> str:
    charge = intent.get("latest_charge")
    return str(charge["id"] if isinstance(charge, dict) else charge or intent["id"])


def _verified(header: str, body: bytes, at: datetime) -> datetime:
    """The instant of signing. A signature from the future is refused like one from the past."""
    parts = [part.partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t" and value.isdigit() and len(value) <= 12]
    if len(stamps) != 1:
        raise BadSignatureError("The webhook carries no signature.")
    signed_at = datetime.fromtimestamp(int(stamps[0]), UTC)
    if abs(at - signed_at) > SIGNATURE_TOLERANCE:
        raise BadSignatureError("The webhook's signature is too old.")
    payload = stamps[0].encode() + b"." + body
    given = [value for name, _, value in parts if name == "v1"]
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
        if any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
            return signed_at
    raise BadSignatureError("The webhook's signature is wrong.")
