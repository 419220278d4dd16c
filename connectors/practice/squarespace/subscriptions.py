"""Webhook subscriptions: for OAuth apps alone, 25 a site, one row each with its topics and a secret of its own."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors.practice.models import PracticeShop, PracticeWebhook
from connectors.practice.squarespace import nodes
from connectors.practice.squarespace.answers import MISSING, NO_PERMISSION, Refused

MOST = 25
ORDERS = "website.orders"  # the scope; with .read for reading alone
TOPICS = ("order.create", "order.update", "extension.uninstall")


def listed(shop: PracticeShop) -> list[dict[str, Any]]:
    return [node(row) for row in shop.webhooks.exclude(topic="").order_by("pk")]


def end(shop: PracticeShop) -> None:
    """None is left for an app that is gone; the secret stays for what is on its way."""
    shop.webhooks.filter(topic="").delete()
    shop.webhooks.update(topic="")


@transaction.atomic
def subscribe(shop_id: int, body: Mapping[str, Any], *, scopes: Collection[str]) -> dict[str, Any]:
    """With its secret, which is told here and on rotating it. `scopes` are those of the caller. Raises Refused."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    if shop.webhooks.exclude(topic="").count() >= MOST:
        raise Refused(f"A site has at most {MOST} webhook subscriptions.")
    uri, topics = _checked(body, scopes)
    row = PracticeWebhook.objects.create(shop=shop, topic=topics, uri=uri, created_at=timezone.now())
    return {**node(row), "secret": _new_secret(shop, row)}


@transaction.atomic
def update(shop_id: int, number: str, body: Mapping[str, Any], *, scopes: Collection[str]) -> dict[str, Any]:
    """Raises Refused."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    row = find(shop, number)
    row.uri, row.topic = _checked({**node(row), **body}, scopes)
    row.save(update_fields=["uri", "topic"])
    return node(row)


@transaction.atomic
def rotate(shop_id: int, number: str) -> dict[str, Any]:
    """A new secret; the old one is dead at once. Raises Refused."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    return {"secret": _new_secret(shop, find(shop, number))}


def find(shop: PracticeShop, number: str) -> PracticeWebhook:
    """Raises Refused with 404."""
    row = (
        shop.webhooks.exclude(topic="").filter(pk=int(number)).first()
        if number.isdecimal() and len(number) < 18
        else None
    )
    if row is None:
        raise Refused("The webhook subscription was not found.", subtype=None, status=404)
    return row


def secret_of(shop: PracticeShop, row: PracticeWebhook | None) -> str:
    """Empty when it is gone."""
    return str(shop.settings.get("secrets", {}).get(str(row.pk), "")) if row else ""


def node(row: PracticeWebhook) -> dict[str, Any]:
    created = nodes.time(row.created_at)
    return {
        "id": str(row.pk),
        "endpointUrl": row.uri,
        "topics": row.topic.split(","),
        "createdOn": created,
        "updatedOn": created,
    }


def _checked(body: Mapping[str, Any], scopes: Collection[str]) -> tuple[str, str]:
    uri, topics = body.get("endpointUrl"), body.get("topics")
    if not isinstance(uri, str) or not uri.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise Refused("'endpointUrl' must be an https address.", subtype=MISSING if uri is None else "INVALID_ARGUMENT")
    if not isinstance(topics, list) or not topics or not set(map(str, topics)) <= set(TOPICS):
        raise Refused(f"'topics' must be some of {', '.join(TOPICS)}.")
    if any(topic.startswith("order.") for topic in topics) and not {ORDERS, f"{ORDERS}.read"} & set(scopes):
        raise Refused(NO_PERMISSION, subtype=None, status=403)
    return uri, ",".join(dict.fromkeys(topics))


def _new_secret(shop: PracticeShop, row: PracticeWebhook) -> str:
    secret = secrets.token_hex(32)
    shop.settings["secrets"] = {**shop.settings.get("secrets", {}), str(row.pk): secret}
    shop.save(update_fields=["settings"])
    return secret
