"""What a shop needs before orders go there: the metafield definition that `find` looks in, and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.errors import RejectedError
from connectors.shopify import mapping, reading

Change = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]  # operation and variables -> data


def define_metafield(change: Change) -> None:
    definition = {
        "name": "Storeward order",
        "namespace": mapping.NAMESPACE,
        "key": mapping.KEY,
        "description": "The order's reference in Storeward; unique in this shop.",
        "type": "id",
        "ownerType": "ORDER",
        "access": {"admin": "MERCHANT_READ"},
    }
    data = change("metafield_definition_create", {"definition": definition})
    with reading.shaped(changes=True):
        errors = [error for error in data["metafieldDefinitionCreate"]["userErrors"] if error["code"] != "TAKEN"]
        if errors:
            raise RejectedError(f"Shopify refused the field for order references: {errors[0]['message']}")


def subscribe(change: Change, topic: str, callback_url: str) -> bool:
    """Whether the subscription stands now."""
    variables = {"topic": topic, "webhookSubscription": {"uri": callback_url, "format": "JSON"}}
    data = change("webhook_subscription_create", variables)
    with reading.shaped(changes=True):
        errors = data["webhookSubscriptionCreate"]["userErrors"]
        return all("has already been taken" in error["message"] for error in errors)
