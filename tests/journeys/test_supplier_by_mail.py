"""An order for a supplier by e-mail, from the connect form to the customer's tracking, through the practice supplier."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from connectors.models import Connection, InboundEvent, PurchaseOrder, PurchaseState
from connectors.practice import services
from connectors.practice.mailbox import PracticeMailbox
from connectors.practice.models import PracticeMail, PracticeOrder
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, Parcel
from orders.services import clock, decisions, inbound, pushes
from tests.factories import make_connection, make_member, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def mill(settings):
    settings.EMAIL_BACKEND = "connectors.practice.mailbox.PracticeMailbox"
    stool = {"sku": "STOOL", "title": "Oak stool", "price": "40"}
    return services.open_shop(
        slug="mill", name="Mill", currency="NZD", taxes_included=False, variants=[stool], platform="filedrop"
    )


@pytest.fixture
def connection(client, owner, mill) -> Connection:
    client.force_login(owner)
    client.post(reverse("connectors:connect", args=["filedrop"]), {"practice": "mill"})
    connection = Connection.objects.get()
    step = reverse("connectors:setup_step", args=[connection.public_id, "sync"])
    client.post(step, {"sync_orders": "on", "shipping_method": "Courier"})
    return connection


@pytest.fixture
def order(connection) -> Order:
    now = timezone.now()
    order = make_order(
        connection.merchant,
        connections=[connection],
        lines=[{"sku": "STOOL", "quantity": 2}],
        payment={"expires_at": now + timedelta(days=7)},
        placed_at=now,
        confirm_by=now + timedelta(days=1),
    )
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain()
    return order


def upload(client, connection: Connection, body: bytes):
    door = reverse("connectors:tracking", args=[connection.public_id])
    return client.post(door, {"file": SimpleUploadedFile("tracking.csv", body)})


def take_in() -> None:
    for event in InboundEvent.objects.filter(state="new"):
        inbound.process(event_id=event.pk, at=timezone.now())
    outbox.drain()


def test_the_purchase_order_reaches_the_supplier_once(order):
    push = OrderPush.objects.get(order=order)
    there = PracticeOrder.objects.get()

    assert (push.status, push.remote_id) == (PushStatus.PUSHED, push.reference)
    assert (there.source_identifier, there.lines.get().quantity) == (push.reference, 2)
    assert there.details["shippingLines"] == [{"title": "Courier"}]


def test_without_a_shipping_method_it_is_blocked_before_money(client, owner, mill):
    client.force_login(owner)
    client.post(reverse("connectors:connect", args=["filedrop"]), {"practice": "mill"})
    order = make_order(
        owner.memberships.get().merchant, connections=[Connection.objects.get()], lines=[{"sku": "STOOL"}]
    )

    decisions.check_again(order_id=order.pk, by="ana", at=timezone.now())
    outbox.drain()

    assert [blocker["code"] for blocker in order.pushes.get().blockers] == ["shipping_method_unmapped"]
    assert not PracticeMail.objects.exists()


def test_its_tracking_file_completes_the_order_and_tells_the_customer(order, connection, client):
    services.fulfill(
        order_id=PracticeOrder.objects.get().pk, quantities=None, parcels=[{"number": "NZ1", "company": "NZ Post"}]
    )
    body = client.get("/practice/filedrop/mill/tracking.csv").content

    upload(client, connection, body)
    upload(client, connection, body)
    take_in()

    order.refresh_from_db()
    assert (order.status, Parcel.objects.get().number) == (OrderStatus.COMPLETED, "NZ1")
    assert PracticeMail.objects.filter(to=order.customer_email).count() == 1


def test_a_file_that_cannot_be_read_is_told_on_the_page(order, connection, client):
    upload(client, connection, b"po_number,sku,quantity\nSW-0,STOOL,1\n")

    shown = client.get(reverse("connectors:detail", args=[connection.public_id])).content.decode()
    assert "has no PO SW-0" in shown


@pytest.mark.parametrize(("arrived", "mails"), [("yes", 0), ("no", 1)])
def test_a_mail_that_nobody_knows_of_waits_for_a_person(connection, client, arrived, mails):
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "STOOL"}])
    push = order.pushes.get()
    unsure = PurchaseOrder.objects.create(
        connection=connection, reference=push.reference, units=[["STOOL", 1]], state=PurchaseState.SENDING,
        created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip
    at = timezone.now()
    order.confirm_by = at + timedelta(days=1)
    order.payment.expires_at = at + timedelta(days=7)
    order.save()
    order.payment.save()
    decisions.confirm(order_id=order.pk, by="ana", at=at)
    outbox.drain()
    push.refresh_from_db()
    assert (push.status, push.blockers[0]["code"]) == (PushStatus.HELD, "outcome_unknown")

    client.post(reverse("connectors:purchase_settle", args=[connection.public_id, unsure.pk]), {"arrived": arrived})
    pushes.retry(push_id=push.pk, by="ana", at=timezone.now())
    outbox.drain()

    push.refresh_from_db()
    assert push.status == PushStatus.PUSHED
    assert PracticeMail.objects.filter(subject__startswith="Purchase order").count() == mails


def test_a_viewer_a_stranger_and_a_store_take_no_file(connection, client):
    client.force_login(make_member(connection.merchant, Role.VIEWER))
    viewed = upload(client, connection, b"x").status_code
    stranger = make_member(make_connection().merchant)
    client.force_login(stranger)
    stood = upload(client, connection, b"x").status_code
    store = make_connection(stranger.memberships.get().merchant)

    assert (viewed, stood, upload(client, store, b"x").status_code) == (403, 404, 404)


def reconnect_as_new(client, connection: Connection) -> Connection:
    """Disconnected, and the same supplier connected anew."""
    client.post(reverse("connectors:disconnect", args=[connection.public_id]))
    clock.tick(at=timezone.now())
    client.post(reverse("connectors:connect", args=["filedrop"]), {"practice": "mill"})
    again = Connection.objects.latest("pk")
    step = reverse("connectors:setup_step", args=[again.public_id, "sync"])
    client.post(step, {"sync_orders": "on", "shipping_method": "Courier"})
    clock.tick(at=timezone.now())
    return again


def wait_for_the_push() -> None:
    """Until all that was promised about it has been tried, as if an hour passed each time."""
    hour = timedelta(hours=1)
    for _ in range(3):
        outbox.drain()
        waiting = OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).exclude(next_attempt_at=None)
        waiting.update(next_attempt_at=F("next_attempt_at") - hour, maybe_sent_at=F("maybe_sent_at") - hour)
    outbox.drain()


def test_a_mail_that_nobody_knows_of_is_not_mailed_again_by_the_connection_that_follows(
    connection, client, monkeypatch
):
    mailed = []

    def breaks_off(backend, mails):
        mailed.extend(mails)
        raise smtplib.SMTPServerDisconnected

    now = timezone.now()
    order = make_order(
        connection.merchant, connections=[connection], lines=[{"sku": "STOOL"}], placed_at=now,
        payment={"expires_at": now + timedelta(days=7)}, confirm_by=now + timedelta(days=1),
    )  # fmt: skip
    monkeypatch.setattr(PracticeMailbox, "send_messages", breaks_off)
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain()
    assert order.pushes.get().status == PushStatus.UNKNOWN

    again = reconnect_as_new(client, connection)
    wait_for_the_push()
    pushes.retry(push_id=order.pushes.get().pk, by="ana", at=timezone.now())
    wait_for_the_push()

    push = order.pushes.get()
    assert (push.connection, push.status, push.blockers[0]["code"]) == (again, PushStatus.HELD, "outcome_unknown")
    assert sum(mail.subject.startswith("Purchase order") for mail in mailed) == 1
    assert again.purchase_orders.get().state == PurchaseState.SENDING


def test_tracking_of_what_was_sent_before_is_taken_in_by_the_connection_that_follows(order, connection, client):
    services.fulfill(
        order_id=PracticeOrder.objects.get().pk, quantities=None, parcels=[{"number": "NZ1", "company": "NZ Post"}]
    )
    body = client.get("/practice/filedrop/mill/tracking.csv").content

    again = reconnect_as_new(client, connection)
    upload(client, again, body)
    take_in()

    order.refresh_from_db()
    assert (order.status, Parcel.objects.get().number) == (OrderStatus.COMPLETED, "NZ1")
    assert order.events.filter(kind="push.handed_over").count() == 1


def test_a_supplier_s_new_mail_address_is_taken_once_it_is_confirmed(client, owner):
    client.force_login(owner)
    merchant = owner.memberships.get().merchant
    given = {"email": "orders@mill.example", "currency": "USD"}
    row = make_connection(
        merchant, platform="filedrop", base_url="mailto:orders@mill.example", remote_id="orders@mill.example",
        credentials=given, currency="USD",
    )  # fmt: skip
    typed = {"email": "Sales@mill.example", "currency": "NZD"}

    asked = client.post(reverse("connectors:reconnect", args=[row.public_id]), typed)
    page = client.get(asked.url).content.decode()
    client.post(asked.url)

    row.refresh_from_db()
    assert ("orders@mill.example" in page, "sales@mill.example" in page) == (True, True)
    assert (row.remote_id, row.base_url, row.currency) == ("sales@mill.example", "mailto:sales@mill.example", "NZD")
    assert dict(row.credentials) == {"email": "Sales@mill.example", "currency": "NZD"}
