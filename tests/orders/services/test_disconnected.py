"""Orders of a store that was disconnected: held, and taken up again once the same store is connected anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import Q

from connectors.base import ShopInfo
from connectors.models import Connection, ProductLink
from connectors.services import connections
from orders import outbox
from orders.enums import Headline, OrderStatus, PushStatus, Topic
from orders.errors import OrderBlocked
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import clock, decisions, disconnected
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db
SHOP = ShopInfo(remote_id="gid://shopify/Shop/7", name="Kauri Shopify", domain="kauri.example", currency="NZD")


@dataclass
class Shop:
    """One store in memory, under whichever connection."""

    store: FakeStore
    connection: Connection

    def order(self, **fields: Any) -> Order:
        fields = {"lines": [{"sku": "A"}], **fields}
        return make_order(self.connection.merchant, connections=[self.connection], **fields)

    def paid(self) -> Order:
        """Confirmed and captured; its push is due."""
        order = self.order()
        self.work()
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)
        for message in outbox.claim(at=NOON, among=Q(topic=Topic.CAPTURE_PAYMENT)):
            outbox.carry_out(message, make_world(self.store))
        return order

    def work(self, *, after_s: float = 0) -> None:
        self.store.clock.advance(after_s)
        outbox.drain(at=self.store.clock.now(), world=make_world(self.store))

    def disconnect(self) -> None:
        connections.disconnect(connection_id=self.connection.pk, by="ana", at=NOON)
        clock.tick(at=NOON)

    def connect_again(self, shop: ShopInfo = SHOP) -> Connection:
        new = connections.connect(
            merchant_id=self.connection.merchant_id, platform=self.connection.platform, name=shop.name,
            base_url="https://kauri.example", credentials={"token": "t"}, webhook_secrets=[], shop=shop, by="ana", at=NOON,
        )  # fmt: skip
        clock.tick(at=NOON)
        return new


@pytest.fixture
def shop() -> Shop:
    store = FakeStore()
    store.stock_up("A")
    connection = make_connection(name="Kauri Shopify", remote_id=SHOP.remote_id, is_default=True)
    return Shop(store, connection)


def push_of(order: Order) -> OrderPush:
    return OrderPush.objects.select_related("connection").get(order=order)


def test_a_paid_order_that_was_queued_is_held_and_says_so(shop):
    order = shop.paid()
    assert push_of(order).status == PushStatus.QUEUED

    shop.disconnect()

    push = push_of(order)
    order.refresh_from_db()
    assert (push.status, order.headline) == (PushStatus.HELD, Headline.PUSH_FAILED)
    assert push.reason == (
        "Kauri Shopify was disconnected. Connect it again and this goes on by itself, "
        "or move its lines to another store, or send them yourself."
    )
    assert not OutboxMessage.objects.filter(lane__connection=shop.connection).exclude(status="done").exists()


def test_an_order_that_waits_for_its_decision_is_held_and_cannot_be_confirmed(shop):
    order = shop.order()

    shop.disconnect()

    with pytest.raises(OrderBlocked, match="was disconnected"):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)


def test_a_paid_order_goes_out_once_the_same_store_is_connected_again(shop):
    order = shop.paid()
    shop.disconnect()

    new = shop.connect_again()
    shop.work()

    push = push_of(order)
    assert (push.status, push.connection, len(shop.store.orders)) == (PushStatus.PUSHED, new, 1)
    assert order.events.filter(text="Kauri Shopify is connected again: this goes on.").count() == 1


def test_an_order_that_waits_for_its_decision_can_be_confirmed_again(shop):
    order = shop.order()
    shop.disconnect()

    shop.connect_again()
    shop.work()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    shop.work()

    assert push_of(order).status == PushStatus.PUSHED


def test_a_confirmed_order_whose_money_was_not_taken_is_captured_and_sent(shop):
    order = shop.order()
    shop.work()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    shop.disconnect()
    shop.work()
    assert Order.objects.get(pk=order.pk).payment_status == "authorized"

    shop.connect_again()
    shop.work()

    assert Order.objects.get(pk=order.pk).payment_status == "captured"
    assert push_of(order).status == PushStatus.PUSHED


def test_what_may_be_there_is_held_and_looked_for_before_anything_is_sent_again(shop):
    order = shop.paid()
    shop.store.next_fault = "timeout_after_create"
    shop.work()
    assert push_of(order).status == PushStatus.UNKNOWN

    shop.disconnect()
    push = push_of(order)
    assert push.status == PushStatus.HELD
    assert push.reason.startswith("Kauri Shopify was disconnected while this was being sent: look for")
    shop.connect_again()
    shop.work(after_s=3600)

    push = push_of(order)
    assert (push.status, push.adopted, len(shop.store.orders)) == (PushStatus.PUSHED, True, 1)


def test_another_store_takes_nothing_over(shop):
    order = shop.paid()
    shop.disconnect()

    other = ShopInfo(remote_id="gid://shopify/Shop/8", name="Rimu", domain="rimu.example", currency="NZD")
    shop.connect_again(other)

    assert push_of(order).status == PushStatus.HELD


def test_a_product_that_was_linked_by_hand_is_linked_there_again(shop):
    shop.store.stock_up("OTHER")
    ProductLink.objects.create(
        connection=shop.connection, sku="A", variant_id="variant-OTHER", source="hand", checked_at=NOON
    )
    shop.order()
    shop.disconnect()

    new = shop.connect_again()

    assert ProductLink.objects.get(connection=new).variant_id == "variant-OTHER"


def test_an_order_that_is_over_is_left_alone(shop):
    order = shop.order()
    decisions.decline(order_id=order.pk, reason="No", by="ana", at=NOON)
    shop.disconnect()

    assert disconnected.take_up_all(at=NOON) == 0
    assert (Order.objects.get(pk=order.pk).status, push_of(order).status) == (
        OrderStatus.DECLINED,
        PushStatus.CANCELLED,
    )
