"""The axes of an order, each with its states and its ways out, and the one headline derived from them.

docs/order-states.md is generated from these tables by `manage.py order_states`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import TextChoices


class OrderStatus(TextChoices):
    DRAFT = "draft", "Draft"
    PENDING = "pending", "Awaiting confirmation"
    CONFIRMED = "confirmed", "Confirmed"
    COMPLETED = "completed", "Completed"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class PaymentStatus(TextChoices):
    NONE = "none", "No payment"
    AUTHORIZED = "authorized", "Authorized"
    CAPTURED = "captured", "Captured"
    PARTIALLY_REFUNDED = "partially_refunded", "Partly refunded"
    REFUNDED = "refunded", "Refunded"
    VOIDED = "voided", "Voided"
    FAILED = "failed", "Failed"


class PushStatus(TextChoices):
    WAITING = "waiting", "Waiting"  # for a condition: confirmation, a product link, a token ...
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    PUSHED = "pushed", "In the store"
    UNKNOWN = "unknown", "Checking"  # sent, no answer
    HELD = "held", "Needs attention"  # a person is needed
    SKIPPED = "skipped", "Not sent"  # the settings say so
    CANCELLED = "cancelled", "Cancelled"


class FulfillmentStatus(TextChoices):
    UNFULFILLED = "unfulfilled", "Unfulfilled"
    PARTIAL = "partial", "Partly fulfilled"
    FULFILLED = "fulfilled", "Fulfilled"


class Delivery(TextChoices):
    SHIP = "ship", "Delivery"
    PICKUP = "pickup", "Click and collect"


class AddressKind(TextChoices):
    SHIPPING = "shipping", "Shipping address"
    BILLING = "billing", "Billing address"


class ShipmentStatus(TextChoices):
    SUCCESS = "success", "Fulfilled"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class OutboxStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    HELD = "held", "Held"


class Topic(TextChoices):
    """What an outbox message promises. The handler of each stands in orders/outbox.py's table."""

    CHECK_ORDER = "check_order", "Check with the destinations"
    CAPTURE_PAYMENT = "capture_payment", "Capture the payment"
    VOID_PAYMENT = "void_payment", "Release the payment"
    REFUND_PAYMENT = "refund_payment", "Give the payment back"
    PUSH_ORDER = "push_order", "Push to the destination"
    CANCEL_REMOTE = "cancel_remote", "Cancel at the destination"
    PULL_REMOTE = "pull_remote", "Read back from the destination"
    TELL_CUSTOMER = "tell_customer", "Tell the customer"
    TELL_MERCHANT = "tell_merchant", "Tell the merchant"


ORDER_TRANSITIONS: Mapping[str, frozenset[str]] = {
    OrderStatus.DRAFT: frozenset(
        {OrderStatus.PENDING, OrderStatus.DECLINED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
    ),
    OrderStatus.PENDING: frozenset(
        {OrderStatus.CONFIRMED, OrderStatus.DECLINED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
    ),
    # confirmed -> expired only while nothing was captured
    OrderStatus.CONFIRMED: frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}),
    # a fulfillment taken back in the store opens the order again
    OrderStatus.COMPLETED: frozenset({OrderStatus.CONFIRMED}),
    OrderStatus.DECLINED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}

PAYMENT_TRANSITIONS: Mapping[str, frozenset[str]] = {
    PaymentStatus.NONE: frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED}),
    PaymentStatus.AUTHORIZED: frozenset({PaymentStatus.CAPTURED, PaymentStatus.VOIDED, PaymentStatus.FAILED}),
    PaymentStatus.FAILED: frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED, PaymentStatus.VOIDED}),
    PaymentStatus.CAPTURED: frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}),
    PaymentStatus.PARTIALLY_REFUNDED: frozenset({PaymentStatus.REFUNDED}),
    PaymentStatus.REFUNDED: frozenset(),
    PaymentStatus.VOIDED: frozenset(),
}

PUSH_TRANSITIONS: Mapping[str, frozenset[str]] = {
    PushStatus.WAITING: frozenset(
        {
            PushStatus.QUEUED,
            PushStatus.SENDING,
            PushStatus.UNKNOWN,
            PushStatus.HELD,
            PushStatus.SKIPPED,
            PushStatus.CANCELLED,
            PushStatus.PUSHED,
        }
    ),
    PushStatus.QUEUED: frozenset(
        {
            PushStatus.SENDING,
            PushStatus.UNKNOWN,
            PushStatus.WAITING,
            PushStatus.HELD,
            PushStatus.SKIPPED,
            PushStatus.CANCELLED,
            PushStatus.PUSHED,
        }
    ),
    PushStatus.SENDING: frozenset(
        {
            PushStatus.PUSHED,
            PushStatus.UNKNOWN,
            PushStatus.QUEUED,
            PushStatus.WAITING,
            PushStatus.HELD,
            PushStatus.SKIPPED,
            PushStatus.CANCELLED,
        }
    ),
    PushStatus.UNKNOWN: frozenset(
        {
            PushStatus.SENDING,
            PushStatus.PUSHED,
            PushStatus.QUEUED,
            PushStatus.WAITING,
            PushStatus.HELD,
            PushStatus.SKIPPED,
            PushStatus.CANCELLED,
        }
    ),
    PushStatus.HELD: frozenset(
        {PushStatus.QUEUED, PushStatus.WAITING, PushStatus.PUSHED, PushStatus.SKIPPED, PushStatus.CANCELLED}
    ),
    # a difference that the read-back found is a blocker
    PushStatus.PUSHED: frozenset({PushStatus.HELD, PushStatus.CANCELLED}),
    PushStatus.SKIPPED: frozenset({PushStatus.QUEUED, PushStatus.WAITING, PushStatus.CANCELLED}),
    PushStatus.CANCELLED: frozenset(),
}

