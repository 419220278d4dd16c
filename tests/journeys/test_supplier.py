"""An order that a supplier fulfils, from the connect form to the last parcel, over HTTP."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connectors.http import HttpClient
from connectors.models import Connection
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.registry import connector_class
from connectors.services.clients import account_of
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import Order, OrderAddress, OrderPush, Parcel
from orders.services import decisions, reconcile
from orders.world import World
from tests.connectors.practice.ssactivewear.supplier import make_supplier, ship
from tests.factories import make_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def supplier(live_server, settings):
    settings.BASE_URL = live_server.url
    yield make_supplier()
    let_go()


@pytest.fixture
def world(supplier):
    """The real one, whose connections to the supplier end with the test."""
    with closing(HttpClient(allow_loopback=True)) as http:
        yield replace(
            World.real(),
            connector_for=lambda row: connector_class(row.platform)(account_of(row), http),
        )


@pytest.fixture
def connection(client, owner, supplier: PracticeShop) -> Connection:
    """Connected by a person who chose the practice store in the form."""
    client.force_login(owner)
    client.post(reverse("connectors:connect", args=["ssactivewear"]), {"practice": supplier.slug})
    return Connection.objects.get()


@pytest.fixture
def order(connection: Connection, world: World) -> Order:
    """Six tees for a house in Illinois, confirmed; the marketplace's SKU is the merchant's own."""
    now = timezone.now()
    order = make_order(
        connection.merchant,
        connections=[connection],
        lines=[{"sku": "TEE-WHITE-M", "quantity": 6}],
        payment={"expires_at": now + timedelta(days=7)},
        placed_at=now,
        confirm_by=now + timedelta(days=1),
    )
    OrderAddress.objects.update(city="Bolingbrook", province_code="IL", postcode="60440", country_code="US")
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain(world=world)
    return order


def test_the_account_is_connected_by_its_form(connection, supplier, client):
    assert (connection.remote_id, connection.currency) == (f"US-{supplier.settings['account_number']}", "USD")
    page = client.get(reverse("connectors:detail", args=[connection.public_id])).content.decode()
    assert "asked for changes regularly" in page
    assert "Check webhooks" not in page


def test_an_order_is_placed_once_in_two_warehouses_and_its_cost_holds_nothing(order):
    push = OrderPush.objects.get(order=order)

    assert (push.status, push.blockers, push.remote_id) == (PushStatus.PUSHED, [], push.reference)
    assert PracticeOrder.objects.filter(source_identifier=push.reference).count() == 2
    assert push.remote_total != order.total


def test_each_warehouse_s_order_is_a_part_on_the_order_s_page(order, connection, client):
    push = OrderPush.objects.get(order=order)
    parts = list(push.parts.order_by("number").values_list("number", "status"))

    assert parts == [(row.name, "open") for row in PracticeOrder.objects.order_by("name")]
    shown = client.get(reverse("orders:detail", args=[order.public_id])).content.decode()
    assert "it costs" in shown
    assert all(number in shown for number, _ in parts)


def test_each_warehouse_s_parcel_comes_back_by_polling(order, world):
    for number, row in enumerate(PracticeOrder.objects.order_by("pk")):
        ship(row.name, number=f"1Z{number}", company="UPS")

    reconcile.poll_changes(world=world)
    outbox.drain(world=world)

    order.refresh_from_db()
    assert (order.status, order.lines.get().fulfilled_quantity) == (OrderStatus.COMPLETED, 6)
    assert sorted(Parcel.objects.values_list("number", flat=True)) == ["1Z0", "1Z1"]


def test_called_off_here_it_is_cancelled_in_every_warehouse(order, world):
    decisions.cancel(order_id=order.pk, by="ana", reason="Changed their mind", at=timezone.now())
    outbox.drain(world=world)

    assert OrderPush.objects.get(order=order).status == PushStatus.CANCELLED
    assert PracticeOrder.objects.filter(cancelled_at=None).count() == 0
