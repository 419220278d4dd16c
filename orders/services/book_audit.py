"""What must never be true of our own books, looked for every hour. Whatever is found is a fault of ours: the operator is told.

The database refuses what one row can say of itself, as more money given back than taken. These are the rest: rows that
contradict each other, and promises that nobody would ever keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderEvent, OrderPush, OutboxMessage, Payment
from orders.models.payment import STORE
from orders.services import history

logger = getLogger(__name__)

LEASED_FOR = timedelta(minutes=10)  # since a lease ran out; the pump takes it back within a minute
NAMED = 5  # examples of one kind
_UNDECIDED_OR_REFUSED = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.DECLINED, OrderStatus.EXPIRED)
_ON_ITS_WAY = (PushStatus.QUEUED, PushStatus.SENDING, PushStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Contradiction:
    what: str
    count: int
    examples: tuple[str, ...]  # numbers of orders, keys of promises


def report(*, at: datetime) -> None:
    """One error in the log for each kind that was found, every hour while it lasts."""
    for found in look(at=at):
        logger.error(
            "books do not agree", extra={"what": found.what, "count": found.count, "examples": list(found.examples)}
        )


def look(*, at: datetime) -> tuple[Contradiction, ...]:
    """Every kind that is there now. A statement each, two for what is found. Changes nothing."""
    kinds: tuple[tuple[str, QuerySet[Any], str], ...] = (
        ("money taken for an order that was not confirmed", _taken_unconfirmed(), "order__number"),
        ("confirmed, and nobody is going to take its money", _never_taken(), "number"),
        ("a push on its way that nobody is going to send", _never_sent(), "order__number"),
        ("a promise whose worker is gone for ten minutes", _abandoned(at), "key"),
    )
    found = (_contradiction(what, rows, name) for what, rows, name in kinds)
    return tuple(each for each in found if each.count)


def _contradiction(what: str, rows: QuerySet[Any], name: str) -> Contradiction:
    count = rows.count()
    examples = rows.order_by("pk").values_list(name, flat=True)[:NAMED] if count else ()
    return Contradiction(what, count, tuple(examples))


def _taken_unconfirmed() -> QuerySet[Payment]:
    """What a store took by itself, or a person at the gateway, was taken there before we heard of it."""
    taken = Payment.objects.filter(captured_at__isnull=False, order__status__in=_UNDECIDED_OR_REFUSED)
    by_others = OrderEvent.objects.filter(order=OuterRef("order"), kind=f"payment.{PaymentStatus.CAPTURED}")
    past_us = Exists(by_others.exclude(by=history.STOREWARD))
    return taken.exclude(gateway=STORE).filter(~past_us, refunded__lt=F("captured"))


def _never_taken() -> QuerySet[Order]:
    promised = _open(Topic.CAPTURE_PAYMENT).filter(order=OuterRef("pk"))
    rows = Order.objects.filter(status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.AUTHORIZED)
    return rows.exclude(payment__gateway=STORE).filter(~Exists(promised))


def _never_sent() -> QuerySet[OrderPush]:
    promised = _open(Topic.PUSH_ORDER).filter(push=OuterRef("pk"))
    rows = OrderPush.objects.filter(status__in=_ON_ITS_WAY, order__status=OrderStatus.CONFIRMED)
    return rows.filter(~Exists(promised))


def _abandoned(at: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(status=OutboxStatus.RUNNING, lease_until__lte=at - LEASED_FOR)


def _open(topic: Topic) -> QuerySet[OutboxMessage]:
    """Promises that are going to be kept, or that a person sees as held."""
    return OutboxMessage.objects.filter(topic=topic).exclude(status=OutboxStatus.DONE)
