"""What a person can do about a push that stands still, on the order's page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, Role, User
from orders.enums import PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.world import World
from tests.factories import later, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.test_push_findings import ID, doubtful, put_there
from tests.orders.services.test_pushes import captured, drained

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def seen(page: Client, push: OrderPush) -> str:
    return page.get(reverse("orders:detail", args=[push.order.public_id])).content.decode()


def retry_of(push: OrderPush) -> str:
    return reverse("orders:push_retry", args=[push.public_id])


def make_held(merchant: Merchant, store: FakeStore) -> OrderPush:
    """Paid, and refused by its store."""
    push = captured(store)
    Order.objects.filter(pk=push.order_id).update(merchant=merchant)
    store.next_fault = "rejected"
    return drained(store, push)


@pytest.mark.parametrize("payment", [PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.NONE])
def test_a_held_push_is_retried_from_its_page_whatever_was_paid(page: Client, merchant: Merchant, payment: str):
    store = FakeStore()
    push = make_held(merchant, store)
    Order.objects.filter(pk=push.order_id).update(payment_status=payment)

    assert retry_of(push) in seen(page, push)
    page.post(retry_of(push))
    store.clock.at = later()

    assert drained(store, push).status == PushStatus.PUSHED


def test_what_was_never_promised_has_no_retry(page: Client, merchant: Merchant):
    push = make_order(merchant, connections=[make_connection(merchant)]).pushes.get()

    assert retry_of(push) not in seen(page, push)


def test_what_is_there_has_no_retry(page: Client, merchant: Merchant):
    store = FakeStore()
    push = make_held(merchant, store)
    page.post(retry_of(push))
    push = drained(store, push)

    assert retry_of(push) not in seen(page, push)


def mine(push: OrderPush, merchant: Merchant) -> OrderPush:
    Order.objects.filter(pk=push.order_id).update(merchant=merchant)
    return push


def sent_at(push: OrderPush, at: datetime) -> None:
    OutboxMessage.objects.filter(push=push, topic=Topic.PUSH_ORDER).update(maybe_sent_at=at)


def page_of(name: str, push: OrderPush) -> str:
    return reverse(f"orders:{name}", args=[push.public_id])


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    """What the pages ask."""
    there = FakeStore()
    monkeypatch.setattr(World, "real", lambda: make_world(there))
    monkeypatch.setattr("orders.services.push_findings.connector_for", lambda connection, deadline_s: there)
    return there


def test_what_a_person_found_in_the_store_is_recorded_from_its_page(page: Client, merchant: Merchant, store: FakeStore):
    push = mine(doubtful(store), merchant)
    put_there(store, push)
    assert page_of("push_found", push) in seen(page, push)
    assert push.reference in page.get(page_of("push_found", push)).content.decode()

    page.post(page_of("push_found", push), {"remote_id": "1001"})

    assert OrderPush.objects.get(pk=push.pk).remote_id == ID


def test_a_wrong_id_is_refused_and_kept_in_the_form(page: Client, merchant: Merchant, store: FakeStore):
    push = mine(doubtful(store), merchant)

    text = page.post(page_of("push_found", push), {"remote_id": "4711"}).content.decode()

    assert "has no order with this id" in text
    assert 'value="4711"' in text


def test_what_is_not_there_is_kept_out_from_the_page(page: Client, merchant: Merchant, store: FakeStore):
    push = mine(doubtful(store), merchant)
    assert page_of("push_skip", push) not in seen(page, push)
    sent_at(push, timezone.now() - timedelta(days=1))
    page.post(page_of("push_not_there", push))

    assert page_of("push_skip", push) in seen(page, push)
    page.post(page_of("push_skip", push))
    assert OrderPush.objects.get(pk=push.pk).status == PushStatus.SKIPPED


def test_a_look_that_comes_too_early_is_refused_on_the_page(page: Client, merchant: Merchant, store: FakeStore):
    push = mine(doubtful(store), merchant)
    sent_at(push, timezone.now())

    text = page.post(page_of("push_not_there", push), follow=True).content.decode()

    assert "look again in" in text


def test_a_viewer_finds_nothing(client: Client, merchant: Merchant):
    client.force_login(make_member(merchant, Role.VIEWER))
    push = make_order(merchant, connections=[make_connection(merchant)]).pushes.get()

    for name in ("push_found", "push_not_there"):
        assert client.post(page_of(name, push), {"remote_id": "1"}).status_code == 403
    assert client.post(reverse("orders:bulk_retry"), {"orders": push.order.public_id}).status_code == 403


def test_the_held_pushes_of_the_chosen_orders_are_sent_again(page: Client, merchant: Merchant):
    store, foreign = FakeStore(), FakeStore()
    pushes = [make_held(merchant, store) for _ in range(2)]
    others = captured(foreign)
    foreign.next_fault = "rejected"
    drained(foreign, others)
    decided = make_order(merchant)
    chosen = [*(push.order.public_id for push in pushes), others.order.public_id, decided.public_id]
    assert reverse("orders:bulk_retry") in page.get("/orders/").content.decode()

    text = page.post(reverse("orders:bulk_retry"), {"orders": chosen}, follow=True).content.decode()

    assert "2 sent again" in text
    assert OrderPush.objects.get(pk=others.pk).status == PushStatus.HELD
    store.clock.at = later()
    assert {drained(store, push).status for push in pushes} == {PushStatus.PUSHED}


def test_nothing_held_among_the_chosen_is_said(page: Client, merchant: Merchant):
    chosen = [make_order(merchant).public_id]

    text = page.post(reverse("orders:bulk_retry"), {"orders": chosen}, follow=True).content.decode()

    assert "None of the chosen orders is held" in text
