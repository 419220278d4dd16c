"""Telling a shop that an order placed there waits for its customer: the fulfillment orders of local pickup that are ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Blocker, BlockerCode, ShipmentLine
from connectors.errors import RejectedError
from connectors.shopify.fulfilling import is_line, no_scope, refusal
from connectors.shopify.reading import shaped

PICKUP, OPEN, PART_SENT = "PICK_UP", "OPEN", "IN_PROGRESS"
ALREADY = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"

Node = Mapping[str, Any]


@shaped()
def variables(groups: Sequence[Node] | None, lines: Sequence[ShipmentLine]) -> dict[str, Any]:
    """What fulfillmentOrderLineItemsPreparedForPickup asks for. Shopify takes a fulfillment order as a whole alone.

    `groups`: the order's fulfillment orders, None when it is gone.

    Raises RejectedError for an order that is not collected there, and when more is left of it than waits here.
    """
    if groups is None:
        raise refusal("The order is gone from Shopify.", "status")
    if not groups:
        raise no_scope("Shopify shows nothing to pick up")
    collected = [group for group in groups if (group["deliveryMethod"] or {}).get("methodType") == PICKUP]
    if not collected:
        text = "Shopify does not have it as local pickup, and lets no app mark anything else as ready for pickup."
        raise refusal(text, "delivery")
    if any(group["status"] == PART_SENT for group in collected):
        text = "A part of it is fulfilled in Shopify already: what is left can only be marked as ready there."
        raise RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "lines")])
    ready = [group for group in collected if group["status"] == OPEN]
    if not ready:
        raise refusal(
            "Shopify has nothing of it left to pick up: it was fulfilled, cancelled or put on hold there.", "status"
        )
    _refuse_more(ready, lines)
    return {"input": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": group["id"]} for group in ready]}}


def check(payload: Node) -> None:
    """Raises RejectedError for userErrors. That it is ready already is what we wanted."""
    errors = [error for error in payload["userErrors"] if error["code"] != ALREADY]
    if errors:
        raise refusal(f"Shopify says: {str(errors[0]['message'])[:300]}", "fulfillmentOrder")


def _refuse_more(groups: Sequence[Node], lines: Sequence[ShipmentLine]) -> None:
    """Each of its units waits here."""
    left = [line.quantity for line in lines]
    for group in groups:
        for item in group["lineItems"]["nodes"]:
            wanted = item["remainingQuantity"]
            for index, line in enumerate(lines):
                units = min(wanted, left[index]) if is_line(item, line) else 0
                left[index] -= units
                wanted -= units
            if wanted > 0:
                text = "Shopify has more of it to pick up than waits here, and takes no part of it as ready."
                raise refusal(text, "lines")
