"""A merchant with two stores, each with its own ledger, for tests of split orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.gateway import registry as gateways
from connectors.models import Connection
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import Order, OrderLine, OrderPush, PushLine
from orders.services import decisions, rerouting
from orders.services.rerouting import Move
from orders.world import World
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.fakes import FakeClock, FakeStore

LINES = [
    {"sku": "A", "title": "Stool", "unit_price": "33.33"},
    {"sku": "B", "title": "Vase", "quantity": 2, "unit_price": "10.00"},
    {"sku": "C", "title": "Lamp", "unit_price": "46.67"},
]


@dataclass
class Split:
    """An order of three lines, 100.00 NZD less 0.01 plus 7.00 shipping, all of it bound for `first`."""

    order: Order
    first: Connection
    second: Connection
    stores: dict[int, FakeStore]
    world: World

    def line(self, sku: str) -> OrderLine:
        return self.order.lines.get(sku=sku)

    def push(self, connection: Connection) -> OrderPush:
        return OrderPush.objects.select_related("order", "connection").get(order=self.order, connection=connection)

    def skus(self, connection: Connection) -> list[str]:
        rows = PushLine.objects.filter(push__order=self.order, push__connection=connection)
        return list(rows.order_by("line__position").values_list("line__sku", flat=True))

    def move(self, *skus: str, to: Connection | None = None, by: str = "ana") -> None:
        target = to or self.second
        moves = [Move(self.line(sku).pk, target.pk) for sku in skus]
        rerouting.move(order_id=self.order.pk, moves=moves, by=by, at=self.world.now())
        self.order.refresh_from_db()

    def confirm(self) -> None:
        decisions.confirm(order_id=self.order.pk, by="ana", at=NOON)
        self.order.refresh_from_db()

    def step(self) -> None:
        """Carry out one message."""
        (message,) = outbox.claim(at=self.world.now(), limit=1)
        outbox.carry_out(message, self.world)

    def drain(self) -> None:
        outbox.drain(at=self.world.now(), world=self.world)
        self.order.refresh_from_db()

    def store(self, connection: Connection) -> FakeStore:
        return self.stores[connection.pk]


def make_split(**fields: Any) -> Split:
    merchant = make_merchant()
    first = make_connection(merchant, name="Kauri", is_default=True)
    second = make_connection(merchant, name="Rimu")
    fields = {"lines": LINES, "shipping": 7, "discount": "0.01", "tax": 0, **fields}
    order = make_order(merchant, connections=[first], **fields)
    clock = FakeClock()
    stores = {connection.pk: FakeStore(clock) for connection in (first, second)}
    for store in stores.values():
        store.stock_up("A", "B", "C")
    world = World(clock=clock, connector_for=lambda connection: stores[connection.pk], gateway_for=gateways.get)
    return Split(order, first, second, stores, world)


def make_paid(**fields: Any) -> Split:
    """The same, confirmed and captured, its push due and not sent."""
    split = make_split(**fields)
    split.confirm()
    split.step()
    split.order.refresh_from_db()
    assert split.order.status == OrderStatus.CONFIRMED
    assert split.push(split.first).status == PushStatus.QUEUED
    return split
