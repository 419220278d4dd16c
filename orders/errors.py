"""Refusals of the services, in words a merchant can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


class RoutingRefused(OrderError):
    """Lines cannot be sent where they were asked to go."""

    code = "routing_refused"


class PartnershipRefused(OrderError):
    """What was asked of a partnership cannot be."""

    code = "partnership_refused"


class SyncRefused(OrderError):
    """A store's own orders cannot be read, or not now."""

    code = "sync_refused"


class FeeRefused(OrderError):
    """This price of shipping cannot be charged there."""

    code = "fee_refused"


class IdempotencyConflict(OrderError):
    """The same key or order number came with another body."""

    code = "idempotency_conflict"


class ChangedMeanwhile(OrderError):
    """Somebody else changed what the editor was shown; `theirs` is what stands now, by field."""

    code = "changed_meanwhile"

    def __init__(self, message: str, theirs: Mapping[str, str]) -> None:
        super().__init__(message)
        self.theirs = dict(theirs)


class NeedsConsent(OrderError):
    """What is asked has consequences that the caller must know of first."""

    code = "needs_consent"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    field: str  # "lines[2].quantity"
    code: str  # "totals_mismatch"
    message: str


class FieldsRefused(OrderError):
    """What was asked for cannot be; every problem names its field."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problem.message for problem in self.problems))


class InvalidOrder(OrderError):
    """The order that was sent in is refused; every problem names its field."""

    code = "invalid_order"

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in self.problems))


class InvalidSettings(FieldsRefused):
    """Settings that cannot be; every problem names its field: "tag_template", "tax_presets[0].rate"."""

    code = "invalid_settings"


class InvalidRefund(FieldsRefused):
    """The refund that was asked for cannot be given; every problem names its field: "lines[0].quantity", "amount"."""

    code = "invalid_refund"


class InvalidPush(FieldsRefused):
    """The push that was asked for cannot be; every problem names its field: "shipping"."""

    code = "invalid_push"


class FindingRefused(OrderError):
    """What a person says of a push's order at its destination is not so, or cannot be looked at now."""

    code = "finding_refused"


class ReexportRefused(OrderError):
    """This part of the order cannot be exported again as things are."""

    code = "reexport_refused"


class VersionConflict(OrderError):
    """The order was edited since the caller read it."""

    code = "version_conflict"


class InvalidShipment(FieldsRefused):
    """What was asked for cannot be sent or set aside; every problem names its field: "lines[0].quantity", "parcels[1].number"."""

    code = "invalid_shipment"


@dataclass(frozen=True, slots=True)
class OrderGaps:
    """What one order lacks for a document."""

    number: str
    public_id: str
    problems: tuple[FieldProblem, ...]


class DocumentsRefused(OrderError):
    """Documents cannot be made: says for each order what is missing."""

    code = "document_refused"

    def __init__(self, gaps: Iterable[OrderGaps]) -> None:
        self.gaps = tuple(gaps)
        self.problems = tuple(problem for gap in self.gaps for problem in gap.problems)
        super().__init__("\n".join(f"{gap.number}: {' '.join(p.message for p in gap.problems)}" for gap in self.gaps))
