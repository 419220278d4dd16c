"""Refusals of the services, in words a merchant can read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.base import Blocker


class OrderError(Exception):
    """Nothing was changed. `code` is for the API."""

    code = "order_error"


class TransitionNotAllowed(OrderError):
    """The order (or its payment, or a push) is not in a state from which this can be done."""

    code = "transition_not_allowed"


class ConfirmationClosed(OrderError):
    """The time to confirm has run out."""

    code = "confirmation_closed"


class OrderBlocked(OrderError):
    """The destination would refuse the order as it is."""

    code = "blocked"

    def __init__(self, message: str, blockers: Iterable[Blocker]) -> None:
        super().__init__(message)
        self.blockers = tuple(blockers)


class IdempotencyConflict(OrderError):
    """The same key or order number came with another body."""

    code = "idempotency_conflict"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    field: str  # "lines[2].quantity"
    code: str  # "totals_mismatch"
    message: str


class InvalidOrder(OrderError):
    """The order that was sent in is refused; every problem names its field."""

    code = "invalid_order"

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in self.problems))
