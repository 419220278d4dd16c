"""Money that a destination still waits for, for an order that it was given as paid."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from connectors.base import RemoteOrder
from connectors.models import FinancialStatus, SyncSettings
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.models import OrderPush
from orders.services import decisions
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.api.client import make_api
from tests.orders.services.pushed import Pushed, make_pushed

pytestmark = pytest.mark.django_db
KIND = "push.owed_in_store"


@pytest.fixture
def pushed() -> Pushed:
    """Nothing was owed when it was read last."""
    pushed = make_pushed()
    OrderPush.objects.update(remote_outstanding=0)
    return pushed


def owes(pushed: Pushed, amount: str, **changed) -> None:
    pushed.store.change(pushed.push.remote_id, outstanding=Decimal(amount), **changed)
    pushed.pull()


def test_money_that_is_owed_there_is_told_once_per_amount(pushed):
    owes(pushed, "20.00")
    pushed.pull()
    owes(pushed, "25.00")

    assert pushed.history(KIND) == [
        "Kauri Shopify says that 20.00 NZD of #1001 are still to be paid; it was sent there as paid.",
        "Kauri Shopify says that 25.00 NZD of #1001 are still to be paid; it was sent there as paid.",
    ]
    assert [message.payload["kind"] for message in pushed.promised(Topic.TELL_MERCHANT)] == ["owed_in_store"] * 2


class UnpaidThere(FakeStore):
    """Takes paid orders and shows them as unpaid."""

    too_much = Decimal(0)

    def read(self, remote_id: str) -> RemoteOrder | None:
        there = super().read(remote_id)
        return there and replace(there, outstanding=there.total, total=there.total + self.too_much)


def sent_to(store: FakeStore, **settings) -> OrderPush:
    store.stock_up("A")
    order = make_order(connections=[make_connection(name="Kauri Shopify", settings=settings)], lines=[{"sku": "A"}])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    outbox.drain(world=make_world(store))
    return OrderPush.objects.get()


def told(push: OrderPush) -> int:
    return push.order.events.filter(kind=KIND).count()


def test_an_order_that_is_unpaid_there_as_soon_as_it_was_sent_is_told():
    push = sent_to(UnpaidThere())

    assert (push.status, push.remote_outstanding, told(push)) == (PushStatus.PUSHED, push.total, 1)


def test_one_that_is_sent_as_unpaid_is_not():
    push = sent_to(UnpaidThere(), financial_status="unpaid")

    assert (push.remote_outstanding, told(push)) == (push.total, 0)


def test_one_that_is_held_for_its_total_is_told_as_that_alone():
    store = UnpaidThere()
    store.too_much = Decimal(5)

    push = sent_to(store)

    assert (push.status, told(push)) == (PushStatus.HELD, 0)


def test_an_order_that_is_found_unpaid_when_it_is_first_read_is_told():
    pushed = make_pushed()
    OrderPush.objects.update(read_back_at=None)

    owes(pushed, str(pushed.order.total))

    assert len(pushed.history(KIND)) == 1


def test_what_was_owed_before_it_was_written_down_tells_nothing():
    pushed = make_pushed()

    owes(pushed, "20.00")

    assert (pushed.history(KIND), pushed.push.remote_outstanding) == ([], 20)


def test_what_is_paid_there_after_all_tells_nothing_and_counts_anew(pushed):
    owes(pushed, "20.00")
    owes(pushed, "-5.00")
    assert pushed.push.remote_outstanding == 0

    owes(pushed, "1.00")

    assert len(pushed.history(KIND)) == 2


def test_an_order_that_was_sent_as_unpaid_owes_what_it_is_meant_to(pushed):
    SyncSettings.objects.filter(connection=pushed.push.connection).update(financial_status=FinancialStatus.UNPAID)

    owes(pushed, "20.00")

    assert (pushed.history(KIND), pushed.push.remote_outstanding) == ([], 20)


def test_a_total_that_was_changed_there_is_told_as_that_alone(pushed):
    owes(pushed, "20.00", total=pushed.order.total + 20)

    assert (pushed.history(KIND), len(pushed.history("push.changed_in_store"))) == ([], 1)


def test_the_page_and_the_api_show_what_is_owed_there():
    api = make_api()
    pushed = make_pushed(merchant=api.merchant)
    owes(pushed, "20.00")
    client = Client()
    client.force_login(make_member(pushed.order.merchant, Role.VIEWER))

    page = client.get(reverse("orders:detail", args=[pushed.order.public_id])).content.decode()

    seen = api.send("GET", f"orders/{pushed.order.public_id}/", key=api.merchant_key).json()
    assert "Still to be paid there: $20.00" in " ".join(page.split())
    assert seen["pushes"][0]["outstanding"] == "20.00"
