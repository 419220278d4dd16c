"""A practice site as an app sees it: JSON in, JSON out."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from connectors.practice import services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.squarespace import ids

ORDERS, INVENTORY, SUBSCRIPTIONS = "commerce/orders", "commerce/inventory", "webhook_subscriptions"


def make_site(**fields: Any) -> PracticeShop:
    shop = services.open_shop(
        slug="clay",
        name="Kauri & Clay",
        platform="squarespace",
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


def call(
    shop: PracticeShop,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """One request with the site's API key; a header that is empty is left out."""
    given = {
        "Authorization": f"Bearer {shop.access_token if token is None else token}",
        "User-Agent": "Storeward order sync",
        "Idempotency-Key": "key-1",
        **(headers or {}),
    }
    sent = {name: value for name, value in given.items() if value}
    data = body if isinstance(body, str) else json.dumps({} if body is None else body)
    url = f"/practice/squarespace/{shop.slug}/1.0/{path}"
    return Client().generic(method, url, data, content_type="application/json", headers=sent)


def get(shop: PracticeShop, path: str, **options: Any) -> Any:
    answer = call(shop, "GET", path, **options)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def oauth(shop: PracticeShop) -> str:
    return str(shop.settings["oauthToken"])


def money(value: Any, currency: str = "NZD") -> dict[str, Any]:
    return {"currency": currency, "value": value}


def variant_id(shop: PracticeShop, sku: str = "STOOL") -> str:
    return ids.of_variant(shop.variants.get(sku=sku))


def line(shop: PracticeShop, sku: str = "STOOL", **fields: Any) -> dict[str, Any]:
    given = {"lineItemType": "PHYSICAL_PRODUCT", "variantId": variant_id(shop, sku), "quantity": 1}
    return {**given, "unitPricePaid": money("50.00"), **fields}


def import_body(shop: PracticeShop, **fields: Any) -> dict[str, Any]:
    """The smallest that is taken; a field that is None is left out."""
    given = {
        "channelName": "ArchiPro",
        "externalOrderReference": "SW-1",
        "createdOn": "2026-11-23T12:00:00Z",
        "priceTaxInterpretation": "INCLUSIVE",
        "fulfillments": [],
        "lineItems": [line(shop)],
        "subtotal": money("50.00"),
        "grandTotal": money("50.00"),
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


def create(shop: PracticeShop, *, key: str = "key-1", **fields: Any) -> PracticeOrder:
    answer = call(shop, "POST", ORDERS, import_body(shop, **fields), headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.content
    return PracticeOrder.objects.get(pk=ids.order_pk(json.loads(answer.content)["id"]))


def refusal(shop: PracticeShop, **fields: Any) -> tuple[str | None, str]:
    """Subtype and message of an import that created nothing."""
    answer = call(shop, "POST", ORDERS, import_body(shop, **fields))
    assert answer.status_code == 400, answer.content
    assert not shop.orders.exists()
    body = json.loads(answer.content)
    return body["subtype"], body["message"]
