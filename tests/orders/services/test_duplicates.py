"""An order that stands at its destination more than once is held until a person, or the store, decides."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.base import BlockerCode
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, OutboxMessage
from orders.services import decisions, duplicates, fulfillment, outbound
from tests.factories import NOON, make_member, make_merchant
from tests.fakes import FakeStore
from tests.orders.api.test_partners import send
from tests.orders.services.pushed import Pushed, make_pushed
from tests.orders.services.test_pushes import captured, drained
from tests.orders.services.test_reconcile import poll

pytestmark = [pytest.mark.django_db, pytest.mark.plants("I1", "the store has a second copy")]


def doubled(**fields) -> Pushed:
    """Two orders there carry one reference, and the sweep has seen it."""
    pushed = make_pushed(**fields)
    pushed.store.add(outbound.build(pushed.push))
    look(pushed)
    return pushed


def look(pushed: Pushed, *, after_s: int = 600) -> None:
    pushed.store.clock.advance(after_s)
    poll(pushed)
    pushed.push.refresh_from_db()
    pushed.order.refresh_from_db()


def copy_of(pushed: Pushed) -> str:
    (copy,) = [remote_id for remote_id in pushed.store.orders if remote_id != pushed.push.remote_id]
    return copy


def codes(pushed: Pushed) -> list[str]:
    return [each["code"] for each in pushed.push.blockers]


def test_a_second_order_with_the_reference_holds_the_push_and_says_what_it_may_cost():
    pushed = doubled()

    (blocker,) = pushed.push.blocker_list
    ours, copy = pushed.push.remote_name, pushed.store.orders[copy_of(pushed)].ref.name
    worth = f"{pushed.order.total:.2f} NZD"
    assert blocker.code == BlockerCode.SUSPECTED_DUPLICATE
    assert blocker.value == copy_of(pushed)
    assert blocker.message == (
        f"Kauri Shopify has 2 orders with reference {pushed.push.reference}: {ours}, which is recorded here, and {copy}. "
        f"If all of them are sent, goods for {worth} leave that nobody paid for."
    )
    assert (pushed.push.status, pushed.order.headline) == (PushStatus.HELD, "push_failed")
    assert [order.cancelled for order in pushed.store.orders.values()] == [False, False]


def test_a_copy_that_a_lost_answer_left_holds_the_push_at_once():
    store = FakeStore()
    push = captured(store)
    store.next_fault = "timeout_after_create"
    push = drained(store, push)
    store.add(outbound.build(push))
    store.clock.advance(600)

    push = drained(store, push)

    assert (push.status, push.remote_id != "", len(push.undecided_copies)) == (PushStatus.HELD, True, 1)
    assert [each["code"] for each in push.blockers] == ["suspected_duplicate"]


def test_seen_again_it_is_no_news_and_a_third_one_is():
    pushed = doubled()
    look(pushed)
    assert len(pushed.history("push.duplicate")) == 1

    pushed.store.add(outbound.build(pushed.push))
    look(pushed)

    assert len(pushed.history("push.duplicate")) == 2
    assert len(pushed.promised(Topic.TELL_MERCHANT)) == 2
    assert f"goods for {2 * pushed.order.total:.2f} NZD leave" in pushed.push.reason


# --- nobody else lets it go --------------------------------------------------------------------------


def test_a_total_that_is_mended_does_not_let_it_go():
    pushed = doubled()
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + 1)
    pushed.pull()
    assert codes(pushed) == ["total_mismatch", "suspected_duplicate"]

    pushed.store.clock.advance(60)
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total)
    pushed.pull()

    assert (pushed.push.status, codes(pushed)) == (PushStatus.HELD, ["suspected_duplicate"])


def test_what_was_sent_of_it_is_recorded_and_does_not_let_it_go():
    pushed = doubled()
    pushed.store.fulfill(pushed.push.remote_id)
    pushed.pull()

    assert (pushed.order.fulfillment_status, pushed.push.status) == ("fulfilled", PushStatus.HELD)


# --- what a person decides ---------------------------------------------------------------------------


def test_two_orders_go_on_and_are_not_asked_about_again():
    pushed = doubled()

    duplicates.are_two(push_id=pushed.push.pk, by="ana", at=NOON)
    look(pushed)

    assert (pushed.push.status, pushed.push.blockers, pushed.push.reason) == (PushStatus.PUSHED, [], "")
    (said,) = [text for text in pushed.history("push.pushed") if text.startswith("ana: ")]
    assert said == f"ana: {pushed.push.remote_name} and {pushed.push.copies[0]['name']} are different orders."
    assert len(pushed.history("push.duplicate")) == 1


def test_another_reason_to_hold_it_stays_when_they_are_two():
    pushed = doubled()
    pushed.store.change(pushed.push.remote_id, total=pushed.order.total + 1)
    pushed.pull()

    duplicates.are_two(push_id=pushed.push.pk, by="ana", at=NOON)

    pushed.push.refresh_from_db()
    assert (pushed.push.status, codes(pushed)) == (PushStatus.HELD, ["total_mismatch"])
    assert pushed.push.reason == pushed.push.blockers[0]["message"]


def test_the_copy_is_cancelled_there_and_ours_stands():
    pushed = doubled()
    copy = copy_of(pushed)

    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()

    assert (pushed.store.orders[copy].cancelled, pushed.remote.cancelled) == (True, False)
    assert (pushed.push.status, pushed.push.copies) == (PushStatus.PUSHED, [])
    assert pushed.history("push.cancel_copy")[0].startswith("ana asked to cancel ")


def test_where_nothing_can_be_cancelled_from_here_it_is_looked_whether_a_person_did():
    pushed = doubled()
    pushed.store.capabilities = replace(pushed.store.capabilities, cancel=False)

    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()
    assert pushed.push.status == PushStatus.HELD
    assert "stands in Kauri Shopify still. Cancel it there, then say so here." in pushed.push.reason
    assert codes(pushed) == ["suspected_duplicate"]

    pushed.store.change(copy_of(pushed), cancelled=True)
    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()

    assert (pushed.push.status, "cancel" in pushed.store.calls) == (PushStatus.PUSHED, False)


def test_a_copy_that_cannot_be_cancelled_is_a_persons_again_and_can_be_tried_again():
    pushed = doubled()
    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.store.next_fault = "rejected"

    pushed.drain()

    assert pushed.push.status == PushStatus.HELD
    assert pushed.push.reason.endswith("was not cancelled: The store refused it.")
    assert [message.payload["kind"] for message in pushed.promised(Topic.TELL_MERCHANT)][-1] == "cancel_failed"
    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    pushed.drain()
    assert pushed.push.status == PushStatus.PUSHED


def test_while_the_copy_is_being_cancelled_they_are_not_called_two():
    pushed = doubled()
    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)
    OutboxMessage.objects.filter(topic=Topic.CANCEL_COPY).update(status="running", lease_until=NOON)

    for decide in (duplicates.are_two, duplicates.cancel_copies):
        with pytest.raises(TransitionNotAllowed, match="being cancelled just now"):
            decide(push_id=pushed.push.pk, by="ana", at=NOON)


def test_a_decision_before_a_worker_came_stands():
    pushed = doubled()
    duplicates.cancel_copies(push_id=pushed.push.pk, by="ana", at=NOON)

    duplicates.are_two(push_id=pushed.push.pk, by="ben", at=NOON)
    pushed.drain()

    assert (pushed.store.orders[copy_of(pushed)].cancelled, pushed.push.status) == (False, PushStatus.PUSHED)


def test_without_a_copy_there_is_nothing_to_decide():
    pushed = make_pushed()

    for decide in (duplicates.are_two, duplicates.cancel_copies):
        with pytest.raises(TransitionNotAllowed, match="No copy"):
            decide(push_id=pushed.push.pk, by="ana", at=NOON)


# --- what the store shows ----------------------------------------------------------------------------


def test_a_copy_that_was_cancelled_there_is_none_any_more():
    pushed = doubled()

    pushed.store.clock.advance(60)
    pushed.store.change(copy_of(pushed), cancelled=True)
    look(pushed)

    assert (pushed.push.status, pushed.push.copies) == (PushStatus.PUSHED, [])


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_where_ours_was_cancelled_there_its_copy_is_the_order(how):
    pushed = doubled()
    ours, copy = pushed.push.remote_id, copy_of(pushed)
    if how == "cancelled":
        pushed.store.clock.advance(60)
        pushed.store.change(ours, cancelled=True)
        pushed.pull()
    else:
        pushed.record(None)
    pushed.drain()

    assert (pushed.push.remote_id, pushed.push.status, pushed.push.copies) == (copy, PushStatus.PUSHED, [])
    assert (pushed.push.remote_cancelled, pushed.push.remote_total) == (False, pushed.order.total)
    assert pushed.history("push.pushed")[-1].endswith("its copy, is the order now.")


def test_what_was_read_of_ours_before_its_copy_took_its_place_says_nothing_of_the_copy():
    pushed = doubled()
    ours = pushed.push.remote_id
    with transaction.atomic():
        fulfillment.ask(pushed.push, cause="x", at=pushed.store.clock.now())
    (message,) = outbox.claim(at=pushed.store.clock.now(), among=Q(topic=Topic.PULL_REMOTE))
    pushed.store.clock.advance(60)
    pushed.store.change(ours, cancelled=True)

    steps = fulfillment.pull(message, pushed.world)
    while next(steps) != "read":
        pass
    pushed.record(pushed.store.orders[ours])  # by another worker: the copy is the order now
    list(steps)

    pushed.push.refresh_from_db()
    assert (pushed.push.status, pushed.push.remote_cancelled) == (PushStatus.PUSHED, False)
    assert pushed.push.remote_id != ours


def test_a_copy_of_another_total_takes_its_place_and_is_compared_to_the_cent():
    pushed = doubled()
    pushed.store.change(copy_of(pushed), total=Decimal(1))

    pushed.record(None)
    pushed.drain()

    assert (pushed.push.status, codes(pushed)) == (PushStatus.HELD, ["total_mismatch"])


def test_called_off_here_the_copy_is_cancelled_too():
    pushed = doubled()

    decisions.cancel(order_id=pushed.order.pk, reason="Out of stock", by="ana", at=pushed.store.clock.now())
    pushed.drain()

    assert [order.cancelled for order in pushed.store.orders.values()] == [True, True]
    assert (pushed.order.status, pushed.push.status) == (OrderStatus.CANCELLED, PushStatus.CANCELLED)


# --- doors -------------------------------------------------------------------------------------------


def test_the_page_says_why_and_offers_both_ways():
    pushed = doubled()
    client = Client()
    client.force_login(make_member(pushed.order.merchant))

    page = client.get(reverse("orders:detail", args=[pushed.order.public_id])).content.decode()
    assert "which is recorded here" in page
    assert "Cancel the copy there" in page
    assert "These are two orders" in page
    assert client.post(reverse("orders:push_two_orders", args=[pushed.push.public_id])).status_code == 302
    pushed.push.refresh_from_db()
    assert pushed.push.status == PushStatus.PUSHED
    page = client.get(reverse("orders:detail", args=[pushed.order.public_id])).content.decode()
    assert "These are two orders" not in page


def test_the_page_promises_the_cancellation():
    pushed = doubled()
    client = Client()
    client.force_login(make_member(pushed.order.merchant))

    client.post(reverse("orders:push_cancel_copies", args=[pushed.push.public_id]))

    assert OutboxMessage.objects.filter(topic=Topic.CANCEL_COPY).count() == 1


def test_the_api_tells_of_copies_and_takes_both_decisions():
    pushed = doubled()
    door = f"pushes/{pushed.push.public_id}/"

    asked = send(pushed.order.merchant, "POST", f"{door}cancel-copies/").json()["pushes"][0]
    assert [(copy["id"], copy["kept"]) for copy in asked["copies"]] == [(copy_of(pushed), False)]
    kept = send(pushed.order.merchant, "POST", f"{door}two-orders/").json()["pushes"][0]
    assert (kept["status"], kept["blockers"], kept["copies"][0]["kept"]) == ("pushed", [], True)
    again = send(pushed.order.merchant, "POST", f"{door}two-orders/")
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


@pytest.mark.parametrize("door", ["two_orders", "cancel_copies"])
def test_a_stranger_and_a_viewer_decide_nothing(door):
    pushed = doubled()
    statuses = []
    for user in (make_member(pushed.order.merchant, Role.VIEWER), make_member(make_merchant())):
        client = Client()
        client.force_login(user)
        statuses.append(client.post(reverse(f"orders:push_{door}", args=[pushed.push.public_id])).status_code)
    strange = send(make_merchant(), "POST", f"pushes/{pushed.push.public_id}/{door.replace('_', '-')}/")

    assert (statuses, strange.status_code) == ([403, 404], 404)
    assert OrderPush.objects.get().undecided_copies
    assert not outbox.withdraw(f"cancel-copy:{pushed.push.public_id}", at=NOON)
