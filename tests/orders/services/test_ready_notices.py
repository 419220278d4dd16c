"""Click and collect of an order that was placed in a store: the store is told once all that is left of it waits here."""

from __future__ import annotations

import pytest
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.models import Connection
from connectors.services import connections
from orders import outbox
from orders.enums import OutboxStatus, Topic, WriteBackState
from orders.errors import TransitionNotAllowed
from orders.models import Order, OutboxMessage, ReadyNotice
from orders.services import clock, collecting, decisions, ready_notices, shipping
from tests.factories import NOON, make_connection, make_member, make_merchant
from tests.fakes import make_world
from tests.orders.api.test_partners import send
from tests.orders.services.shippable import make_collectable, make_paid, set_aside
from tests.orders.services.test_write_backs_own import Kept, kept  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
ALL = [("A", 3, "1"), ("B", 1, "2")]


def held(kept: Kept) -> ReadyNotice:  # noqa: F811
    """Set aside, and refused by the store."""
    set_aside(kept.order(make_collectable))
    kept.there.next_fault = "rejected"
    kept.work()
    return ReadyNotice.objects.get()


def test_the_store_is_told_once_all_of_it_waits(kept):  # noqa: F811
    order = kept.order(make_collectable)

    set_aside(order, {"1": 3})
    kept.work()
    assert kept.there.ready == []
    set_aside(order, {"2": 1})
    kept.work()

    assert kept.there.ready == [ALL]
    row = ReadyNotice.objects.get()
    assert (row.state, row.told_at) == (WriteBackState.DONE, NOON)
    text = "Told Kauri Shop that it can be picked up; its own mail about it goes to the customer."
    assert order.events.filter(kind="pickup.told", text=text).exists()


def test_what_is_taken_back_while_the_store_is_told_is_said_to_stand_there_still(kept):  # noqa: F811
    order = kept.order(make_collectable)
    row = set_aside(order)
    (message,) = outbox.claim(at=NOON, among=Q(topic=Topic.TELL_READY))
    steps = outbox.steps(message, make_world(kept.there))
    while next(steps) != "told":
        pass

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    for _ in steps:
        pass

    assert not ReadyNotice.objects.exists()
    text = "Kauri Shop still shows it as ready for pickup: it lets no app take that back."
    assert order.events.filter(kind="pickup.still_told", text=text).count() == 1
    assert OutboxMessage.objects.get(pk=message.pk).status == OutboxStatus.DONE


def test_what_was_handed_over_before_is_not_said_to_wait(kept):  # noqa: F811
    order = kept.order(make_collectable)
    first = set_aside(order, {"1": 3})
    collecting.hand_over(fulfillment_id=first.pk, collected_by="Mere", by="ana", at=NOON)

    set_aside(order, {"2": 1})
    kept.work()

    assert kept.there.ready == [[("B", 1, "2")]]


def test_handed_over_before_the_store_was_told_it_is_told_of_that_alone(kept):  # noqa: F811
    row = set_aside(kept.order(make_collectable))

    collecting.hand_over(fulfillment_id=row.pk, collected_by="Mere", by="ana", at=NOON)
    kept.work()

    assert (kept.there.ready, len(kept.there.told)) == ([], 1)
    assert not ReadyNotice.objects.exists()


def test_what_the_customer_comes_for_in_parts_is_told_once(kept):  # noqa: F811
    row = set_aside(kept.order(make_collectable))
    kept.work()

    lines = collecting.WantedLine("2", 1)
    collecting.hand_over(fulfillment_id=row.pk, collected_by="Mere", lines=[lines], by="ana", at=NOON)
    kept.work()

    assert kept.there.ready == [ALL]


def test_taken_back_the_history_says_that_the_store_still_shows_it_and_a_second_time_is_told_again(kept):  # noqa: F811
    order = kept.order(make_collectable)
    row = set_aside(order)
    kept.work()

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)

    text = "Kauri Shop still shows it as ready for pickup: it lets no app take that back."
    assert order.events.filter(text=text).count() == 1
    assert not ReadyNotice.objects.exists()
    set_aside(order)
    kept.work()
    assert kept.there.ready == [ALL, ALL]


def test_taken_back_before_it_was_told_the_store_hears_nothing(kept):  # noqa: F811
    row = set_aside(kept.order(make_collectable))

    shipping.take_back(fulfillment_id=row.pk, by="ana", at=NOON)
    kept.work()

    assert kept.there.ready == []


@pytest.mark.parametrize("case", ["marketplace", "other platform"])
def test_nobody_is_told_where_no_store_is_to_be(kept, case):  # noqa: F811
    if case == "marketplace":
        set_aside(make_collectable(kept.shop.merchant))
    else:
        kept.shop.platform = "woocommerce"
        kept.shop.save()
        set_aside(kept.order(make_collectable))

    assert not ReadyNotice.objects.exists()


def test_a_refusal_is_a_persons_task_and_can_be_tried_again(kept):  # noqa: F811
    row = held(kept)

    assert (row.state, row.reason) == (WriteBackState.HELD, "The store refused it.")
    assert Order.objects.get().needs_look
    assert OutboxMessage.objects.filter(key__startswith="tell:ready_held").count() == 1
    ready_notices.retry(notice_id=row.pk, by="ana", at=NOON)
    kept.work(after_s=60)
    assert (kept.there.ready, ReadyNotice.objects.get().state) == ([ALL], WriteBackState.DONE)
    assert not Order.objects.get().needs_look


