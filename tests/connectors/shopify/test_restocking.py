"""Units that come back: a refund of units and of no money, looked for before it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import BlockerCode, OutboundShipment, PutBack
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from tests.connectors.shopify.shop import answers, connector, fails, operations, page, sent, shop_with

LAST = {"hasNextPage": False, "endCursor": None}
ORDER, LINE = "gid://shopify/Order/1", "gid://shopify/LineItem/1"
BACK = PutBack("SW-1-r1", {"line-1": 2}, Decimal("20.00"), "Arrived damaged")

pytestmark = pytest.mark.usefixtures("wire")


def lies(place: str | None, *, total: int, left: int = 0, line: str = LINE) -> dict[str, Any]:
    """A fulfillment order at a place."""
    location = {"id": f"gid://shopify/Location/{place}"} if place else None
    item = {"remainingQuantity": left, "totalQuantity": total, "lineItem": {"id": line}}
    return {"id": "1", "assignedLocation": {"location": location}, "lineItems": {"nodes": [item], "pageInfo": LAST}}


def stands(
    *places: dict[str, Any], refundable: int = 3, notes: tuple[str | None, ...] = (), cancelled: str | None = None
):
    attributes = [{"key": "_storeward_line", "value": "line-1"}]
    line = {"id": LINE, "refundableQuantity": refundable, "customAttributes": attributes}
    answers(
        {
            "order": {
                "id": ORDER,
                "cancelledAt": cancelled,
                "refunds": [{"note": note} for note in notes],
                "lineItems": {"nodes": [line], "pageInfo": LAST},
            }
        }
    )
    if cancelled is None and not any(notes):
        answers({"order": {"id": ORDER, **page("fulfillmentOrders", *places)}})


def refunded(*errors: str) -> None:
    said = [{"field": None, "message": error} for error in errors]
    answers({"refundCreate": {"refund": None if errors else {"id": "gid://shopify/Refund/1"}, "userErrors": said}})


def items() -> list[tuple[str, str, int]]:
    return [
        (item["restockType"], item["locationId"].rsplit("/", 1)[1], item["quantity"])
        for item in sent()["input"]["refundLineItems"]
    ]


def test_a_refund_of_units_moves_no_money_and_mails_nobody():
    stands(lies("7", total=3))
    refunded()

    connector().put_back(ORDER, BACK)

    item = {"lineItemId": LINE, "quantity": 2, "restockType": "RETURN", "locationId": "gid://shopify/Location/7"}
    assert sent() == {
        "input": {
            "orderId": ORDER,
            "note": "Arrived damaged (SW-1-r1)",
            "notify": False,
            "refundLineItems": [item],
            "transactions": [],
        },
        "key": "SW-1-r1",
    }


def test_what_was_not_sent_is_cancelled_before_what_was_sent_is_returned():
    stands(lies("7", total=2), lies("8", total=1, left=1))
    refunded()

    connector().put_back(ORDER, BACK)

    assert items() == [("CANCEL", "8", 1), ("RETURN", "7", 1)]


def test_units_of_another_line_are_not_taken():
    stands(lies("8", total=5, left=5, line="gid://shopify/LineItem/2"), lies("7", total=3))
    refunded()

    connector().put_back(ORDER, BACK)

    assert items() == [("RETURN", "7", 2)]


@pytest.mark.parametrize(
    ("there", "is_back"),
    [({"notes": (None, "Arrived damaged (SW-1-r1)")}, True), ({"cancelled": "2026-11-23T12:00:00Z"}, False)],
)
def test_what_is_settled_there_is_not_booked(there, is_back):
    stands(lies("7", total=3), **there)

    assert connector().put_back(ORDER, BACK) is is_back

    assert operations() == ["OrderRestock"]


def test_an_order_that_is_gone_has_nothing_to_put_back():
    answers({"order": None})
    shop_with("read_all_orders")
    assert connector().put_back(ORDER, BACK) is False

    fails("RESOURCE_NOT_FOUND")
    assert connector().put_back(ORDER, BACK) is False

    assert operations() == ["OrderRestock", "ShopInfo", "OrderRestock"]


@pytest.mark.parametrize(
    ("there", "lost", "code"),
    [
        ({"refundable": 1}, [], BlockerCode.CHANGED_AT_DESTINATION),
        ({}, ["line-1"], BlockerCode.SCOPE_MISSING),
    ],
    ids=["taken off there already", "places not shown"],
)
def test_units_that_are_not_there_are_refused_before_anything_is_booked(there, lost, code):
    stands(*([] if lost else [lies("7", total=3)]), **there)

    with pytest.raises(RejectedError) as caught:
        connector().put_back(ORDER, BACK)

    assert (operations(), caught.value.blockers[0].code) == (["OrderRestock", "OrderFulfillmentOrders"], code)


def test_a_refusal_says_why():
    stands(lies("7", total=3))
    refunded("Quantity cannot refund more items than were purchased")

    with pytest.raises(RejectedError, match="cannot refund more"):
        connector().put_back(ORDER, BACK)


def test_a_broken_answer_leaves_it_unknown():
    stands(lies("7", total=3))
    answers({"refundCreate": None})

    with pytest.raises(OutcomeUnknownError):
        connector().put_back(ORDER, BACK)


def attributed(number: int) -> dict[str, Any]:
    attributes = [{"key": "_storeward_line", "value": f"line-{number}"}]
    return {"id": f"gid://shopify/LineItem/{number}", "refundableQuantity": 1, "customAttributes": attributes}


def test_a_line_on_a_further_page_and_a_further_fulfillment_order_is_put_back():
    """Line 2 is told on the second page of the order, its units on the second page of the second fulfillment order."""
    head = {"id": ORDER, "cancelledAt": None, "refunds": []}
    answers({"order": {**head, **page("lineItems", attributed(1), after="L")}})
    answers({"order": {**head, **page("lineItems", attributed(2))}})
    answers({"order": {"id": ORDER, **page("fulfillmentOrders", lies("7", total=1), after="F")}})
    full = lies("8", total=1, line="gid://shopify/LineItem/3")
    full["lineItems"]["pageInfo"] = {"hasNextPage": True, "endCursor": "G"}
    answers({"order": {"id": ORDER, **page("fulfillmentOrders", full)}})
    there = lies("8", total=1, line="gid://shopify/LineItem/2")
    answers({"fulfillmentOrder": {"id": "1", "lineItems": there["lineItems"]}})
    refunded()

    connector().put_back(ORDER, PutBack("SW-1-r1", {"line-2": 1}, Decimal("10.00"), "Damaged"))

    assert items() == [("RETURN", "8", 1)]
    assert [sent(n).get("after") for n in range(5)] == [None, "L", None, "F", "G"]


def test_a_fulfillment_order_that_goes_away_while_it_is_read_is_read_again():
    full = lies("7", total=3)
    full["lineItems"]["pageInfo"] = {"hasNextPage": True, "endCursor": "G"}
    answers({"order": {"id": ORDER, **page("fulfillmentOrders", full)}})
    answers({"fulfillmentOrder": None})

    with pytest.raises(RetryableError, match="went away"):
        connector().fulfill(ORDER, OutboundShipment((), (), datetime(2026, 11, 23, tzinfo=UTC)))
