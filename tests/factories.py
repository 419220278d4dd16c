"""Rows for tests, consistent with the constraints. Every function takes overrides by keyword."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Marketplace, Membership, Merchant, Role, User
from connectors import conditions
from connectors.base import Blocker, BlockerCode, RemoteVariant
from connectors.models import CatalogVariant, Connection, SyncSettings
from connectors.services import catalog, links
from orders.enums import Delivery, OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Channel, Lane, Order, OrderAddress, OrderLine, OrderPush, OutboxMessage, Payment, PushLine
from orders.services import preflight

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def later(**by: float) -> datetime:
    """When all is due: what a test wrote at NOON, and what a page wrote by the machine's clock."""
    return max(NOON, timezone.now()) + timedelta(**by)


_count = itertools.count(10001)


def make_user(**fields: Any) -> User:
    n = next(_count)
    return User.objects.create_user(
        **{"email": f"user{n}@kauri.example", "password": "correct horse battery", **fields}
    )


def make_merchant(**fields: Any) -> Merchant:
    n = next(_count)
    return Merchant.objects.create(**{"name": f"Kauri & Clay {n}", "slug": f"kauri-{n}", **fields})


def make_member(merchant: Merchant, role: str = Role.OWNER, **fields: Any) -> User:
    user = make_user(**fields)
    Membership.objects.create(user=user, merchant=merchant, role=role)
    return user


def make_marketplace(**fields: Any) -> Marketplace:
    n = next(_count)
    merchants = fields.pop("merchants", [])
    marketplace = Marketplace.objects.create(**{"name": f"ArchiPro {n}", "slug": f"archipro-{n}", **fields})
    marketplace.merchants.add(*merchants)
    return marketplace


def make_channel(marketplace: Marketplace | None = None) -> Channel:
    marketplace = marketplace or make_marketplace()
    return Channel.objects.create(marketplace=marketplace, name=marketplace.name)


def make_connection(
    merchant: Merchant | None = None, *, settings: dict[str, Any] | None = None, **fields: Any
) -> Connection:
    n = next(_count)
    connection = Connection.objects.create(
        **{
            "merchant": merchant or make_merchant(),
            "platform": "shopify",
            "name": f"Shop {n}",
            "base_url": f"https://shop-{n}.myshopify.com",
            "credentials": {"access_token": f"shpat_canary_{n}"},
            "webhook_secret": {"secrets": ["hush"]},
            "shop_domain": f"shop-{n}.myshopify.com",
            "currency": "NZD",
            **fields,
        }
    )
    SyncSettings.objects.create(connection=connection, **(settings or {}))
    return connection


def make_variant(connection: Connection, sku: str = "STOOL", **fields: Any) -> CatalogVariant:
    """A product in the copy of the connection's catalog."""
    n = next(_count)
    given = {"variant_id": f"gid://shopify/ProductVariant/{n}", "sku": sku, "title": "Oak stool", **fields}
    catalog.remember(connection, [RemoteVariant(**given)], at=NOON)
    return CatalogVariant.objects.get(connection=connection, variant_id=given["variant_id"])


def make_blocked(connection: Connection, sku: str = "OURS", **fields: Any) -> Order:
    """An order held because its SKU has no product link there; its check waits for one."""
    lines = fields.pop("lines", [{"sku": sku, "title": "Stool of oak"}])
    order = make_order(connection.merchant, lines=lines, connections=[connection], **fields)
    order.pushes.update(checking=True)
    blockers = [Blocker(BlockerCode.UNMAPPED_SKU, f"No product with SKU {sku}.", "lines.sku", sku)]
    links.ask(connection.pk, blockers, at=NOON)
    push = order.pushes.get()
    with transaction.atomic():
        preflight.ask(order, at=NOON)
        preflight.write_down(preflight.Finding(push.pk, tuple(blockers)), at=NOON)
    key = conditions.sku_linked(connection.pk, sku)
    OutboxMessage.objects.filter(push=push, topic=Topic.CHECK_ORDER).update(wait_for=key, reason="Waiting for a link.")
    order.refresh_from_db()
    return order


