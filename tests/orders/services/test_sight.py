"""What a store does not show any more is not gone: nothing is done about it before a person has looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import NotVisibleError
from orders.enums import OutboxStatus, PushStatus, Topic
from orders.errors import FindingRefused
from orders.models import OrderPush
from orders.services import nightly_reads, pushes, reexport_plan, sight
from tests.factories import NOON
from tests.fakes import FakeStore
from tests.orders.reexporting import ask, latest, make_exported
from tests.orders.services.pushed import make_pushed
from tests.orders.services.test_push_findings import doubtful, not_there, there
from tests.orders.services.test_pushes import drained, message_of
from tests.orders.services.test_restocking import give_back, make_there

pytestmark = pytest.mark.django_db

SHOWN_FOR, LATER = timedelta(days=60), timedelta(days=61)


def hiding(store: FakeStore) -> FakeStore:
    store.hides_after = SHOWN_FOR
    return store


def months_pass(store: FakeStore) -> None:
    store.clock.advance(LATER.total_seconds())


def test_an_old_order_that_is_not_shown_is_not_deleted():
    pushed = make_pushed(store=hiding(FakeStore()))
    months_pass(pushed.store)
    nightly_reads.promise(at=NOON + timedelta(days=1))

    pushed.drain()

    (read,) = pushed.promised(Topic.PULL_REMOTE)
    assert (read.status, read.reason) == (OutboxStatus.HELD, "The store does not show it.")
    assert (pushed.push.status, pushed.push.remote_cancelled) == (PushStatus.PUSHED, False)
    assert pushed.promised(Topic.TELL_MERCHANT) == []


def test_a_young_one_that_is_not_shown_is():
    pushed = make_pushed(store=hiding(FakeStore()))
    pushed.store.orders.clear()
    pushed.store.clock.advance(24 * 3600)
    nightly_reads.promise(at=pushed.store.clock.now())
    pushed.store.clock.advance(60)

    pushed.drain()

    assert pushed.history("push.held") == ["#1001 was deleted in Kauri Shopify."]


@pytest.mark.parametrize(("age", "shown"), [(timedelta(days=56), True), (timedelta(days=57), False)])
def test_how_old_an_order_may_be_to_be_believed_gone(age: timedelta, shown: bool):
    store = hiding(FakeStore())

    if shown:
        assert sight.read(store, "fake-1", made_at=NOON - age, at=NOON) is None
    else:
        with pytest.raises(NotVisibleError):
            sight.read(store, "fake-1", made_at=NOON - age, at=NOON)


def test_no_second_copy_is_made_of_an_old_order():
    exported = make_exported()
    hiding(exported.store)
    months_pass(exported.store)

    row = ask(exported)

    assert (row.status, row.reason) == ("refused", "The store does not show it.")
    assert OrderPush.objects.count() == 1


def test_before_a_new_generation_is_sent_the_earlier_one_has_to_be_seen():
    exported = make_exported()
    hiding(exported.store)
    OrderPush.objects.update(status=PushStatus.CANCELLED)
    new = OrderPush.objects.create(
        order=exported.order, connection=exported.push.connection, generation=2, reference="SW-NEW", status="queued"
    )
    months_pass(exported.store)
    at = exported.store.clock.now()

    with pytest.raises(NotVisibleError):
        reexport_plan.refuse_copies(new, exported.store, at=at)

    OrderPush.objects.filter(generation=1).update(remote_cancelled=True)  # it was seen to be over in time
    reexport_plan.refuse_copies(new, exported.store, at=at)
    assert latest(exported).pk == new.pk


def test_units_of_an_old_order_are_not_said_to_be_back_in_stock():
    pushed = make_there()
    hiding(pushed.store)
    months_pass(pushed.store)

    give_back(pushed, {"1": 1})

    assert pushed.history("push.restocked") == []
    assert pushed.history("push.restock_failed") == [
        "Units were not put back into stock in Kauri Linen: The store does not show it."
    ]


def test_units_of_an_order_that_is_gone_are_named_for_a_look_by_hand():
    pushed = make_there()
    hiding(pushed.store).orders.clear()

    give_back(pushed, {"1": 1})

    assert (len(pushed.history("push.restock_by_hand")), pushed.history("push.restocked")) == (1, [])


def test_what_was_sent_long_ago_without_an_answer_is_not_sent_again_before_a_person_has_looked():
    store = hiding(FakeStore())
    push = doubtful(store)
    creates = store.calls.count("create")
    months_pass(store)
    at = store.clock.now()

    pushes.retry(push_id=push.pk, by="ana", at=at)
    push = drained(store, push)

    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "not_visible")
    assert store.calls.count("create") == creates
    with pytest.raises(FindingRefused, match="could not be asked: The store does not show it"):
        there(store, push)
    push = not_there(store, push)
    assert "is ana's word" in push.order.events.get(kind="push.not_there").text
    assert message_of(push).maybe_sent_at is None
    pushes.retry(push_id=push.pk, by="ana", at=store.clock.now())
    assert drained(store, push).status == PushStatus.PUSHED
