"""A shop on the wire: answers that a test queues, requests that it can look at."""

from __future__ import annotations

import json
from typing import Any

import responses

from connectors.base import Account
from connectors.http import HttpClient
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.shopify.orders import ACCOUNT

URL = "https://kauri.myshopify.com/admin/api/2026-10/graphql.json"


def connector(account: Account = ACCOUNT) -> ShopifyConnector:
    return ShopifyConnector(account, HttpClient(deadline_s=30))


def answers(data: Any = None, **rest: Any) -> None:
    """Queue a 200 with this `data` and other top-level keys."""
    body = {**({} if data is None else {"data": data}), **rest}
    responses.add(responses.POST, URL, json=body)


def shop_with(*scopes: str) -> None:
    """Queue what the shop says of itself and of what it lets us do."""
    about = {"id": "gid://shopify/Shop/1", "name": "Kauri", "myshopifyDomain": "kauri.myshopify.com"}
    rest = {"currencyCode": "NZD", "ianaTimezone": "Pacific/Auckland", "taxesIncluded": True}
    answers({"shop": about | rest, "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in scopes]}})


def fails(*codes: str, data: Any = None, path: list[str] | None = None, **extensions: Any) -> None:
    """Queue a 200 with top-level errors of these codes."""
    errors = [{"message": f"{code} happened", "path": path, "extensions": {"code": code}} for code in codes]
    responses.add(responses.POST, URL, json={"data": data, "errors": errors, "extensions": extensions})


def sent(index: int = -1) -> dict[str, Any]:
    """The variables of a request."""
    variables: dict[str, Any] = json.loads(responses.calls[index].request.body)["variables"]
    return variables


def operations() -> list[str]:
    return [json.loads(call.request.body)["operationName"] for call in responses.calls]


def hit(
    number: int = 1, *, reference: str | None = "SW-1", tags=(), created="2026-11-23T12:00:00Z", **fields
) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "name": f"#{1000 + number}",
        "sourceIdentifier": reference,
        "tags": list(tags),
        "createdAt": created,
        "updatedAt": created,
        "cancelledAt": None,
        "totalPriceSet": {"shopMoney": {"amount": "115.0", "currencyCode": "NZD"}},
        **fields,
    }


def page(field: str, *nodes, after: str | None = None) -> dict:
    return {field: {"nodes": list(nodes), "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}}
