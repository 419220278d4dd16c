"""refundCreate in a practice store: units off the order, back into stock, with or without money."""

from __future__ import annotations

import pytest

from connectors.practice import services
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from tests.connectors.practice.shop import bag, create, data, line, make_shop

pytestmark = pytest.mark.django_db

REFUND = """mutation R($i: RefundInput!, $k: String!) {
  refundCreate(input: $i) @idempotent(key: $k) { refund { id note } userErrors { message } }
}"""
ORDER = """query O($id: ID!) { order(id: $id) {
  displayFinancialStatus totalRefundedSet { shopMoney { amount } } currentTotalPriceSet { shopMoney { amount } }
  lineItems(first: 5) { nodes { quantity currentQuantity refundableQuantity unfulfilledQuantity } }
  fulfillmentOrders(first: 5) { nodes { status lineItems(first: 5) { nodes { remainingQuantity totalQuantity } } } }
} }"""


@pytest.fixture
def shop() -> PracticeShop:
    return make_shop()


def paid(shop: PracticeShop) -> PracticeOrder:
    """Two stools of 50.00."""
    sale = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro", "amountSet": bag("100.00")}
    return create(shop, lineItems=[line(shop, quantity=2)], transactions=[sale])


def refund(shop: PracticeShop, order: PracticeOrder, *, key: str = "k", **item):
    given = {
        "lineItemId": f"gid://shopify/LineItem/{order.lines.get().pk}",
        "quantity": 1,
        "restockType": "CANCEL",
        "locationId": f"gid://shopify/Location/{shop.pk}",
        **item,
    }
    gid = f"gid://shopify/Order/{order.pk}"
    return data(shop, REFUND, k=key, i={"orderId": gid, "note": "SW-1", "notify": False, "refundLineItems": [given]})


def refusal(shop: PracticeShop, order: PracticeOrder, **item) -> str:
    answer = refund(shop, order, **item)
    assert answer["refund"] is None
    return answer["userErrors"][0]["message"]


def stock(shop: PracticeShop) -> int:
    return shop.variants.get(sku="STOOL").stock


def test_units_that_were_not_sent_come_off_the_order_without_money(shop):
    order = paid(shop)
    before = stock(shop)

    assert refund(shop, order)["refund"]["note"] == "SW-1"

    seen = data(shop, ORDER, id=f"gid://shopify/Order/{order.pk}")
    assert stock(shop) == before + 1
    assert (seen["displayFinancialStatus"], seen["totalRefundedSet"]["shopMoney"]["amount"]) == ("PAID", "0.0")
    assert seen["currentTotalPriceSet"]["shopMoney"]["amount"] == "50.0"
    counts = {"quantity": 2, "currentQuantity": 1, "refundableQuantity": 1, "unfulfilledQuantity": 1}
    assert seen["lineItems"]["nodes"] == [counts]
    assert seen["fulfillmentOrders"]["nodes"][0]["lineItems"]["nodes"] == [{"remainingQuantity": 1, "totalQuantity": 1}]


def test_units_that_were_sent_come_back_and_stay_sent(shop):
    order = paid(shop)
    services.fulfill(order_id=order.pk, quantities=None, parcels=[])
    before = stock(shop)

    refund(shop, order, restockType="RETURN")

    line = order.lines.get()
    assert (stock(shop), line.fulfilled, line.refunded) == (before + 1, 2, 1)


def test_without_restocking_the_stock_stays(shop):
    order = paid(shop)
    before = stock(shop)

    refund(shop, order, restockType="NO_RESTOCK", locationId=None)

    assert (stock(shop), order.lines.get().refunded) == (before, 1)


def test_the_same_key_takes_nothing_off_twice(shop):
    order = paid(shop)
    before = stock(shop)

    assert refund(shop, order) == refund(shop, order)
    assert (stock(shop), order.lines.get().refunded) == (before + 1, 1)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"quantity": 3}, "more items than were purchased"),
        ({"quantity": 0}, "more items than were purchased"),
        ({"locationId": None}, "Location must be"),
        ({"locationId": "gid://shopify/Location/999999"}, "Location must be"),
        ({"lineItemId": "gid://shopify/LineItem/999999"}, "does not belong"),
    ],
)
def test_units_that_cannot_come_back_are_refused(shop, item, words):
    order = paid(shop)
    before = stock(shop)

    assert words in refusal(shop, order, **item)
    assert (stock(shop), order.refunds.count()) == (before, 0)


def test_what_was_sent_cannot_be_cancelled(shop):
    order = paid(shop)
    services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    assert "are unfulfilled" in refusal(shop, order)


def test_what_was_refunded_is_not_sent_any_more(shop):
    order = paid(shop)
    refund(shop, order)

    services.fulfill(order_id=order.pk, quantities=None, parcels=[])

    assert order.lines.get().fulfilled == 1


def test_a_cancelled_order_gives_back_only_what_did_not_come_back(shop):
    order = paid(shop)
    before = stock(shop)
    refund(shop, order)

    services.cancel_order(order_id=order.pk)

    assert stock(shop) == before + 2


def test_the_webhook_names_the_units_and_no_transaction(shop):
    shop.webhooks.create(topic="REFUNDS_CREATE", uri="https://portal.example/", created_at="2026-11-23T12:00:00Z")
    order = paid(shop)

    refund(shop, order)

    told = PracticeDelivery.objects.get(topic="refunds/create").payload
    item = {"line_item_id": order.lines.get().pk, "quantity": 1, "restock_type": "cancel"}
    assert (told["refund_line_items"], told["transactions"]) == ([item], [])
