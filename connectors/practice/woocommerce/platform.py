"""WooCommerce's keys, webhooks and refusals, as a real store behaved in November 2026."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from connectors.practice import dials
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop, PracticeWebhook
from connectors.practice.platforms import Cart, Change, PracticePlatform, Typed
from connectors.practice.woocommerce import checkout, documents, hooks, options, ordering, taxes

VERSION = "10.2.4"


class WooCommercePractice(PracticePlatform):
    key: ClassVar[str] = "woocommerce"
    label: ClassVar[str] = "WooCommerce"
    signature_header: ClassVar[str] = "X-WC-Webhook-Signature"
    faults: ClassVar[frozenset[str]] = (
        dials.HTTP | dials.WEBHOOKS | {"frozen", dials.HALF_MADE, "maintenance", "database_down"}
    )

    def domain(self, slug: str) -> str:
        return f"{urlsplit(settings.BASE_URL).netloc}/practice/woocommerce/{slug}"

    def keys(self) -> dict[str, Any]:
        """A New Zealand store that charges GST; `settings` may be changed to make it any other."""
        return {
            "access_token": f"ck_{secrets.token_hex(20)}",
            "scopes": ["read_write"],
            "settings": {
                "consumer_secret": f"cs_{secrets.token_hex(20)}",
                "role": "administrator",  # of the user that the key was made for
                "version": VERSION,
                "active": True,  # the plugin
                "permalinks": "pretty",  # or plain
                "hpos": True,  # order tables; else posts
                "fulfillments": False,  # the feature of WooCommerce itself
                "calc_taxes": True,
                "decimals": 2,
                "round_at_subtotal": False,
                "tax_based_on": "shipping",
                "shipping_tax_class": "inherit",
                "base": {"country": "NZ", "state": "AUK", "postcode": "1010", "city": "Auckland"},
                "rates": [taxes.GST],
            },
        }

    def typed(self, shop: PracticeShop) -> tuple[Typed, ...]:
        return (
            Typed("consumer_key", "Consumer key", shop.access_token),
            Typed("consumer_secret", "Consumer secret", shop.settings["consumer_secret"]),
        )

    sells: ClassVar[bool] = True
    collects: ClassVar[bool] = True

    def checkout(self, shop: PracticeShop, cart: Cart, *, at: datetime) -> PracticeOrder:
        return checkout.place(shop, cart, at=at)

    def pay(self, order: PracticeOrder, *, at: datetime) -> bool:
        ordering.update(order, {"set_paid": True, "status": "pending"}, at=at)
        return True

    def readdress(self, order: PracticeOrder, address: Mapping[str, str]) -> None:
        super().readdress(order, address)
        order.details["shipping"] = checkout.in_store_words(address)

    def told(self, change: Change) -> tuple[str, Mapping[str, Any]] | None:
        """Every change is order.updated, with the order as it is now."""
        if change.kind == "deleted":
            return "order.deleted", {"id": change.order.pk}
        topic = "order.created" if change.kind == "created" else "order.updated"
        return topic, documents.order(change.order)

    def listens(self, webhook: PracticeWebhook, topic: str) -> bool:
        return webhook.topic == topic and hooks.status(webhook) == "active"

    def headers(self, delivery: PracticeDelivery, body: bytes) -> dict[str, str]:
        """The delivery's id is of its second: all deliveries of one second share it."""
        webhook = delivery.subscription
        secret = webhook.details["secret"] if webhook else ""
        resource, _, event = delivery.topic.partition(".")
        number = webhook.pk if webhook else 0
        second = f"{number}{delivery.triggered_at:%Y%m%d%H%M%S}"
        return {
            "X-WC-Webhook-Source": f"{options.home(delivery.shop)}/",
            "X-WC-Webhook-Topic": delivery.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": base64.b64encode(
                hmac.new(secret.encode(), body, hashlib.sha256).digest()
            ).decode(),
            "X-WC-Webhook-ID": str(number),
            "X-WC-Webhook-Delivery-ID": hashlib.sha256(second.encode()).hexdigest()[:32],
        }

    def of_another_shop(
        self, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        return {**headers, "X-WC-Webhook-Source": "https://another.example/"}, body

    def refusal(self, dial: str, seconds: int) -> HttpResponse:
        """Too many requests is the host's word; WooCommerce itself has no limit."""
        if dial == "too_many":
            page = "<!doctype html><title>Too many requests</title>"
            return HttpResponse(page, status=429, headers={"Retry-After": str(seconds)})
        if dial == "maintenance":
            body = {
                "code": "wp_die",
                "message": "Briefly unavailable for scheduled maintenance. Check back in a minute.",
            }
            headers = {"Retry-After": str(seconds)}
            return JsonResponse({**body, "data": {"status": 503}}, status=503, headers=headers)
        if dial == "database_down":
            return HttpResponse("<!doctype html><title>Database Error</title>", status=500)
        if dial == "frozen":
            body = {"code": "rest_no_route", "message": "No route was found matching the URL and request method."}
            return JsonResponse({**body, "data": {"status": 404}}, status=404)
        body = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        return JsonResponse({**body, "data": {"status": 401}}, status=401)

    def sum_up(self, order: PracticeOrder) -> bool:
        ordering.edit(order)
        return True
