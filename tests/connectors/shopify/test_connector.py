"""The verbs that look, against answers as Shopify gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import responses

from connectors.base import Budget, OutboundShipment, Parcel, PutBack, RemoteRef, ShipmentLine, ShipmentNotice
from connectors.errors import CredentialsError, NotVisibleError, RetryableError
from connectors.registry import connector_class
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.shopify.orders import VARIANT
from tests.connectors.shopify.shop import URL, answers, connector, fails, hit, operations, page, sent, shop_with

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("wire")


def money(amount: str) -> dict:
    return {"shopMoney": {"amount": amount, "currencyCode": "NZD"}}


def whole(number: int = 1, *, fulfillments=(), **fields) -> dict:
    return hit(
        number,
        **{
            "updatedAt": "2026-11-23T13:00:00Z",
            "cancelledAt": None,
            "totalPriceSet": money("100.0"),
            "totalRefundedSet": money("0.0"),
            "totalOutstandingSet": money("0.0"),
            "fulfillments": list(fulfillments),
            **fields,
        },
    )


def node(number: int = 1, **fields) -> dict:
    return {
        "id": VARIANT.format(number),
        "sku": f"SKU-{number}",
        "barcode": None,
        "title": "Default Title",
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 4,
        "product": {"id": "gid://shopify/Product/1", "title": "Stool", "status": "ACTIVE"},
        "inventoryItem": {"tracked": True},
        **fields,
    }


def test_the_registry_knows_the_driver():
    assert connector_class("shopify") is ShopifyConnector


def test_check_tells_the_shop_and_the_scopes_it_lacks():
    about = {"id": "1", "name": "Kauri", "myshopifyDomain": "kauri.myshopify.com", "currencyCode": "NZD"}
    scopes = [{"handle": handle} for handle in ("write_orders", "write_products")]
    installation = {"accessScopes": scopes}
    answers(
        {
            "shop": {**about, "taxesIncluded": True, "ianaTimezone": "Pacific/Auckland"},
            "currentAppInstallation": installation,
        }
    )

    shop = connector().check()

    assert (shop.domain, shop.currency, shop.prices_include_tax) == ("kauri.myshopify.com", "NZD", True)
    assert shop.missing_scopes == (
        "read_inventory",
        "read_locations",
        "read_fulfillments",
        "write_merchant_managed_fulfillment_orders",
        "write_customers",
    )


def test_a_dead_token_is_for_the_merchant():
    responses.add(responses.POST, URL, status=401, json={"errors": "invalid"})

    with pytest.raises(CredentialsError, match="a new one is needed"):
        connector().check()


def test_variants_are_found_by_the_exact_sku_over_all_pages():
    answers(page("productVariants", node(1), node(2, sku="sku-1"), after="c1"))
    answers(page("productVariants", node(3, sku="SKU-1"), node(4, sku=None)))

    found = connector().find_variants(["SKU-1", "SKU-9", "SKU-1"])

    assert {sku: [each.variant_id for each in hits] for sku, hits in found.items()} == {
        "SKU-1": [VARIANT.format(1), VARIANT.format(3)],
        "SKU-9": [],
    }
    assert sent()["after"] == "c1"


def test_a_sku_cannot_leave_its_quotes():
    answers(page("productVariants"))

    connector().find_variants(["A' OR sku:'B\\"])

    assert sent()["query"] == "sku:'A\\' OR sku:\\'B\\\\'"


def test_many_skus_are_asked_for_in_portions():
    for _ in range(3):
        answers(page("productVariants"))

    assert len(connector().find_variants([f"SKU-{number}" for number in range(45)])) == 45


@pytest.mark.parametrize(
    ("fields", "stock", "sellable"),
    [
        ({}, 4, True),
        ({"inventoryQuantity": -2}, -2, True),
        ({"inventoryPolicy": "CONTINUE"}, None, True),
        ({"inventoryItem": {"tracked": False}}, None, True),
        ({"product": {"id": "1", "title": "Stool", "status": "UNLISTED"}}, 4, True),
        ({"product": {"id": "1", "title": "Stool", "status": "ARCHIVED"}}, 4, False),
        ({"product": {"id": "1", "title": "Stool", "status": "SOMETHING_NEW"}}, 4, False),
    ],
)
def test_a_variant_tells_its_stock_and_whether_it_sells(fields, stock, sellable):
    answers({"nodes": [node(**fields)]})

    variant = connector().read_variants([VARIANT.format(1)])[VARIANT.format(1)]

    assert (variant.stock, variant.sellable, variant.title) == (stock, sellable, "Stool")


def test_variants_that_are_gone_are_left_out_and_malformed_ids_not_asked_for():
    answers({"nodes": [None, node(2)]})

    found = connector().read_variants([VARIANT.format(1), VARIANT.format(2), "gid://shopify/Product/1", "x"])

    assert list(found) == [VARIANT.format(2)]
    assert sent()["ids"] == [VARIANT.format(1), VARIANT.format(2)]


def test_an_order_is_found_by_its_metafield_and_a_second_one_by_search():
    answers({"orderByIdentifier": hit(2, created="2026-11-23T12:00:05Z")})
    answers(
        page(
            "orders", hit(2, created="2026-11-23T12:00:05Z"), hit(1), hit(3, reference="SW-11"), hit(4, reference=None)
        )
    )

    found = connector().find("SW-1", since=NOON)

    assert [ref.name for ref in found] == ["#1001", "#1002"]
    assert found[0] == RemoteRef("gid://shopify/Order/1", "#1001", "https://kauri.myshopify.com/admin/orders/1")


def test_a_shop_without_the_metafield_is_searched():
    fails("NOT_FOUND")
    answers(page("orders", hit(1)))

    assert [ref.name for ref in connector().find("SW-1", since=NOON)] == ["#1001"]


def test_an_order_that_only_kept_its_tag_is_found_last():
    answers({"orderByIdentifier": None})
    answers(page("orders"))
    answers(
        page(
            "orders",
            hit(1, reference=None, tags=["SW-1"]),
            hit(2, reference="SW-2", tags=["SW-1"]),
            hit(3, reference=None),
        )
    )

    assert [ref.name for ref in connector().find("SW-1", since=NOON)] == ["#1001"]
    assert sent()["query"] == "tag:'SW-1' AND created_at:>='2026-11-23T12:00:00Z'"


def test_an_order_that_is_nowhere_is_not_found():
    answers({"orderByIdentifier": None})
    answers(page("orders", hit(1, reference="SW-2")))
    answers(page("orders"))

    assert connector().find("SW-1", since=NOON) == ()


def test_a_look_up_that_failed_is_not_a_not_found():
    fails("INTERNAL_SERVER_ERROR")

    with pytest.raises(RetryableError):
        connector().find("SW-1", since=NOON)


def test_an_order_is_read_with_parcels_and_our_line_ids():
    fulfillment = {
        "id": "gid://shopify/Fulfillment/1",
        "status": "SUCCESS",
        "createdAt": "2026-11-23T12:30:00Z",
        "updatedAt": "2026-11-23T12:31:00Z",
        "trackingInfo": [
            {"company": "NZ Post", "number": "A1", "url": "https://post.example/A1"},
            {"company": None, "number": "A2", "url": None},
            {"company": None, "number": None, "url": None},
        ],
        "fulfillmentLineItems": {
            "nodes": [
                {
                    "quantity": 2,
                    "lineItem": {
                        "id": "gid://shopify/LineItem/1",
                        "sku": "SKU-1",
                        "customAttributes": [{"key": "_storeward_line", "value": "line-1"}],
                    },
                }
            ]
        },
    }
    answers(
        {"order": whole(fulfillments=[fulfillment], totalRefundedSet=money("20.0"), totalOutstandingSet=money("-1.50"))}
    )

    remote = connector().read("gid://shopify/Order/1")

    assert (remote.reference, remote.currency, remote.total) == ("SW-1", "NZD", Decimal(100))
    assert (remote.refunded, remote.outstanding, remote.cancelled) == (Decimal(20), Decimal("-1.5"), False)
    assert remote.shipments == (
        ShipmentNotice(
            remote_id="gid://shopify/Fulfillment/1",
            status="success",
            lines=(ShipmentLine("SKU-1", 2, "line-1", "gid://shopify/LineItem/1"),),
            parcels=(Parcel("NZ Post", "A1", "https://post.example/A1"), Parcel("", "A2", "")),
            shipped_at=NOON + timedelta(minutes=30),
            updated_at=NOON + timedelta(minutes=31),
        ),
    )


@pytest.mark.parametrize(
    ("status", "ours"),
    [("CANCELLED", "cancelled"), ("ERROR", "failed"), ("FAILURE", "failed"), ("SOMETHING_NEW", "success")],
)
def test_a_fulfillment_tells_how_it_stands(status, ours):
    fulfillment = {
        "id": "1",
        "status": status,
        "createdAt": "2026-11-23T12:30:00Z",
        "updatedAt": "2026-11-23T12:30:00Z",
        "trackingInfo": [],
        "fulfillmentLineItems": {"nodes": []},
    }
    answers({"order": whole(fulfillments=[fulfillment])})

    assert [each.status for each in connector().read("1").shipments] == [ours]


def test_an_order_that_is_gone_reads_as_none_where_all_orders_are_shown():
    answers({"order": None})
    shop_with("read_all_orders")
    fails("RESOURCE_NOT_FOUND")

    assert connector().read("gid://shopify/Order/1") is None
    assert connector().read("nonsense") is None
    assert operations() == ["OrderRead", "ShopInfo", "OrderRead"]


VERBS_OF_ONE = {
    "read": lambda shop: shop.read("gid://shopify/Order/1"),
    "store_order": lambda shop: shop.store_order("gid://shopify/Order/1"),
    "fulfill": lambda shop: shop.fulfill("gid://shopify/Order/1", OutboundShipment((), (), NOON)),
    "put_back": lambda shop: shop.put_back("gid://shopify/Order/1", PutBack("SW-1-r", {"1": 1}, Decimal(1), "Damaged")),
}


@pytest.mark.parametrize("verb", VERBS_OF_ONE)
def test_an_order_that_is_not_shown_may_be_too_old_and_is_not_said_to_be_gone(verb):
    answers({"order": None})
    shop_with("write_orders")

    with pytest.raises(NotVisibleError, match="older than 60 days") as caught:
        VERBS_OF_ONE[verb](connector())

    assert (caught.value.code, caught.value.shown_for) == ("not_visible", timedelta(days=60))


def test_changes_are_listed_page_by_page_and_none_is_read_singly():
    answers(page("orders", hit(1), hit(9, reference=None, created="2026-11-23T12:00:01Z"), after="c1"))
    answers(page("orders", hit(2, created="2026-11-23T12:00:02Z", cancelledAt="2026-11-23T12:00:02Z")))

    changed = connector().changed_since(NOON)

    assert [next(changed).ref.name, operations()] == ["#1001", ["OrdersSearch"]]
    rest = list(changed)
    assert [(each.ref.name, each.reference, each.cancelled) for each in rest] == [
        ("#1009", "", False),
        ("#1002", "SW-1", True),
    ]
    assert [sent(n)["query"] for n in range(2)] == [
        "updated_at:>='2026-11-23T12:00:00Z'",
        "updated_at:>='2026-11-23T12:00:01Z'",
    ]


def test_every_answer_tells_the_budget():
    status = {"maximumAvailable": 2000, "currentlyAvailable": 1990, "restoreRate": 100}
    answers({"order": None}, extensions={"cost": {"throttleStatus": status}})
    shop_with("read_all_orders")
    shop = connector()

    shop.read("gid://shopify/Order/1")

    assert shop.budget == Budget(1990, 2000, 100)


BROKEN = [None, [], {}, {"id": 1}, 7, "text", {"nodes": None}, {"nodes": [7], "pageInfo": {"hasNextPage": False}}]
FIELDS = ("order", "orders", "nodes", "productVariants", "orderByIdentifier", "shop", "webhookSubscriptions")
QUERIES = {
    "check": lambda shop: shop.check(),
    "find_variants": lambda shop: shop.find_variants(["SKU-1"]),
    "find": lambda shop: shop.find("SW-1", since=NOON),
    "changed_since": lambda shop: list(shop.changed_since(NOON)),
}


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("verb", QUERIES)
def test_an_answer_that_lacks_what_the_schema_promises_may_be_asked_for_again(verb, value):
    responses.add(responses.POST, URL, json={"data": dict.fromkeys(FIELDS, value)})

    with pytest.raises(RetryableError):
        QUERIES[verb](connector())


@pytest.mark.parametrize("value", BROKEN[1:])
def test_a_broken_order_is_not_one_that_is_gone(value):
    answers({"order": value})

    with pytest.raises(RetryableError):
        connector().read("gid://shopify/Order/1")


def test_a_missing_field_is_not_an_order_that_is_gone():
    answers({})

    with pytest.raises(RetryableError):
        connector().read("gid://shopify/Order/1")
