"""S&S Activewear on the wire: answers that a test queues, requests that it can look at."""

from __future__ import annotations

import json
from typing import Any

import responses

from connectors.base import Account
from connectors.http import HttpClient
from connectors.ssactivewear.connector import SsActivewearConnector
from tests.connectors.ssactivewear.orders import ACCOUNT

BASE = "https://api.ssactivewear.com/v2"
SERVED_AT = "Mon, 23 Nov 2026 18:00:00 GMT"
NOT_FOUND = {
    "errors": [{"field": "Identifier", "message": "Requested item(s) were not found or have been discontinued."}]
}


def connector(account: Account = ACCOUNT) -> SsActivewearConnector:
    return SsActivewearConnector(account, HttpClient(deadline_s=30))


def answers(path: str, body: Any, *, method: str = "GET", status: int = 200, **headers: str) -> None:
    given = {"Date": SERVED_AT, **{name.replace("_", "-"): value for name, value in headers.items()}}
    responses.add(method, f"{BASE}/{path}", json=body, status=status, headers=given)


def finds_nothing(path: str) -> None:
    answers(path, NOT_FOUND, status=404)


def sent(index: int = -1) -> dict[str, Any]:
    """The body of a request."""
    body: dict[str, Any] = json.loads(responses.calls[index].request.body)
    return body


def asked() -> list[str]:
    """Method and address of every request."""
    return [f"{call.request.method} {call.request.url.removeprefix(BASE)}" for call in responses.calls]


def placed(number: int = 90000001, **fields: Any) -> dict[str, Any]:
    """One order of a PO as S&S shows it, right after it was placed."""
    return {
        "guid": "e66b7667-868f-4ae0-b605-2f45fbd288c0",
        "companyName": "S&S Activewear",
        "warehouseAbbr": "IL",
        "orderNumber": str(number),
        "invoiceNumber": "",
        "poNumber": "SW-1",
        "orderDate": "2026-11-23T06:00:01.43",
        "orderType": "API",
        "orderStatus": "In Progress",
        "shippingCarrier": "UPS",
        "shippingMethod": "Ground",
        "total": 25.5,
        "totalPieces": 2,
        "totalBoxes": 1,
        "lines": [{"lineNumber": 1, "sku": "B00760003", "gtin": "1", "yourSku": "", "qtyOrdered": 2}],
        **fields,
    }


def shipped(number: int = 90000001, *, sku: str = "B00760003", units: int = 2, **fields: Any) -> dict[str, Any]:
    line = {"lineNumber": 1, "sku": sku, "qtyOrdered": 2, "qtyShipped": units}
    return placed(
        number,
        **{
            "orderStatus": "Shipped",
            "shipDate": "2026-11-23T14:15:31.613",
            "invoiceNumber": "907070",
            "trackingNumber": "1Z1",
            "lines": [line],
            **fields,
        },
    )


def stock(sku: str = "B00760003", **fields: Any) -> dict[str, Any]:
    places = [{"warehouseAbbr": "IL", "skuID": 1, "qty": 4}, {"warehouseAbbr": "KS", "skuID": 2, "qty": 3}]
    return {"sku": sku, "gtin": "00821780001001", "skuID_Master": 2343, "yourSku": "", "warehouses": places, **fields}


def product(sku: str = "B00760003", **fields: Any) -> dict[str, Any]:
    names = {"brandName": "Gildan", "styleName": "2000", "colorName": "White", "sizeName": "M"}
    return {"sku": sku, "gtin": "00821780001001", "yourSku": "", "styleID": 39, **names, "qty": 9, **fields}
