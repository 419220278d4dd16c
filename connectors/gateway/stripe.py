"""Stripe PaymentIntents with manual capture, over plain HTTP (docs.stripe.com, read November 2026).

Every write carries our own Idempotency-Key; Stripe replays its first answer, errors included, for at least 24 hours.
What a key no longer protects, Stripe's own books do: money is moved after a GET alone, and a refund carries our mark in
its metadata to be found by.
Never run against Stripe itself; tests drive a strict stand-in on the loopback interface.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

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
from connectors.money import MoneyError, exponent, round_half_up, to_minor

API_VERSION = "2026-10-28.endive"
SIGNATURE_TOLERANCE = timedelta(seconds=300)
TOPICS = frozenset(  # what a payment is read again for; other events are taken and left alone
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
_REFUND_STATES: Mapping[str, Literal["succeeded", "failed"]] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
# Where Stripe departs from ISO 4217 (docs.stripe.com/currencies, November 2026): two decimals for currencies that have
# none, none for the ariary. Such amounts must be whole.
_DECIMALS_THERE = {"ISK": 2, "UGX": 2, "MGA": 0}
_LISTED = 100  # refunds that one page shows at the most
_REFERENCE = re.compile(r"pi_[A-Za-z0-9_]{1,100}")
_EVENT_ID_MAX, _TOPIC_MAX, _REFERENCE_MAX = 200, 80, 200


class StripeGateway(Gateway):
    name: ClassVar[str] = "stripe"
    label: ClassVar[str] = "Stripe"

    def __init__(self) -> None:
        self._local = threading.local()

    def read(self, reference: str) -> Authorization:
        return _authorization(self._intent(reference))

    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> Captured:
        form = {"amount_to_capture": str(_units(amount, currency))}
        intent = self._intent(reference, currency=currency)
        if intent.get("status") == "succeeded":
            return _captured_before(intent, amount)
        try:
            intent = self._post(f"/v1/payment_intents/{reference}/capture", form, key=key, operation="capture")
        except _StripeRefusal as refusal:
            return self._captured_meanwhile(reference, amount, refusal)
        if intent.get("status") != "succeeded":
            raise OutcomeUnknownError("Stripe has not said yet that the payment is captured.")
        return Captured(_charge_id(intent), amount)

    def _captured_meanwhile(self, reference: str, amount: Decimal, refusal: _StripeRefusal) -> Captured:
        """A refusal that may mean "done already": the payment itself tells."""
        if refusal.stripe_code in _DONE_PERHAPS:
            intent = self._intent(reference)
            if intent.get("status") == "succeeded":
                return _captured_before(intent, amount)
        raise refusal.meaning() from None

    def void(self, reference: str, *, reason: str, key: str) -> None:
        if self._is_released(reference):
            return
        form = {"cancellation_reason": "requested_by_customer"}
        try:
            self._post(f"/v1/payment_intents/{reference}/cancel", form, key=key, operation="cancel")
        except _StripeRefusal as refusal:
            if refusal.stripe_code not in _DONE_PERHAPS or not self._is_released(reference):
                raise refusal.meaning() from None

    def _is_released(self, reference: str) -> bool:
        """Raises RejectedError when the money was taken instead."""
        state = self._intent(reference).get("status")
        if state == "succeeded":
            raise RejectedError("The payment has been captured: it can be refunded, not released.")
        return bool(state == "canceled")

    def refund(
        self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str, mark: str = ""
    ) -> Refunded:
        units, mark = _units(amount, currency), mark or key
        self._intent(reference, currency=currency)
        listed = self._refunds(reference)
        known = (one for one in listed if (one.get("metadata") or {}).get("storeward_key") == mark)
        made = next(known, None)
        if made is None and key != mark and len(listed) >= _LISTED:  # it may be an older one
            raise RejectedError("Stripe has more refunds of this payment than it shows. Look at the payment there.")
        made = made or self._refund(reference, units, key, mark)
        if made.get("amount") != units:
            raise RejectedError("This refund was made before, with another amount.")
        return _refunded(made, amount)

    def refunds(self, reference: str) -> tuple[Refunded, ...]:
        made = self._refunds(_known(reference))
        try:
            return tuple(_refunded(one, amount_of(int(one["amount"]), str(one["currency"]).upper())) for one in made)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise RetryableError("Stripe's answer could not be read.") from None

    def _refunds(self, reference: str) -> list[dict[str, Any]]:
        """The newest hundred."""
        path = f"/v1/refunds?payment_intent={reference}&limit={_LISTED}"
        made = self._get(path, operation="refunds").get("data")
        return [one for one in made if isinstance(one, dict)] if isinstance(made, list) else []

    def _refund(self, reference: str, units: int, key: str, mark: str) -> dict[str, Any]:
        form = {"payment_intent": reference, "amount": str(units), "metadata[storeward_key]": mark}
        try:
            made = self._post("/v1/refunds", form, key=key, operation="refund")
        except _StripeRefusal as refusal:
            error = refusal.meaning()
            if isinstance(error, AuthorizationGoneError | PaymentDeclinedError):
                raise RejectedError(f"Stripe refused the refund: {refusal}") from None
            raise error from None
        if "id" not in made:
            raise OutcomeUnknownError("Stripe's answer could not be read.")
        return made

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        signed_at = _verified(headers.get("Stripe-Signature", ""), body, at)
        event = _event(body)
        topic = _text(event.get("type"), _TOPIC_MAX)
        reference = _reference(event) if topic in TOPICS else ""
        return PaymentNotice(_text(event.get("id"), _EVENT_ID_MAX), topic, reference, signed_at)

    def _intent(self, reference: str, *, currency: str | None = None) -> dict[str, Any]:
        """The payment with its charge. Raises RejectedError when it is not in this currency."""
        path = f"/v1/payment_intents/{_known(reference)}?expand[]=latest_charge"
        intent = self._get(path, operation="read")
        if currency is not None and str(intent.get("currency")).upper() != currency:
            raise RejectedError(f"The payment at Stripe is not in {currency}.")
        return intent

    def _get(self, path: str, *, operation: str) -> dict[str, Any]:
        url = settings.STRIPE_API_URL + path
        try:
            return _body(self._http.request("GET", url, headers=_headers(), operation=operation, changes=False))
        except _StripeRefusal as refusal:
            raise refusal.meaning() from None

    def _post(self, path: str, form: Mapping[str, str], *, key: str, operation: str) -> dict[str, Any]:
        headers = _headers() | {"Idempotency-Key": key}
        url = settings.STRIPE_API_URL + path
        return _body(self._http.request("POST", url, headers=headers, form=form, operation=operation, changes=True))

    @property
    def _http(self) -> HttpClient:
        """This thread's client: one gateway serves all threads."""
        if not hasattr(self._local, "http"):
            self._local.http = HttpClient(allow_loopback=settings.ALLOW_LOOPBACK, deadline_s=settings.HTTP_DEADLINE_S)
        client: HttpClient = self._local.http
        return client


