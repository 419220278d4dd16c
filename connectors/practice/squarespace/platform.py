"""Squarespace's keys, webhooks and refusals. Webhook bodies: Squarespace's reference, November 2026."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse

from connectors.practice import dials
from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeOrder,
    PracticeShop,
    PracticeWebhook,
)
from connectors.practice.platforms import Cart, Change, PracticePlatform, Typed
from connectors.practice.squarespace import answers, checkout, ids, limits, nodes, subscriptions

SCOPES = ["website.orders", "website.inventory"]  # each with .read for reading alone

_UPDATES = {"cancelled": "CANCELED", "refunded": "REFUNDED", "fulfilled": "FULFILLED"}


class SquarespacePractice(PracticePlatform):
    key: ClassVar[str] = "squarespace"
    label: ClassVar[str] = "Squarespace"
    # no refusal of a closed site is known
    faults: ClassVar[frozenset[str]] = dials.HTTP | dials.ACCESS | dials.WEBHOOKS | {"throttled", "index_lag"}
    signature_header: ClassVar[str] = "Squarespace-Signature"
    # "several times for up to 48 hours"; how many and when is not told
    retries_s: ClassVar[tuple[int, ...]] = (60, 600, 3600, 21_600, 57_600, 86_400)
    sends_parts: ClassVar[bool] = False
    edits_orders: ClassVar[bool] = False
    sells: ClassVar[bool] = True
    uninstalls: ClassVar[bool] = True  # an extension; an API key stays

    def domain(self, slug: str) -> str:
        return f"{slug}.squarespace.com"

    def keys(self) -> dict[str, Any]:
        return {
            "access_token": str(uuid.uuid4()),
            "scopes": SCOPES,
            "settings": {"websiteId": secrets.token_hex(12), "oauthToken": secrets.token_urlsafe(24)},
            "bucket": limits.REQUESTS,
            "last_number": 0,
        }

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (Typed("api_key", "API key", shop.access_token),)

    def checkout(self, shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
        return checkout.place(shop, cart, at=at)

    def readdress(self, order: PracticeOrder, address: Mapping[str, str]) -> None:
        super().readdress(order, address)
        order.details["sent"]["shippingAddress"] = checkout.in_site_words(address)

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        order = {"orderId": ids.of_order(change.order)}
        match change:
            case Change("created"):
                return "order.create", order
            case Change("fulfillment_changed", fulfillment=PracticeFulfillment() as sending):
                update = "FULFILLED" if sending.status == "SUCCESS" else "MARKED_PENDING"
                return "order.update", {**order, "update": update}
            case Change(kind) if kind in _UPDATES:
                return "order.update", {**order, "update": _UPDATES[kind]}
        return None

    def tells_uninstall(self, shop: PracticeShop) -> tuple[str, Mapping[str, Any]]:
        return "extension.uninstall", {}

    def forget_app(self, shop: PracticeShop) -> None:
        subscriptions.end(shop)

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return topic in webhook.topic.split(",")

    def body(self, delivery: PracticeDelivery) -> Mapping[str, Any]:
        """The same id each time it is delivered."""
        subscription = delivery.subscription
        return {
            "id": str(delivery.webhook_id),
            "websiteId": delivery.shop.settings["websiteId"],
            "subscriptionId": str(subscription.pk) if subscription else None,
            "topic": delivery.topic,
            "createdOn": nodes.time(delivery.triggered_at),
            "data": delivery.payload,
        }

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        secret = bytes.fromhex(subscriptions.secret_of(delivery.shop, delivery.subscription))
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        return {"User-Agent": "Squarespace/1.0", "Squarespace-Signature": signature}

    def of_another_shop(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        return headers, {**body, "websiteId": "0" * 24}

    def gave_up(self, delivery: PracticeDelivery) -> None:
        """The real one "may delete the subscription" then: here it does."""
        delivery.shop.webhooks.filter(pk=delivery.subscription_id or 0).delete()

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        if dial == "too_many":
            return answers.too_many()
        if dial == "frozen":
            return answers.refusal("The site is closed.", status=402, kind="SITE_ERROR")
        return answers.unauthorized()
