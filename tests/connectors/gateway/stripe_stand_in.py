"""Stripe on loopback: PaymentIntents with manual capture and refunds, as strict as the real one where money goes wrong.

What it refuses and how it answers is Stripe's documentation as read in November 2026 (docs.stripe.com/api, /currencies,
/payments/capture-later, /api/idempotent_requests). It never calls the code under test.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.factories import NOON

KEY = "sk_test_canary_of_the_stand_in"
VERSION = "2026-10-28.endive"
WINDOW = timedelta(days=7)
UNITS = {
    "NZD": 100,
    "USD": 100,
    "JPY": 1,
    "KWD": 1000,
    "ISK": 100,
    "UGX": 100,
    "MGA": 1,
}  # in one major unit, at Stripe
STEPS = {"KWD": 10, "ISK": 100, "UGX": 100}  # amounts are multiples of this
PARAMETERS = {
    "capture": {"amount_to_capture", "application_fee_amount", "final_capture", "metadata", "statement_descriptor"},
    "cancel": {"cancellation_reason"},
    "refunds": {"payment_intent", "charge", "amount", "reason", "metadata"},
}
CANCELLATION_REASONS = {"duplicate", "fraudulent", "requested_by_customer", "abandoned"}
CANCELABLE = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"}

Wire = Callable[["_Handler", int, bytes], None]  # how an answer leaves


@dataclass
class Intent:
    id: str
    currency: str
    amount: int
    capture_before: datetime
    status: str = "requires_capture"
    received: int = 0
    refunded: int = 0
    cancellation_reason: str | None = None
    decline_code: str = ""  # what the card says when it is captured
    captures: int = 0  # how often money was taken
    disputed: bool = False

    @property
    def charge_id(self) -> str:
        return self.id.replace("pi_", "ch_")


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


class Refusal(Exception):
    """`kept`: execution had begun, so the answer is replayed for the key."""

    def __init__(self, status: int, message: str, *, kept: bool = True, **error: str) -> None:
        super().__init__(message)
        self.status, self.kept = status, kept
        self.error = {"type": "invalid_request_error", "message": message, **error}


@dataclass
class StripeStandIn:
    """The books, the replies kept per idempotency key, and what the next calls are to meet."""

    url: str = ""
    now: datetime = NOON
    intents: dict[str, Intent] = field(default_factory=dict)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    replies: dict[str, tuple[Any, int, dict[str, Any]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    wires: dict[str, list[Wire]] = field(default_factory=dict)  # method -> how its next answers leave
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)  # method -> instead of execution
    broken_after: int = 0  # so many executions are followed by a 500 that is kept for the key
    broken_before: int = 0  # so many executions end in such a 500 with nothing done
    refund_status: str = "succeeded"
    lock: threading.Lock = field(default_factory=threading.Lock)
    fell_silent: threading.Event = field(default_factory=threading.Event)  # it was carried out, and is not answered
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # --- for tests ---

    def authorize(self, amount: str, currency: str, **fields: Any) -> Intent:
        units = Decimal(amount) * UNITS[currency]
        assert units == int(units)
        assert units % STEPS.get(currency, 1) == 0
        intent = Intent(
            **{
                "id": f"pi_{next(self.numbers)}Kauri",
                "currency": currency,
                "amount": int(units),
                "capture_before": self.now + WINDOW,
                **fields,
            }
        )
        self.intents[intent.id] = intent
        return intent

    def next_answer(self, wire: Wire, *, to: str = "POST") -> None:
        """How the next answer leaves, once it has been carried out."""
        self.wires.setdefault(to, []).append(wire)

    def is_silent_next(self, method: str) -> bool:
        return self.wires.get(method, [])[:1] == [silent]

    def refuse_next(self, status: int, message: str = "No.", *, to: str = "POST", **error: str) -> None:
        self.refusals.setdefault(to, []).append(Refusal(status, message, **error))

    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.method == "POST"]

    # --- the API ---

    def answer(self, call: Call) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.calls.append(call)
            try:
                self._check(call)
                return self._read(call) if call.method == "GET" else self._replay_or_write(call)
            except Refusal as refusal:
                return refusal.status, {"error": refusal.error}

    def _check(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {KEY}":
            raise Refusal(401, "Invalid API Key provided: sk_test_****", kept=False)
        if call.headers.get("stripe-version") != VERSION:
            raise Refusal(400, "Invalid Stripe API version.", kept=False)
        if call.method == "POST":
            self._check_write(call)
        if queued := self.refusals.get(call.method):
            raise queued.pop(0)

    def _check_write(self, call: Call) -> None:
        if call.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Refusal(400, "The content type must be application/x-www-form-urlencoded.", kept=False)
        if not 1 <= len(call.headers.get("idempotency-key", "")) <= 255:
            raise Refusal(400, "The idempotency key must have 1 to 255 characters.", kept=False)
        known = PARAMETERS.get(call.path.rsplit("/", 1)[1], set())
        for name in call.form:
            if name.split("[")[0] not in known:
                raise Refusal(400, f"Received unknown parameter: {name}", kept=False, code="parameter_unknown")

    def _replay_or_write(self, call: Call) -> tuple[int, dict[str, Any]]:
        key, request = call.headers["idempotency-key"], (call.path, call.form)
        if key in self.replies:
            before, status, body = self.replies[key]
            if before != request:
                message = "Keys for idempotent requests can only be used with the parameters they were first used with."
                raise Refusal(400, message, type="idempotency_error")
            return status, body
        status, body, kept = self._executed(call)
        if kept:
            self.replies[key] = (request, status, body)
        return status, body

    def _executed(self, call: Call) -> tuple[int, dict[str, Any], bool]:
        broken = {"error": {"type": "api_error", "message": "Something went wrong on Stripe's end."}}
        if self.broken_before:
            self.broken_before -= 1
            return 500, broken, True
        try:
            body = self._write(call)
        except Refusal as refusal:
            return refusal.status, {"error": refusal.error}, refusal.kept
        if self.broken_after:
            self.broken_after -= 1
            return 500, broken, True
        return 200, body, True

    def _read(self, call: Call) -> tuple[int, dict[str, Any]]:
        address = urlsplit(call.path)
        query = dict(parse_qsl(address.query))
        if address.path == "/v1/refunds" and set(query) == {"payment_intent", "limit"}:
            self._intent(query["payment_intent"])
            made = [one for one in reversed(self.refunds) if one["payment_intent"] == query["payment_intent"]]
            return 200, {"object": "list", "url": "/v1/refunds", "has_more": False, "data": made[: int(query["limit"])]}
        if address.path.startswith("/v1/payment_intents/") and set(query) <= {"expand[]"}:
            intent = self._intent(address.path.removeprefix("/v1/payment_intents/"))
            return 200, self._shown(intent, expanded=query.get("expand[]") == "latest_charge")
        raise Refusal(404, f"Unrecognized request URL (GET: {address.path}).")

    def _write(self, call: Call) -> dict[str, Any]:
        match call.path.split("/")[1:]:
            case ["v1", "payment_intents", reference, "capture"]:
                return self._capture(self._intent(reference), call.form)
            case ["v1", "payment_intents", reference, "cancel"]:
                return self._cancel(self._intent(reference), call.form)
            case ["v1", "refunds"]:
                return self._refund(self._intent(call.form.get("payment_intent", "")), call.form)
        raise Refusal(404, f"Unrecognized request URL (POST: {call.path}).", kept=False)

    def _intent(self, reference: str) -> Intent:
        intent = self.intents.get(reference)
        if intent is None:
            raise Refusal(404, f"No such payment_intent: '{reference}'", code="resource_missing", param="intent")
        if intent.status == "requires_capture" and self.now >= intent.capture_before:
            intent.status, intent.cancellation_reason = "canceled", "automatic"
        return intent

    def _capture(self, intent: Intent, form: dict[str, str]) -> dict[str, Any]:
        units = _units(form.get("amount_to_capture", str(intent.amount)), intent.currency, "amount_to_capture")
        if intent.status != "requires_capture":
            raise _unexpected(intent, "captured")
        if units > intent.amount:
            raise Refusal(400, "The amount to capture is more than was authorized.", code="amount_too_large")
        if intent.decline_code:
            intent.status = "requires_payment_method"
            message = "Your card was declined."
            raise Refusal(402, message, type="card_error", code="card_declined", decline_code=intent.decline_code)
        intent.status, intent.received, intent.captures = "succeeded", units, intent.captures + 1
        return self._shown(intent)

    def _cancel(self, intent: Intent, form: dict[str, str]) -> dict[str, Any]:
        reason = form.get("cancellation_reason")
        if reason is not None and reason not in CANCELLATION_REASONS:
            raise Refusal(400, "Invalid cancellation_reason.", kept=False, param="cancellation_reason")
        if intent.status not in CANCELABLE:
            raise _unexpected(intent, "canceled")
        intent.status, intent.cancellation_reason = "canceled", reason
        return self._shown(intent)

    def _refund(self, intent: Intent, form: dict[str, str]) -> dict[str, Any]:
        left = intent.received - intent.refunded
        units = _units(form.get("amount", str(left)), intent.currency, "amount")
        if intent.status != "succeeded":
            raise _unexpected(intent, "refunded")
        if not left:
            raise Refusal(400, f"Charge {intent.charge_id} was refunded already.", code="charge_already_refunded")
        if units > left:
            raise Refusal(400, f"Refund amount ({units}) is greater than what is left ({left}).", param="amount")
        if self.refund_status != "failed":
            intent.refunded += units
        refund = {
            "id": f"re_{next(self.numbers)}Kauri",
            "object": "refund",
            "amount": units,
            "charge": intent.charge_id,
            "currency": intent.currency.lower(),
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "payment_intent": intent.id,
            "status": self.refund_status,
        }
        self.refunds.append(refund)
        return refund

    def _shown(self, intent: Intent, *, expanded: bool = False) -> dict[str, Any]:
        charge = {
            "id": intent.charge_id,
            "object": "charge",
            "amount": intent.amount,
            "amount_captured": intent.received,
            "amount_refunded": intent.refunded,
            "disputed": intent.disputed,
            "payment_method_details": {"card": {"capture_before": int(intent.capture_before.timestamp())}},
        }
        return {
            "id": intent.id,
            "object": "payment_intent",
            "amount": intent.amount,
            "amount_capturable": intent.amount if intent.status == "requires_capture" else 0,
            "amount_received": intent.received,
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": "manual",
            "currency": intent.currency.lower(),
            "latest_charge": charge if expanded else intent.charge_id,
            "status": intent.status,
        }


def _units(value: str, currency: str, name: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise Refusal(
            400, f"Invalid positive integer: {value}", kept=False, code="parameter_invalid_integer", param=name
        )
    if int(value) % STEPS.get(currency, 1):
        raise Refusal(400, f"Invalid amount for {currency}: {value}", kept=False, param=name)
    return int(value)


def _unexpected(intent: Intent, what: str) -> Refusal:
    message = f"This PaymentIntent could not be {what} because it has a status of {intent.status}."
    return Refusal(400, message, code="payment_intent_unexpected_state")


# --- on the wire -----------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stripe: StripeStandIn

    def do_GET(self) -> None:
        self._talk({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._talk(dict(parse_qsl(body, keep_blank_values=True)))

    def _talk(self, form: dict[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = self.stripe.answer(Call(self.command, self.path, headers, form))
        queued = self.stripe.wires.get(self.command)
        (queued.pop(0) if queued else send)(self, status, json.dumps(body).encode())

    def log_message(self, *args: Any) -> None:
        """Tests look at `calls`."""


def send(
    handler: _Handler,
    status: int,
    body: bytes,
    *,
    kind: str = "application/json",
    length: int | None = None,
    **more: str,
) -> None:
    with contextlib.suppress(OSError):  # the client hung up, as some tests want
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in more.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)


def instead(status: int, body: bytes = b"{}", **options: Any) -> Wire:
    """Another answer than the one that the books gave."""
    return lambda handler, _status, _body: send(handler, status, body, **options)


def cut(handler: _Handler, status: int, body: bytes) -> None:
    """Half of the body that was announced, then the line goes dead."""
    send(handler, status, body[: len(body) // 2], length=len(body))
    handler.close_connection = True


def lost(handler: _Handler, status: int, body: bytes) -> None:
    """The connection is reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def silent(handler: _Handler, status: int, body: bytes) -> None:
    """No answer until the client gives up."""
    handler.stripe.fell_silent.set()
    handler.connection.settimeout(60)
    with contextlib.suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True


@contextlib.contextmanager
def serving() -> Iterator[StripeStandIn]:
    stripe = StripeStandIn()
    handler = type("Handler", (_Handler,), {"stripe": stripe})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # a reset is what tests ask for
    stripe.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stripe
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=60)
