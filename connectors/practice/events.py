"""Webhooks of a practice store, promised in the transaction that gives the reason."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from connectors.practice import dials, platforms
from connectors.practice.models import PracticeDelivery, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Change

DELIVER = "connectors.practice.tasks.deliver"
OVERTAKEN_S = 2  # that a webhook comes behind the one that overtook it, whichever worker takes it


@dataclass(frozen=True, slots=True)
class Told:
    """What one address is told. Without a subscription where the platform itself has the address."""

    topic: str
    payload: Mapping[str, Any]
    uri: str
    subscription: PracticeWebhook | None = None


def tell(change: Change) -> None:
    """One delivery per subscription and topic, as the dials let it."""
    shop = change.order.shop
    platform = platforms.of(shop)
    hooks = list(shop.webhooks.order_by("pk"))
    told = [
        Told(topic, payload, hook.uri, hook)
        for topic, payload in platform.tells(change)
        for hook in hooks
        if platform.listens(hook, topic)
    ]
    send(shop, told)


def send(shop: PracticeShop, told: Sequence[Told], *, triggered_at: datetime | None = None) -> None:
    """One delivery of each, as the dials let it. `triggered_at`: when it is said to have happened."""
    if not told or dials.take(shop, "webhooks_off") is not None:
        return
    copies = 2 if dials.take(shop, "webhooks_twice") is not None else 1
    wait_s = dials.take(shop, "webhooks_late") or 0
    is_held = dials.take(shop, "webhooks_swapped") is not None
    faults = [dial for dial in (dials.FORGED, dials.ASTRAY, dials.OTHER_VERSION) if dials.take(shop, dial) is not None]
    overtaken = (
        [] if is_held else list(shop.deliveries.filter(is_held=True).order_by("pk").values_list("pk", flat=True))
    )
    event_id = uuid.uuid4()
    for one in told:
        delivery = PracticeDelivery.objects.create(
            shop=shop,
            subscription=one.subscription,
            topic=one.topic,
            uri=one.uri,
            webhook_id=uuid.uuid4(),
            event_id=event_id,
            payload=one.payload,
            triggered_at=triggered_at or timezone.now(),
            wait_s=wait_s,
            is_held=is_held,
            faults=faults,
        )
        for _ in range(0 if is_held else copies):
            _send(delivery.pk)
    shop.deliveries.filter(pk__in=overtaken).update(is_held=False, wait_s=OVERTAKEN_S)
    for pk in overtaken:
        _send(pk)


def _send(delivery_id: int) -> None:
    transaction.on_commit(partial(async_task, DELIVER, delivery_id), robust=True)
