"""Webhook deliveries, carried out by django-q2."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.practice import platforms
from connectors.practice.models import PracticeDelivery

DEADLINE_S = 5.0  # Shopify's own; the strictest
LONGEST_WAIT_S = 30  # a worker stands still meanwhile


def deliver(delivery_id: int) -> None:
    """Send one webhook and write down what came of it. Tried once: "Deliver again" is a button."""
    delivery = PracticeDelivery.objects.select_related("shop").filter(pk=delivery_id).first()
    if delivery is None:
        return  # its shop was deleted meanwhile
    if delivery.wait_s and delivery.answered_at is None:
        time.sleep(min(delivery.wait_s, LONGEST_WAIT_S))
    client = HttpClient(allow_loopback=True, deadline_s=DEADLINE_S)
    try:
        answer = client.request(
            "POST", delivery.uri, headers=headers(delivery), json=_payload(delivery), operation="webhook", changes=True
        )
        outcome = f"answered {answer.status}"
    except ConnectorError as error:
        outcome = f"failed: {error}"
    finally:
        client.close()
    PracticeDelivery.objects.filter(pk=delivery_id).update(answered_at=timezone.now(), outcome=outcome[:200])


def headers(delivery: PracticeDelivery) -> dict[str, str]:
    return platforms.of(delivery.shop).headers(delivery, body(delivery))


def body(delivery: PracticeDelivery) -> bytes:
    """The payload as connectors.http writes it."""
    return json.dumps(_payload(delivery), allow_nan=False).encode()


def _payload(delivery: PracticeDelivery) -> Mapping[str, Any]:
    return platforms.of(delivery.shop).body(delivery)