def units_of(amount: Decimal, currency: str) -> int:
    """Stripe's smallest unit. Three-decimal currencies must end in 0 there; raises MoneyError otherwise."""
    here, there = exponent(currency), _decimals_there(currency)
    units = Decimal(to_minor(amount, currency)).scaleb(there - here)
    if units != int(units):
        raise MoneyError(f"Stripe takes whole {currency} amounts only.")
    if there == 3 and units % 10:
        raise MoneyError(f"Stripe takes {currency} amounts in steps of 0.010 only.")
    return int(units)


def amount_of(units: int, currency: str) -> Decimal:
    """The amount in major units of what Stripe counts in its own."""
    return round_half_up(Decimal(units).scaleb(-_decimals_there(currency)), currency)


def _decimals_there(currency: str) -> int:
    return _DECIMALS_THERE.get(currency, exponent(currency))


def _units(amount: Decimal, currency: str) -> int:
    """More than nothing, as Stripe counts it; RejectedError for what it would not take."""
    try:
        units = units_of(amount, currency)
    except MoneyError as error:
        raise RejectedError(str(error)) from error
    if units <= 0:
        raise RejectedError("The amount must be more than nothing.")
    return units


def _known(reference: str) -> str:
    """The reference, when it can be one of Stripe's: it becomes part of an address."""
    if not _REFERENCE.fullmatch(reference):
        raise AuthorizationGoneError("This is not a payment of Stripe's: their references begin with pi_.")
    return reference


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
        unreadable = OutcomeUnknownError if answer.changes else RetryableError
        raise unreadable("Stripe's answer could not be read.")
    if answer.status >= 400:
        error = body.get("error")
        raise _StripeRefusal(answer.status, error if isinstance(error, dict) else {})
    return body


