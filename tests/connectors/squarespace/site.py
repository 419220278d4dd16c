"""A site on the wire: answers that a test queues, requests that it can look at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses

from connectors.base import Account
from connectors.http import HttpClient
from connectors.squarespace.connector import SquarespaceConnector
from tests.connectors.squarespace.orders import ACCOUNT, SITE, VARIANT

ROOT = "https://api.squarespace.com/1.0"
ORDER = "6a81716f0589b404e752964{}"
WEBSITE = {
    "id": SITE,
    "siteId": "kauri",
    "title": "Kauri & Clay",
    "url": "https://www.kauri.example/",
    "currency": "NZD",
    "timeZone": "Pacific/Auckland",
}


def connector(account: Account = ACCOUNT) -> SquarespaceConnector:
    return SquarespaceConnector(account, HttpClient(deadline_s=30))


def answers(path: str, data: Any = None, *, method: str = "GET", status: int = 200, **rest: Any) -> None:
    """Queue an answer to a path below the version: JSON, or whatever else is given."""
    given = {} if data is None else {"json": data}
    responses.add(method, f"{ROOT}{path}", status=status, **given, **rest)


def refuses(path: str, message: str = "No.", *, method: str = "GET", status: int = 400, subtype: str = "") -> None:
    """Queue a refusal in the application's shape."""
    body = {
        "type": "INVALID_REQUEST_ERROR",
        "subtype": subtype or None,
        "message": message,
        "details": None,
        "contextId": "RUPSUSPOW",
    }
    answers(path, body, method=method, status=status)


def sent(index: int = -1) -> Any:
    """The body of a request."""
    return json.loads(responses.calls[index].request.body)


def queries() -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(call.request.url).query)) for call in responses.calls]


def paths() -> list[str]:
    return [urlsplit(call.request.url).path.removeprefix("/1.0") for call in responses.calls]


def page(field: str, *rows: Any, after: str = "") -> dict[str, Any]:
    """One page; `after` is the cursor of the next."""
    following = f"{ROOT}/commerce/orders?cursor={after}" if after else None
    return {
        field: list(rows),
        "pagination": {"hasNextPage": bool(after), "nextPageCursor": after or None, "nextPageUrl": following},
    }


def stock(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A row of the inventory."""
    given = {"variantId": VARIANT.format(number), "sku": f"SKU-{number}", "descriptor": f"Stool {number} [Oak]"}
    return {**given, "quantity": 4, "isUnlimited": False, **fields}


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    """An order as it is answered, in the form of one that was recorded."""
    line = {
        "id": "6a81716fc8fe4c0001305355",
        "variantId": VARIANT.format(1),
        "sku": "SKU-1",
        "productName": "Stool",
        "quantity": 2,
        "unitPricePaid": money("50.00"),
        "lineItemType": "PHYSICAL_PRODUCT",
    }
    return {
        "id": ORDER.format(number),
        "orderNumber": str(number),
        "createdOn": "2026-11-23T12:00:00Z",
        "modifiedOn": "2026-11-23T12:00:39.705Z",
        "channel": "external",
        "testmode": False,
        "fulfillmentStatus": "PENDING",
        "lineItems": [line],
        "shippingLines": [],
        "discountLines": None,
        "fulfillments": None,
        "subtotal": money("100.00"),
        "refundedTotal": money("0.00"),
        "grandTotal": money("100.00"),
        "channelName": "ArchiPro",
        "externalOrderReference": f"SW-{number}",
        "fulfilledOn": None,
        "priceTaxInterpretation": "INCLUSIVE",
        "paymentState": "PAID",
        **fields,
    }


def parcel(number: str | None = "NZ1", **fields: Any) -> dict[str, Any]:
    return {
        "shipDate": "2026-11-24T09:00:00Z",
        "carrierName": "NZ Post",
        "service": "Courier",
        "trackingNumber": number,
        "trackingUrl": f"https://track.example/{number}",
        **fields,
    }


def money(value: str | float, currency: str = "NZD") -> dict[str, Any]:
    return {"currency": currency, "value": value}
