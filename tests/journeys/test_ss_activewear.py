"""Store orders to S&S Activewear, sentence by sentence: the set-up in its steps, then what each choice does to orders.

The portal's pages, the driver and a practice S&S Activewear over HTTP; a worker's pump in between.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.services import api_keys
from connectors.http import HttpClient
from connectors.models import Connection, StoreAddress
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.registry import connector_class
from connectors.services.clients import account_of
from orders import outbox
from orders.enums import Headline, OrderStatus, PaymentStatus, PushStatus
from orders.models import Order, OrderAddress, OrderPush
from orders.services import decisions, reconcile
from orders.world import World
from tests.connectors.practice.ssactivewear.supplier import make_supplier, ship
from tests.factories import make_order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = ["connection", "sync", "auto", "test", "payment", "address"]
SHOP = {
    "company": "Kauri Prints",
    "address1": "9 Customs St",
    "city": "Bolingbrook",
    "province_code": "IL",
    "postcode": "60440",
    "country_code": "US",
}


@pytest.fixture
def supplier(live_server, settings):
    settings.BASE_URL = live_server.url
    yield make_supplier()
    let_go()


@pytest.fixture
def world(supplier):
    with closing(HttpClient(allow_loopback=True)) as http:
        yield replace(World.real(), connector_for=lambda row: connector_class(row.platform)(account_of(row), http))


@pytest.fixture
def connection(client, owner, supplier: PracticeShop) -> Connection:
    client.force_login(owner)
    client.post(reverse("connectors:connect", args=["ssactivewear"]), {"practice": supplier.slug})
    return Connection.objects.get()


def step(connection: Connection, name: str) -> str:
    return reverse("connectors:setup_step", args=[connection.public_id, name])


def save_and_next(client: Client, connection: Connection, name: str, **posted: str) -> str:
    """The step that comes after it; empty after the last one."""
    answered = client.post(step(connection, name), posted)
    assert answered.status_code == 302, answered.content.decode()
    return next((each for each in STEPS if answered["Location"] == step(connection, each)), "")


def confirmed(connection: Connection, world: World, **fields) -> Order:
    """Six tees for a house in Oregon, paid for."""
    now = timezone.now()
    order = make_order(
        connection.merchant,
        connections=[connection],
        lines=[{"sku": "TEE-WHITE-M", "quantity": 6}],
        payment={"expires_at": now + timedelta(days=7)},
        placed_at=now,
        confirm_by=now + timedelta(days=1),
        **fields,
    )
    places = OrderAddress.objects.filter(order=order)
    places.update(city="Portland", province_code="OR", postcode="97209", country_code="US", address1="5 NW Flanders")
    decisions.confirm(order_id=order.pk, by="ana", at=now)
    outbox.drain(world=world)
    order.refresh_from_db()
    return order


def there(order: Order) -> list[PracticeOrder]:
    """What the supplier has of it."""
    return list(PracticeOrder.objects.filter(source_identifier=order.pushes.get().reference).order_by("pk"))


# --- the wizard ------------------------------------------------------------------------------------


def test_the_set_up_is_a_wizard_whose_steps_save_and_lead_to_the_next(client, connection):
    first = client.get(reverse("connectors:setup", args=[connection.public_id]))["Location"]
    assert first == step(connection, "connection")
    assert all("Save &amp; next" in client.get(step(connection, name)).content.decode() for name in STEPS[1:3])

    went = [
        save_and_next(client, connection, "connection"),
        save_and_next(client, connection, "sync", sync_orders="on", shipping_method="14"),
        save_and_next(client, connection, "auto", auto_fulfillment="on"),
        save_and_next(client, connection, "test", next="1"),
        save_and_next(client, connection, "payment", pays_by="terms"),
        save_and_next(client, connection, "address"),
    ]

    assert went == [*STEPS[1:], ""]


def test_order_sync_is_enabled_in_it_and_off_keeps_orders_here(client, connection, world):
    save_and_next(client, connection, "sync", shipping_method="")
    kept = confirmed(connection, world)
    save_and_next(client, connection, "sync", sync_orders="on", shipping_method="14")
    sent = confirmed(connection, world)

    assert (kept.pushes.get().status, there(kept)) == (PushStatus.SKIPPED, [])
    assert (sent.pushes.get().status, there(sent)[0].details["method"]) == (PushStatus.PUSHED, "FedEx Ground")


# --- auto fulfillment --------------------------------------------------------------------------------


def test_with_auto_fulfillment_it_is_placed_as_soon_as_the_payment_is_complete(client, connection, world):
    save_and_next(client, connection, "auto", auto_fulfillment="on")

    order = confirmed(connection, world)

    assert (order.payment_status, order.pushes.get().status) == (PaymentStatus.CAPTURED, PushStatus.PUSHED)
    assert sum(line.quantity for row in there(order) for line in row.lines.all()) == 6


def test_without_it_the_order_goes_when_it_is_marked_fulfilled_by_hand(client, connection, world):
    save_and_next(client, connection, "auto")
    order = confirmed(connection, world)
    paid_and_waiting = (order.payment_status, order.pushes.get().status, there(order))
    shown = client.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    client.post(reverse("orders:mark", args=[order.public_id]))
    outbox.drain(world=world)

    assert paid_and_waiting == (PaymentStatus.CAPTURED, PushStatus.WAITING, [])
    assert "Mark for fulfillment" in shown
    assert (order.pushes.get().status, len(there(order)) > 0) == (PushStatus.PUSHED, True)


# --- the test order ----------------------------------------------------------------------------------


def test_a_test_order_is_taken_and_cancelled_and_no_real_order_is_ever_one(client, connection, world):
    said = client.post(step(connection, "test"), {**SHOP, "sku": "B00760003", "send": "1"}).content.decode()
    tested = PracticeOrder.objects.get()

    order = confirmed(connection, world)

    assert (tested.name in said, tested.cancelled_at is not None) == (True, True)
    assert tested.source_identifier.endswith("-TEST")
    assert [row.cancelled_at for row in there(order)] == [None] * len(there(order))


# --- the payment profile -----------------------------------------------------------------------------


def test_profiles_are_fetched_by_email_and_the_chosen_one_pays(client, connection, world):
    fetched = client.post(step(connection, "payment"), {"payment_email": "ana@example.com", "fetch": "1"})
    page = fetched.content.decode()
    save_and_next(
        client,
        connection,
        "payment",
        pays_by="profile",
        payment_email="ana@example.com",
        payment_profile_id="123456789",
    )

    order = confirmed(connection, world)

    assert ("Fetch profiles" in page, "Practice Bank 1234" in page) == (True, True)
    sent = order.pushes.get().sent_calls[0]["body"]
    assert sent["paymentProfile"] == {"email": "ana@example.com", "profileID": 123456789}
    assert "Credit Card" in there(order)[0].details["terms"]


def test_until_one_is_chosen_no_money_is_taken_and_then_the_order_goes_on(client, connection, world):
    by_card = {"pays_by": "profile", "payment_email": "ana@example.com"}
    save_and_next(client, connection, "payment", **by_card)
    order = confirmed(connection, world)
    (blocker,) = order.pushes.get().blocker_list
    blocked = (blocker.code, order.payment_status, there(order))

    save_and_next(client, connection, "payment", **by_card, payment_profile_id="123456789")
    outbox.drain(world=world)

    order.refresh_from_db()
    assert blocked == ("payment_profile_missing", PaymentStatus.AUTHORIZED, [])
    assert (order.payment_status, order.pushes.get().status) == (PaymentStatus.CAPTURED, PushStatus.PUSHED)
    assert "Credit Card" in there(order)[0].details["terms"]


# --- dropshipping ------------------------------------------------------------------------------------


def test_goods_go_to_the_customer_without_the_suppliers_name(connection, world):
    order = confirmed(connection, world)

    details = there(order)[0].details
    assert (details["address"]["city"], details["blind"]) == ("Portland", True)


def test_with_dropshipping_disabled_they_go_to_the_chosen_store_address(client, connection, world):
    typed = {f"new-{name}": value for name, value in SHOP.items()}
    save_and_next(client, connection, "address", disable_dropshipping="on", store_address="new", **typed)

    order = confirmed(connection, world)

    details = there(order)[0].details
    assert (details["address"]["city"], details["address"]["customer"]) == ("Bolingbrook", "Kauri Prints")
    assert details["blind"] is False
    assert StoreAddress.objects.get().merchant == connection.merchant


# --- coming back -------------------------------------------------------------------------------------


def test_tracking_comes_back_and_the_customer_is_told_of_each_parcel(connection, world):
    order = confirmed(connection, world)
    for number, row in enumerate(there(order)):
        ship(row.name, number=f"1Z{number}", company="UPS")

    reconcile.poll_changes(world=world)
    outbox.drain(world=world)

    order.refresh_from_db()
    told = [letter.body for letter in mail.outbox if letter.to == [order.customer_email]]
    assert (order.status, order.headline) == (OrderStatus.COMPLETED, Headline.COMPLETED)
    assert sorted(number for number in ("1Z0", "1Z1") for body in told if number in body) == ["1Z0", "1Z1"]
    assert OrderPush.objects.get(order=order).parts.filter(status="shipped").count() == 2


# --- the same over the API ---------------------------------------------------------------------------


def test_every_choice_can_be_made_over_the_api(connection, world, supplier):
    _, key = api_keys.issue(
        merchant=connection.merchant, name="script", can_write=True, expires_at=None, by="ana", at=timezone.now()
    )

    def api(method: str, path: str, body=None):
        text = "" if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {key}"}
        return Client().generic(method, f"/api/v1/{path}", text, content_type="application/json", headers=headers)

    base = f"connections/{connection.public_id}"
    profiles = api("GET", f"{base}/payment-profiles/?email=ana@example.com").json()
    tested = api("POST", f"{base}/test-orders/", {"sku": "B00760003", "address": SHOP})
    saved = api(
        "PATCH",
        f"{base}/supplier/",
        {
            "sync_orders": True,
            "auto_fulfillment": False,
            "shipping_method": "14",
            "pays_by_profile": True,
            "payment_email": "ana@example.com",
            "payment_profile_id": profiles[0]["id"],
            "disable_dropshipping": True,
            "store_address": SHOP,
        },
    )
    order = confirmed(connection, world)
    waited = order.pushes.get().status
    marked = api("POST", f"orders/{order.public_id}/mark/")
    outbox.drain(world=world)

    assert [answer.status_code for answer in (tested, saved, marked)] == [201, 200, 200]
    assert (tested.json()["state"], waited, order.pushes.get().status) == ("passed", "waiting", "pushed")
    assert there(order)[0].details["address"]["city"] == "Bolingbrook"
