"""A practice store, and how a test talks to it."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.test import Client

from connectors.practice import services
from connectors.practice.models import PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.woocommerce import taxes

HOME = {"first_name": "Harriet", "address_1": "12 Ponsonby Road", "city": "Auckland", "country": "NZ", "phone": "+6421"}


def make_shop(slug: str = "rimu", **settings: Any) -> PracticeShop:
    """Sells STOOL for 50.00, five in stock, and MUG in two variations; GST of 15% inside."""
    shop = services.open_shop(
        slug=slug,
        name="Rimu",
        currency="NZD",
        taxes_included=True,
        variants=[{"sku": "STOOL", "title": "Oak stool", "price": "50.00", "stock": 5}],
        platform="woocommerce",
    )
    parent = shop.variants.create(sku="MUG", title="Mug", price="20.00", details={"type": "variable"})
    kept = {"type": "variation", "parent_id": parent.pk}
    shop.variants.create(sku="MUG-RED", title="Mug, red", price="20.00", stock=3, details=kept)
    return change(shop, **settings)


def change(shop: PracticeShop, **settings: Any) -> PracticeShop:
    shop.settings = {**shop.settings, **settings}
    shop.save(update_fields=["settings"])
    return shop


def rate(percent: str, **changed: Any) -> dict[str, Any]:
    return {**taxes.GST, "rate": percent, **changed}


def product(shop: PracticeShop, sku: str = "STOOL") -> PracticeVariant:
    return shop.variants.get(sku=sku)


def url(shop: PracticeShop, path: str) -> str:
    return f"/practice/woocommerce/{shop.slug}/wp-json/wc/v3/{path}"


def basic(key: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{key}:{secret}'.encode()).decode()}"


def send(shop: PracticeShop, method: str, path: str, body: Any = None, **headers: Any) -> Any:
    """The whole answer."""
    key = {"Authorization": basic(shop.access_token, shop.settings["consumer_secret"])}
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    given = {} if body is None else {"data": raw, "content_type": "application/json"}
    address = path if path.startswith("/") else url(shop, path)
    return Client().generic(method, address, **given, headers={**key, **headers})


def ask(shop: PracticeShop, path: str) -> Any:
    answer = send(shop, "GET", path)
    assert answer.status_code == 200, answer.content
    return answer.json()


def line(shop: PracticeShop, sku: str = "STOOL", **fields: Any) -> dict[str, Any]:
    given = {"product_id": product(shop, sku).pk, "quantity": 2, "total": "86.956522", **fields}
    return {key: value for key, value in given.items() if value is not None}


def body_of(shop: PracticeShop, **fields: Any) -> dict[str, Any]:
    given = {"status": "processing", "shipping": HOME, "billing": HOME, "line_items": [line(shop)], **fields}
    return {key: value for key, value in given.items() if value is not None}


def create(shop: PracticeShop, **fields: Any) -> dict[str, Any]:
    """An order as the answer tells it."""
    answer = send(shop, "POST", "orders", body_of(shop, **fields))
    assert answer.status_code == 201, answer.content
    return answer.json()


def refusal(shop: PracticeShop, method: str, path: str, body: Any = None) -> tuple[int, str]:
    answer = send(shop, method, path, body)
    return answer.status_code, answer.json()["code"]


def refused(shop: PracticeShop, **fields: Any) -> tuple[int, str]:
    """Status and code of an order that was not created."""
    told = refusal(shop, "POST", "orders", body_of(shop, **fields))
    assert not PracticeOrder.objects.exists()
    return told
