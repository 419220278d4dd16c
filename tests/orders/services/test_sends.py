"""How often an order is sent to a store that does not answer: as often as the store bears, then a person looks."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail

from accounts.models import Role
from connectors.base import OutboundOrder, RemoteRef
from connectors.errors import HostRefusedError, OutcomeUnknownError, RetryableError
from connectors.registry import connector_class
from orders.enums import PushStatus
from orders.models import OrderPush
from orders.services import pushes
from tests.factories import NOON, make_member
from tests.fakes import FakeStore
from tests.orders.services.test_push_findings import not_there
from tests.orders.services.test_pushes import captured, drained, message_of

pytestmark = pytest.mark.django_db


class SilentStore(FakeStore):
    """Answers every creation with a 500, as `ends` says, and finds nothing."""

    def __init__(self, *ends: Exception) -> None:
        super().__init__()
        self.ends = list(ends)
        self.tried: list[datetime] = []

    def create(self, order: OutboundOrder) -> RemoteRef:
        self.tried.append(self.clock.now())
        raise self.ends.pop(0) if self.ends else OutcomeUnknownError("The store answered with status 500.")


class RecoveredStore(SilentStore):
    create = FakeStore.create


def days_pass(store: FakeStore, push: OrderPush, hours: int = 80) -> OrderPush:
    for _ in range(hours * 2):
        push = drained(store, push)
        store.clock.advance(1800)
    return push


def test_a_store_that_never_answers_gets_two_orders_and_a_person_looks():
    store = SilentStore()

    push = days_pass(store, captured(store))

    assert len(store.tried) == 2
    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "outcome_unknown")
    assert push.reason.startswith("Sent 2 times without an answer, and not found in")
    assert message_of(push).maybe_sent_at == store.tried[-1]


def test_trying_again_sends_nothing_before_somebody_says_that_it_is_not_there():
    store = SilentStore()
    push = days_pass(store, captured(store))

    pushes.retry(push_id=push.pk, by="ana", at=store.clock.now())
    assert drained(store, push).status == PushStatus.HELD
    assert len(store.tried) == 2

    store.__class__ = RecoveredStore
    push = not_there(store, push)
    pushes.retry(push_id=push.pk, by="ana", at=store.clock.now())
    push = drained(store, push)
    assert (push.status, push.sends, len(store.orders)) == (PushStatus.PUSHED, 1, 1)


def test_what_certainly_came_to_nothing_does_not_count():
    down, slow = RetryableError("Down."), RetryableError("Slow down.", throttled=True)
    store = SilentStore(OutcomeUnknownError("500."), down, slow, down)

    push = days_pass(store, captured(store))

    assert (len(store.tried), push.sends) == (5, 2)


def test_where_repeats_are_harmless_they_end_with_the_day_that_the_store_names():
    store = SilentStore()
    store.most_sends, store.resends_for = None, timedelta(hours=24)

    push = days_pass(store, captured(store))

    assert len(store.tried) > 2
    assert NOON + timedelta(hours=19) < max(store.tried) <= NOON + timedelta(hours=24)
    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "outcome_unknown")


def test_what_the_stores_host_turns_away_is_held_and_says_so():
    store = SilentStore(HostRefusedError("The store's host refused it."))

    push = drained(store, captured(store))

    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "store_unreachable")
    assert message_of(push).maybe_sent_at == NOON


def test_what_is_held_for_the_stores_host_is_told_soon_as_no_alarm_is_raised_for_it():
    store = SilentStore(HostRefusedError("The store's host refused it."))
    push = captured(store)
    make_member(push.connection.merchant, Role.OWNER, email="ana@kauri.example")
    mail.outbox.clear()

    drained(store, push)
    store.clock.advance(600)
    drained(store, push)

    (told,) = mail.outbox
    assert (told.to, "The store's host refused it." in told.body) == (["ana@kauri.example"], True)


class FilteredStore(FakeStore):
    """A firewall that looks at answers: the order is made, and its answer is turned away."""

    def create(self, order: OutboundOrder) -> RemoteRef:
        super().create(order)
        raise HostRefusedError("The host refused it.")


def test_what_was_made_although_its_answer_was_turned_away_is_found_and_not_made_again():
    store = FilteredStore()
    push = drained(store, captured(store))

    pushes.retry(push_id=push.pk, by="ana", at=store.clock.now())
    push = drained(store, push)

    assert (push.status, push.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)


@pytest.mark.parametrize(
    ("platform", "most", "hours"),
    [("shopify", 2, None), ("woocommerce", 3, None), ("squarespace", None, 20), ("ssactivewear", 3, 24)],
)
def test_what_each_platform_bears(platform: str, most: int | None, hours: int | None):
    driver = connector_class(platform)

    assert driver.most_sends == most
    assert driver.resends_for == (None if hours is None else timedelta(hours=hours))