def make_order(
    merchant: Merchant | None = None,
    *,
    lines: list[dict[str, Any]] | None = None,
    connections: list[Connection] | None = None,
    payment: dict[str, Any] | None = None,
    **fields: Any,
) -> Order:
    """A pending NZD order of two lines with GST inside, authorized, with one push per connection waiting."""
    n = next(_count)
    merchant = merchant or make_merchant()
    if lines is None:
        lines = [{"sku": f"SKU-{n}-A", "quantity": 2, "unit_price": "50.00"}, {"sku": f"SKU-{n}-B"}]
    lines = [{"quantity": 1, "unit_price": "15.00", **line} for line in lines]
    fields = {
        "merchant": merchant,
        "channel": fields.pop("channel", None) or make_channel(),
        "push_status": PushStatus.WAITING if connections else "",
        "authorized_until": (payment or {}).get("expires_at", NOON + timedelta(days=7)),
        **fields,
    }
    order = Order.objects.create(**{**_usual(n, lines, fields), **fields})
    _add_lines(order, lines)
    _add_addresses(order)
    _add_payment(order, f"sandbox_ok_{n}", payment or {})
    for connection in connections or []:
        _add_push(order, connection)
    order.refresh_from_db()
    return order


def _usual(n: int, lines: list[dict[str, Any]], fields: dict[str, Any]) -> dict[str, Any]:
    """What an order has that says nothing else: sums of its lines, a decision where its status is one."""
    subtotal = sum((Decimal(line["unit_price"]) * line["quantity"] for line in lines), Decimal(0))
    total = fields.get("total", subtotal + Decimal(fields.get("shipping", 0)) - Decimal(fields.get("discount", 0)))
    decided = fields.get("status", OrderStatus.PENDING) not in (OrderStatus.DRAFT, OrderStatus.PENDING)
    return {
        "external_id": f"ext-{n}",
        "number": f"AP-{n}",
        "body_digest": "0" * 64,
        "status": OrderStatus.PENDING,
        "payment_status": PaymentStatus.AUTHORIZED,
        "placed_at": NOON,
        "received_at": NOON,
        "confirm_by": NOON + timedelta(days=5),
        "decided_at": NOON if decided else None,
        "decided_by": "ana@kauri.example" if decided else "",
        "currency": "NZD",
        "prices_include_tax": True,
        "subtotal": subtotal,
        "tax": (total * 3 / 23).quantize(Decimal("0.01")),
        "total": total,
        "customer_name": "Harriet Ngata",
        "customer_email": "harriet@example.com",
        "delivery": Delivery.SHIP,
        "search_text": f"ap-{n} harriet ngata harriet@example.com",
    }


def _add_lines(order: Order, lines: list[dict[str, Any]]) -> None:
    for position, line in enumerate(lines):
        OrderLine.objects.create(
            order=order,
            position=position,
            external_id=f"{position + 1}",
            **{"sku": f"SKU-{position}", "title": "Oak stool", **line},
        )


def _add_addresses(order: Order) -> None:
    for kind in ("shipping", "billing"):
        OrderAddress.objects.create(
            order=order, kind=kind, first_name="Harriet", last_name="Ngata", address1="12 Ponsonby Road", city="Auckland",
            province_code="AUK", postcode="1011", country_code="NZ", phone="+64211234567",
        )  # fmt: skip


def _add_payment(order: Order, reference: str, fields: dict[str, Any]) -> None:
    Payment.objects.create(
        order=order,
        **{
            "gateway": "sandbox",
            "reference": reference,
            "status": order.payment_status,
            "currency": order.currency,
            "authorized": order.total,
            "authorized_at": NOON,
            "expires_at": NOON + timedelta(days=7),
            **fields,
        },
    )


def _add_push(order: Order, connection: Connection) -> None:
    """Waiting for the confirmation, with all lines and all amounts."""
    push = OrderPush.objects.create(
        order=order,
        connection=connection,
        reference=f"SW-{order.number}",
        status=PushStatus.WAITING,
        wait_for=f"confirmed:{order.pk}",
        carries_shipping=True,
        **{name: getattr(order, name) for name in ("subtotal", "discount", "shipping", "tax", "total")},
    )
    PushLine.objects.bulk_create(PushLine(push=push, line=line) for line in order.lines.all())


def make_message(**fields: Any) -> OutboxMessage:
    """A promise in the lane of its order's merchant."""
    order = fields.pop("order", None) or make_order()
    lane, _ = Lane.objects.get_or_create(merchant=order.merchant)
    values = {"topic": "push_order", "key": f"k{order.pk}", "lane": lane, "next_attempt_at": NOON, "created_at": NOON}
    return OutboxMessage.objects.create(order=order, **{**values, **fields})
