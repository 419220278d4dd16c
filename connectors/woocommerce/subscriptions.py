"""Webhooks at a store: one active one for each topic, signed with our secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.woocommerce import reading
from connectors.woocommerce.client import NotThereError, WooClient


def ensure(client: WooClient, topics: Sequence[str], callback_url: str, *, secret: str) -> None:
    """The name of each carries a fingerprint of its secret: WooCommerce never tells which one it has."""
    standing: dict[str, list[Mapping[str, Any]]] = {}
    with reading.shaped():
        for row in client.pages("webhooks", {"orderby": "id", "order": "asc"}, operation="webhooks"):
            if row["delivery_url"] == callback_url:
                standing.setdefault(row["topic"], []).append(row)
    for topic in topics:
        _ensure_one(client, topic, callback_url, standing.get(topic, []), secret=secret)


def _ensure_one(
    client: WooClient, topic: str, callback_url: str, standing: Sequence[Mapping[str, Any]], *, secret: str
) -> None:
    """WooCommerce takes any number of equal ones, and delivers to each."""
    body = {"name": _name(topic, secret), "secret": secret}
    if not standing:
        create = {**body, "topic": topic, "delivery_url": callback_url}
        client.post("webhooks", create, operation="webhook_create")
    elif standing[0]["name"] != body["name"] or standing[0]["status"] != "active":
        client.post(f"webhooks/{standing[0]['id']}", {**body, "status": "active"}, operation="webhook_update")
    for double in standing[1:]:
        with suppress(NotThereError):  # two may look at once
            client.delete(f"webhooks/{double['id']}", operation="webhook_delete")


def _name(topic: str, secret: str) -> str:
    return f"Storeward {topic} {hashlib.sha256(secret.encode()).hexdigest()[:8]}"
