"""What the Shopify driver really sends: its own code runs against a shop that answers from a table and writes down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Address, OutboundOrder, OutboundShipment, Parcel, PutBack, ShipmentLine
from connectors.http import Answer, HttpClient
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.neutral import SHOWROOM, tax, with_options
from tests.connectors.shopify.orders import ACCOUNT, line, order

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOKYO = Address("太郎", "山田", "", "1-1 千代田", "", "千代田区", "13", "100-0001", "JP", "+81312345678")
ORDER_ID = "gid://shopify/Order/820982911946154508"
FULFILLMENT_ID = "gid://shopify/Fulfillment/255858046"
PARCELS = (Parcel("NZ Post", "NZ1", "https://nz.example/NZ1"), Parcel("", "NZ2"))

_REF = {"id": ORDER_ID, "legacyResourceId": "820982911946154508", "name": "#1001", "createdAt": "2026-11-23T12:00:00Z"}
_MONEY = {"shopMoney": {"amount": "100.0", "currencyCode": "NZD"}}
_TIMES = {"updatedAt": "2026-11-23T12:00:00Z", "cancelledAt": None}
_TOTALS = {"totalPriceSet": _MONEY, "totalRefundedSet": _MONEY, "totalOutstandingSet": _MONEY}
_HIT = {**_REF, "sourceIdentifier": "SW-1", "tags": ["SW-1"]}
_LAST = {"hasNextPage": False, "endCursor": None}
_OPEN = {
    "id": "gid://shopify/FulfillmentOrder/1046000847",
    "status": "OPEN",
    "deliveryMethod": {"methodType": "PICK_UP"},
    "assignedLocation": {"location": {"id": "gid://shopify/Location/1"}},
    "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
    "lineItems": {
        "nodes": [
            {
                "id": "gid://shopify/FulfillmentOrderLineItem/1058737644",
                "sku": "SKU-1",
                "remainingQuantity": 3,
                "totalQuantity": 3,
                "lineItem": {"id": "gid://shopify/LineItem/1"},
            }
        ],
        "pageInfo": {"hasNextPage": True, "endCursor": "next"},
    },
}
_PLACED = {
    **_HIT, **_TIMES, **_TOTALS, "processedAt": "2026-11-23T12:00:00Z", "displayFinancialStatus": "PAID",
    "fulfillmentOrders": {"nodes": []},
    "displayFulfillmentStatus": "UNFULFILLED", "taxesIncluded": True, "email": None, "phone": None, "note": None,
    "customAttributes": [], "shippingAddress": None, "billingAddress": None, "currentTotalPriceSet": _MONEY,
    "currentTotalTaxSet": _MONEY, "shippingLines": {"nodes": []}, "lineItems": {"nodes": [], "pageInfo": _LAST},
}  # fmt: skip
_LINE = {"id": "gid://shopify/LineItem/1"}
_RETURNABLE = {
    "id": ORDER_ID,
    "cancelledAt": None,
    "refunds": [{"note": None}],
    "lineItems": {
        "nodes": [
            {**_LINE, "refundableQuantity": 3, "customAttributes": [{"key": "_storeward_line", "value": "line-1"}]}
        ],
        "pageInfo": _LAST,
    },
}
_ANSWERS: dict[str, Any] = {
    "order_create": {"orderCreate": {"order": _REF, "userErrors": []}},
    "order_by_reference": {"orderByIdentifier": None},
    "orders_search": {"orders": {"nodes": [{**_HIT, **_TIMES, **_TOTALS}], "pageInfo": _LAST}},
    "order_read": {"order": {**_HIT, **_TIMES, **_TOTALS, "fulfillments": []}},
    "store_orders": {"orders": {"nodes": [_PLACED], "pageInfo": _LAST}},
    "store_order": {"order": _PLACED},
    "order_cancel": {"orderCancel": {"job": {"id": "gid://shopify/Job/1", "done": False}, "orderCancelUserErrors": []}},
    "order_fulfillment_orders": {"order": {"id": ORDER_ID, "fulfillmentOrders": {"nodes": [_OPEN], "pageInfo": _LAST}}},
    "fulfillment_order_lines": {"fulfillmentOrder": {"id": _OPEN["id"], "lineItems": {"nodes": [], "pageInfo": _LAST}}},
    "order_restock": {"order": _RETURNABLE},
    "refund_create": {"refundCreate": {"refund": {"id": "gid://shopify/Refund/1"}, "userErrors": []}},
    "fulfillment_create": {"fulfillmentCreate": {"fulfillment": {"id": FULFILLMENT_ID}, "userErrors": []}},
    "fulfillment_tracking_update": {
        "fulfillmentTrackingInfoUpdate": {"fulfillment": {"id": FULFILLMENT_ID}, "userErrors": []}
    },
    "fulfillment_order_ready": {"fulfillmentOrderLineItemsPreparedForPickup": {"userErrors": []}},
    "fulfillment_cancel": {"fulfillmentCancel": {"fulfillment": {"id": FULFILLMENT_ID}, "userErrors": []}},
    "order_update": {"orderUpdate": {"order": {"id": "gid://shopify/Order/1"}, "userErrors": []}},
    "job_status": {"job": {"id": "gid://shopify/Job/1", "done": True}},
    "variants_by_sku": {"productVariants": {"nodes": [], "pageInfo": _LAST}},
    "variants_by_ids": {"nodes": [None]},
    "variants_page": {
        "productVariants": {"nodes": [], "pageInfo": _LAST},
        "productVariantsCount": {"count": 0, "precision": "EXACT"},
    },
    "locations": {"locations": {"nodes": [], "pageInfo": _LAST}},
    "metafield_definition_create": {"metafieldDefinitionCreate": {"createdDefinition": {"id": "1"}, "userErrors": []}},
    "webhook_subscriptions": {"webhookSubscriptions": {"nodes": [], "pageInfo": _LAST}},
    "webhook_subscription_create": {"webhookSubscriptionCreate": {"webhookSubscription": {}, "userErrors": []}},
    "shop_info": {
        "shop": {
            "id": "gid://shopify/Shop/1",
            "name": "Kauri",
            "myshopifyDomain": "kauri.myshopify.com",
            "currencyCode": "NZD",
            "taxesIncluded": True,
            "ianaTimezone": "Pacific/Auckland",
        },
        "currentAppInstallation": {"accessScopes": []},
    },
}


class Recorder(HttpClient):
    """Keeps every (operation, document, variables) and answers from the table."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: str, url: str, *, operation: str = "", json: Any = None, **_: Any) -> Answer:  # type: ignore[override]
        self.sent.append((operation, json["query"], json["variables"]))
        return Answer(200, {}, _body(operation))


