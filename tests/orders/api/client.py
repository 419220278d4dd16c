"""A marketplace and a merchant with their keys, for tests of the API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Marketplace, Merchant
from accounts.services import api_keys
from orders.management import sample_orders
from tests.factories import make_marketplace, make_merchant


@dataclass
class Api:
    merchant: Merchant
    marketplace: Marketplace
    marketplace_key: str
    merchant_key: str

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> HttpResponse:
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        headers.setdefault("Authorization", f"Bearer {self.marketplace_key if key is None else key}")
        return Client().generic(method, f"/api/v1/{path}", text, content_type="application/json", headers=headers)

    def place(self, body: Any, **headers: str) -> HttpResponse:
        return self.send("POST", "orders/", body, **headers)


def make_api(slug: str = "kauri-and-clay") -> Api:
    merchant = make_merchant(slug=slug)
    marketplace = make_marketplace(merchants=[merchant])
    issued = {"name": "tests", "can_write": True, "expires_at": None, "by": "tests", "at": timezone.now()}
    return Api(
        merchant,
        marketplace,
        api_keys.issue(marketplace=marketplace, **issued)[1],
        api_keys.issue(merchant=merchant, **issued)[1],
    )


def sample(name: str = "nzd_gst_inside", **fields: Any) -> dict[str, Any]:
    return sample_orders.load(name, at=timezone.now(), **fields)
