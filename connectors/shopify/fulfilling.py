"""Telling a shop what was sent of an order that was placed there: its fulfillment orders in, one fulfillment out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundShipment, Parcel, ShipmentLine
from connectors.errors import RejectedError, SeveralPlacesError
from connectors.shopify.reading import shaped

_OPEN = frozenset({"OPEN", "IN_PROGRESS"})
SCOPE = "write_merchant_managed_fulfillment_orders"

Node = Mapping[str, Any]


def gid(value: str, kind: str) -> str:
    """Shopify's id of a thing, of which webhooks and addresses hold the number alone."""
    return f"gid://shopify/{kind}/{value}" if value.isdigit() else value


@shaped()
def variables(groups: Sequence[Node] | None, shipment: OutboundShipment) -> dict[str, Any]:
    """What fulfillmentCreate asks for, from one place. `groups`: the order's fulfillment orders, None when it is gone.

    Raises SeveralPlacesError when it takes several, RejectedError when all of them have less left to send.
    """
    if groups is None:
        raise refusal("The order is gone from Shopify.", "status")
    if not groups:
        raise no_scope("Shopify shows nothing to fulfill")
    places = _places(groups)
    for at_place in places.values():
        taken, missing = _allocate(at_place, shipment.lines)
        if not any(missing):
            return {
                "fulfillment": {
                    "notifyCustomer": shipment.notify_customer,
                    "trackingInfo": tracking(shipment.parcels) if shipment.parcels else None,
                    "lineItemsByFulfillmentOrder": taken,
                },
                "message": None,
            }
    raise SeveralPlacesError(_parts(places.values(), shipment))


def tracking(parcels: Sequence[Parcel]) -> dict[str, Any]:
    """One number with its address, or lists of both; Shopify takes one carrier for all of them."""
    carriers = {parcel.carrier for parcel in parcels if parcel.carrier}
    company = carriers.pop() if len(carriers) == 1 else None
    numbers, urls = [parcel.number for parcel in parcels], [parcel.url for parcel in parcels]
    if len(parcels) == 1:
        return {"company": company, "number": numbers[0] or None, "url": urls[0] or None}
    return {"company": company, "numbers": numbers, "urls": urls if all(urls) else None}


def done(payload: Node) -> str:
    """The fulfillment's id. Raises RejectedError for userErrors, which have no code."""
    if payload["userErrors"]:
        raise refusal(f"Shopify says: {str(payload['userErrors'][0]['message'])[:300]}", "fulfillment")
    return str(payload["fulfillment"]["id"])


def is_line(item: Node, line: ShipmentLine) -> bool:
    if line.remote_line_id:
        return bool(item["lineItem"]["id"] == gid(line.remote_line_id, "LineItem"))
    return bool(line.sku) and item["sku"] == line.sku


def refusal(text: str, field: str) -> RejectedError:
    return RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, field)])


def no_scope(what: str) -> RejectedError:
    """Without the permission the list of fulfillment orders is empty, and nothing says so."""
    text = f"{what}. Reconnect the shop with the permission {SCOPE}."
    return RejectedError(text, [Blocker(BlockerCode.SCOPE_MISSING, text, "scope", SCOPE)])


def _places(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    """Fulfillment orders that can be fulfilled now, by the place that they are assigned to."""
    places: dict[str, list[Node]] = {}
    for node in nodes:
        can = {item["action"] for item in node["supportedActions"]}
        if node["status"] in _OPEN and "CREATE_FULFILLMENT" in can:
            location = node["assignedLocation"]["location"]
            places.setdefault(location["id"] if location else "", []).append(node)
    return places


def _parts(places: Iterable[Sequence[Node]], shipment: OutboundShipment) -> list[OutboundShipment]:
    """What each place has of it. Raises RejectedError when all of them together have less."""
    parts, wanted = [], list(shipment.lines)
    for groups in places:
        _, missing = _allocate(groups, wanted)
        both = list(zip(wanted, missing, strict=True))
        here = [replace(line, quantity=line.quantity - lacks) for line, lacks in both if line.quantity > lacks]
        if here:
            parts.append(replace(shipment, lines=tuple(here)))
        wanted = [replace(line, quantity=lacks) for line, lacks in both if lacks]
    if wanted:
        raise refusal("Shopify has less left to send than was sent: it was fulfilled or cancelled there.", "lines")
    return parts


def _allocate(groups: Sequence[Node], lines: Sequence[ShipmentLine]) -> tuple[list[dict[str, Any]], list[int]]:
    """What a place has of the lines, by fulfillment order, and how many units of each line it lacks."""
    left = {item["id"]: item["remainingQuantity"] for group in groups for item in group["lineItems"]["nodes"]}
    taken: dict[str, dict[str, int]] = {}
    missing = []
    for line in lines:
        wanted = line.quantity
        for group in groups:
            for item in group["lineItems"]["nodes"]:
                units = min(wanted, left[item["id"]]) if is_line(item, line) else 0
                if units > 0:
                    of_group = taken.setdefault(group["id"], {})
                    of_group[item["id"]] = of_group.get(item["id"], 0) + units
                    left[item["id"]] -= units
                    wanted -= units
        missing.append(wanted)
    by_group = [
        {
            "fulfillmentOrderId": group,
            "fulfillmentOrderLineItems": [{"id": item, "quantity": units} for item, units in items.items()],
        }
        for group, items in taken.items()
    ]
    return by_group, missing
