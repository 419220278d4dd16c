"""An order's whole way to a WooCommerce store and back: the portal and a practice store, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from connectors.models import Connection, InboundEvent
from connectors.practice import dials
from connectors.practice import services as practice
from connectors.practice import tasks as practice_tasks
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.services import connections
from orders import outbox
from orders.enums import FulfillmentStatus, OutboxStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, fulfillment, order_data
from tests.connectors.practice.woocommerce.shop import change, make_shop, rate, send
from tests.factories import make_member, make_merchant, make_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)
GST = [{"title": "GST", "rate": "0.15", "amount": "13.04"}]


@pytest.fixture(autouse=True)
def _portal(live_server, settings):
    settings.BASE_URL = live_server.url
    yield
    let_go()


@pytest.fixture
def shop(_portal) -> PracticeShop:
    return make_shop()


@pytest.fixture
def connection(shop) -> Connection:
    """Connected on the page, by a person who chose the practice store."""
    owner = make_member(make_merchant(currency="NZD"), Role.OWNER)
    page = Client()
    page.force_login(owner)
    response = page.post("/connections/new/woocommerce/", {"practice": shop.slug})
    assert response.status_code == 302, response.content
    return Connection.objects.get()


def confirmed(connection: Connection, **fields) -> Order:
    stools = {"sku": "STOOL", "quantity": 2, "unit_price": "50.00", "taxes": GST}
    order = make_order(connection.merchant, connections=[connection], lines=[stools], **fields)
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(placed_at=now, received_at=now, confirm_by=now + timedelta(days=5))
    order.payment.expires_at = now + timedelta(days=7)
    order.payment.save()
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain()
    return Order.objects.get(pk=order.pk)


def push_of(order: Order) -> OrderPush:
    return order.pushes.get()


def test_a_store_is_connected_with_what_decides_its_totals(connection, shop):
    assert (connection.currency, connection.remote_id) == ("NZD", shop.domain)
    assert connection.shop_settings["rates"][0]["percent"] == "15.0000"
    assert connection.webhook_topics == ["order.updated", "order.deleted", "order.restored"]


def test_a_confirmed_order_is_in_the_store_once_equal_to_the_cent_with_its_notes(connection):
    push = push_of(confirmed(connection))
    there = PracticeOrder.objects.get()

    assert (push.status, push.remote_total, push.blockers) == (PushStatus.PUSHED, Decimal(100), [])
    assert (there.total, there.received) == (Decimal(100), Decimal(100))
    assert [note["note"].splitlines()[0] for note in there.details["notes"]] == [
        f"{push.order.channel.name} order {push.order.number}",
        "Delivery: Standard",
    ]


def test_a_lost_answer_makes_one_order(connection, shop):
    dials.turn(shop.pk, "lost_answer", left=1)
    push = push_of(confirmed(connection))
    assert push.status == PushStatus.UNKNOWN

    OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).update(next_attempt_at=timezone.now())
    outbox.drain()

    push.refresh_from_db()
    assert (push.status, push.adopted, PracticeOrder.objects.count()) == (PushStatus.PUSHED, True, 1)


def test_other_rates_than_the_orders_stop_it_before_the_money(connection, shop):
    change(shop, rates=[rate("20")])
    Connection.objects.update(shop_settings_at=None)

    order = confirmed(connection)

    assert [blocker["code"] for blocker in push_of(order).blockers] == ["total_mismatch"]
    assert (order.payment_status, PracticeOrder.objects.count()) == ("authorized", 0)


def test_completed_in_the_store_is_fulfilled_here(connection):
    order = confirmed(connection)
    there = PracticeOrder.objects.get()
    practice.fulfill(order_id=there.pk, quantities=None, parcels=[{"number": "NZ1", "company": "NZ Post"}])

    read_again(order)

    order.refresh_from_db()
    assert order.fulfillment_status == FulfillmentStatus.FULFILLED
    assert order.fulfillments.get().parcels.get().number == "NZ1"


def test_tracking_of_a_plugin_that_only_the_merchant_knows_is_told_to_the_customer(connection, shop):
    order_data.save(connection_id=connection.pk, by="ana", at=timezone.now(), tracking_key="_shipper_code")
    order = confirmed(connection)
    there = PracticeOrder.objects.get()
    code = {"key": "_shipper_code", "value": "NZ1, NZ2"}
    send(shop, "POST", f"orders/{there.pk}", {"status": "completed", "meta_data": [code]})

    read_again(order)

    parcels = order.fulfillments.get().parcels
    assert list(parcels.order_by("number").values_list("number", flat=True)) == ["NZ1", "NZ2"]


def test_what_two_equal_webhooks_tell_is_one_event_and_the_next_check_leaves_one(connection, shop):
    twin = shop.webhooks.get(topic="order.updated")
    shop.webhooks.create(topic=twin.topic, uri=twin.uri, details=twin.details, created_at=twin.created_at)
    confirmed(connection)
    PracticeDelivery.objects.all().delete()

    practice.fulfill(order_id=PracticeOrder.objects.get().pk, quantities=None, parcels=[])
    for delivery in PracticeDelivery.objects.order_by("pk"):
        practice_tasks.deliver(delivery.pk)

    outcomes = list(PracticeDelivery.objects.values_list("outcome", flat=True))
    assert (outcomes, InboundEvent.objects.count()) == (["answered 200"] * 2, 1)
    connections.register_webhooks(connection_id=connection.pk, at=timezone.now())
    assert shop.webhooks.get(topic="order.updated") == twin


def test_an_order_that_is_not_paid_there_after_all_is_told(connection):
    order = confirmed(connection)
    assert push_of(order).remote_outstanding == 0
    there = PracticeOrder.objects.get()
    there.details["date_paid"], there.updated_at = None, timezone.now()
    there.save()

    read_again(order)

    (event,) = order.events.filter(kind="push.owed_in_store")
    assert event.text.startswith("Rimu says that 100.00 NZD of #1001 are still to be paid")


def test_an_order_called_off_here_is_cancelled_there(connection):
    order = confirmed(connection)

    decisions.cancel(order_id=order.pk, reason="Sold out", by="ana", at=timezone.now())
    outbox.drain()

    there = PracticeOrder.objects.get()
    assert there.cancelled_at
    assert there.details["notes"][-1]["note"] == f"Cancelled in Storeward (order {order.number})"
    assert not OutboxMessage.objects.exclude(status=OutboxStatus.DONE).exists()


def read_again(order: Order) -> None:
    """As a webhook or the poll would have it."""
    with transaction.atomic():
        fulfillment.ask(push_of(order), cause="test", at=timezone.now())
    outbox.drain()
