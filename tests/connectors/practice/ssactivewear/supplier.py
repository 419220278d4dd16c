"""A practice S&S Activewear as a client sees it: REST in, JSON out."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from connectors.practice import services
from connectors.practice.models import PracticeOrder, PracticeShop

TEE = {"warehouses": {"IL": 4, "KS": 3}, "your_sku": "TEE-WHITE-M"}
ADDRESS = {"customer": "Harriet Ngata", "address": "12 Main St", "city": "Bolingbrook", "state": "IL", "zip": "60440"}


def make_supplier(**fields: Any) -> PracticeShop:
    """7 tees (4 in IL, 3 in KS) at 4.25, and 2 caps in KS at 10."""
    shop = services.open_shop(
        slug="tees",
        name="Practice S&S",
        currency="USD",
        taxes_included=False,
        platform="ssactivewear",
        variants=[
            {"sku": "B00760003", "title": "Gildan 2000 White M", "price": "4.25", "stock": 7, "details": TEE},
            {
                "sku": "B00760004",
                "title": "Cap",
                "price": "10",
                "stock": 2,
                "details": {"warehouses": {"IL": 0, "KS": 2}},
            },
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
    key: str | None = None,
    content_type: str = "application/json",
) -> HttpResponse:
    pair = f"{shop.settings['account_number']}:{shop.access_token if key is None else key}"
    token = base64.b64encode(pair.encode()).decode()
    raw = body if isinstance(body, str) else json.dumps(body)
    return Client().generic(
        method,
        f"/practice/ssactivewear/{shop.slug}/{path}",
        "" if body is None else raw,
        content_type=content_type,
        headers={"Authorization": f"Basic {token}"},
    )


def get(shop: PracticeShop, path: str) -> Any:
    answer = call(shop, "GET", path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def order_body(*lines: tuple[str, int], **fields: Any) -> dict[str, Any]:
    wanted = [{"identifier": identifier, "qty": units} for identifier, units in lines or [("B00760003", 1)]]
    return {
        "shippingAddress": ADDRESS,
        "poNumber": "SW-1",
        "autoselectWarehouse": True,
        "lines": wanted,
        **fields,
    }


def place(shop: PracticeShop, *lines: tuple[str, int], **fields: Any) -> list[dict[str, Any]]:
    """The orders of an order that was taken."""
    answer = call(shop, "POST", "orders/", order_body(*lines, **fields))
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def refusals(shop: PracticeShop, *lines: tuple[str, int], **fields: Any) -> list[tuple[str, str]]:
    """Field and message of every error of an order of which nothing was placed."""
    answer = call(shop, "POST", "orders/", order_body(*lines, **fields))
    assert (answer.status_code, PracticeOrder.objects.count()) == (400, 0), answer.content
    return [(error["field"], error["message"]) for error in json.loads(answer.content)["errors"]]


def ship(order_number: str, **parcel: str) -> PracticeOrder:
    """Send all of one supplier order."""
    row = PracticeOrder.objects.get(name=order_number)
    services.fulfill(order_id=row.pk, quantities=None, parcels=[parcel] if parcel else [])
    return row
