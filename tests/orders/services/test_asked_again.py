"""What was held back is asked about again when the settings of its destination change, whoever took the money."""

from __future__ import annotations

import itertools

import pytest
from django.db import transaction

from connectors.models import Connection
from connectors.services import suppliers
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import OrderPush, OutboxMessage, Payment
from orders.models.payment import STORE
from orders.services import order_data, preflight
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.stores import bring, make_store_channel, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf() -> FakeStore:
    return FakeStore()


def work(shelf: FakeStore) -> None:
    outbox.drain(at=NOON, world=make_world(shelf))


def asked(push: OrderPush) -> bool:
    check = OutboxMessage.objects.filter(topic=Topic.CHECK_ORDER, push=push, wait_for="")
    return check.exclude(status__in=["done", "held"]).exists()


def test_an_order_that_was_paid_in_the_store_where_it_was_placed_goes_on(shelf):
    shelf.stock_up("STOOL", stock=0)
    order = bring(make_store_channel(), told()).order
    work(shelf)
    held = order.pushes.get()
    assert (held.status, held.blockers[0]["code"]) == (PushStatus.HELD, "out_of_stock")

    order_data.save(connection_id=held.connection_id, by="ana", at=NOON, bypass_stock_check=True)
    work(shelf)

    held.refresh_from_db()
    assert (held.status, held.blockers) == (PushStatus.WAITING, [])


@pytest.mark.parametrize(
    ("status", "money", "gateway", "promised"),
    list(
        itertools.product(
            [OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.DECLINED],
            [PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED],
            ["stripe", STORE, None],
            [False, True],
        )
    ),
)
def test_the_statement_and_the_rule_for_one_agree(status, money, gateway, promised):
    order = make_order(connections=[make_connection()])
    payments = Payment.objects.filter(order=order)
    payments.update(gateway=gateway) if gateway else payments.delete()
    decided = {} if status == OrderStatus.PENDING else {"decided_at": NOON, "decided_by": "ana"}
    type(order).objects.filter(pk=order.pk).update(status=status, payment_status=money, **decided)
    push = OrderPush.objects.select_related("order").get()
    if promised:
        with transaction.atomic():
            outbox.post(Topic.PUSH_ORDER, order=push.order, push=push, key="push:1", at=NOON)

    assert OrderPush.objects.filter(preflight.still_open()).exists() == preflight.is_open(push)


@pytest.fixture
def supplier(merchant) -> Connection:
    return make_connection(merchant, platform="ssactivewear")


def choose(supplier: Connection, **chosen) -> None:
    suppliers.save(connection_id=supplier.pk, by="ana", at=NOON, **chosen)


def held_at(supplier: Connection, shelf: FakeStore) -> OrderPush:
    order = make_order(supplier.merchant, connections=[supplier], lines=[{"sku": "A"}])
    preflight.ask(order, at=NOON)
    work(shelf)
    push = order.pushes.get()
    assert push.status == PushStatus.HELD
    return push


def test_what_is_chosen_for_a_supplier_has_held_orders_asked_again(supplier, shelf):
    push = held_at(supplier, shelf)
    shelf.stock_up("A")

    choose(supplier, shipping_method="14")
    work(shelf)

    push.refresh_from_db()
    assert (push.status, push.blockers) == (PushStatus.WAITING, [])


def test_a_choice_that_changes_no_check_asks_nothing(supplier, shelf):
    push = held_at(supplier, shelf)

    choose(supplier, auto_fulfillment=False)
    choose(supplier, shipping_method="")

    assert not asked(push)
    choose(supplier, prefers_fastest=True)
    assert asked(push)
