"""What a payment gateway does for us. Amounts are Decimal in major units; references are the gateway's own ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from connectors.errors import ConnectorError

AuthorizationState = Literal["requires_capture", "succeeded", "canceled", "requires_action", "failed"]


class PaymentDeclinedError(ConnectorError):
    """The gateway refuses to take the money; asking again with the same card changes nothing."""

    def __init__(self, message: str, *, decline_code: str) -> None:
        super().__init__(message, code="capture_declined")
        self.decline_code = decline_code  # the gateway's own word: "insufficient_funds"


class AuthorizationGoneError(ConnectorError):
    """The authorization ran out, was cancelled or never was: there is nothing left to capture."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="authorization_expired")


@dataclass(frozen=True, slots=True)
class Authorization:
    """A payment as the gateway has it now."""

    reference: str
    state: AuthorizationState
    currency: str
    authorized: Decimal
    captured: Decimal
    refunded: Decimal
    capture_before: datetime | None  # the last instant at which a capture can succeed
    disputed: bool = False  # the customer asked their bank to take the money back, now or before


@dataclass(frozen=True, slots=True)
class Captured:
    capture_id: str
    amount: Decimal
    already: bool = False  # it had been captured before this call


@dataclass(frozen=True, slots=True)
class Refunded:
    refund_id: str
    amount: Decimal
    status: Literal["succeeded", "pending", "failed"]


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """A verified payment webhook: which payment to read again."""

    event_id: str
    topic: str
    reference: str
    occurred_at: datetime


class Gateway(ABC):
    """Raises the errors of connectors.errors and the two above, nothing else.

    Every write takes our own idempotency key: the same key twice is one movement of money.
    """

    name: ClassVar[str]
    label: ClassVar[str]

    @abstractmethod
    def read(self, reference: str) -> Authorization:
        """The payment as it stands. Raises AuthorizationGoneError when the gateway does not know it."""

    @abstractmethod
    def capture(self, reference: str, *, amount: Decimal, currency: str, key: str) -> Captured:
        """Take the money, unless a look at the payment shows that it was taken, under whatever key.

        An OutcomeUnknownError may be repeated, with the same key or another one.
        """

    @abstractmethod
    def void(self, reference: str, *, reason: str, key: str) -> None:
        """Release what was authorized, after a look as well. Safe when it is released already; RejectedError when captured."""

    @abstractmethod
    def refund(
        self, reference: str, *, amount: Decimal, currency: str, key: str, reason: str, mark: str = ""
    ) -> Refunded:
        """Give back part or all of what was captured. Raises RejectedError for more than is left.

        `mark` is what this refund is found by, without one its key: what was given under the mark is not given again
        under another key. An OutcomeUnknownError may be repeated with the same key; with another one only when the
        gateway has answered, as what is still on its way to it could not be found yet.
        """

    @abstractmethod
    def refunds(self, reference: str) -> tuple[Refunded, ...]:
        """What was given back of the payment as it stands now, the newest hundred: a bank may refuse one days later."""

    @abstractmethod
    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes, at: datetime) -> PaymentNotice:
        """Verify the raw body and say what it is about. Raises BadSignatureError."""
