"""Many orders of one merchant, in a mix of states."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from decimal import Decimal

from django.db import connection as database
from django.utils import timezone

from accounts.models import Marketplace, Merchant, User
from accounts.services import merchants
from connectors.models import Connection, SyncSettings
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import Channel, Order, OrderLine, OrderPush, Payment

OWNER = "owner@bench.example"
BATCH = 2000
_MIX = (  # weight, order, payment, push
    (5, OrderStatus.PENDING, PaymentStatus.AUTHORIZED, PushStatus.WAITING),
    (1, OrderStatus.PENDING, PaymentStatus.AUTHORIZED, PushStatus.HELD),
    (10, OrderStatus.CONFIRMED, PaymentStatus.CAPTURED, PushStatus.PUSHED),
    (80, OrderStatus.COMPLETED, PaymentStatus.CAPTURED, PushStatus.PUSHED),
    (4, OrderStatus.DECLINED, PaymentStatus.VOIDED, PushStatus.CANCELLED),
)


def fill(count: int) -> Merchant:
    """`count` orders of two lines, the newest a minute old, one a minute."""
    began = time.monotonic()
    owner = User.objects.create_user(OWNER, "not used here")
    now = timezone.now()
    merchant = merchants.create(name="Bench", slug="bench", owner=owner, by="bench", at=now)
    marketplace = Marketplace.objects.create(name="Bench Market", slug="bench-market")
    marketplace.merchants.add(merchant)
    channel = Channel.objects.create(marketplace=marketplace, name=marketplace.name)
    connection = Connection.objects.create(
        merchant=merchant, platform="shopify", name="Shop", base_url="https://shop.example", currency="NZD"
    )
    SyncSettings.objects.create(connection=connection)
    chance = random.Random(1)
    for start in range(0, count, BATCH):
        _batch(merchant, channel, connection, range(start, min(start + BATCH, count)), now, chance)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")  # as any database in use has had
    print(f"filled in {time.monotonic() - began:.0f} s")
    return merchant


def _batch(merchant, channel, connection, numbers, now, chance) -> None:
    mixed = chance.choices(_MIX, weights=[row[0] for row in _MIX], k=len(numbers))
    orders = Order.objects.bulk_create(
        _order(merchant, channel, n, status, payment, push, now)
        for n, (_, status, payment, push) in zip(numbers, mixed, strict=True)
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=n,
            external_id=str(n),
            sku=f"SKU-{n}",
            title="Stool",
            quantity=1,
            unit_price=Decimal(50),
        )
        for order in orders
        for n in range(2)
    )
    OrderPush.objects.bulk_create(
        OrderPush(
            order=order,
            connection=connection,
            reference=f"SW-{order.pk}",
            status=order.push_status,
            reason="Waiting." if order.push_status in (PushStatus.WAITING, PushStatus.HELD) else "",
            blockers=[{"code": "unmapped_sku", "message": "No product"}]
            if order.push_status == PushStatus.HELD
            else [],
            wait_for=f"confirmed:{order.pk}" if order.push_status == PushStatus.WAITING else "",
            **({"remote_id": str(order.pk), "pushed_at": now} if order.push_status == PushStatus.PUSHED else {}),
        )
        for order in orders
    )
    Payment.objects.bulk_create(_payment(order, now) for order in orders)


def _order(merchant, channel, n, status, payment, push, now) -> Order:
    placed_at = now - timedelta(minutes=n + 1)
    decided = status != OrderStatus.PENDING
    return Order(
        merchant=merchant,
        channel=channel,
        external_id=f"B-{n}",
        number=f"B-{n}",
        body_digest=f"{n:064x}",
        status=status,
        payment_status=payment,
        push_status=push,
        placed_at=placed_at,
        received_at=placed_at,
        confirm_by=now + timedelta(days=5),
        decided_at=placed_at if decided else None,
        decided_by=OWNER if decided else "",
        completed_at=placed_at if status == OrderStatus.COMPLETED else None,
        currency="NZD",
        prices_include_tax=True,
        subtotal=Decimal(100),
        total=Decimal(100),
        customer_name=f"Customer {n}",
        delivery="ship",
        search_text=f"b-{n} customer {n} sku-0 sku-1",
    )


def _payment(order: Order, now) -> Payment:
    captured = order.payment_status == PaymentStatus.CAPTURED
    return Payment(
        order=order,
        gateway="sandbox",
        reference=f"sandbox_ok_{order.number}",
        currency="NZD",
        status=order.payment_status,
        authorized=Decimal(100),
        authorized_at=order.placed_at,
        captured=Decimal(100) if captured else Decimal(0),
        captured_at=order.placed_at if captured else None,
        voided_at=order.placed_at if order.payment_status == PaymentStatus.VOIDED else None,
    )
