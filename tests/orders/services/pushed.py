"""An order that is in a store in memory, paid and recorded, for tests of what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from connectors.base import RemoteOrder
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import fulfillment, outbound, summary
from orders.world import World
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world


@dataclass
class Pushed:
    store: FakeStore
    world: World
    order: Order
    push: OrderPush

    @property
    def remote(self) -> RemoteOrder:
        return self.store.orders[self.push.remote_id]

    def record(self, remote: RemoteOrder | None) -> None:
        with transaction.atomic():
            fulfillment.record(push_id=self.push.pk, remote=remote, at=self.store.clock.now())

    def pull(self) -> None:
        """Record the store's truth of now."""
        self.record(self.remote)
        self.order.refresh_from_db()
        self.push.refresh_from_db()

    def drain(self) -> None:
        outbox.drain(at=self.store.clock.now(), world=self.world)
        self.order.refresh_from_db()
        self.push.refresh_from_db()

    def promised(self, topic: Topic) -> list[OutboxMessage]:
        return list(OutboxMessage.objects.filter(order=self.order, topic=topic).order_by("pk"))

    def history(self, kind: str) -> list[str]:
        return list(self.order.events.filter(kind=kind).order_by("pk").values_list("text", flat=True))


def make_pushed(*, store: FakeStore | None = None, **fields: Any) -> Pushed:
    """Confirmed, captured, created as the store's next number and read back equal. Two lines: A twice, B once."""
    store = store or FakeStore()
    fields = {"lines": [{"sku": "A", "quantity": 2, "title": "Oak stool"}, {"sku": "B", "title": "Vase"}], **fields}
    merchant = fields.pop("merchant", None)
    connection = fields.pop("connection", None) or make_connection(merchant, name="Kauri Shopify", created_at=NOON)
    order = make_order(
        connection.merchant,
        connections=[connection],
        status=OrderStatus.CONFIRMED,
        payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1},
        **fields,
    )
    push = order.pushes.get()
    ref = store.add(outbound.build(push))
    OrderPush.objects.filter(pk=push.pk).update(
        status=PushStatus.PUSHED, wait_for="", remote_id=ref.remote_id, remote_name=ref.name, remote_version="1",
        pushed_at=NOON, read_back_at=NOON, remote_total=order.total,
    )  # fmt: skip
    push.refresh_from_db()
    summary.refresh(order.pk)
    order.refresh_from_db()
    return Pushed(store, make_world(store), order, push)
