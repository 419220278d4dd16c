"""An order for a supplier by SFTP, from the connect form to the customer's tracking, through the practice server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from connectors.models import Connection, ConnectionState, InboundEvent, TrackingFile
from connectors.practice import dials, services
from connectors.practice.filedrop_sftp import files
from connectors.practice.models import PracticeMail, PracticeOrder
from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import Order, OrderPush, OutboxMessage, Parcel
from orders.services import decisions, inbound, preview, reconcile
from orders.world import World
from tests.connectors.sftp_server import make_mill, server
from tests.factories import make_member, make_merchant, make_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(client, settings) -> Iterator[Connection]:
    settings.EMAIL_BACKEND = "connectors.practice.mailbox.PracticeMailbox"
    with server() as port:
        settings.PRACTICE_SFTP_PORT = port
        make_mill()
        client.force_login(make_member(make_merchant(), Role.OWNER))
        client.post(reverse("connectors:connect", args=["filedrop_sftp"]), {"practice": "mill"})
        client.post(reverse("connectors:confirm_server"))
        connection = Connection.objects.get()
        step = reverse("connectors:setup_step", args=[connection.public_id, "sync"])
        client.post(step, {"sync_orders": "on", "shipping_method": "Courier"})
        yield connection


def confirmed(connection: Connection) -> Order:
    at = timezone.now()
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "STOOL", "quantity": 2}])
    order.confirm_by = at + timedelta(days=1)
    order.payment.expires_at = at + timedelta(days=7)
    order.save()
    order.payment.save()
    decisions.confirm(order_id=order.pk, by="ana", at=at)
    outbox.drain()
    return order


def poll() -> None:
    """As the sweep does, some minutes after the last time."""
    TrackingFile.objects.update(seen_at=F("seen_at") - timedelta(minutes=5))
    Connection.objects.update(polled_at=None)
    reconcile.poll_changes(world=World.real())


def test_the_very_bytes_of_the_preview_reach_the_supplier_once(connection):
    order = confirmed(connection)

    push = OrderPush.objects.get(order=order)
    file = files.get(PracticeOrder.objects.get().shop, f"/orders/PO-{push.reference}.csv")
    assert (push.status, PracticeOrder.objects.get().source_identifier) == (PushStatus.PUSHED, push.reference)
    assert bytes(file.body).decode() == push.sent_calls[0]["body"]


def test_the_preview_says_of_each_column_where_it_is_from(connection):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "STOOL", "quantity": 2}])
    push = order.pushes.get()

    (call,) = preview.of(push, World.real().connector_for(connection)).calls

    told = {field.path: (field.value, field.sources) for field in call.fields}
    assert told["po_number"] == (f'"{push.reference}"', ("order",))
    assert told["sku"] == ('"STOOL"', ("line", "product link"))
    assert all(sources for _, sources in told.values())


def test_the_supplier_s_file_completes_the_order_and_tells_the_customer(connection):
    order = confirmed(connection)
    parcel = {"number": "NZ1", "company": "NZ Post"}
    services.fulfill(order_id=PracticeOrder.objects.get().pk, quantities=None, parcels=[parcel])

    for _ in range(3):
        poll()
    for event in InboundEvent.objects.filter(state="new"):
        inbound.process(event_id=event.pk, at=timezone.now())
    outbox.drain()

    order.refresh_from_db()
    assert (order.status, Parcel.objects.get().number) == (OrderStatus.COMPLETED, "NZ1")
    assert PracticeMail.objects.filter(to=order.customer_email).count() == 1


@pytest.mark.parametrize("dial", ["other_key", "dead_token", "no_folder", "forbidden"])
def test_what_a_person_has_to_mend_waits_and_goes_on_after_the_reconnect(connection, client, dial):
    shop = dials.PracticeShop.objects.get()
    dials.turn(shop.pk, dial, left=1)
    confirmed(connection)
    connection.refresh_from_db()
    waiting = OutboxMessage.objects.get(topic="push_order")
    assert (connection.state, waiting.wait_for) == (ConnectionState.AUTH_LOST, f"token:{connection.pk}")

    typed = {
        "host": "127.0.0.1", "port": connection.credentials["port"], "user": "mill", "password": shop.access_token,
        "orders_folder": "/orders", "tracking_folder": "/tracking", "currency": "NZD",
    }  # fmt: skip
    client.post(reverse("connectors:reconnect", args=[connection.public_id]), typed)
    outbox.drain()

    assert OrderPush.objects.get().status == PushStatus.PUSHED
    assert PracticeOrder.objects.count() == 1


@pytest.mark.parametrize("dial", ["disk_full", "torn_upload", "lost_answer", "down"])
def test_what_passes_by_itself_is_tried_again_and_arrives_once(connection, dial):
    dials.turn(dials.PracticeShop.objects.get().pk, dial, left=1)
    confirmed(connection)
    assert OrderPush.objects.get().status != PushStatus.PUSHED

    later = timezone.now() + timedelta(minutes=10)
    outbox.drain(at=later)

    assert PracticeOrder.objects.count() == 1
    assert OrderPush.objects.get().remote_id
