"""Webhooks of a practice store: REST-shaped bodies, promised in the transaction that gives the reason.

Shapes: Shopify's webhook reference and its published samples, November 2026.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from connectors import money
from connectors.practice import dials
from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeRefund,
)

DELIVER = "connectors.practice.tasks.deliver"


def order(row: PracticeOrder, topic: str) -> None:
    """orders/cancelled and the like: the order as a whole."""
    body = {
        **_head(row.pk, "Order", row.created_at.isoformat()),
        "name": row.name,
        "source_identifier": row.source_identifier or None,
        "updated_at": row.updated_at.isoformat(),
        "cancelled_at": row.cancelled_at.isoformat() if row.cancelled_at else None,
        "cancel_reason": row.cancel_reason.lower() or None,
        "currency": row.currency,
        "total_price": money.plain(row.total, row.currency),
        "financial_status": row.financial_status.lower() or None,
        "tags": ", ".join(row.tags),
        "line_items": [_line(line, line.quantity, row.currency) for line in row.lines.order_by("pk")],
    }
    _send(row, topic, body)


def edited(row: PracticeOrder, line: PracticeLine, delta: int) -> None:
    change = [{"id": line.pk, "delta": abs(delta)}]
    items = {"additions": change if delta > 0 else [], "removals": change if delta < 0 else []}
    at = row.updated_at.isoformat()
    edit = {"id": line.pk, "order_id": row.pk, "created_at": at, "committed_at": at, "line_items": items}
    _send(row, "orders/edited", {"order_edit": edit})


def deleted(row: PracticeOrder) -> None:
    _send(row, "orders/delete", {"id": row.pk})


def refund(row: PracticeRefund) -> None:
    given = {
        "kind": "refund",
        "status": "success",
        "amount": money.plain(row.amount, row.order.currency),
        "currency": row.order.currency,
    }
    body = {
        **_head(row.pk, "Refund", row.created_at.isoformat()),
        "order_id": row.order_id,
        "note": row.note or None,
        "refund_line_items": [],
        "transactions": [given],
    }
    _send(row.order, "refunds/create", body)


def fulfillment(row: PracticeFulfillment, topic: str) -> None:
    first = row.trackings[0] if row.trackings else {}
    sent = row.lines.select_related("line").order_by("pk")
    body = {
        **_head(row.pk, "Fulfillment", row.created_at.isoformat()),
        "order_id": row.order_id,
        "name": f"{row.order.name}.{row.pk}",
        "status": row.status.lower(),
        "updated_at": row.updated_at.isoformat(),
        "tracking_company": first.get("company") or None,
        "tracking_number": first.get("number"),
        "tracking_numbers": [tracking["number"] for tracking in row.trackings],
        "tracking_url": first.get("url") or None,
        "tracking_urls": [tracking["url"] for tracking in row.trackings if tracking["url"]],
        "line_items": [_line(item.line, item.quantity, row.order.currency) for item in sent],
    }
    _send(row.order, topic, body)


def _head(number: int, kind: str, created_at: str) -> dict[str, Any]:
    return {"id": number, "admin_graphql_api_id": f"gid://shopify/{kind}/{number}", "created_at": created_at}


def _line(row: PracticeLine, quantity: int, currency: str) -> dict[str, Any]:
    return {
        "id": row.pk,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{row.pk}",
        "variant_id": row.variant_id,
        "title": row.title,
        "sku": row.sku or None,
        "quantity": quantity,
        "price": money.plain(row.price, currency),
        "requires_shipping": row.requires_shipping,
        "properties": [{"name": item["key"], "value": item["value"]} for item in row.properties],
    }


def _send(row: PracticeOrder, topic: str, payload: Mapping[str, Any]) -> None:
    """One delivery per subscription, as the dials let it."""
    subscriptions = list(row.shop.webhooks.filter(topic=topic.upper().replace("/", "_")).order_by("pk"))
    if not subscriptions or dials.take(row.shop, "webhooks_off") is not None:
        return
    copies = 2 if dials.take(row.shop, "webhooks_twice") is not None else 1
    wait_s = dials.take(row.shop, "webhooks_late") or 0
    event_id = uuid.uuid4()
    for subscription in subscriptions:
        delivery = PracticeDelivery.objects.create(
            shop=row.shop,
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
