"""Whatever is sent, a door of the API answers it: what the description offers, with each part left out or replaced."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from accounts.models import Merchant
from accounts.services import api_keys
from tests.factories import make_connection
from tests.orders.services.collected import make_account
from tests.orders.services.partnered import make_partnered
from tests.orders.services.refundable import make_paid
from tests.orders.services.test_refund_requests import ask
from tests.test_isolation import OBJECTS

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

SCHEMA = SchemaGenerator().get_schema(request=None, public=True)
ODD: tuple[Any, ...] = (None, "", -1, [], {}, [{}], "9" * 40)
FORMATS = {
    "date-time": "2026-11-24T10:00:00+13:00", "date": "2026-11-24", "email": "a@b.example", "decimal": "1.00",
    "uri": "https://a.example/",
}  # fmt: skip
IDS = {"carrier": "carriers/", "connection": "connections/", "destination": "connections/", "orders": "orders/"}
PARTS = {"shopify": 8, "ssactivewear": 2, "filedrop": 2}  # all doors at once take minutes on a busy machine
ELSEWHERE = {"orders/", "orders/{public_id}/"}  # placed and edited: tests/orders/api/test_placing.py and test_edits.py


@pytest.mark.parametrize(("platform", "part"), [(each, part) for each in PARTS for part in range(PARTS[each])])
def test_no_body_is_a_fault_of_ours(platform: str, part: int):
    pair = make_partnered()
    merchant, key = pair.seller, key_of(pair.seller)
    mine = {begins: make(merchant) for begins, make in OBJECTS.items()} | {
        "carriers/": make_account(merchant).public_id,
        "connections/": make_connection(merchant, platform=platform).public_id,
        "partnerships/": pair.partnership.public_id,
        "refund-requests/": ask(make_paid(merchant)).public_id,
    }

    wrong = {}
    for method, address, body in doors(platform)[part :: PARTS[platform]]:
        path = re.sub(r"\{[^}]+\}", mine.get(address.partition("{")[0], "1"), address)
        for sample in (with_ids(given, mine) for given in samples(body)):
            for sent in (sample, *changed(sample)):
                status = answered(method, path, sent, key)
                if status >= 500 and status != 502:  # the other side's
                    wrong.setdefault(f"{method} {address}", sent)

    assert wrong == {}


def key_of(merchant: Merchant) -> str:
    issued = {"name": "tests", "can_write": True, "expires_at": None, "by": "tests", "at": timezone.now()}
    return api_keys.issue(merchant=merchant, **issued)[1]


def doors(platform: str) -> list[tuple[str, str, dict[str, Any]]]:
    """All that take a body; of further platforms those of their connection alone."""
    return [door for door in every_door() if platform == "shopify" or door[1].startswith("connections/")]


def every_door() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, address below the API's, and the description of the body."""
    for path, methods in SCHEMA["paths"].items():
        address = path.removeprefix("/api/v1/")
        for method, told in methods.items():
            if address not in ELSEWHERE and "requestBody" in told:
                yield method.upper(), address, told["requestBody"]["content"]["application/json"]


def answered(method: str, path: str, body: Any, key: str) -> int:
    """The status; nothing of it stays."""
    for cache in (caches["default"], caches["rates"]):
        cache.clear()
    client, headers = Client(raise_request_exception=False), {"Authorization": f"Bearer {key}"}
    place = transaction.savepoint()
    try:
        text, kind = json.dumps(body), "application/json"
        return client.generic(method, f"/api/v1/{path}", text, content_type=kind, headers=headers).status_code
    finally:
        transaction.savepoint_rollback(place)


def samples(body: dict[str, Any]) -> Iterator[Any]:
    yield made(body["schema"])
    for example in body.get("examples", {}).values():
        yield example["value"]


def made(schema: dict[str, Any]) -> Any:
    """Something of this shape."""
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for several in ("allOf", "oneOf", "anyOf"):
        if several in schema:
            return made(schema[several][0])
    match schema:
        case {"enum": [first, *_]}:
            return first
        case {"properties": parts}:
            return {name: made(part) for name, part in parts.items() if not part.get("readOnly")}
        case {"type": "array"}:
            return [made(schema.get("items", {}))]
        case {"type": "boolean"}:
            return True
        case {"type": "integer"}:
            return max(1, schema.get("minimum", 1))
        case {"type": "object"}:
            return {}
    return FORMATS.get(schema.get("format", ""), "x")


def with_ids(body: Any, mine: dict[str, str], name: str = "") -> Any:
    if isinstance(body, dict):
        return {key: with_ids(value, mine, key) for key, value in body.items()}
    if isinstance(body, list):
        return [with_ids(value, mine, name) for value in body]
    return mine[IDS[name]] if name in IDS and body not in ("mail", "ups") else body


def changed(body: Any) -> Iterator[Any]:
    """With each part, however deep, left out or replaced by something odd."""
    yield from ODD
    if isinstance(body, dict):
        for name in body:
            yield {key: value for key, value in body.items() if key != name}
            yield from ({**copy.deepcopy(body), name: odd} for odd in changed(body[name]))
    elif isinstance(body, list) and body:
        yield [body[0], body[0]]
        yield from ([odd] for odd in changed(body[0]))
