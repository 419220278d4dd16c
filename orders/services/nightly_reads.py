"""Once a night, every order that stands at a destination and is not sent yet is read there.

A poll lists what changed, and nothing lists what was deleted: an order whose deletion was told by a webhook that got lost
would be waited for for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from connectors.models import Connection, ConnectionState
from connectors.registry import connector_class
from orders import outbox
from orders.enums import FulfillmentStatus, OrderStatus, OutboxStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage

SHOWN_FOR = timedelta(days=60)  # Shopify shows an app no older orders (shopify.dev, Order, 2026-10)
NEW_FOR = timedelta(hours=12)  # read back and polled already
APART = timedelta(seconds=20)  # of one connection, so that new orders pass them and its budget is left to them
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


def _standing(store: Connection, *, at: datetime) -> QuerySet[OrderPush]:
    """Recorded there, live and not sent yet, without those that are going to be read anyway."""
    not_begun = [OutboxStatus.WAITING, OutboxStatus.HELD]
    promised = OutboxMessage.objects.filter(push=OuterRef("pk"), topic=Topic.PULL_REMOTE, status__in=not_begun)
    pushes = OrderPush.objects.at_store(store.pk).filter(~Exists(promised), status=PushStatus.PUSHED)
    pushes = pushes.filter(order__status=OrderStatus.CONFIRMED, remote_cancelled=False)
    pushes = pushes.exclude(remote_id="").exclude(order__fulfillment_status=FulfillmentStatus.FULFILLED)
    return pushes.filter(pushed_at__gt=at - SHOWN_FOR, pushed_at__lte=at - NEW_FOR)
