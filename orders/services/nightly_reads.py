"""Once a night, every order that stands at a destination, held or not, and is not sent yet is read there, and every
payment that is set aside at its gateway.

A poll lists what changed, and nothing lists what was deleted: an order whose deletion was told by a webhook that got lost
would be waited for for ever. A gateway is not polled at all: its webhook may have come before the order, or never.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.models.payment import STORE

READ_FOR = timedelta(days=55)  # some stores show an app no orders older than 60: what they hide tells nothing
NEW_FOR = timedelta(hours=12)  # read back and polled already
TOLD_WITHIN = timedelta(hours=1)  # what happens to a payment meanwhile a webhook tells
APART = timedelta(
    seconds=20
)  # of one connection, or one merchant's payments, so that new orders pass them and its budget is left to them
PAYMENT = "payment"  # in the payload of a check that reads the payment alone
_THERE = (PushStatus.PUSHED, PushStatus.HELD)  # what is held is sent, mended or cancelled there like any other
AT_ONCE = 1000  # per connection and night; of more each has its turn within so many nights


def promise(*, at: datetime) -> int:
    """Promise the readings of tonight. Returns how many. Safe to repeat: one reading per order and night."""
    stores = Connection.objects.own().filter(state=ConnectionState.ACTIVE).order_by("pk")
    return sum(_promise(store, at=at) for store in stores if not connector_class(store.platform).capabilities.desk)


@transaction.atomic
def _promise(store: Connection, *, at: datetime) -> int:
    standing = _standing(store, at=at)
    nights = -(-standing.count() // AT_ONCE)
    if nights > 1:
        standing = standing.annotate(turn=F("pk") % nights).filter(turn=at.toordinal() % nights)
    pushes = {f"pull:{push.public_id}:night-{at:%Y-%m-%d}": push for push in standing.order_by("pk")}
    outbox.post_apart(Topic.PULL_REMOTE, pushes=pushes, connection=store, apart=APART, at=at)
    return len(pushes)


def promise_payments(*, at: datetime) -> int:
    """Promise to read what became of the payments that are set aside. Returns how many. Safe to repeat within a night."""
    untold = Order.objects.filter(payment_status=PaymentStatus.AUTHORIZED, received_at__lte=at - TOLD_WITHIN)
    untold = untold.exclude(payment__gateway=STORE)
    merchants = untold.order_by("merchant_id").values_list("merchant_id", flat=True).distinct()
    return sum(_promise_payments(untold.filter(merchant=merchant), at=at) for merchant in merchants)


@transaction.atomic
def _promise_payments(untold: QuerySet[Order], *, at: datetime) -> int:
    nights = -(-untold.count() // AT_ONCE)
    if nights > 1:
        untold = untold.annotate(turn=F("pk") % nights).filter(turn=at.toordinal() % nights)
    orders = {f"payment:{order.public_id}:night-{at:%Y-%m-%d}": order for order in untold.order_by("pk")}
    outbox.post_many(Topic.CHECK_ORDER, orders=orders, payload={PAYMENT: True}, at=at, apart=APART)
    return len(orders)


def _standing(store: Connection, *, at: datetime) -> QuerySet[OrderPush]:
    """Recorded there, live and not sent yet, without those that are going to be read anyway."""
    not_begun = [OutboxStatus.WAITING, OutboxStatus.HELD]
    promised = OutboxMessage.objects.filter(push=OuterRef("pk"), topic=Topic.PULL_REMOTE, status__in=not_begun)
    pushes = OrderPush.objects.at_store(store.pk).filter(~Exists(promised), status__in=_THERE)
    pushes = pushes.filter(order__status=OrderStatus.CONFIRMED, remote_cancelled=False)
    pushes = pushes.exclude(remote_id="").exclude(order__fulfillment_status=FulfillmentStatus.FULFILLED)
    return pushes.filter(pushed_at__gt=at - READ_FOR, pushed_at__lte=at - NEW_FOR)
