"""What was sent, told to the store where the customer bought: once, and late tracking as well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors import conditions
from connectors.base import Parcel
from connectors.errors import RejectedError, RetryableError
from connectors.models import Connection
from connectors.services import connections
from orders.enums import OutboxStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Channel, Order, OutboxMessage, WriteBack
from orders.services import write_backs
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.orders.services.bought import StoreWhereBought
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db
NZ1, NZ2 = Parcel("NZ Post", "NZ1", "https://nz.example/NZ1"), Parcel("NZ Post", "NZ2")


@dataclass
class Sold:
    """An order of two lines, BOWL x 2 and MUG x 1, bought at the seller's store and pushed to the partner's."""

    pair: Partnered
    shop: Connection
    there: StoreWhereBought
    order: Order

    @property
    def row(self) -> WriteBack:
        return WriteBack.objects.get(fulfillment__order=self.order)

    def send(self, lines=None, parcels=(NZ1,), *, drain: bool = True):
        push = self.pair.push_of(self.order)
        notice = self.pair.remote.fulfill(push.remote_id, lines, parcels)
        self.pull(drain=drain)
        return notice

    def pull(self, *, drain: bool = True) -> None:
        with transaction.atomic():
            self.pair.pull(self.order)
        if drain:
            self.pair.drain()

    def later(self, seconds: float = 3600) -> None:
        self.pair.world.clock.advance(seconds)
        self.pair.drain()


@pytest.fixture
def sold() -> Sold:
    pair = make_partnered(own_store=False)
    shop = make_connection(pair.seller, name="Kauri Shop", is_destination=False)
    there = StoreWhereBought(pair.world.clock)
    pair.stores[shop.pk] = there
    channel = Channel.objects.create(connection=shop, name="Kauri Shop")
    order = pair.paid(("BOWL", 2, "30.00"), ("MUG", 1, "10.00"), channel=channel)
    there.place(order.external_id)
    pair.push(order)
    return Sold(pair, shop, there, order)


def messages() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=Topic.WRITE_BACK).order_by("pk"))


def test_what_the_partner_sent_stands_where_the_customer_bought(sold):
    sold.send()

    (told,) = sold.there.told
    assert [(line.sku, line.quantity, line.remote_line_id) for line in told.lines] == [
        ("BOWL", 2, "L0"),
        ("MUG", 1, "L1"),
    ]
    assert (told.parcels, told.completes, told.known_id) == ((NZ1,), True, "")
    assert (sold.row.state, sold.row.remote_id) == (WriteBackState.DONE, "F1")
    assert sold.order.events.filter(text="Told Kauri Shop what was sent: NZ1.").exists()


def test_read_again_it_is_told_once(sold):
    sold.send()
    sold.pull()
    sold.later()

    assert (len(sold.there.told), len(messages())) == (1, 1)


def test_late_tracking_changes_the_fulfillment_that_is_there(sold):
    notice = sold.send(parcels=())
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.add_tracking(push.remote_id, notice, NZ1)
    sold.pull()

    assert [(told.known_id, told.parcels) for told in sold.there.told] == [("", ()), ("F1", (NZ1,))]
    (there,) = sold.there.orders[sold.order.external_id].shipments
    assert there.parcels == (NZ1,)


def test_a_number_that_the_partner_corrected_is_named_as_none_any_more(sold):
    notice = sold.send()
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.put(push.remote_id, replace(notice, parcels=(NZ2,)))
    sold.pull()

    assert [(told.parcels, told.gone) for told in sold.there.told] == [((NZ1,), ()), ((NZ2,), (NZ1,))]


def test_a_corrected_number_that_stands_with_another_part_stays(sold):
    first = sold.send({"BOWL": 2}, (NZ1,))
    sold.send({"MUG": 1}, (NZ1,))
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.put(push.remote_id, replace(first, parcels=(NZ2,)))
    sold.pull()

    assert (sold.there.told[-1].parcels, sold.there.told[-1].gone) == ((NZ2,), ())


def test_two_parts_are_two_fulfillments_and_the_last_completes_the_order(sold):
    sold.send({"BOWL": 2}, (NZ1,))
    sold.send({"MUG": 1}, (NZ2,))

    assert [told.completes for told in sold.there.told] == [False, True]
    assert len(sold.there.orders[sold.order.external_id].shipments) == 2


def test_a_lost_answer_is_looked_for_and_nothing_is_told_twice(sold):
    sold.there.loses_answer = True
    sold.send()
    assert sold.row.state == WriteBackState.WAITING

    sold.later()

    assert (sold.row.state, sold.row.remote_id, len(sold.there.told)) == (WriteBackState.DONE, "F1", 1)


def test_what_was_there_before_is_not_taken_for_ours(sold):
    sold.there.next_fault = "down"
    sold.send({"BOWL": 2}, ())
    sold.later()
    (first,) = sold.there.orders[sold.order.external_id].shipments
    row = sold.row
    assert (row.state, row.known_ids, row.remote_id) == (WriteBackState.DONE, [], first.remote_id)


def test_an_answer_that_was_lost_before_anything_was_done_is_told_again_after_the_horizon(sold):
    sold.send(drain=False)
    message, now = messages()[0], sold.pair.world.now()
    WriteBack.objects.update(maybe_told_at=now, maybe_told_by=message.pk)

    sold.pair.drain()
    assert sold.there.told == []
    sold.later()

    assert len(sold.there.told) == 1


def test_tracking_that_comes_while_an_answer_is_lost_makes_no_second_fulfillment(sold):
    sold.there.loses_answer = True
    notice = sold.send(parcels=())
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.add_tracking(push.remote_id, notice, NZ1)
    sold.pull()
    assert len(sold.there.told) == 1

    sold.later()
    sold.later()

    (there,) = sold.there.orders[sold.order.external_id].shipments
    assert there.parcels == (NZ1,)
    assert [told.known_id for told in sold.there.told] == ["", "F1"]


def test_a_refusal_takes_the_mark_back(sold):
    sold.there.next_fault = ""
    sold.send(drain=False)
    real = sold.there.fulfill

    def refuse(*_):
        raise RejectedError("Nothing is left to send.")

    sold.there.fulfill = refuse
    sold.pair.drain()
    sold.there.fulfill = real

    assert (sold.row.state, sold.row.maybe_told_at) == (WriteBackState.HELD, None)


def test_a_refusal_is_shown_told_and_can_be_tried_again(sold):
    sold.there.next_fault = ""
    sold.there.orders[sold.order.external_id] = replace(sold.there.orders[sold.order.external_id], cancelled=True)
    sold.send()

    row = sold.row
    assert row.state == WriteBackState.HELD
    assert row.reason == "The order was cancelled in Kauri Shop, and it has been sent."
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, key__startswith="tell:write_back_held").count() == 1

    sold.there.orders[sold.order.external_id] = replace(sold.there.orders[sold.order.external_id], cancelled=False)
    write_backs.retry(write_back_id=row.pk, by="ana", at=sold.pair.world.now())
    sold.pair.drain()

    assert sold.row.state == WriteBackState.DONE
    with pytest.raises(TransitionNotAllowed):
        write_backs.retry(write_back_id=row.pk, by="ana", at=NOON)


def test_a_store_that_takes_whole_orders_only_waits_for_the_rest(sold, monkeypatch):
    monkeypatch.setattr(
        sold.there, "capabilities", replace(sold.there.capabilities, fulfills_parts=False), raising=False
    )
    sold.send({"BOWL": 2}, (NZ1,))
    waiting = messages()[0]
    assert (waiting.wait_for, sold.there.told) == (conditions.fulfilled(sold.order.pk), [])

    sold.send({"MUG": 1}, (NZ2,))
    sold.later()

    assert [told.parcels for told in sorted(sold.there.told, key=lambda told: told.parcels[0].number)] == [
        (NZ1,),
        (NZ2,),
    ]
    assert all(told.completes for told in sold.there.told)


# --- units at several places of the store ------------------------------------------------------------


@pytest.fixture
def spread(sold) -> Sold:
    """The bowls lie in one place of the store, the mug in another."""
    sold.there.place_of = {"BOWL": "Auckland", "MUG": "Wellington"}
    return sold


def shipments(sold: Sold) -> list[tuple[str, str, int]]:
    """Every unit that stands as sent at the store."""
    return [
        (notice.remote_id, line.sku, line.quantity)
        for notice in sold.there.orders[sold.order.external_id].shipments
        for line in notice.lines
    ]


BOTH = [("F1", "BOWL", 2), ("F2", "MUG", 1)]


def test_what_lies_at_several_places_is_one_fulfillment_for_each(spread):
    spread.send()

    assert (shipments(spread), spread.row.state) == (BOTH, WriteBackState.DONE)
    assert [told.parcels for told in spread.there.told] == [(NZ1,), (NZ1,)]
    assert spread.order.events.filter(kind="fulfillment.told").count() == 1


def test_late_tracking_reaches_the_fulfillment_of_each_place(spread):
    notice = spread.send(parcels=())
    push = spread.pair.push_of(spread.order)
    spread.pair.remote.add_tracking(push.remote_id, notice, NZ1)
    spread.pull()

    assert [told.known_id for told in spread.there.told] == ["", "", "F1", "F2"]
    assert all(one.parcels == (NZ1,) for one in spread.there.orders[spread.order.external_id].shipments)


@pytest.mark.parametrize("parcels", [(NZ1,), ()], ids=["with a number", "without a number"])
@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_answer_of_any_place_makes_no_second_fulfillment(spread, parcels, lost):
    answered = spread.there.fulfill

    def losing(*arguments):
        spread.there.loses_answer = len(spread.there.told) == lost - 1
        return answered(*arguments)

    spread.there.fulfill = losing
    spread.send(parcels=parcels)
    assert spread.row.state == WriteBackState.WAITING
    spread.there.fulfill = answered
    spread.later()

    assert (shipments(spread), spread.row.state) == (BOTH, WriteBackState.DONE)


def test_a_place_that_refuses_leaves_the_others_told_and_is_tried_alone(spread):
    answered = spread.there.fulfill

    def refusing(*arguments):
        if spread.there.told:
            raise RejectedError("The mug was cancelled there.")
        return answered(*arguments)

    spread.there.fulfill = refusing
    spread.send()
    assert (spread.row.state, spread.row.reason) == (WriteBackState.HELD, "The mug was cancelled there.")

    spread.there.fulfill = answered
    write_backs.retry(write_back_id=spread.row.pk, by="ana", at=spread.pair.world.now())
    spread.pair.drain()

    assert (shipments(spread), spread.row.state) == (BOTH, WriteBackState.DONE)


def test_taken_back_with_a_part_told_that_part_is_taken_back_there(spread):
    answered = spread.there.fulfill
    spread.there.fulfill = lambda *arguments: answered(*arguments) if not spread.there.told else _down()
    notice = spread.send()
    spread.there.fulfill = answered
    push = spread.pair.push_of(spread.order)
    spread.pair.remote.take_back(push.remote_id, notice)
    spread.pull()
    spread.later()

    assert (len(spread.there.told), spread.there.undone) == (1, ["F1"])
    assert not WriteBack.objects.exists()


def test_taken_back_after_all_places_were_told_it_is_taken_back_at_each(spread):
    notice = spread.send()
    spread.pair.remote.take_back(spread.pair.push_of(spread.order).remote_id, notice)
    spread.pull()

    assert spread.there.undone == ["F1", "F2"]
    assert not WriteBack.objects.exists()


def _down() -> str:
    raise RetryableError("The store is down.")


def test_taken_back_before_it_was_told_nothing_is_told(sold):
    notice = sold.send(drain=False)
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.take_back(push.remote_id, notice)
    sold.pull()

    assert sold.there.told == []
    assert not WriteBack.objects.exists()


def test_taken_back_by_the_partner_after_it_was_told_it_is_taken_back_there_too(sold):
    notice = sold.send()
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.take_back(push.remote_id, notice)
    sold.pull()

    assert sold.there.undone == ["F1"]
    assert not WriteBack.objects.exists()


def test_what_stands_again_is_told_again(sold):
    notice = sold.send()
    push = sold.pair.push_of(sold.order)
    sold.pair.remote.take_back(push.remote_id, notice)
    sold.pull()
    sold.pair.world.clock.advance(60)
    sold.pair.remote.put(push.remote_id, replace(notice, updated_at=sold.pair.world.now()))
    sold.pull()

    there = sold.there.orders[sold.order.external_id].shipments
    assert [(one.remote_id, one.status) for one in there] == [("F1", "cancelled"), ("F2", "success")]
    assert (sold.row.state, sold.row.remote_id) == (WriteBackState.DONE, "F2")


@pytest.mark.parametrize(("policy", "notify"), [("own", True), ("customer", False)])
def test_the_store_tells_its_customer_unless_our_mail_does(sold, policy, notify):
    sold.pair.settings(email_policy=policy)

    sold.send()

    assert [told.notify_customer for told in sold.there.told] == [notify]


def test_a_marketplace_has_no_store_to_be_told(sold):
    order = sold.pair.paid(("BOWL", 1, "30.00"))
    push = sold.pair.push(order)
    sold.pair.remote.fulfill(push.remote_id, None, (NZ1,))
    sold.pair.pull(order)

    assert not WriteBack.objects.filter(fulfillment__order=order).exists()


def test_a_store_that_was_disconnected_is_said_to_be(sold):
    connections.disconnect(connection_id=sold.shop.pk, by="ana", at=NOON)

    sold.send()

    assert (sold.row.state, sold.row.reason) == (
        WriteBackState.HELD,
        "Kauri Shop was disconnected: mark the order as fulfilled there.",
    )


def test_a_dead_token_of_that_store_is_that_store_s_alone(sold):
    sold.there.next_fault = "auth"
    sold.send()

    sold.shop.refresh_from_db()
    (message,) = messages()
    assert (sold.shop.state, message.wait_for) == ("auth_lost", conditions.token_renewed(sold.shop.pk))
    assert Connection.objects.get(pk=sold.pair.store.pk).state == "active"


def test_each_fulfillment_is_told_once_by_the_database_s_own_rule(sold):
    sold.send()

    with pytest.raises(IntegrityError), transaction.atomic():
        WriteBack.objects.create(fulfillment=sold.row.fulfillment, connection=sold.shop)


# --- page and API ------------------------------------------------------------------------------------


def held(sold: Sold) -> WriteBack:
    sold.there.orders[sold.order.external_id] = replace(sold.there.orders[sold.order.external_id], cancelled=True)
    sold.send()
    return sold.row


def test_the_order_s_page_says_why_and_offers_to_tell_it_again(sold):
    row = held(sold)
    client = Client()
    client.force_login(sold.pair.person)
    page = client.get(reverse("orders:detail", args=[sold.order.public_id])).content.decode()
    door = reverse("orders:write_back_retry", args=[row.public_id])
    assert "Kauri Shop: not told. The order was cancelled in Kauri Shop" in page
    assert door in page

    assert client.post(door).status_code == 302
    assert WriteBack.objects.get().state == WriteBackState.WAITING


def test_a_viewer_and_a_stranger_cannot_tell_it_again(sold):
    door = reverse("orders:write_back_retry", args=[held(sold).public_id])
    codes = []
    for user in (make_member(sold.pair.seller, Role.VIEWER), sold.pair.potter, make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        codes.append(client.post(door).status_code)

    assert codes == [403, 404, 404]


def test_over_the_api_it_is_read_and_told_again(sold):
    from tests.orders.api.test_partners import send

    row = held(sold)
    told = send(sold.pair.seller, "GET", f"orders/{sold.order.public_id}/").json()["fulfillments"][0]["write_back"]
    assert (told["id"], told["store"], told["state"]) == (row.public_id, "Kauri Shop", "held")
    path = f"write-backs/{row.public_id}/retry/"
    assert send(sold.pair.owner, "POST", path).status_code == 404

    assert send(sold.pair.seller, "POST", path).json()["state"] == "waiting"
    assert send(sold.pair.seller, "POST", path).json()["code"] == "transition_not_allowed"
    assert messages()[0].status == OutboxStatus.WAITING


# --- a store that was disconnected --------------------------------------------------------------------


def disconnect(sold: Sold) -> None:
    connections.disconnect(connection_id=sold.shop.pk, by="ana", at=NOON)


def connect_again(sold: Sold) -> Connection:
    """The same shop as another connection, which takes no orders: it is told all the same."""
    old = Connection.objects.get(pk=sold.shop.pk)
    heir = make_connection(
        sold.pair.seller, name="Kauri Shop anew", is_destination=False, remote_id=old.remote_id, base_url=old.base_url
    )
    sold.pair.stores[heir.pk] = sold.there
    return heir


def take_up(sold: Sold) -> int:
    return write_backs.take_up_all(at=sold.pair.world.now())


def test_what_was_held_goes_on_through_the_connection_that_was_made_anew(sold):
    disconnect(sold)
    sold.send()
    assert take_up(sold) == 0
    heir = connect_again(sold)

    assert take_up(sold) == 1
    assert take_up(sold) == 0
    sold.pair.drain()

    assert (sold.row.state, sold.row.connection, sold.row.remote_id) == (WriteBackState.DONE, heir, "F1")
    assert sold.order.events.filter(text="Kauri Shop anew is connected again: this goes on.").count() == 1
    assert [told.parcels for told in sold.there.told] == [(NZ1,)]


def test_another_shop_and_another_business_take_nothing_up(sold):
    disconnect(sold)
    sold.send()
    make_connection(sold.pair.seller, remote_id="another-shop", base_url="https://another.example")
    old = Connection.objects.get(pk=sold.shop.pk)
    make_connection(make_merchant(), remote_id=old.remote_id, base_url=old.base_url)

    assert take_up(sold) == 0
    assert sold.row.connection == sold.shop


def test_a_lost_answer_stays_a_doubt_over_a_reconnection(sold):
    sold.there.loses_answer = True
    sold.send()
    disconnect(sold)
    write_backs.hold_stranded(at=sold.pair.world.now())
    assert sold.row.state == WriteBackState.HELD
    connect_again(sold)

    take_up(sold)
    sold.later()

    assert (sold.row.state, sold.row.remote_id, len(sold.there.told)) == (WriteBackState.DONE, "F1", 1)


def test_what_was_taken_back_meanwhile_is_taken_back_through_the_new_connection(sold):
    notice = sold.send()
    disconnect(sold)
    sold.pair.remote.take_back(sold.pair.push_of(sold.order).remote_id, notice)
    sold.pull()
    assert sold.row.reason.endswith("and Kauri Shop was disconnected: take it back there too.")
    connect_again(sold)

    take_up(sold)
    sold.pair.drain()

    assert sold.there.undone == ["F1"]
    assert not WriteBack.objects.exists()


def test_taken_back_before_a_disconnected_store_was_told_nobody_is_asked_any_more(sold):
    disconnect(sold)
    notice = sold.send()
    sold.pair.remote.take_back(sold.pair.push_of(sold.order).remote_id, notice)
    sold.pull()

    assert not WriteBack.objects.exists()


def test_told_again_by_a_person_it_goes_through_the_new_connection(sold):
    disconnect(sold)
    sold.send()
    with pytest.raises(TransitionNotAllowed, match="Connect it again and this goes on by itself"):
        write_backs.retry(write_back_id=sold.row.pk, by="ana", at=NOON)
    heir = connect_again(sold)

    write_backs.retry(write_back_id=sold.row.pk, by="ana", at=sold.pair.world.now())
    sold.pair.drain()

    assert (sold.row.state, sold.row.connection) == (WriteBackState.DONE, heir)


def test_a_person_marks_it_there_by_page_and_by_api(sold):
    from tests.orders.api.test_partners import send

    disconnect(sold)
    sold.send()
    client = Client()
    client.force_login(sold.pair.person)
    detail, back = reverse("orders:detail", args=[sold.order.public_id]), sold.row.public_id
    assert "I have marked it there" in client.get(detail).content.decode()
    client.post(reverse("orders:write_back_settle", args=[back]))
    assert "Kauri Shop: marked there by hand" in client.get(detail).content.decode()

    sold.pull()  # read again, it stays settled
    assert sold.row.is_told_by_hand
    WriteBack.objects.update(state=WriteBackState.HELD, reason="Again.")
    given = send(sold.pair.seller, "POST", f"write-backs/{back}/settle/").json()
    assert (given["write_back"]["state"], given["write_back"]["reason"]) == ("done", "")


def test_what_a_person_marked_there_is_found_and_taken_back_there(sold):
    disconnect(sold)
    notice = sold.send()
    write_backs.settle(write_back_id=sold.row.pk, by="ana", at=sold.pair.world.now())
    sold.there.put(sold.order.external_id, replace(notice, remote_id="BY-HAND"))
    connect_again(sold)

    sold.pair.remote.take_back(sold.pair.push_of(sold.order).remote_id, notice)
    sold.pull()
    take_up(sold)
    sold.pair.drain()

    assert sold.there.undone == ["BY-HAND"]
    assert not WriteBack.objects.exists()


def test_what_a_person_marked_there_and_is_not_found_is_left_to_them(sold):
    disconnect(sold)
    notice = sold.send()
    write_backs.settle(write_back_id=sold.row.pk, by="ana", at=sold.pair.world.now())
    connect_again(sold)

    sold.pair.remote.take_back(sold.pair.push_of(sold.order).remote_id, notice)
    sold.pull()
    take_up(sold)
    sold.later()

    assert sold.row.state == WriteBackState.HELD
    assert "was marked in Kauri Shop anew by hand, and is not found there" in sold.row.reason


def test_an_order_that_the_store_hides_by_now_is_not_said_to_be_gone(sold: Sold):
    sold.there.hides_after = timedelta(days=60)
    sold.pair.world.clock.advance(61 * 86_400)

    sold.send()

    message = OutboxMessage.objects.get(topic=Topic.WRITE_BACK)
    assert (message.status, message.reason) == (OutboxStatus.HELD, "The store does not show it.")
    assert not sold.there.told
