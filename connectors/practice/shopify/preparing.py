"""fulfillmentOrderLineItemsPreparedForPickup: fulfillment orders of local pickup, each as a whole and once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.practice import services
from connectors.practice.models import PracticeOrder
from connectors.practice.shopify import nodes, places
from connectors.practice.shopify.nodes import Node
from connectors.practice.shopify.queries import Call, orders_of

_UNKNOWN = ("FULFILLMENT_ORDER_INVALID", "Invalid fulfillment order ID provided.")
_NOTHING = (
    "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER",
    "The fulfillment order does not have any line items that can be prepared.",
)


def prepared_for_pickup(call: Call, input: Mapping[str, Any]) -> Node:  # noqa: A002  # the schema's name
    """All of them or none. The texts are those of the schema's codes; what Shopify says was not recorded."""
    wanted = [
        places.order_and_place(call.shop, group["fulfillmentOrderId"]) for group in input["lineItemsByFulfillmentOrder"]
    ]
    rows = {row.pk: row for row in orders_of(call).filter(pk__in={key for key, _ in wanted})}
    errors = []
    for index, (key, place) in enumerate(wanted):
        refused = _refusal(rows.get(key), place)
        if refused:
            code, message = refused
            field = ["input", "lineItemsByFulfillmentOrder", str(index), "fulfillmentOrderId"]
            errors.append({"field": field, "message": message, "code": code})
    if not errors:
        for key, place in wanted:
            services.prepare(order_id=key, place=place)
    return {"userErrors": errors}


def _refusal(row: PracticeOrder | None, place: int) -> tuple[str, str] | None:
    lines = places.by_place(row, row.lines.all()).get(place) if row else None
    if row is None or lines is None:
        return _UNKNOWN
    group = nodes.fulfillment_order(row, lines, place)
    can = group["status"] == "OPEN" and group["deliveryMethod"]["methodType"] == "PICK_UP"
    return None if can and place not in row.details.get("prepared", []) else _NOTHING
