"""fulfillmentOrderLineItemsPreparedForPickup in a practice store."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.practice import buying, services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.platforms import Cart, CartLine
from tests.connectors.practice.shop import ask, code, create, data, line, make_shop

pytestmark = pytest.mark.django_db
PREPARE = """mutation P($i: FulfillmentOrderLineItemsPreparedForPickupInput!) {
  fulfillmentOrderLineItemsPreparedForPickup(input: $i) { userErrors { field message code } }
}"""
HOME = {
    "firstName": "Mere",
    "lastName": "Tane",
    "address1": "1 Road",
    "city": "Auckland",
    "zip": "1010",
    "countryCode": "NZ",
}
NOTHING = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"


@pytest.fixture
def shop() -> PracticeShop:
    return make_shop()


def collected(shop: PracticeShop) -> PracticeOrder:
    """Two stools that a customer picks up."""
    item = CartLine(shop.variants.get(sku="STOOL"), "Oak stool", 2, Decimal("50.00"))
    given = {"lines": (item,), "shipping": Decimal(0), "paid": True, "email": "mere@example.com", "address": HOME}
    return buying.buy(shop_id=shop.pk, cart=Cart(**given, pickup=True))


def asked(*numbers: int) -> dict[str, Any]:
    groups = [{"fulfillmentOrderId": f"gid://shopify/FulfillmentOrder/{number}"} for number in numbers]
    return {"lineItemsByFulfillmentOrder": groups}


def codes(shop: PracticeShop, *numbers: int) -> list[str]:
    return [error["code"] for error in data(shop, PREPARE, i=asked(*numbers))["userErrors"]]


def test_what_a_customer_picks_up_can_be_said_to_be_ready_once(shop):
    order = collected(shop)

    assert (codes(shop, order.pk), codes(shop, order.pk)) == ([], [NOTHING])

    told = order.events.filter(text="Ready for pickup: the customer was told.")
    assert told.count() == 1


def test_what_is_sent_or_was_pushed_there_cannot(shop):
    assert codes(shop, create(shop, lineItems=[line(shop, quantity=2)]).pk) == [NOTHING]


@pytest.mark.parametrize("how", ["part", "whole", "cancelled"])
def test_what_is_not_open_cannot(shop, how):
    order = collected(shop)
    if how == "cancelled":
        services.cancel_order(order_id=order.pk)
    else:
        only = order.lines.get()
        services.fulfill(order_id=order.pk, quantities={only.pk: 1 if how == "part" else 2}, parcels=[])

    assert codes(shop, order.pk) == [NOTHING]


def test_one_that_is_unknown_spoils_all(shop):
    order = collected(shop)

    assert codes(shop, order.pk, 99999) == ["FULFILLMENT_ORDER_INVALID"]
    assert codes(shop, order.pk) == []


def test_it_asks_for_the_scope_of_merchants_fulfillment_orders(shop):
    order = collected(shop)
    shop.scopes = [scope for scope in shop.scopes if "merchant_managed" not in scope] + [
        "write_assigned_fulfillment_orders"
    ]
    shop.save()

    assert code(ask(shop, PREPARE, i=asked(order.pk))) == "ACCESS_DENIED"
