"""Ready for pickup: the fulfillment orders of local pickup, each as a whole."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from connectors.base import BlockerCode, ShipmentLine
from connectors.errors import RejectedError
from connectors.shopify import collecting
from tests.connectors.shopify.shop import answers, connector, operations, page, sent
from tests.connectors.shopify.test_fulfilling import BOWL, MUG, group

TOLD = "fulfillmentOrderLineItemsPreparedForPickup"


def collected(place: str, *items: tuple[ShipmentLine, int], method: str = "PICK_UP", status: str = "OPEN") -> Any:
    return group(place, *items) | {"deliveryMethod": {"methodType": method}, "status": status}


def waiting(*groups: Any) -> dict[str, Any]:
    """An order of which two bowls, or what is named, are to be collected, as Shopify answers."""
    found = groups or (collected("A", (BOWL, 2)),)
    nodes = [each | page("lineItems", *each["lineItems"]["nodes"]) for each in found]
    return {"order": page("fulfillmentOrders", *nodes)}


def asked(*groups: dict[str, Any], lines: tuple[ShipmentLine, ...] = (BOWL, MUG)) -> list[str]:
    wanted = collecting.variables(groups, lines)["input"]["lineItemsByFulfillmentOrder"]
    return [item["fulfillmentOrderId"].rpartition("/")[2] for item in wanted]


def test_each_open_fulfillment_order_of_local_pickup_is_named():
    groups = (collected("A", (BOWL, 2)), collected("B", (MUG, 1)), collected("C", (MUG, 0), status="CLOSED"))

    assert asked(*groups) == ["A1", "B1"]


def test_lines_that_are_sent_beside_are_none_of_it():
    assert asked(collected("A", (BOWL, 2)), collected("B", (MUG, 1), method="SHIPPING")) == ["A1"]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([collected("A", (BOWL, 2), method="SHIPPING")], "does not have it as local pickup"),
        ([collected("A", (BOWL, 2)) | {"deliveryMethod": None}], "does not have it as local pickup"),
        ([collected("A", (BOWL, 1), status="IN_PROGRESS")], "A part of it is fulfilled in Shopify already"),
        ([collected("A", (BOWL, 0), status="CLOSED")], "nothing of it left to pick up"),
        ([collected("A", (BOWL, 3))], "has more of it to pick up than waits here"),
        ([collected("A", (BOWL, 2), (MUG, 1)), collected("B", (MUG, 1))], "has more of it to pick up"),
    ],
)
def test_what_cannot_be_said_there_is_a_refusal_that_says_why(groups, said):
    with pytest.raises(RejectedError, match=said) as refused:
        asked(*groups)

    assert [blocker.code for blocker in refused.value.blockers] == [BlockerCode.CHANGED_AT_DESTINATION]


def test_an_empty_list_names_the_permission_that_lacks():
    with pytest.raises(RejectedError, match="write_merchant_managed_fulfillment_orders") as refused:
        asked()

    assert [blocker.code for blocker in refused.value.blockers] == [BlockerCode.SCOPE_MISSING]


def test_an_order_that_is_gone_is_a_refusal():
    with pytest.raises(RejectedError, match="gone"):
        collecting.variables(None, (BOWL,))


@responses.activate
def test_the_driver_reads_and_then_says_it():
    answers(waiting())
    answers({TOLD: {"userErrors": []}})

    connector().ready_for_pickup("1", (BOWL,))

    assert operations() == ["OrderFulfillmentOrders", "FulfillmentOrderReady"]
    assert sent() == {
        "input": {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/A1"}]}
    }


@responses.activate
def test_what_is_ready_already_keeps_nothing_else_from_being_told():
    """Asked for both at once Shopify does neither, and names only the one."""
    done = [{"field": ["input"], "message": "Nothing to prepare.", "code": collecting.ALREADY}]
    answers(waiting(collected("A", (BOWL, 2)), collected("B", (MUG, 1))))
    answers({TOLD: {"userErrors": done}})
    answers({TOLD: {"userErrors": []}})

    connector().ready_for_pickup("1", (BOWL, MUG))

    assert operations() == ["OrderFulfillmentOrders", "FulfillmentOrderReady", "FulfillmentOrderReady"]
    assert sent()["input"]["lineItemsByFulfillmentOrder"] == [
        {"fulfillmentOrderId": "gid://shopify/FulfillmentOrder/B1"}
    ]


@responses.activate
@pytest.mark.parametrize("code", [collecting.ALREADY, "UNABLE_TO_PREPARE_QUANTITY", None])
def test_that_it_is_ready_already_is_what_we_wanted_and_anything_else_is_a_refusal(code):
    answers(waiting())
    answers({TOLD: {"userErrors": [{"field": ["input"], "message": "Unable to prepare quantity.", "code": code}]}})

    if code == collecting.ALREADY:
        connector().ready_for_pickup("1", (BOWL,))
    else:
        with pytest.raises(RejectedError, match=r"Shopify says: Unable to prepare quantity\."):
            connector().ready_for_pickup("1", (BOWL,))