def _refunded(made: Mapping[str, Any], amount: Decimal) -> Refunded:
    return Refunded(str(made["id"]), amount, _REFUND_STATES.get(str(made.get("status")), "pending"))


def _authorization(intent: Mapping[str, Any]) -> Authorization:
    """Raises RetryableError for an answer that is no PaymentIntent."""
    try:
        return _authorization_unchecked(intent)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, OSError):
        raise RetryableError("Stripe's answer could not be read.") from None


def _authorization_unchecked(intent: Mapping[str, Any]) -> Authorization:
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
        disputed=details.get("disputed") is True,
    )


def _captured_before(intent: Mapping[str, Any], amount: Decimal) -> Captured:
    """What an earlier capture took. RejectedError when that was another amount."""
    if _authorization(intent).captured != amount:
        raise RejectedError("The payment was captured before, with another amount.")
    return Captured(_charge_id(intent), amount, already=True)


def _charge_id(intent: Mapping[str, Any]) -> str:
    charge = intent.get("latest_charge")
    return str((charge.get("id") if isinstance(charge, dict) else charge) or intent.get("id"))


def _verified(header: str, body: bytes, at: datetime) -> datetime:
    """The instant of signing. A signature from the future is refused like one from the past."""
    parts = [part.partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t" and re.fullmatch("[0-9]{1,10}", value)]
    if len(stamps) != 1:
        raise BadSignatureError("The webhook carries no signature.")
    signed_at = datetime.fromtimestamp(int(stamps[0]), UTC)
    if abs(at - signed_at) > SIGNATURE_TOLERANCE:
        raise BadSignatureError("The webhook was not signed just now.")
    payload = stamps[0].encode() + b"." + body
    given = [value.encode("utf-8", "replace") for name, _, value in parts if name == "v1"]
    for secret in filter(None, settings.STRIPE_WEBHOOK_SECRETS):  # an empty secret signs nothing
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(expected, value) for value in given):
            return signed_at
    raise BadSignatureError("The webhook's signature is wrong.")


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):  # its text can hold the body
        event = None
    if not isinstance(event, dict):
        raise BadSignatureError("The webhook's body is not a JSON object.")
    return event


def _reference(event: Mapping[str, Any]) -> str:
    """The payment that an event is about; empty for a charge that belongs to none."""
    data = event.get("data")
    target = data.get("object") if isinstance(data, dict) else None
    if not isinstance(target, dict):
        raise BadSignatureError("The webhook is not a Stripe event.")
    if target.get("object") == "payment_intent":
        return _text(target.get("id"), _REFERENCE_MAX)
    payment = target.get("payment_intent")
    return _text(payment, _REFERENCE_MAX) if payment else ""


def _text(value: object, longest: int) -> str:
    """A text that we store: there, printable, not too long."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise BadSignatureError("The webhook is not a Stripe event.")
    return value
