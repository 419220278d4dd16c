"""A store on the wire: answers that a test queues, requests that it can look at."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses

from connectors.http import HttpClient
from connectors.woocommerce import mapping
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.woocommerce.orders import ACCOUNT, SETTINGS

ROOT = "https://kauri.example.com/shop/wp-json"
API = f"{ROOT}/wc/v3"


def connector(**settings: Any) -> WooCommerceConnector:
    account = replace(ACCOUNT, settings={**SETTINGS, **settings})
    return WooCommerceConnector(account, HttpClient(deadline_s=30))


def answers(path: str, body: Any, *, method: str = "GET", status: int = 200, **headers: Any) -> None:
    """Queue an answer; header names with _ for -."""
    given = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    url = path if path.startswith("https:") else f"{API}/{path}"
    responses.add(method, url, json=body, status=status, headers=given)


def takes(path: str, body: Any, *, status: int = 201) -> None:
    """Queue the answer to a POST."""
    answers(path, body, method="POST", status=status)


def refuses(path: str, status: int, code: str, message: str = "No.", *, method: str = "GET", **data: Any) -> None:
    answers(path, {"code": code, "message": message, "data": {"status": status, **data}}, method=method, status=status)


def sent(index: int = -1) -> Any:
    """The body of a request."""
    return json.loads(responses.calls[index].request.body)


def asked(index: int = -1) -> dict[str, str]:
    """The query of a request."""
    return dict(parse_qsl(urlsplit(responses.calls[index].request.url).query))


def calls() -> list[str]:
    """ "POST orders/7" and the like."""
    requests = [call.request for call in responses.calls]
    return [f"{one.method} {urlsplit(one.url).path.removeprefix('/shop/wp-json/wc/v3/')}" for one in requests]


def stored(number: int = 7, **fields: Any) -> dict[str, Any]:
    """An order as the store keeps it: two of product 1 for 100.00."""
    return {
        "id": number,
        "number": str(number),
        "status": "processing",
        "currency": "NZD",
        "total": "100.00",
        "date_created_gmt": "2026-11-23T12:00:00",
        "date_modified_gmt": "2026-11-23T13:00:00",
        "date_completed_gmt": None,
        "date_paid_gmt": "2026-11-23T12:00:00",
        "meta_data": [{"id": 1, "key": mapping.REFERENCE, "value": "SW-1"}],
        "line_items": [stored_line()],
        "refunds": [],
        **fields,
    }


def stored_line(number: int = 11, **fields: Any) -> dict[str, Any]:
    ours = [{"id": 5, "key": mapping.LINE_ID, "value": "line-1"}]
    known = {"product_id": 1, "variation_id": 0, "quantity": 2, "sku": "SKU-1", "meta_data": ours}
    return {"id": number, **known, **fields}


def with_meta(number: int = 7, *, reference: str = "SW-1", **fields: Any) -> dict[str, Any]:
    """An order with more meta data: `meta` maps keys to values."""
    meta = {mapping.REFERENCE: reference, **fields.pop("meta", {})}
    pairs = [{"id": at, "key": key, "value": value} for at, (key, value) in enumerate(meta.items())]
    return stored(number, meta_data=pairs, **fields)