def test_a_store_that_is_down_is_tried_again_by_itself(kept):  # noqa: F811
    set_aside(kept.order(make_collectable))
    kept.there.next_fault = "down"
    kept.work()
    assert (ReadyNotice.objects.get().state, Order.objects.get().needs_look) == (WriteBackState.WAITING, False)

    kept.work(after_s=3600)

    assert kept.there.ready == [ALL]


def test_a_lost_answer_is_told_again_which_does_nothing_there(kept):  # noqa: F811
    set_aside(kept.order(make_collectable))
    kept.there.loses_answer = True
    kept.work()

    kept.work(after_s=3600)

    assert (kept.there.ready, ReadyNotice.objects.get().state) == ([ALL, ALL], WriteBackState.DONE)


def test_called_off_here_nobody_is_asked_to_say_that_it_is_ready(kept):  # noqa: F811
    row = held(kept)

    decisions.cancel(order_id=row.order.pk, reason="Out of stock", by="ana", at=NOON)

    assert not ReadyNotice.objects.exists()
    assert not Order.objects.get().needs_look


def test_a_held_notice_ends_when_the_customer_came(kept):  # noqa: F811
    row = held(kept)

    fulfillment = row.order.fulfillments.get()
    collecting.hand_over(fulfillment_id=fulfillment.pk, collected_by="Mere", by="ana", at=NOON)

    assert not ReadyNotice.objects.exists()
    assert not Order.objects.get().needs_look


def test_a_disconnected_store_is_said_to_be_and_a_new_connection_to_it_is_told(kept):  # noqa: F811
    set_aside(kept.order(make_collectable))
    shop = kept.shop
    Connection.objects.filter(pk=shop.pk).update(remote_id="gid://shopify/Shop/7")
    connections.disconnect(connection_id=shop.pk, by="ana", at=NOON)
    clock.tick(at=NOON)
    row = ReadyNotice.objects.get()
    reason = "Kauri Shop was disconnected: mark the order as ready for pickup there."
    assert (row.state, row.reason) == (WriteBackState.HELD, reason)
    with pytest.raises(TransitionNotAllowed, match="was disconnected"):
        ready_notices.retry(notice_id=row.pk, by="ana", at=NOON)

    heir = make_connection(shop.merchant, name="Kauri again", remote_id="gid://shopify/Shop/7", is_destination=False)
    ready_notices.retry(notice_id=row.pk, by="ana", at=NOON)
    kept.work()

    assert (kept.there.ready, ReadyNotice.objects.get().connection) == ([ALL], heir)


# --- doors -------------------------------------------------------------------------------------------


def test_the_page_says_it_and_takes_that_a_person_did_it(kept):  # noqa: F811
    row = held(kept)
    client = Client()
    client.force_login(make_member(kept.shop.merchant))

    page = client.get(reverse("orders:detail", args=[row.order.public_id])).content.decode()
    assert "Kauri Shop: does not know that it can be picked up. The store refused it." in page
    assert client.post(reverse("orders:ready_notice_settle", args=[row.public_id])).status_code == 302

    assert ReadyNotice.objects.get().state == WriteBackState.DONE
    assert row.order.events.filter(kind="pickup.told").count() == 1
    assert OutboxMessage.objects.get(key__startswith="ready:").status == "done"
    page = client.get(reverse("orders:detail", args=[row.order.public_id])).content.decode()
    assert "Kauri Shop: knows since" in page


def test_the_page_tries_it_again(kept):  # noqa: F811
    row = held(kept)
    client = Client()
    client.force_login(make_member(kept.shop.merchant))

    assert client.post(reverse("orders:ready_notice_retry", args=[row.public_id])).status_code == 302

    assert ReadyNotice.objects.get().state == WriteBackState.WAITING


def test_the_api_tells_of_it_tries_again_and_settles(kept):  # noqa: F811
    row = held(kept)
    shown = send(kept.shop.merchant, "GET", f"orders/{row.order.public_id}/").json()["ready_notice"]
    expected = {"id": row.public_id, "store": "Kauri Shop", "state": "held", "reason": "The store refused it."}
    assert shown == expected | {"told_at": None}

    settled = send(kept.shop.merchant, "POST", f"ready-notices/{row.public_id}/settle/").json()

    assert settled["state"] == "done"
    again = send(kept.shop.merchant, "POST", f"ready-notices/{row.public_id}/retry/")
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


def test_the_api_tries_it_again(kept):  # noqa: F811
    row = held(kept)

    assert send(kept.shop.merchant, "POST", f"ready-notices/{row.public_id}/retry/").json()["state"] == "waiting"


@pytest.mark.parametrize("door", ["ready_notice_retry", "ready_notice_settle"])
def test_a_stranger_and_a_viewer_do_nothing(kept, door):  # noqa: F811
    row = held(kept)
    codes = []
    for user in (make_member(kept.shop.merchant, Role.VIEWER), make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        codes.append(client.post(reverse(f"orders:{door}", args=[row.public_id])).status_code)
    strange = [send(make_merchant(), "POST", f"ready-notices/{row.public_id}/{verb}/") for verb in ("retry", "settle")]

    assert (codes, [answer.status_code for answer in strange]) == ([403, 404], [404, 404])


def test_an_order_to_be_sent_has_no_such_notice(kept):  # noqa: F811
    order = kept.order(make_paid)

    assert send(kept.shop.merchant, "GET", f"orders/{order.public_id}/").json()["ready_notice"] is None
