"""While the database is away pages and API say so, and what was asked counts once, whatever became of a commit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import InterfaceError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, User
from orders import outbox, pump
from orders.enums import OrderStatus, OutboxStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from tests.commits import away, gone, lost_commit
from tests.factories import NOON, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import make_api
from tests.orders.services.test_pushes import captured, message_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("path", ["/orders/", "/accounts/login/", "/healthz"])
def test_a_page_says_when_to_come_back(page: Client, path: str):
    with away():
        answer = page.get(path)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "your browser has kept what you typed" in answer.content.decode()


def test_the_api_says_it_as_a_problem():
    api = make_api()
    headers = {"Authorization": f"Bearer {api.merchant_key}"}
    client = Client(raise_request_exception=False)

    with away():
        answer = client.get("/api/v1/orders/", headers=headers)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert (answer["Content-Type"], answer.json()["code"]) == ("application/problem+json", "database_away")


def test_a_connection_that_was_closed_is_the_same(page: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("orders.views.list.queries.tab_counts", raises(InterfaceError("connection already closed")))

    assert page.get("/orders/").status_code == 503


def test_a_fault_of_ours_is_none_of_the_databases(page: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("orders.views.list.queries.tab_counts", raises(ValueError("ours")))

    answer = page.get("/orders/")

    assert (answer.status_code, answer.has_header("Retry-After")) == (500, False)


def raises(error: Exception) -> Callable[..., None]:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_form_that_is_sent_again_after_a_lost_commit_counts_once(page: Client, merchant: Merchant, carried_out: bool):
    now = timezone.now()
    order = make_order(merchant, placed_at=now, confirm_by=now + timedelta(days=1))
    confirm = reverse("orders:confirm", args=[order.public_id])

    with lost_commit(1, carried_out=carried_out) as seen:
        assert page.post(confirm).status_code == 503
    page.post(confirm)

    assert seen
    assert Order.objects.get(pk=order.pk).status == OrderStatus.CONFIRMED
    assert OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).count() == 1
    assert order.events.filter(text__icontains="confirmed").count() == 1


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_push_is_sent_once_whichever_of_its_commits_is_lost(carried_out: bool):
    commits = 0
    while True:
        OutboxMessage.objects.all().delete()
        store = FakeStore()
        push = captured(store)
        (message,) = outbox.claim(at=NOON)
        with lost_commit(commits + 1, carried_out=carried_out) as seen:
            outbox.carry_out(message, make_world(store))
        if len(seen) <= commits:
            break
        commits += 1
        store.clock.advance(400)  # the lease runs out
        outbox.drain(world=make_world(store))
        store.clock.advance(400)
        outbox.drain(world=make_world(store))
        assert len(store.orders) == 1, commits
        assert OrderPush.objects.get(pk=push.pk).status == PushStatus.PUSHED, commits
    assert commits >= 2  # the mark, and the record


def test_a_worker_whose_outcome_is_not_written_goes_on_with_the_next(caplog: pytest.LogCaptureFixture, monkeypatch):
    carried: list[int] = []

    def carry_out(message: OutboxMessage, world: object) -> None:
        carried.append(message.pk)
        if len(carried) == 1:
            raise gone()

    monkeypatch.setattr(outbox, "carry_out", carry_out)
    first, second = OutboxMessage(pk=1, topic=Topic.PUSH_ORDER), OutboxMessage(pk=2, topic=Topic.PUSH_ORDER)
    crew = pump.Crew(1, make_world(FakeStore()))

    with caplog.at_level(logging.ERROR):
        crew.give([first])
        crew.give([second])
        crew.stop()

    assert (carried, crew.busy, crew.done) == ([1, 2], 0, 2)
    (record,) = [record for record in caplog.records if record.message == "outcome not written"]
    assert (record.message_id, record.levelname) == (1, "ERROR")


def test_an_outcome_that_was_not_written_is_found_out_once_the_lease_is_over():
    store = FakeStore()
    push = captured(store)
    (message,) = outbox.claim(at=NOON)
    with lost_commit(2, carried_out=False, and_later=True), pytest.raises(type(gone())):
        outbox.carry_out(message, make_world(store))
    assert (message_of(push).status, len(store.orders)) == (OutboxStatus.RUNNING, 1)

    store.clock.advance(400)
    outbox.drain(world=make_world(store))

    found = OrderPush.objects.get(pk=push.pk)
    assert (found.status, found.adopted, len(store.orders)) == (PushStatus.PUSHED, True, 1)
