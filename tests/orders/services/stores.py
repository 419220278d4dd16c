"""A store channel and what its shop tells, for tests: a shop in memory that is read page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.base import Address, OutboundTax
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.storefront import StoreFulfillment, StoreLine, StoreOrder, StoreOrderPage, StorePayment
from orders.models import OrderSync
from orders.services import store_channels, store_orders
from tests.factories import NOON, make_connection, make_merchant
from tests.fakes import FakeClock, FakeStore, make_world

HOME = Address("Mere", "Tawhiri", "", "5 Cuba Street", "", "Wellington", "WGN", "6011", "NZ", "+64211112222")
SINCE = NOON - timedelta(days=1)


def line(**fields: Any) -> StoreLine:
    """Two stools at 50.00 with GST inside."""
    given = {
        "remote_id": "L1", "sku": "STOOL", "title": "Oak stool", "quantity": 2, "amount": Decimal("100.00"),
        "taxes": (OutboundTax("GST", Decimal("0.15"), Decimal("13.04")),), **fields,
    }  # fmt: skip
    return StoreLine(**given)


def told(*lines: StoreLine, **fields: Any) -> StoreOrder:
    """A paid NZD order of 108.00, of which 8.00 is shipping."""
    lines = lines or (line(),)
    shipping = fields.get("shipping", Decimal("8.00"))
    given: dict[str, Any] = {
        "remote_id": "R1", "number": "#1001", "url": "https://shop.example/admin/1", "placed_at": NOON,
        "updated_at": NOON, "payment": StorePayment.PAID, "fulfillment": StoreFulfillment.OPEN, "cancelled": False,
        "currency": "NZD", "prices_include_tax": True, "lines": lines, "shipping": shipping,
        "total": sum((each.amount - each.discount for each in lines), shipping), "tax": Decimal("14.08"),
        "shipping_title": "Standard", "shipping_taxes": (OutboundTax("GST", Decimal("0.15"), Decimal("1.04")),),
        "shipping_address": HOME, "billing_address": HOME, "customer_name": "Mere Tawhiri",
        "customer_email": "mere@example.com", "customer_phone": "021 111 2222", **fields,
    }  # fmt: skip
    return StoreOrder(**given)


def make_store_channel(*, suppliers: int = 1, **fields: Any) -> OrderSync:
    """A store whose orders come in, with so many other stores to send them to."""
    merchant = fields.pop("merchant", None) or make_merchant(currency="NZD")
    store = make_connection(merchant, name="Boutique", is_default=True, remote_id="shop-1", **fields)
    for number in range(suppliers):
        make_connection(merchant, name=f"Supplier {number + 1}")
    sync = store_channels.turn_on(connection_id=store.pk, placed_from=SINCE, by="ana", at=NOON)
    return OrderSync.objects.select_related("channel__connection__merchant").get(pk=sync.pk)


def bring(sync: OrderSync, order: StoreOrder, *, at: datetime = NOON) -> store_orders.Result:
    return store_orders.bring(channel_id=sync.channel_id, order=order, placed_from=sync.placed_from, at=at)


def later(order: StoreOrder, *, seconds: int = 60, **fields: Any) -> StoreOrder:
    """The same order, changed afterwards."""
    return replace(order, updated_at=order.updated_at + timedelta(seconds=seconds), **fields)


class FakeShop(FakeStore):
    """What its customers order is read `page_size` at a time, the oldest change first."""

    def __init__(self, clock: FakeClock | None = None, *, page_size: int = 2) -> None:
        super().__init__(clock)
        self.placed: dict[str, StoreOrder] = {}
        self.page_size = page_size
        self.asked: list[tuple[datetime, str]] = []
        self.fails: list[ConnectorError] = []

    def customers_order(self, *orders: StoreOrder) -> None:
        self.placed.update({order.remote_id: order for order in orders})

    def store_orders(self, *, since: datetime, cursor: str) -> StoreOrderPage:
        self.asked.append((since, cursor))
        if self.fails:
            raise self.fails.pop(0)
        rows = sorted(self.placed.values(), key=lambda order: (order.updated_at, order.remote_id))
        rows = [row for row in rows if row.updated_at >= since]
        start = int(cursor or 0)
        end = start + self.page_size
        return StoreOrderPage(tuple(rows[start:end]), str(end) if end < len(rows) else "")

    def store_order(self, remote_id: str) -> StoreOrder | None:
        if self.fails:
            raise self.fails.pop(0)
        return self.placed.get(remote_id)


def world_of(shop: FakeShop) -> Any:
    return make_world(shop)


def connection_of(sync: OrderSync) -> Connection:
    connection = sync.channel.connection
    assert connection is not None
    return connection
