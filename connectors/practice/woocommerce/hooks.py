"""Webhooks of a store: made over the API, disabled by the store itself when they fail again and again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from connectors.practice.models import PracticeShop, PracticeWebhook
from connectors.practice.woocommerce.refusal import Refusal, invalid

PING = "connectors.practice.woocommerce.tasks.ping"
FAILURES_ALLOWED = 5
TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")

_STATUSES = ("active", "paused", "disabled")
_CODE = "woocommerce_rest_shop_webhook_invalid"


def create(shop: PracticeShop, body: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """It is greeted at once, whether or not that is answered. A second one for the same address stands beside it."""
    topic, url = body.get("topic"), body.get("delivery_url")
    if topic not in TOPICS:
        raise Refusal(400, f"{_CODE}_topic", "Webhook topic must be valid.")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise Refusal(
            400, f"{_CODE}_delivery_url", "Webhook delivery URL must be a valid URL starting with http:// or https://."
        )
    details = {
        "name": str(body.get("name") or ""),
        "secret": str(body.get("secret") or secrets.token_hex(25)),
        "status": "active",
        "active_since": at.isoformat(),
    }
    row = PracticeWebhook.objects.create(shop=shop, topic=topic, uri=url, details=details, created_at=at)
    transaction.on_commit(partial(async_task, PING, row.pk), robust=True)
    return document(row)


def update(row: PracticeWebhook, body: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    if body.get("status") not in (None, *_STATUSES):
        raise invalid("status", f"status is not one of {', '.join(_STATUSES)}.")
    changed = {key: body[key] for key in ("name", "secret", "status") if body.get(key)}
    if changed.get("status") == "active":
        changed["active_since"] = at.isoformat()
    row.details = {**row.details, **changed}
    row.save(update_fields=["details"])
    return document(row)


def document(row: PracticeWebhook) -> dict[str, Any]:
    """The secret is never told."""
    return {
        "id": row.pk,
        "name": row.details["name"],
        "status": status(row),
        "topic": row.topic,
        "delivery_url": row.uri,
    }


def status(row: PracticeWebhook) -> str:
    """Disabled without a word after more than five deliveries in a row that failed."""
    kept: str = row.details["status"]
    if kept != "active":
        return kept
    since = datetime.fromisoformat(row.details["active_since"])
    tried = row.deliveries.filter(answered_at__gt=since).order_by("-pk")
    outcomes = tried.values_list("outcome", flat=True)[: FAILURES_ALLOWED + 1]
    failed = list(takewhile(lambda outcome: outcome != "answered 200", outcomes))
    return "disabled" if len(failed) > FAILURES_ALLOWED else "active"
