"""Units that come back: an order's lines and places in, a refund without money out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Blocker, BlockerCode, PutBack
from connectors.errors import RejectedError
from connectors.shopify.fulfilling import SCOPE
from connectors.shopify.mapping import LINE_ID
from connectors.shopify.reading import shaped

Node = Mapping[str, Any]


@shaped()
def is_booked(order: Node, back: PutBack) -> bool:
    return any(back.reference in (refund["note"] or "") for refund in order["refunds"])


@shaped()
def is_cancelled(order: Node) -> bool:
    """Its stock went back with it."""
    return order["cancelledAt"] is not None


@shaped()
def variables(order: Node, groups: Sequence[Node], back: PutBack) -> dict[str, Any]:
    """What refundCreate asks for; `groups` are the order's fulfillment orders.

    Raises RejectedError when the shop has fewer of the units left on the order.
    """
    lines = {_our_id(line): line for line in order["lineItems"]["nodes"]}
    items = [item for line_id, units in back.units.items() for item in _items(groups, lines.get(line_id), units)]
    return {
        "input": {
            "orderId": order["id"],
            "note": f"{back.reason} ({back.reference})",
            "notify": False,
            "refundLineItems": items,
            "transactions": [],
        },
        "key": back.reference,
    }


@shaped(changes=True)
def check(payload: Node) -> None:
    """Raises RejectedError for userErrors, which have no code."""
    if payload["userErrors"]:
        raise RejectedError(f"Shopify says: {str(payload['userErrors'][0]['message'])[:300]}")
    _ = payload["refund"]["id"]


def _items(groups: Sequence[Node], line: Node | None, wanted: int) -> Iterator[dict[str, Any]]:
    """The units of one line, by place: those that nobody has sent are cancelled, those that were sent are returned."""
    if line is None or line["refundableQuantity"] < wanted:
        text = "Shopify shows these units refunded or removed already. Change the stock there, if it lacks them."
        raise RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "refunds")])
    for restock, place, units in _held(groups, line):
        taken = min(units, wanted)
        if taken > 0:
            yield {"lineItemId": line["id"], "quantity": taken, "restockType": restock, "locationId": place}
            wanted -= taken
    if wanted:
        text = f"Shopify does not show where the units lie. Reconnect the shop with the permission {SCOPE}."
        raise RejectedError(text, [Blocker(BlockerCode.SCOPE_MISSING, text, "scope", SCOPE)])


def _held(groups: Sequence[Node], line: Node) -> list[tuple[str, str, int]]:
    """(restock type, place, units) of a line, what is still to be sent first."""
    held = []
    for group in groups:
        place = group["assignedLocation"]["location"]
        for item in group["lineItems"]["nodes"]:
            if place and item["lineItem"]["id"] == line["id"]:
                left = item["remainingQuantity"]
                held += [("CANCEL", place["id"], left), ("RETURN", place["id"], item["totalQuantity"] - left)]
    return sorted(held)


def _our_id(line: Node) -> str:
    return next((pair["value"] or "" for pair in line["customAttributes"] if pair["key"] == LINE_ID), "")