def _body(operation: str) -> bytes:
    return json.dumps({"data": _ANSWERS[operation]}).encode()


def orders() -> Iterator[OutboundOrder]:
    """One of every kind that the mapping treats differently."""
    yield order()
    yield order(
        line(unit_price=Decimal("12.00"), taxes=(tax("2.40"),)), prices_include_tax=False, shipping=Decimal("5.00")
    )
    yield order(
        line(unit_price=Decimal("1200"), taxes=(tax("218", rate="0.1", title="消費税"),)),
        currency="JPY",
        billing=TOKYO,
        shipping_address=TOKYO,
    )
    yield order(
        line(unit_price=Decimal("3.250")), currency="KWD", shipping_taxes=(tax("0.025"),), shipping=Decimal("0.500")
    )
    yield order(shipping_address=None, pickup=SHOWROOM, customer_note="After five, please")
    yield order(options=with_options(share_customer_email=True))
    yield order(options=with_options(bypass_stock_check=True, mark_paid=False))
    yield order(options=with_options(share_customer_email=True, create_customer=False))
    yield order(options=with_options(fulfilled=True, location_id="gid://shopify/Location/1"))
    yield order(discount=Decimal("5.00"), shipping=Decimal("4.00"), attributes={"Payment terms": "Net 30"})
    yield order(*[line(number) for number in range(1, 61)], billing=Address(), attributes={"Order number": "clash"})


def sent() -> list[tuple[str, str, dict[str, Any]]]:
    """Every call of every verb of the driver."""
    recorder = Recorder()
    shop = ShopifyConnector(ACCOUNT, recorder)
    shop.check()
    shop.find_variants(["SKU-1", "O'Neill \\ 5\""])
    shop.read_variants(["gid://shopify/ProductVariant/1"])
    shop.catalog_pages("")
    shop.locations()
    shop.catalog_pages("eyJsYXN0X2lkIjoxfQ==")
    for one in orders():
        shop.create(replace(one, paid_at=NOON))
    shop.find("SW-1", since=NOON)
    list(shop.changed_since(NOON))
    shop.read(ORDER_ID)
    shop.store_orders(since=NOON, cursor="")
    shop.store_orders(since=NOON, cursor="2026-11-23T12:00:00Z|eyJsYXN0X2lkIjoxfQ==")
    shop.store_order(ORDER_ID)
    shop.cancel(ORDER_ID, note="Cancelled in Storeward")
    for parcels in ((), PARCELS[:1], PARCELS):
        shop.fulfill(ORDER_ID, OutboundShipment((ShipmentLine("SKU-1", 2),), parcels, NOON, notify_customer=True))
    shop.fulfill(ORDER_ID, OutboundShipment((), PARCELS, NOON, known_id=FULFILLMENT_ID))
    shop.ready_for_pickup(ORDER_ID, [ShipmentLine("SKU-1", 3)])
    shop.unfulfill(ORDER_ID, FULFILLMENT_ID)
    shop.put_back(ORDER_ID, PutBack("SW-1-back", {"line-1": 2}, Decimal("20.00"), "Arrived damaged"))
    shop.update(ORDER_ID, order(), fields=frozenset({"note", "attributes"}))
    shop.register_webhooks("https://portal.example.com/webhooks/shopify/abc/", channel=True)
    return recorder.sent
