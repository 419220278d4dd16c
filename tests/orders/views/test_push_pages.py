"""What a person can do about a push that stands still, on the order's page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, User
from orders.enums import PaymentStatus, PushStatus
from orders.models import OrderPush
from tests.factories import make_connection, make_order
from tests.fakes import FakeStore
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
    type(push.order).objects.filter(pk=push.order_id).update(merchant=merchant)
    store.next_fault = "rejected"
    return drained(store, push)


@pytest.mark.parametrize("payment", [PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.NONE])
def test_a_held_push_is_retried_from_its_page_whatever_was_paid(page: Client, merchant: Merchant, payment: str):
    store = FakeStore()
    push = make_held(merchant, store)
    type(push.order).objects.filter(pk=push.order_id).update(payment_status=payment)

    assert retry_of(push) in seen(page, push)
    page.post(retry_of(push))

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
