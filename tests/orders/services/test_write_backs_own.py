"""What the merchant sent from here, told to the store where the customer bought."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.base import Parcel
from connectors.gateway import sandbox
from connectors.models import Connection
from connectors.services import connections
from orders import outbox
from orders.enums import ShipmentStatus, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Channel, Fulfillment, Order, OutboxMessage, WriteBack
from orders.services import clock, collecting, shipping, write_backs
from orders.services.shipping import WantedParcel
from orders.world import World
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.fakes import FakeClock
from tests.orders.api.test_partners import send
from tests.orders.services.bought import StoreWhereBought, StoreWithoutFulfillments
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


@pytest.fixture
def kept_by_squarespace(kept) -> Kept:
    """Of a platform where nothing is undone."""
    kept.shop.platform = "squarespace"
    kept.shop.save()
    return kept


@pytest.fixture
def kept_by_woocommerce(kept) -> Kept:
    """Of a platform where a fulfillment is no object of its own."""
    kept.shop.platform = "woocommerce"
    kept.shop.save()
    return replace(kept, there=StoreWithoutFulfillments(kept.clock))


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


# --- taken back after the store was told -------------------------------------------------------------


def take_back(row: Fulfillment) -> None:
    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)


def test_taken_back_here_it_is_taken_back_there_and_can_be_sent_again(kept):
    order = kept.order()
    row = ship(order)
    kept.work()

    take_back(row)
    kept.work()
    ship(order)
    kept.work()

    assert kept.there.undone == ["F1"]
    statuses = [one.status for one in kept.there.orders[order.external_id].shipments]
    assert statuses == ["cancelled", "success"]
    assert order.events.filter(text="The fulfillment is taken back in Kauri Shop too.").count() == 1


def test_a_lost_answer_to_taking_it_back_is_looked_for(kept):
    row = ship(kept.order())
    kept.work()
    take_back(row)
    kept.there.loses_answer = True
    kept.work()

    kept.work(after_s=3600)

    assert kept.there.undone == ["F1"]
    assert not WriteBack.objects.exists()


def test_taken_back_while_the_answer_to_telling_is_lost_what_was_done_there_is_undone(kept):
    kept.there.loses_answer = True
    row = ship(kept.order())
    kept.work()
    take_back(row)

    kept.work(after_s=3600)
    kept.work(after_s=3600)

    assert kept.there.undone == ["F1"]
    assert not WriteBack.objects.exists()


def test_what_was_written_into_an_order_is_taken_out_of_it_again(kept_by_woocommerce):
    kept = kept_by_woocommerce
    order = kept.order()
    row = ship(order, None, DHL)
    kept.work()

    take_back(row)
    kept.work()

    (recalled,) = kept.there.recalled
    assert (recalled.parcels, recalled.completes) == ((DHL_THERE,), False)
    assert not WriteBack.objects.exists()
    assert order.events.filter(text="The fulfillment is taken back in Kauri Shop too.").count() == 1


def test_taken_out_again_after_a_lost_answer_it_is_taken_out_once_more(kept_by_woocommerce):
    kept = kept_by_woocommerce
    row = ship(kept.order())
    kept.work()
    take_back(row)
    kept.there.loses_answer = True
    kept.work()

    kept.work(after_s=3600)

    assert len(kept.there.recalled) == 2
    assert not WriteBack.objects.exists()


def test_what_may_arrive_yet_is_taken_out_only_after_that(kept_by_woocommerce):
    kept = kept_by_woocommerce
    kept.there.loses_answer = True
    row = ship(kept.order())
    kept.work()
    take_back(row)

    kept.work(after_s=60)
    too_early = list(kept.there.recalled)
    kept.work(after_s=3600)
    kept.work(after_s=3600)

    assert (too_early, len(kept.there.recalled)) == ([], 1)


def test_a_number_that_stands_with_another_fulfillment_stays_in_the_order(kept_by_woocommerce):
    kept = kept_by_woocommerce
    order = kept.order()
    row = ship(order, {"1": 3}, DHL)
    ship(order, {"2": 1}, DHL)
    kept.work()

    take_back(row)
    kept.work()

    assert [recalled.parcels for recalled in kept.there.recalled] == [()]


def test_sent_again_before_the_store_was_told_of_either_the_order_is_left_completed_there(kept_by_woocommerce):
    kept = kept_by_woocommerce
    order = kept.order()
    row = ship(order)
    kept.work()
    kept.there.next_fault = "down"
    take_back(row)
    kept.work()

    ship(order)
    kept.work(after_s=3600)
    kept.work(after_s=3600)

    calls = [call for call in kept.there.calls if call in ("fulfill", "recall")]
    assert calls[-2:] == ["recall", "fulfill"]
    assert [one.completes for one in (kept.there.recalled[-1], kept.there.told[-1])] == [True, True]


def test_what_a_person_was_asked_before_the_platform_could_be_is_done_by_us_on_request(kept_by_woocommerce):
    kept = kept_by_woocommerce
    row = ship(kept.order())
    kept.work()
    Fulfillment.objects.filter(pk=row.pk).update(status=ShipmentStatus.CANCELLED)
    WriteBack.objects.update(state=WriteBackState.HELD, reason="Take it back in Kauri Shop too.")

    write_backs.retry(write_back_id=WriteBack.objects.get().pk, by="ana", at=NOON)
    kept.work()

    assert len(kept.there.recalled) == 1
    assert not WriteBack.objects.exists()


def test_where_a_platform_undoes_nothing_a_person_is_asked_and_says_when_it_is_done(kept_by_squarespace):
    kept = kept_by_squarespace
    row = ship(kept.order())
    kept.work()

    take_back(row)

    back = WriteBack.objects.get()
    assert (back.state, back.reason) == (
        WriteBackState.HELD,
        "It was taken back here. Squarespace lets no app undo a fulfillment: take it back in Kauri Shop too.",
    )
    assert OutboxMessage.objects.filter(key__startswith="tell:take_back_held").count() == 1
    write_backs.settle(write_back_id=back.pk, by="ana", at=NOON)
    assert not WriteBack.objects.exists()
    assert row.order.events.filter(text="ana took the fulfillment back in Kauri Shop.").exists()


def test_a_refusal_to_take_it_back_is_shown_and_can_be_tried_again(kept):
    row = ship(kept.order())
    kept.work()
    take_back(row)
    kept.there.next_fault = "rejected"
    kept.work()
    back = WriteBack.objects.get()
    assert back.state == WriteBackState.HELD

    write_backs.retry(write_back_id=back.pk, by="ana", at=NOON)
    kept.work(after_s=60)

    assert kept.there.undone == ["F1"]


def test_nothing_is_settled_while_it_stands_as_sent(kept):
    ship(kept.order())
    kept.work()

    with pytest.raises(TransitionNotAllowed):
        write_backs.settle(write_back_id=WriteBack.objects.get().pk, by="ana", at=NOON)


def test_the_page_and_the_api_take_that_a_person_did_it(kept_by_squarespace):
    kept = kept_by_squarespace
    for door in ("page", "api"):
        row = ship(kept.order())
        kept.work()
        take_back(row)
        back = WriteBack.objects.get()
        if door == "page":
            client = Client()
            client.force_login(make_member(kept.shop.merchant))
            page = client.get(reverse("orders:detail", args=[row.order.public_id])).content.decode()
            assert "Kauri Shop: still shows it as sent." in page
            assert "Tell it again" not in page
            assert client.post(reverse("orders:write_back_settle", args=[back.public_id])).status_code == 302
        else:
            given = send(kept.shop.merchant, "POST", f"write-backs/{back.public_id}/settle/").json()
            assert (given["status"], given["write_back"]) == ("cancelled", None)

        assert not WriteBack.objects.exists()


def test_a_stranger_and_a_viewer_settle_nothing(kept_by_squarespace):
    kept = kept_by_squarespace
    row = ship(kept.order())
    kept.work()
    take_back(row)
    door = reverse("orders:write_back_settle", args=[WriteBack.objects.get().public_id])
    codes = []
    for user in (make_member(kept.shop.merchant, Role.VIEWER), make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        codes.append(client.post(door).status_code)

    assert codes == [403, 404]


def test_a_store_that_is_disconnected_before_it_was_told_is_said_to_be(kept):
    row = ship(kept.order())
    connections.disconnect(connection_id=kept.shop.pk, by="ana", at=NOON)

    clock.tick(at=NOON)

    back = WriteBack.objects.get(fulfillment=row)
    assert (back.state, back.reason) == (
        WriteBackState.HELD,
        "Kauri Shop was disconnected: mark the order as fulfilled there.",
    )
