"""The ways out of each state, and the one headline derived from the axes of an order.

docs/order-states.md is generated from these tables by `manage.py order_states`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orders.enums import FulfillmentStatus, Headline, OrderStatus, PaymentStatus, PickupStatus, PushStatus, RefundStatus

PICKUP_TRANSITIONS: Mapping[str, frozenset[str]] = {
    PickupStatus.REQUESTED: frozenset({PickupStatus.SCHEDULED, PickupStatus.FAILED, PickupStatus.CANCELLED}),
    PickupStatus.FAILED: frozenset({PickupStatus.REQUESTED, PickupStatus.SCHEDULED, PickupStatus.CANCELLED}),
    PickupStatus.SCHEDULED: frozenset({PickupStatus.CANCELLING}),
    # a carrier that refuses to be called off comes
    PickupStatus.CANCELLING: frozenset({PickupStatus.CANCELLED, PickupStatus.SCHEDULED}),
    PickupStatus.CANCELLED: frozenset(),
}

ORDER_TRANSITIONS: Mapping[str, frozenset[str]] = {
    # draft or pending -> completed when the shop where it was placed has sent it
    OrderStatus.DRAFT: frozenset(
        {
            OrderStatus.PENDING,
            OrderStatus.DECLINED,
            OrderStatus.CANCELLED,
            OrderStatus.EXPIRED,
            OrderStatus.COMPLETED,
        }
    ),
    # pending -> draft when more is asked of the order than it has, or its customer's data were removed
    OrderStatus.PENDING: frozenset(
        {
            OrderStatus.DRAFT,
            OrderStatus.CONFIRMED,
            OrderStatus.DECLINED,
            OrderStatus.CANCELLED,
            OrderStatus.EXPIRED,
            OrderStatus.COMPLETED,
        }
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
    # one part after another
    PaymentStatus.PARTIALLY_REFUNDED: frozenset(
        {PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.CAPTURED}
    ),
    # back again when the customer's bank did not take a refund after all
    PaymentStatus.REFUNDED: frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.CAPTURED}),
    PaymentStatus.VOIDED: frozenset(),
}

REFUND_TRANSITIONS: Mapping[str, frozenset[str]] = {
    RefundStatus.REQUESTED: frozenset({RefundStatus.DONE, RefundStatus.FAILED, RefundStatus.WITHDRAWN}),
    RefundStatus.FAILED: frozenset({RefundStatus.REQUESTED, RefundStatus.DONE, RefundStatus.WITHDRAWN}),
    RefundStatus.DONE: frozenset({RefundStatus.FAILED}),  # the customer's bank sent it back
    RefundStatus.WITHDRAWN: frozenset(),
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
        payment=PaymentStatus.AUTHORIZED,
        push=PushStatus.HELD,
    ),
    _rule(Headline.PUSH_FAILED, push=PushStatus.HELD),
    _rule(Headline.COMPLETED, status=OrderStatus.COMPLETED),
    _rule(Headline.SYNCING, payment=PaymentStatus.AUTHORIZED),
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
