"""Orders to a store: two workers with all they have to promise, against a bare loop that makes the same calls.

What a push is here: create, read back, compare: two calls, in the loop and in ours. The loop is one process with as many
threads as both workers have for one store; each keeps its `requests` session open, as each of ours keeps its connections. Its
bodies are formed beforehand and it keeps nothing. Ours count from the moment at which the first worker begins, with
claims and loading, to the last record; processor time is that of the senders. Store and database run on the same cores,
and take from ours what the loop does not need. The store tells its rate budget, as Shopify does; it is never spent.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from threading import local

import requests
from django.conf import settings
from django.db import connection as database
from django.db.models import Max
from django.utils import timezone

from accounts.models import Marketplace, Merchant, User
from accounts.services import merchants
from connectors.models import Connection, ProductLink, SyncSettings
from connectors.registry import connector_class
from connectors.services.clients import account_of
from connectors.shopify.client import document_of
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Channel, Lane, Order, OrderAddress, OrderLine, OrderPush, OutboxMessage, Payment, PushLine
from orders.pump import share_of_a_lane
from orders.services import outbound

WORKERS = 2
ROUNDS = 3
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Figure:
    per_s: float
    cpu_ms: float  # of the senders, for each push


def measure(count: int) -> None:
    """`count` pushes a round, to a store that answers at once and to one that takes 50 ms."""
    print()
    merchant = _merchant()
    for delay_ms in (0, 50):
        with _store(delay_ms) as url:
            rounds = [(_floor(merchant, url, count), _ours(merchant, url, count)) for _ in range(ROUNDS)]
        floor, ours = (
            Figure(median(one.per_s for one in side), median(one.cpu_ms for one in side))
            for side in zip(*rounds, strict=True)
        )
        print(
            f"{f'pushes to a {delay_ms} ms store':<36} floor {floor.per_s:6.0f} /s  {floor.cpu_ms:5.1f} ms cpu   "
            f"ours {ours.per_s:6.0f} /s  {ours.cpu_ms:5.1f} ms cpu   {ours.per_s / floor.per_s:5.2f} x"
        )


# --- the floor -----------------------------------------------------------------------------------


def _floor(merchant: Merchant, url: str, count: int) -> Figure:
    """The calls of `count` pushes, formed beforehand."""
    connection = _orders(merchant, url, count)
    driver = connector_class("shopify")(account_of(connection), None)
    bodies = [
        driver.calls_for(outbound.build(push))[0].body
        for push in OrderPush.objects.filter(connection=connection).select_related("order", "connection__sync_settings")
    ]
    OutboxMessage.objects.all().delete()
    read, kept = document_of("order_read"), local()
    address = f"{url}/admin/api/2026-10/graphql.json"

    def push(body: bytes) -> None:
        if not hasattr(kept, "session"):
            kept.session = requests.Session()
        headers = {"Content-Type": "application/json", "X-Shopify-Access-Token": "bench"}
        made = kept.session.post(address, data=body, headers=headers).json()["data"]["orderCreate"]["order"]
        asked = {"query": read, "operationName": "OrderRead", "variables": {"id": made["id"]}}
        assert kept.session.post(address, json=asked, headers=headers).json()["data"]["order"]["id"] == made["id"]

    cpu, began = time.process_time(), time.monotonic()
    with ThreadPoolExecutor(WORKERS * share_of_a_lane(settings.PUMP_THREADS)) as pool:
        list(pool.map(push, bodies))
    return Figure(count / (time.monotonic() - began), (time.process_time() - cpu) * 1000 / count)


# --- ours ----------------------------------------------------------------------------------------


def _ours(merchant: Merchant, url: str, count: int) -> Figure:
    connection = _orders(merchant, url, count)
    pump = [sys.executable, "-m", "bench.worker"]
    workers = [subprocess.Popen(pump, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    told = [worker.communicate(timeout=PATIENCE_S)[0].split() for worker in workers]
    began = min(datetime.fromisoformat(at) for at, _ in told)
    cpu_s = sum(float(seconds) for _, seconds in told)
    pushes = OrderPush.objects.filter(connection=connection)
    last = pushes.filter(status=PushStatus.PUSHED).aggregate(at=Max("pushed_at"))["at"]
    if pushes.exclude(status=PushStatus.PUSHED).exists():
        raise SystemExit(f"Not all pushes arrived: {pushes.exclude(status=PushStatus.PUSHED).first().reason}")
    return Figure(count / (last - began).total_seconds(), cpu_s * 1000 / count)


@contextmanager
def _store(delay_ms: int) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "bench.store", str(delay_ms)], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


# --- what is sent --------------------------------------------------------------------------------


def _merchant() -> Merchant:
    owner = User.objects.create_user("pushes@bench.example", "not used here")
    merchant = merchants.create(name="Pushes", slug="pushes", owner=owner, by="bench", at=timezone.now())
    marketplace = Marketplace.objects.create(name="Push Market", slug="push-market")
    marketplace.merchants.add(merchant)
    Channel.objects.create(marketplace=marketplace, name=marketplace.name)
    return merchant


def _orders(merchant: Merchant, url: str, count: int) -> Connection:
    """A connection of its own, with `count` orders confirmed, paid and promised to it."""
    at = timezone.now()
    connection = _connection(merchant, url, at)
    channel = Channel.objects.get(marketplace__slug="push-market")
    names = (f"{connection.pk}-{k}" for k in range(count))
    orders = Order.objects.bulk_create(_order(merchant, channel, name, at) for name in names)
    lines = OrderLine.objects.bulk_create(_line(order, k) for order in orders for k in range(2))
    OrderAddress.objects.bulk_create(_address(order, kind) for order in orders for kind in ("shipping", "billing"))
    Payment.objects.bulk_create(_payment(order) for order in orders)
    _promise(orders, lines, connection, at)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does within a minute
    return connection


def _connection(merchant: Merchant, url: str, at: datetime) -> Connection:
    n = Connection.objects.filter(merchant=merchant).count()
    connection = Connection.objects.create(
        merchant=merchant,
        platform="shopify",
        name=f"Store {n}",
        base_url=url,
        remote_id=f"gid://shopify/Shop/{n}",
        shop_domain=f"store-{n}.example",
        currency="NZD",
        credentials={"access_token": "bench"},
    )
    SyncSettings.objects.create(connection=connection)
    Lane.objects.create(connection=connection)
    ProductLink.objects.bulk_create(
        ProductLink(
            connection=connection, sku=f"SKU-{k}", variant_id=f"gid://shopify/ProductVariant/{k}", checked_at=at
        )
        for k in range(2)
    )
    return connection


def _promise(orders: Sequence[Order], lines: Sequence[OrderLine], connection: Connection, at: datetime) -> None:
    """A push of each order, whole, and the promise to send it."""
    pushes = OrderPush.objects.bulk_create(
        OrderPush(
            order=order,
            connection=connection,
            reference=f"SW-{order.pk}",
            status=PushStatus.QUEUED,
            subtotal=Decimal(100),
            total=Decimal(100),
            tax=Decimal("13.04"),
            carries_shipping=True,
        )
        for order in orders
    )
    of = {push.order_id: push for push in pushes}
    PushLine.objects.bulk_create(PushLine(push=of[line.order_id], line=line) for line in lines)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            topic=Topic.PUSH_ORDER,
            key=f"push:{push.public_id}",
            order_id=push.order_id,
            push=push,
            lane=connection.lane,
            next_attempt_at=at,
            created_at=at,
        )
        for push in pushes
    )


def _order(merchant: Merchant, channel: Channel, name: str, at: datetime) -> Order:
    return Order(
        merchant=merchant,
        channel=channel,
        external_id=f"P-{name}",
        number=f"P-{name}",
        body_digest="0" * 64,
        status=OrderStatus.CONFIRMED,
        payment_status=PaymentStatus.CAPTURED,
        push_status=PushStatus.QUEUED,
        placed_at=at,
        received_at=at,
        confirm_by=at,
        decided_at=at,
        decided_by="bench",
        currency="NZD",
        prices_include_tax=True,
        subtotal=Decimal(100),
        tax=Decimal("13.04"),
        total=Decimal(100),
        customer_name="Harriet Ngata",
        delivery="ship",
    )


def _line(order: Order, k: int) -> OrderLine:
    tax = [{"title": "GST", "rate": "0.15", "amount": "6.52"}]
    return OrderLine(
        order=order,
        position=k,
        external_id=str(k),
        sku=f"SKU-{k}",
        title="Stool",
        quantity=1,
        unit_price=Decimal(50),
        taxes=tax,
    )


def _address(order: Order, kind: str) -> OrderAddress:
    return OrderAddress(
        order=order,
        kind=kind,
        first_name="Harriet",
        last_name="Ngata",
        address1="12 Ponsonby Road",
        city="Auckland",
        postcode="1011",
        country_code="NZ",
    )


def _payment(order: Order) -> Payment:
    return Payment(
        order=order,
        gateway="sandbox",
        reference=f"sandbox_ok_{order.number}",
        currency="NZD",
        status=PaymentStatus.CAPTURED,
        authorized=Decimal(100),
        authorized_at=order.placed_at,
        captured=Decimal(100),
        captured_at=order.placed_at,
    )
