"""A practice Shopify with several locations: each sends what lies there, and says so over the API and the pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from connectors.base import Account, OutboundShipment, Parcel, ShipmentLine
from connectors.errors import SeveralPlacesError
from connectors.practice.models import PracticeFulfillment, PracticeOrder, PracticeShop
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.in_process import ADDRESS, InProcess
from tests.connectors.practice.shop import create, data, line, make_shop

pytestmark = pytest.mark.django_db

FULFILL = """mutation F($f: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $f) { fulfillment { id } userErrors { message } }
}"""
GROUPS = """query G($id: ID!) { order(id: $id) { fulfillmentOrders(first: 5) { nodes {
  id status assignedLocation { name location { id } } lineItems(first: 5) { nodes { id sku remainingQuantity } }
} } } }"""


@pytest.fixture
def shop() -> PracticeShop:
    """Lamps lie in Wellington."""
    shop = make_shop()
    move(shop, "LAMP", "Wellington")
    shop.refresh_from_db()
    return shop


def move(shop: PracticeShop, sku: str, place: str) -> None:
    variant = shop.variants.get(sku=sku)
    page = reverse("practice:edit_product", args=[shop.slug, variant.pk])
    form = {"stock": variant.stock, "is_tracked": "on", "is_active": "on", "place": place}
    assert Client().post(page, form).status_code == 302


def both(shop: PracticeShop) -> PracticeOrder:
    return create(shop, lineItems=[line(shop, quantity=2), line(shop, "LAMP")])


def groups(shop: PracticeShop, order: PracticeOrder) -> list[dict]:
    return data(shop, GROUPS, id=f"gid://shopify/Order/{order.pk}")["fulfillmentOrders"]["nodes"]


def test_each_place_has_a_fulfillment_order_of_its_own(shop):
    seen = groups(shop, both(shop))

    skus = [[item["sku"] for item in group["lineItems"]["nodes"]] for group in seen]
    assert ([group["assignedLocation"]["name"] for group in seen], skus) == (
        ["Warehouse", "Wellington"],
        [["STOOL"], ["LAMP"]],
    )


def test_locations_are_listed_with_the_ids_of_the_fulfillment_orders(shop):
    listed = data(shop, "{ locations(first: 5) { nodes { id name } } }")["nodes"]

    seen = [group["assignedLocation"]["location"]["id"] for group in groups(shop, both(shop))]
    assert [(place["name"], place["id"]) for place in listed] == list(
        zip(["Warehouse", "Wellington"], seen, strict=True)
    )


def test_one_place_sends_what_lies_there_and_no_more(shop):
    order = both(shop)
    first = groups(shop, order)[0]

    data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": first["id"]}]})

    assert [group["status"] for group in groups(shop, order)] == ["CLOSED", "OPEN"]


def test_two_places_are_not_fulfilled_at_once(shop):
    both_of_them = [{"fulfillmentOrderId": group["id"]} for group in groups(shop, both(shop))]

    answer = data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": both_of_them})

    assert answer["userErrors"][0]["message"].startswith("All fulfillment orders must be assigned to a single location")
    assert not PracticeFulfillment.objects.exists()


def test_a_place_does_not_send_what_lies_at_another(shop):
    first, second = groups(shop, both(shop))
    item = {"id": second["lineItems"]["nodes"][0]["id"], "quantity": 1}
    group = {"fulfillmentOrderId": first["id"], "fulfillmentOrderLineItems": [item]}

    answer = data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": [group]})

    assert answer["userErrors"][0]["message"] == "Invalid fulfillment order line item quantity requested."


@pytest.mark.parametrize("known", [0, 7, 999], ids=["no place", "a place that is not there", "the last number"])
def test_a_fulfillment_order_of_no_place_does_not_exist(shop, known):
    order = both(shop)
    number = (order.pk + 1) * 1000 if known == 0 else order.pk * 1000 + known
    group = {"fulfillmentOrderId": f"gid://shopify/FulfillmentOrder/{number}"}

    answer = data(shop, FULFILL, f={"lineItemsByFulfillmentOrder": [group]})

    assert answer["userErrors"][0]["message"] == "Fulfillment order does not exist."


def test_the_products_page_names_the_location(shop):
    page = Client().get(reverse("practice:products", args=[shop.slug])).content.decode()

    assert 'value="Wellington" aria-label="Location of LAMP"' in page
    assert 'value="Warehouse" aria-label="Location of STOOL"' in page


def test_the_driver_tells_what_several_places_sent_place_by_place(shop):
    order = both(shop)
    remote_id = f"gid://shopify/Order/{order.pk}"
    lines = (ShipmentLine("STOOL", 2), ShipmentLine("LAMP", 1))
    shipment = OutboundShipment(lines, (Parcel("NZ Post", "NZ1"),), datetime(2026, 11, 23, tzinfo=UTC))
    account = Account(f"{ADDRESS}/practice/shopify/{shop.slug}", {"access_token": shop.access_token}, "NZD")
    driver = ShopifyConnector(account, InProcess())

    with pytest.raises(SeveralPlacesError) as caught:
        driver.fulfill(remote_id, shipment)
    told = [driver.fulfill(remote_id, part) for part in caught.value.parts]

    seen = driver.read(remote_id).shipments
    assert [one.remote_id for one in seen] == told
    assert [[(each.sku, each.quantity) for each in one.lines] for one in seen] == [[("STOOL", 2)], [("LAMP", 1)]]
    assert driver.fulfill(remote_id, replace(shipment, known_id=told[0])) == told[0]
