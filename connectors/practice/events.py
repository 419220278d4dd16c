"""Webhooks of a practice store: REST-shaped bodies, signed, promised in the transaction that gives the reason."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from connectors.practice import dials
from connectors.practice.models import PracticeDelivery, PracticeFulfillment, PracticeOrder

DELIVER = "connectors.practice.tasks.deliver"


def order(row: PracticeOrder, topic: str) -> None:
    """orders/cancelled and the like: the order as a whole."""
    _send(row, topic, _order_body(row))


def edited(row: PracticeOrder) -> None:
    body = {"order_edit": {"id": row.pk, "order_id": row.pk, "created_at": row.updated_at.isoformat()}}
    _send(row, "orders/edited", body)


def refund(row: PracticeOrder, amount: Decimal) -> None:
    body = {
        "id": row.pk,
        "admin_graphql_api_id": f"gid://shopify/Refund/{row.pk}",
        "order_id": row.pk,
        "created_at": row.updated_at.isoformat(),
        "transactions": [{"kind": "refund", "status": "success", "amount": f"{amount:f}", "currency": row.currency}],
    }
    _send(row, "refunds/create", body)


def fulfillment(row: PracticeFulfillment, topic: str) -> None:
    trackings = row.trackings
    body = {
        "id": row.pk,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{row.pk}",
        "order_id": row.order_id,
        "name": f"{row.order.name}.{row.pk}",
        "status": row.status.lower(),
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "tracking_company": trackings[0]["company"] if trackings else None,
        "tracking_number": trackings[0]["number"] if trackings else None,
        "tracking_numbers": [tracking["number"] for tracking in trackings],
        "tracking_urls": [tracking["url"] for tracking in trackings],
        "line_items": [
            {"id": sent.line_id, "sku": sent.line.sku, "quantity": sent.quantity}
            for sent in row.lines.select_related("line")
        ],
    }
    _send(row.order, topic, body)


def _order_body(row: PracticeOrder) -> dict[str, Any]:
    return {
        "id": row.pk,
        "admin_graphql_api_id": f"gid://shopify/Order/{row.pk}",
        "name": row.name,
        "source_identifier": row.source_identifier or None,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "cancelled_at": row.cancelled_at.isoformat() if row.cancelled_at else None,
        "currency": row.currency,
        "total_price": f"{row.total:f}",
        "financial_status": row.financial_status.lower() or None,
        "line_items": [{"id": line.pk, "sku": line.sku, "quantity": line.quantity} for line in row.lines.all()],
    }


def _send(row: PracticeOrder, topic: str, payload: Mapping[str, Any]) -> None:
    """One delivery per subscription, when the dials let it."""
    subscriptions = list(row.shop.webhooks.filter(topic=topic.upper().replace("/", "_")))
    if not subscriptions or dials.take(row.shop_id, "webhooks_off") is not None:
        return
    copies = 2 if dials.take(row.shop_id, "webhooks_twice") is not None else 1
    wait_s = dials.take(row.shop_id, "webhooks_late") or 0
    for subscription in subscriptions:
        delivery = PracticeDelivery.objects.create(
            shop=row.shop,
            topic=topic,
            uri=subscription.uri,
            webhook_id=str(uuid.uuid4()),
            payload=payload,
            triggered_at=timezone.now(),
            wait_s=wait_s,
        )
        for _ in range(copies):
            transaction.on_commit(lambda pk=delivery.pk: async_task(DELIVER, pk), robust=True)  # type: ignore[misc]
