"""Web figures: each round asks the floor and ours in turn, so that noise hits both alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median, quantiles

from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Marketplace, Merchant, User
from accounts.services import api_keys
from bench.data import OWNER
from orders import queries
from orders.management import sample_orders
from orders.models import Order

SAMPLE = "nzd_gst_inside"


@override_settings(ROOT_URLCONF="bench.floors")
def lists(merchant: Merchant, *, orders: int, seconds: int) -> None:
    client = Client()
    client.force_login(User.objects.get(email=OWNER))
    deep = Order.objects.of(merchant).order_by("-placed_at", "-pk")[orders * 9 // 10]
    before, cursor = deep.placed_at.timestamp(), queries.write_cursor(deep.placed_at, deep.pk)
    rows_only = {"HX-Request": "true"}
    for name, floor, ours, headers in (
        ("list, whole page with figures", "/bench/list/", "/orders/", {}),
        ("list, rows as htmx asks for them", "/bench/list/", "/orders/", rows_only),
        ("list, rows nine tenths down", f"/bench/list/?before={before}", f"/orders/?cursor={cursor}", rows_only),
        ("list, one tab", "/bench/list/", "/orders/?tab=confirm", rows_only),
        ("search for an order's number", "/bench/list/", f"/orders/?q=b-{orders // 2}", rows_only),
    ):
        _compare(name, lambda f=floor: _get(client, f), lambda o=ours, h=headers: _get(client, o, h), seconds=seconds)


@override_settings(ROOT_URLCONF="bench.floors")
def intake(merchant: Merchant, *, seconds: int) -> None:
    marketplace = Marketplace.objects.get(merchants=merchant)
    _, key = api_keys.issue(
        name="bench", marketplace=marketplace, can_write=True, expires_at=None, by="bench", at=timezone.now()
    )
    client, turn = Client(), iter(range(10_000_000))

    def post(path: str) -> None:
        body = sample_orders.load(SAMPLE, at=timezone.now(), suffix=f"-{next(turn)}", merchant=merchant.slug)
        answer = client.post(
            path, json.dumps(body), content_type="application/json", headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 201, answer.content

    name = f"intake, {len(sample_orders.load(SAMPLE)['lines'])} lines"
    _compare(name, lambda: post("/bench/insert/"), lambda: post("/api/v1/orders/"), seconds=seconds)


def _get(client: Client, path: str, headers: dict[str, str] | None = None) -> None:
    answer = client.get(path, headers=headers or {})
    assert answer.status_code == 200, (path, answer.status_code)


def _compare(name: str, floor: Callable[[], None], ours: Callable[[], None], *, seconds: int) -> None:
    floor()
    ours()
    times: tuple[list[float], list[float]] = ([], [])
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(times[0]) < 5:
        for act, taken in zip((floor, ours), times, strict=True):
            began = time.perf_counter()
            act()
            taken.append((time.perf_counter() - began) * 1000)
    low, high = median(times[0]), median(times[1])
    p95 = quantiles(times[1], n=20)[-1]
    print(f"{name:<36} floor p50 {low:7.1f} ms   ours p50 {high:7.1f} ms  p95 {p95:7.1f} ms   {high / low:5.1f} x")
