"""What waits for stock goes on when there is enough of it, asks nothing before, and says so once."""

from __future__ import annotations

import pytest

from connectors.base import Blocker, BlockerCode
from connectors.errors import RejectedError
from connectors.models import Connection
from orders import outbox
from orders.enums import PushStatus
from orders.models import OrderEvent, OrderPush
from orders.services import decisions, preflight, stock_watch
from tests.factories import make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db
EVERY_S = stock_watch.EVERY.total_seconds()


class StrictStore(FakeStore):
    """Refuses what it has no stock of when an order is created, as Shopify does with an inventory claim."""

    refuses = False

    def __init__(self) -> None:
        super().__init__()
        self.created = 0

    def create(self, order):
        self.created += 1
        short = preflight_of(self, order)
        if short or self.refuses:
            raise RejectedError("No stock.", [Blocker(BlockerCode.OUT_OF_STOCK, "No stock.", value=order.lines[0].sku)])
        return super().create(order)


def preflight_of(store: FakeStore, order) -> bool:
    return any((variant := store.variants.get(line.sku)) and variant.stock == 0 for line in order.lines)


def drain(store: FakeStore) -> None:
    outbox.drain(at=store.clock.now(), world=make_world(store))


def look(store: FakeStore) -> int:
    store.clock.advance(EVERY_S)
    return stock_watch.look(world=make_world(store))


def paid_then_refused(store: StrictStore, *skus: str) -> list[OrderPush]:
    """Orders whose stock was sold between the payment and the sending."""
    store.stock_up(*skus)
    connection = make_connection()
    pushes = []
    for sku in skus:
        order = make_order(connection.merchant, connections=[connection], lines=[{"sku": sku, "quantity": 2}])
        decisions.confirm(order_id=order.pk, by="ana", at=store.clock.now())
        pushes.append(order.pushes.get())
    for capture in outbox.claim(at=store.clock.now(), limit=len(skus)):
        outbox.carry_out(capture, make_world(store))
    store.stock_up(*skus, stock=0)
    drain(store)
    return pushes


def test_a_paid_order_is_not_sent_again_before_there_is_stock():
    store = StrictStore()
    (push,) = paid_then_refused(store, "A")

    for _ in range(6):
        assert look(store) == 0
        drain(store)

    push.refresh_from_db()
    assert (push.status, store.created) == (PushStatus.WAITING, 1)


def test_it_goes_on_when_there_is_enough_for_it():
    store = StrictStore()
    (push,) = paid_then_refused(store, "A")

    store.stock_up("A", stock=1)
    one = look(store)
    store.stock_up("A", stock=2)
    two = look(store)
    drain(store)

    push.refresh_from_db()
    assert (one, two, push.status) == (0, 1, PushStatus.PUSHED)


def test_a_store_that_refuses_what_it_shows_is_asked_ever_more_rarely_and_said_once():
    store = StrictStore()
    store.refuses = True
    (push,) = paid_then_refused(store, "A")
    store.stock_up("A", stock=9)

    for _ in range(288):
        look(store)
        drain(store)

    lines = OrderEvent.objects.filter(order=push.order, kind="push.waiting")
    assert lines.count() == 1
    assert store.created < 60


def test_many_products_of_one_store_are_one_call():
    store = StrictStore()
    paid_then_refused(store, "A", "B", "C")
    store.calls.clear()
    store.stock_up("A", "B", "C")

    assert look(store) == 3
    assert store.calls == ["read_variants"]


def test_many_orders_for_one_product_keep_no_other_from_its_turn(monkeypatch):
    monkeypatch.setattr(stock_watch, "AT_ONCE", 2)
    store = StrictStore()
    pushes = paid_then_refused(store, "A", "A", "A", "B", "C")
    store.stock_up("A", "B", "C")

    for _ in range(2):
        look(store)
        drain(store)

    assert {OrderPush.objects.get(pk=push.pk).status for push in pushes} == {PushStatus.PUSHED}


def test_a_store_that_does_not_answer_delays_no_other():
    store = StrictStore()
    paid_then_refused(store, "A")
    paid_then_refused(store, "B")
    store.stock_up("A", "B")
    store.next_fault = "down"

    assert look(store) == 1


def test_an_order_that_is_not_confirmed_yet_is_looked_after_too():
    store = StrictStore()
    connection: Connection = make_connection()
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A"}])
    store.stock_up("A", stock=0)
    preflight.ask(order, at=store.clock.now())
    drain(store)
    assert order.pushes.get().blockers[0]["code"] == "out_of_stock"

    store.stock_up("A", stock=1)
    look(store)
    drain(store)

    assert order.pushes.get().blockers == []


def test_a_product_whose_link_is_gone_is_checked_again():
    store = StrictStore()
    (push,) = paid_then_refused(store, "A")
    push.connection.product_links.all().delete()

    assert look(store) == 1
