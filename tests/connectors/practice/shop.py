"""A practice store as an app sees it: GraphQL in, JSON out."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from connectors.practice import services
from connectors.practice.models import PracticeOrder, PracticeShop

CREATE = """
mutation Create($order: OrderCreateOrderInput!, $options: OrderCreateOptionsInput) {
  orderCreate(order: $order, options: $options) {
    order { id legacyResourceId name }
    userErrors { field message code }
  }
}
"""
READ = """
query Read($id: ID!) {
  order(id: $id) {
    name processedAt tags displayFinancialStatus displayFulfillmentStatus
    subtotalPriceSet { shopMoney { amount } }
    totalPriceSet { shopMoney { amount currencyCode } }
    totalOutstandingSet { shopMoney { amount } }
    lineItems(first: 10) { nodes { id sku quantity unfulfilledQuantity } }
    fulfillments(first: 10) { id status trackingInfo(first: 10) { number company url } }
    fulfillmentOrders(first: 5) {
      nodes { id status supportedActions { action } lineItems(first: 10) { nodes { id remainingQuantity } } }
    }
  }
}
"""


def make_shop(**fields: Any) -> PracticeShop:
    shop = services.open_shop(
        slug="kauri",
        name="Kauri & Clay",
        currency="NZD",
        taxes_included=True,
        variants=[
            {"sku": "STOOL", "title": "Oak stool", "price": "50.00", "stock": 5},
            {"sku": "LAMP", "title": "Lamp", "price": "15.00", "stock": 5},
        ],
    )
    for name, value in fields.items():
        setattr(shop, name, value)
    shop.save()
    return shop


def send(shop: PracticeShop, body: Any, *, token: str | None = None, version: str = "2026-10") -> HttpResponse:
    headers = {"X-Shopify-Access-Token": shop.access_token if token is None else token}
    raw = body if isinstance(body, str) else json.dumps(body)
    url = f"/practice/shopify/{shop.slug}/admin/api/{version}/graphql.json"
    return Client().post(url, raw, content_type="application/json", headers=headers)


def ask(shop: PracticeShop, query: str, **variables: Any) -> dict[str, Any]:
    """The whole answer to a document."""
    answer = send(shop, {"query": query, "variables": variables})
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def data(shop: PracticeShop, query: str, **variables: Any) -> Any:
    """What the only root field answered."""
    body = ask(shop, query, **variables)
    assert "errors" not in body, body["errors"]
    (answer,) = body["data"].values()
    return answer


def code(body: dict[str, Any]) -> str:
    """The code of the only top-level error."""
    (error,) = body["errors"]
    return error["extensions"]["code"]


def bag(amount: str, currency: str = "NZD") -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def tax(amount: str, rate: str = "0.15", currency: str = "NZD") -> dict[str, Any]:
    return {"title": "GST", "rate": rate, "priceSet": bag(amount, currency)}


def variant_id(shop: PracticeShop, sku: str = "STOOL") -> str:
    return f"gid://shopify/ProductVariant/{shop.variants.get(sku=sku).pk}"


def line(shop: PracticeShop, sku: str = "STOOL", **fields: Any) -> dict[str, Any]:
    return {"variantId": variant_id(shop, sku), "quantity": 1, "priceSet": bag("50.00", shop.currency), **fields}


def order_input(shop: PracticeShop, **fields: Any) -> dict[str, Any]:
    given = {"lineItems": [line(shop)], "currency": shop.currency, "taxesIncluded": True, **fields}
    return {key: value for key, value in given.items() if value is not None}


def refusals(shop: PracticeShop, *, options: dict[str, Any] | None = None, **fields: Any) -> list[dict[str, Any]]:
    """The userErrors of an orderCreate that created nothing."""
    answer = data(shop, CREATE, order=order_input(shop, **fields), options=options)
    assert answer["order"] is None
    return answer["userErrors"]


def create(shop: PracticeShop, *, options: dict[str, Any] | None = None, **fields: Any) -> PracticeOrder:
    answer = data(shop, CREATE, order=order_input(shop, **fields), options=options)
    assert answer["userErrors"] == []
    return PracticeOrder.objects.get(pk=answer["order"]["legacyResourceId"])


def read(shop: PracticeShop, order: PracticeOrder) -> dict[str, Any]:
    return data(shop, READ, id=f"gid://shopify/Order/{order.pk}")
