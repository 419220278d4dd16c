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

DEADLINE_S = 5.0  # Shopify's own
LONGEST_WAIT_S = 30


def deliver(delivery_id: int) -> None:
    """Send one webhook and write down what came of it. Tried once: "deliver again" is a button."""
    delivery = PracticeDelivery.objects.select_related("shop").get(pk=delivery_id)
    if delivery.wait_s and delivery.answered_at is None:
        time.sleep(min(delivery.wait_s, LONGEST_WAIT_S))
    body = json.dumps(delivery.payload).encode()  # the bytes that a JSON request consists of
    headers = {
        "X-Shopify-Topic": delivery.topic,
        "X-Shopify-Shop-Domain": delivery.shop.domain,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Hmac-Sha256": sign(body, delivery.shop.webhook_secret),
        "X-Shopify-Webhook-Id": delivery.webhook_id,
        "X-Shopify-Event-Id": delivery.webhook_id,
        "X-Shopify-Triggered-At": delivery.triggered_at.isoformat(),
    }
    client = HttpClient(allow_loopback=True, deadline_s=DEADLINE_S)
    try:
        answer = client.request("POST", delivery.uri, headers=headers, json=delivery.payload, changes=True)
        outcome = f"answered {answer.status}"
    except ConnectorError as error:
        outcome = f"failed: {error}"
    PracticeDelivery.objects.filter(pk=delivery_id).update(answered_at=timezone.now(), outcome=outcome[:100])


def sign(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
