"""Webhook deliveries, carried out by django-q2."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from connectors.practice.models import PracticeDelivery

API_VERSION = "2026-10"
DEADLINE_S = 5.0  # Shopify's own
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
            "POST", delivery.uri, headers=headers(delivery), json=delivery.payload, operation="webhook", changes=True
        )
        outcome = f"answered {answer.status}"
    except ConnectorError as error:
        outcome = f"failed: {error}"
    finally:
        client.close()
    PracticeDelivery.objects.filter(pk=delivery_id).update(answered_at=timezone.now(), outcome=outcome[:200])


def headers(delivery: PracticeDelivery) -> dict[str, str]:
    """Shopify's webhook headers, signed over the very bytes that are sent."""
    return {
        "X-Shopify-Topic": delivery.topic,
        "X-Shopify-Shop-Domain": delivery.shop.domain,
        "X-Shopify-API-Version": API_VERSION,
        "X-Shopify-Hmac-Sha256": sign(body(delivery), delivery.shop.webhook_secret),
        "X-Shopify-Webhook-Id": str(delivery.webhook_id),
        "X-Shopify-Event-Id": str(delivery.event_id),
        "X-Shopify-Triggered-At": delivery.triggered_at.isoformat(),
    }


def body(delivery: PracticeDelivery) -> bytes:
    """The payload as connectors.http writes it."""
    return json.dumps(delivery.payload, allow_nan=False).encode()


def sign(raw: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