# The pushes of one order told in one word: the first of these that any push has.
PUSH_SUMMARY_ORDER: tuple[str, ...] = (
    PushStatus.HELD,
    PushStatus.UNKNOWN,
    PushStatus.WAITING,
    PushStatus.SENDING,
    PushStatus.QUEUED,
    PushStatus.PUSHED,
    PushStatus.SKIPPED,
    PushStatus.CANCELLED,
)


class Headline(TextChoices):
    """What the list and the page say of an order in one word."""

    DRAFT = "draft", "Draft"
    NEEDS_CONFIRMATION = "needs_confirmation", "Needs confirmation"
    BLOCKED = "blocked", "Blocked"
    PAYMENT_FAILED = "payment_failed", "Payment failed"
    PUSH_FAILED = "push_failed", "Not in the store"
    WAITING = "waiting", "Waiting"
    SYNCING = "syncing", "Syncing"
    AWAITING_FULFILLMENT = "awaiting_fulfillment", "Awaiting fulfillment"
    PARTLY_FULFILLED = "partly_fulfilled", "Partly fulfilled"
    COMPLETED = "completed", "Completed"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


@dataclass(frozen=True, slots=True)
class HeadlineRule:
    """Holds when every axis that is named has one of the named values."""

    headline: Headline
    status: frozenset[str] = frozenset()
    payment: frozenset[str] = frozenset()
    push: frozenset[str] = frozenset()
    fulfillment: frozenset[str] = frozenset()

    def holds(self, *, status: str, payment: str, push: str, fulfillment: str) -> bool:
        return all(
            not wanted or value in wanted
            for wanted, value in (
                (self.status, status),
                (self.payment, payment),
                (self.push, push),
                (self.fulfillment, fulfillment),
            )
        )


def _rule(headline: Headline, **axes: str | tuple[str, ...]) -> HeadlineRule:
    return HeadlineRule(headline, **{name: frozenset([v] if isinstance(v, str) else v) for name, v in axes.items()})


# Read from the top; the first rule that holds names the order. The last one always holds.
HEADLINE_RULES: tuple[HeadlineRule, ...] = (
    _rule(Headline.DRAFT, status=OrderStatus.DRAFT),
    _rule(Headline.DECLINED, status=OrderStatus.DECLINED),
    _rule(Headline.EXPIRED, status=OrderStatus.EXPIRED),
    _rule(Headline.CANCELLED, status=OrderStatus.CANCELLED),
    _rule(Headline.BLOCKED, status=OrderStatus.PENDING, push=PushStatus.HELD),
    _rule(Headline.NEEDS_CONFIRMATION, status=OrderStatus.PENDING),
    _rule(Headline.PAYMENT_FAILED, status=OrderStatus.CONFIRMED, payment=PaymentStatus.FAILED),
    _rule(
        Headline.BLOCKED,
        status=OrderStatus.CONFIRMED,
        payment=(PaymentStatus.NONE, PaymentStatus.AUTHORIZED),
        push=PushStatus.HELD,
    ),
    _rule(Headline.PUSH_FAILED, push=PushStatus.HELD),
    _rule(Headline.COMPLETED, status=OrderStatus.COMPLETED),
    _rule(Headline.SYNCING, payment=(PaymentStatus.NONE, PaymentStatus.AUTHORIZED)),
    _rule(Headline.WAITING, push=PushStatus.WAITING),
    _rule(Headline.SYNCING, push=(PushStatus.UNKNOWN, PushStatus.SENDING, PushStatus.QUEUED)),
    _rule(Headline.PARTLY_FULFILLED, fulfillment=FulfillmentStatus.PARTIAL),
    _rule(Headline.AWAITING_FULFILLMENT),
)

# Headlines that ask the merchant to do something about a fault.
ATTENTION: tuple[str, ...] = (Headline.BLOCKED, Headline.PAYMENT_FAILED, Headline.PUSH_FAILED, Headline.WAITING)


def headline_of(*, status: str, payment: str, push: str, fulfillment: str) -> Headline:
    """The headline for these four axes; the database derives the same from the same table."""
    for rule in HEADLINE_RULES:
        if rule.holds(status=status, payment=payment, push=push, fulfillment=fulfillment):
            return rule.headline
    raise AssertionError("the last headline rule always holds")
