"""The one clock of an order: which of its deadlines comes first. The rules stand here once, for the database's columns
`due_at` and `due_kind` and for rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, CharField, DateTimeField, F, Q, TextChoices, Value, When

from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus


class DueKind(TextChoices):
    ACCEPT = "accept", "Accept"
    PAYMENT = "payment", "Take the payment"  # the order ends, or its authorization does
    SHIP = "ship", "Ship"


class LastResort(TextChoices):
    """What happens to an order that nobody decided about, some time before it would expire."""

    ASK = "ask", "Keep asking; it expires"
    ACCEPT = "accept", "Accept it when its destinations will take it"
    RELEASE = "release", "Decline it, and release the payment"


OPEN = (OrderStatus.DRAFT, OrderStatus.PENDING)
SENT = (FulfillmentStatus.READY, FulfillmentStatus.FULFILLED)  # nothing is left for the merchant to send
UNTAKEN = (PaymentStatus.NONE, PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)

NO_DEADLINE = datetime(9000, 1, 1, tzinfo=UTC)  # `confirm_by` of an order that waits for ever

_UNDECIDED = Q(status__in=OPEN)
_UNPAID = Q(status=OrderStatus.CONFIRMED, payment_status__in=UNTAKEN)
_ENDS_FIRST = (
    Q(confirm_by__lt=NO_DEADLINE)
    & (Q(authorized_until=None) | Q(authorized_until__gte=F("confirm_by")))
    & (Q(ship_by=None) | Q(ship_by__gte=F("confirm_by")))
)
_AUTHORIZED_FIRST = Q(authorized_until__isnull=False) & (Q(ship_by=None) | Q(ship_by__gte=F("authorized_until")))
_TO_SHIP = (
    Q(status=OrderStatus.CONFIRMED, ship_by__isnull=False)
    & ~Q(fulfillment_status__in=SENT)
    & ~Q(payment_status=PaymentStatus.REFUNDED)
)

# condition, column, kind; the first that holds. What is archived has no clock.
_RULES: tuple[tuple[Q, str, DueKind], ...] = (
    (_UNDECIDED & _ENDS_FIRST, "confirm_by", DueKind.ACCEPT),
    (_UNPAID & _ENDS_FIRST, "confirm_by", DueKind.PAYMENT),
    ((_UNDECIDED | _UNPAID) & _AUTHORIZED_FIRST, "authorized_until", DueKind.PAYMENT),
    ((_UNDECIDED | _UNPAID) & Q(ship_by__isnull=False), "ship_by", DueKind.SHIP),
    (_TO_SHIP, "ship_by", DueKind.SHIP),
)


def due_at_expression() -> Case:
    return _case(lambda column, _: F(column), default=None, output_field=DateTimeField())


def due_kind_expression() -> Case:
    return _case(lambda _, kind: Value(kind.value), default="", output_field=CharField(max_length=8))


@dataclass(frozen=True, slots=True)
class Dates:
    """What the clock is read from."""

    status: str
    payment: str
    fulfillment: str
    is_archived: bool
    confirm_by: datetime
    authorized_until: datetime | None
    ship_by: datetime | None


def due_of(dates: Dates) -> tuple[datetime | None, str]:
    """The same as the two columns, for rows in memory: the earliest deadline that still counts, and its kind."""
    if dates.is_archived:
        return None, ""
    undecided = dates.status in OPEN
    unpaid = dates.status == OrderStatus.CONFIRMED and dates.payment in UNTAKEN
    if undecided or unpaid:
        ends = DueKind.ACCEPT if undecided else DueKind.PAYMENT
        known = [(dates.confirm_by, ends), (dates.authorized_until, DueKind.PAYMENT), (dates.ship_by, DueKind.SHIP)]
        counting = [(at, kind.value) for at, kind in known if at is not None and at < NO_DEADLINE]
        return min(counting, key=lambda pair: pair[0], default=(None, ""))
    shipping = is_to_ship(status=dates.status, payment=dates.payment, fulfillment=dates.fulfillment)
    return (dates.ship_by, DueKind.SHIP.value) if shipping and dates.ship_by else (None, "")


def is_to_ship(*, status: str, payment: str, fulfillment: str) -> bool:
    """Whether the merchant still has to send it: not what is sent, nor what was given back whole, wherever it lies."""
    return status == OrderStatus.CONFIRMED and fulfillment not in SENT and payment != PaymentStatus.REFUNDED


def _case(result: Callable[[str, DueKind], Any], *, default: str | None, output_field: Any) -> Case:
    whens = [When(Q(is_archived=False) & condition, then=result(column, kind)) for condition, column, kind in _RULES]
    return Case(*whens, default=Value(default), output_field=output_field)
