"""What the merchant sent from here, told to the store where the customer bought."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.base import Parcel
from connectors.gateway import sandbox
from connectors.models import Connection
from orders import outbox
from orders.enums import WriteBackState
from orders.models import Channel, Order, WriteBack
from orders.services import collecting, shipping
from orders.services.shipping import WantedParcel
from orders.world import World
from tests.factories import NOON, make_connection, make_merchant
from tests.fakes import FakeClock
from tests.orders.services.bought import StoreWhereBought
from tests.orders.services.shippable import DHL, make_collectable, make_paid, set_aside, ship

pytestmark = pytest.mark.django_db
DHL_THERE = Parcel("DHL Express", "JD014600", "https://www.dhl.com/en/express/tracking.html?AWB=JD014600")


@dataclass
class Kept:
    """A paid order of a store whose lines the merchant sends: three stools and a vase."""

    shop: Connection
    there: StoreWhereBought
    clock: FakeClock

    def order(self, make: Any = make_paid) -> Order:
        order = make(self.shop.merchant, channel=Channel.objects.get(connection=self.shop))
        self.there.place(order.external_id)
        return order

    def work(self, *, after_s: float = 0) -> None:
        self.clock.advance(after_s)
        world = World(self.clock, lambda connection: self.there, lambda name: sandbox.SandboxGateway())
        outbox.drain(at=self.clock.now(), world=world)


@pytest.fixture
def kept() -> Kept:
    shop = make_connection(make_merchant(), name="Kauri Shop", is_destination=False)
    Channel.objects.create(connection=shop, name="Kauri Shop")
    clock = FakeClock()
    return Kept(shop, StoreWhereBought(clock), clock)


def test_a_parcel_sent_from_here_stands_where_the_customer_bought(kept):
    order = kept.order()

    row = ship(order, None, DHL)
    kept.work()

    (told,) = kept.there.told
    assert [(line.sku, line.quantity, line.remote_line_id) for line in told.lines] == [("A", 3, "1"), ("B", 1, "2")]
    assert (told.parcels, told.completes, told.notify_customer) == ((DHL_THERE,), True, False)
    assert (row.write_back.state, row.write_back.remote_id) == (WriteBackState.DONE, "F1")


def test_each_part_is_told_by_itself_and_the_last_completes_the_order(kept):
    order = kept.order()

    ship(order, {"1": 3})
    kept.work()
    ship(order, {"2": 1})
    kept.work()

    assert [told.completes for told in kept.there.told] == [False, True]


def test_a_number_typed_later_changes_the_fulfillment_that_is_there(kept):
    row = ship(kept.order())
    kept.work()

    shipping.add_tracking(fulfillment_id=row.pk, parcels=[WantedParcel("dhl", "JD014600")], by="ana", at=NOON)
    kept.work()

    assert [(told.known_id, told.parcels) for told in kept.there.told] == [("", ()), ("F1", (DHL_THERE,))]


def test_a_lost_answer_is_looked_for_and_nothing_is_told_twice(kept):
    kept.there.loses_answer = True
    row = ship(kept.order(), None, DHL)
    kept.work()

    kept.work(after_s=3600)

    assert (WriteBack.objects.get(fulfillment=row).state, len(kept.there.told)) == (WriteBackState.DONE, 1)


def test_what_waits_for_the_customer_is_told_once_it_was_handed_over(kept):
    row = set_aside(kept.order(make_collectable))
    kept.work()
    assert kept.there.told == []

    collecting.hand_over(fulfillment_id=row.pk, collected_by="Mere", by="ana", at=NOON)
    kept.work()

    assert [told.parcels for told in kept.there.told] == [()]


def test_taken_back_before_it_was_told_nothing_is_told(kept):
    row = ship(kept.order())

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    kept.work()

    assert kept.there.told == []
    assert not WriteBack.objects.exists()


def test_an_order_of_a_marketplace_has_no_store_to_be_told(kept):
    ship(make_paid(kept.shop.merchant))

    assert not WriteBack.objects.exists()


def test_a_store_that_takes_whole_orders_only_hears_of_it_once_everything_is_sent(kept):
    kept.there.capabilities = replace(kept.there.capabilities, fulfills_parts=False)
    order = kept.order()
    ship(order, {"1": 3}, DHL)
    kept.work()
    assert kept.there.told == []

    ship(order, {"2": 1}, replace(DHL, number="JD014601"))
    kept.work(after_s=120)

    assert len(kept.there.told) == 2
