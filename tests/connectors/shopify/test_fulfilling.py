"""What was sent, by the fulfillment orders that are open in the shop: from one place, or place by place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base import OutboundShipment, ShipmentLine
from connectors.errors import RejectedError, SeveralPlacesError
from connectors.shopify import fulfilling

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BOWL, MUG = ShipmentLine("BOWL", 2, remote_line_id="1"), ShipmentLine("MUG", 1, remote_line_id="2")


def group(place: str, *items: tuple[ShipmentLine, int], number: int = 1, can: bool = True) -> dict[str, Any]:
    """A fulfillment order with units left."""
    return {
        "id": f"gid://shopify/FulfillmentOrder/{place}{number}",
        "status": "OPEN",
        "assignedLocation": {"location": {"id": f"gid://shopify/Location/{place}"}},
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}] if can else [],
        "lineItems": {
            "nodes": [
                {
                    "id": f"{place}{number}-{line.sku}",
                    "sku": line.sku,
                    "remainingQuantity": left,
                    "lineItem": {"id": f"gid://shopify/LineItem/{line.remote_line_id}"},
                }
                for line, left in items
            ]
        },
    }


def asked(*groups: dict[str, Any], lines: tuple[ShipmentLine, ...] = (BOWL, MUG)) -> dict[str, Any]:
    return fulfilling.variables(list(groups), OutboundShipment(lines, (), NOON))


def taken(variables: dict[str, Any]) -> list[tuple[str, int]]:
    return [
        (item["id"], item["quantity"])
        for group in variables["fulfillment"]["lineItemsByFulfillmentOrder"]
        for item in group["fulfillmentOrderLineItems"]
    ]


def test_one_place_sends_all_of_it_from_as_many_fulfillment_orders_as_it_takes():
    variables = asked(group("A", (BOWL, 1)), group("A", (BOWL, 1), (MUG, 1), number=2))

    assert taken(variables) == [("A1-BOWL", 1), ("A2-BOWL", 1), ("A2-MUG", 1)]


def test_a_place_that_has_all_goes_before_two_that_share_it():
    assert taken(asked(group("A", (BOWL, 2)), group("B", (BOWL, 2), (MUG, 1)))) == [("B1-BOWL", 2), ("B1-MUG", 1)]


def test_units_at_several_places_are_parts_that_each_place_can_send():
    places = [group("A", (BOWL, 1)), group("B", (BOWL, 3), (MUG, 1))]
    with pytest.raises(SeveralPlacesError) as caught:
        asked(places[0], group("B", (BOWL, 1), (MUG, 1)))

    first, second = caught.value.parts
    assert [(line.sku, line.quantity) for line in first.lines] == [("BOWL", 1)]
    assert [(line.sku, line.quantity) for line in second.lines] == [("BOWL", 1), ("MUG", 1)]
    assert taken(asked(*places, lines=first.lines)) == [("A1-BOWL", 1)]


@pytest.mark.parametrize(
    "groups",
    [
        [group("A", (BOWL, 1)), group("B", (MUG, 1))],
        [group("A", (BOWL, 2)), group("B", (MUG, 1), can=False)],
        [group("A", (BOWL, 2))],
    ],
    ids=["less at both", "closed at one", "less at the only one"],
)
def test_less_than_was_sent_is_refused_with_nothing_told(groups):
    with pytest.raises(RejectedError, match="less left to send"):
        asked(*groups)
