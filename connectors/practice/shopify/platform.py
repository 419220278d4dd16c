"""Shopify's keys, webhooks and refusals. Webhook bodies: Shopify's reference and published samples, November 2026."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from connectors import money
from connectors.practice import dials
from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeLine,
    PracticeOrder,
    PracticeRefund,
    PracticeShop,
    PracticeVariant,
    PracticeWebhook,
)
from connectors.practice.platforms import Cart, Change, PracticePlatform, Typed
from connectors.practice.shopify import checkout, places, privacy

API_VERSION, FORMER_VERSION = "2026-10", "2026-07"
SCOPES = [
    "write_orders",
    "read_products",
    "read_inventory",
    "read_locations",
    "read_fulfillments",
    "write_merchant_managed_fulfillment_orders",
    "write_customers",
]
UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
# by dial: the status, and its words, of which only those of a dead token are on record
_REFUSALS = {
    "dead_token": (401, UNAUTHORIZED),
    "frozen": (402, "Unavailable Shop"),
    "denied": (403, "[API] This token may not be used here."),
    "locked": (423, "Locked"),
    "suspected": (430, "Shopify Security Rejection"),
}


class ShopifyPractice(PracticePlatform):
    key: ClassVar[str] = "shopify"
    label: ClassVar[str] = "Shopify"
    faults: ClassVar[frozenset[str]] = (
        dials.HTTP
        | dials.ACCESS
        | dials.WEBHOOKS
        | {"throttled", "frozen", "dormant", "unique_ids", "index_lag"}
        | {"denied", "locked", "suspected", "internal", "cancelling"}
        | {dials.OTHER_VERSION, dials.ALL_ORDERS}
    )

    def domain(self, slug: str) -> str:
        return f"{slug}.myshopify.com"

    def keys(self) -> dict[str, Any]:
        return {
            "access_token": f"shpat_{secrets.token_hex(16)}",
            "webhook_secret": next(iter(settings.SHOPIFY_APP_SECRETS), secrets.token_hex(16)),
            "scopes": SCOPES,
        }

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (
            Typed("access_token", "Admin API access token", shop.access_token),
            Typed("webhook_secret", "API secret key", shop.webhook_secret),
        )

    signature_header: ClassVar[str] = "X-Shopify-Hmac-Sha256"
    # eight over four hours, as documented; how they are spread is not told
    retries_s: ClassVar[tuple[int, ...]] = (60, 120, 300, 600, 1200, 2400, 3600, 6000)
    sells: ClassVar[bool] = True
    collects: ClassVar[bool] = True
    has_places: ClassVar[bool] = True
    uninstalls: ClassVar[bool] = True
    privacy_topics: ClassVar[Mapping[str, str]] = privacy.TOPICS

    def places(self, shop: PracticeShop) -> list[str]:
        return places.names(shop)

    def place_of(self, variant: PracticeVariant) -> str:
        return places.names(variant.shop)[int(variant.details.get("location", 0))]

    def put(self, variant: PracticeVariant, place: str) -> None:
        places.put(variant.shop, variant, place)

    def tells(self, change: Change) -> list[tuple[str, Mapping[str, Any]]]:
        """Beside the topic of its own, any change of an order that stands is an orders/updated."""
        told = super().tells(change)
        if change.kind in ("created", "deleted"):
            return told
        return [*told, ("orders/updated", _order(change.order))]

    def checkout(self, shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
        return checkout.place(shop, cart, at=at)

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        match change:
            case Change("created", order):
                return "orders/create", _order(order)
            case Change("cancelled", order):
                return "orders/cancelled", _order(order)
            case Change("deleted", order):
                return "orders/delete", {"id": order.pk}
            case Change("edited", order, line=PracticeLine() as line, delta=delta):
                return "orders/edited", _edited(order, line, delta)
            case Change("refunded", order, refund=PracticeRefund() as refund):
                return "refunds/create", _refund(order, refund)
            case Change("fulfilled", fulfillment=PracticeFulfillment() as fulfillment):
                return "fulfillments/create", _fulfillment(fulfillment)
            case Change("fulfillment_changed", fulfillment=PracticeFulfillment() as fulfillment):
                return "fulfillments/update", _fulfillment(fulfillment)
        return None

    def tells_uninstall(self, shop: PracticeShop) -> tuple[str, Mapping[str, Any]]:
        return privacy.uninstalled(shop)

    def forget_app(self, shop: PracticeShop) -> None:
        privacy.forget_app(shop)

    def privacy_address(self) -> str:
        return privacy.address()

    def privacy_request(
        self, shop: PracticeShop, topic: str, order: PracticeOrder | None
    ) -> tuple[Mapping[str, Any], datetime]:
        return privacy.request(shop, topic, order)

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return webhook.topic == topic.upper().replace("/", "_")

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        secret = privacy.secret() if delivery.topic in privacy.TOPICS else delivery.shop.webhook_secret
        signature = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        return {
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Shop-Domain": delivery.shop.domain,
            "X-Shopify-API-Version": FORMER_VERSION if dials.OTHER_VERSION in delivery.faults else API_VERSION,
            "X-Shopify-Hmac-Sha256": base64.b64encode(signature).decode(),
            "X-Shopify-Webhook-Id": str(delivery.webhook_id),
            "X-Shopify-Event-Id": str(delivery.event_id),
            "X-Shopify-Triggered-At": delivery.triggered_at.isoformat(),
        }

    def of_another_shop(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        return {**headers, "X-Shopify-Shop-Domain": "another.myshopify.com"}, body

    def gave_up(self, delivery: PracticeDelivery) -> None:
        """A subscription that an app made is deleted after that."""
        listening = [
            hook.pk for hook in delivery.shop.webhooks.filter(uri=delivery.uri) if self.listens(hook, delivery.topic)
        ]
        delivery.shop.webhooks.filter(pk__in=listening).delete()

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        if dial == "too_many":
            headers = {"Retry-After": f"{seconds}.0"}
            return JsonResponse(
                {"errors": "Exceeded request limit. Reduce request rates."}, status=429, headers=headers
            )
        status, errors = _REFUSALS[dial]
        return JsonResponse({"errors": errors}, status=status)


def _order(row: PracticeOrder) -> dict[str, Any]:
    return {
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


def _edited(row: PracticeOrder, line: PracticeLine, delta: int) -> dict[str, Any]:
    change = [{"id": line.pk, "delta": abs(delta)}]
    items = {"additions": change if delta > 0 else [], "removals": change if delta < 0 else []}
    at = row.updated_at.isoformat()
    return {
        "order_edit": {"id": line.pk, "order_id": row.pk, "created_at": at, "committed_at": at, "line_items": items}
    }


def _refund(order: PracticeOrder, row: PracticeRefund) -> dict[str, Any]:
    given = {
        "kind": "refund",
        "status": "success",
        "amount": money.plain(row.amount, order.currency),
        "currency": order.currency,
    }
    units = [
        {"line_item_id": item["line"], "quantity": item["quantity"], "restock_type": item["restock"].lower()}
        for item in row.lines
    ]
    return {
        **_head(row.pk, "Refund", row.created_at.isoformat()),
        "order_id": order.pk,
        "note": row.note or None,
        "refund_line_items": units,
        "transactions": [given] if row.amount else [],
    }


def _fulfillment(row: PracticeFulfillment) -> dict[str, Any]:
    first = row.trackings[0] if row.trackings else {}
    sent = row.lines.select_related("line").order_by("pk")
    return {
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
