"""Webhook deliveries, carried out by django-q2."""

from __future__ import annotations

import time

from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.practice import deliveries
from connectors.practice.models import PracticeDelivery

DEADLINE_S = 5.0  # Shopify's own; the strictest
LONGEST_WAIT_S = 30  # a worker stands still meanwhile


def deliver(delivery_id: int, *, retries: bool = True) -> None:
    """Send one webhook and write down what came of it. Without `retries` a person asked for it, and once is all."""
    delivery = PracticeDelivery.objects.select_related("shop").filter(pk=delivery_id).first()
    if delivery is None:
        return  # its shop was deleted meanwhile
    if delivery.wait_s and delivery.answered_at is None:
        time.sleep(min(delivery.wait_s, LONGEST_WAIT_S))
    sent, status, text = deliveries.of(delivery), None, ""
    client = HttpClient(allow_loopback=True, deadline_s=DEADLINE_S)
    try:
        answer = client.request(
            "POST", delivery.uri, headers=sent.headers, json=sent.payload, operation="webhook", changes=True
        )
        status, text, outcome = answer.status, answer.body.decode("utf-8", "replace"), f"answered {answer.status}"
    except ConnectorError as error:
        outcome = f"failed: {error}"
    finally:
        client.close()
    deliveries.record(
        delivery.pk, sent, status=status, answer=text, outcome=outcome, at=timezone.now(), retries=retries
    )


def retry(delivery_id: int) -> None:
    """The next attempt of a webhook that failed, unless it arrived meanwhile."""
    waiting = PracticeDelivery.objects.filter(pk=delivery_id, next_attempt_at__isnull=False)
    if waiting.update(next_attempt_at=None):
        deliver(delivery_id)
