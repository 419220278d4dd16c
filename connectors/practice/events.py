"""Webhooks of a practice store, promised in the transaction that gives the reason."""

from __future__ import annotations

import uuid
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from connectors.practice import dials, platforms
from connectors.practice.models import PracticeDelivery
from connectors.practice.platforms import Change

DELIVER = "connectors.practice.tasks.deliver"


def tell(change: Change) -> None:
    """One delivery per subscription and topic, as the dials let it."""
    shop = change.order.shop
    platform = platforms.of(shop)
    hooks = list(shop.webhooks.order_by("pk"))
    told = [
        (topic, payload, hook)
        for topic, payload in platform.tells(change)
        for hook in hooks
        if platform.listens(hook, topic)
    ]
    if not told or dials.take(shop, "webhooks_off") is not None:
        return
    copies = 2 if dials.take(shop, "webhooks_twice") is not None else 1
    wait_s = dials.take(shop, "webhooks_late") or 0
    event_id = uuid.uuid4()
    for topic, payload, subscription in told:
        delivery = PracticeDelivery.objects.create(
            shop=shop,
            topic=topic,
            uri=subscription.uri,
            webhook_id=uuid.uuid4(),
            event_id=event_id,
            payload=payload,
            triggered_at=timezone.now(),
            wait_s=wait_s,
        )
        for _ in range(copies):
            transaction.on_commit(partial(async_task, DELIVER, delivery.pk), robust=True)
