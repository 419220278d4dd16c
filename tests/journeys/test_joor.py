"""What a wholesale marketplace promises of its exports to Shopify, over the portal and a practice store.

Each test is a sentence of that promise.
"""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains

from accounts.models import Marketplace, Merchant, Role
from accounts.services import api_keys
from connectors.models import Connection, SyncSettings
from connectors.practice import dials
from connectors.practice import services as practice
from connectors.practice.models import PracticeCustomer, PracticeOrder, PracticeShop, PracticeVariant
from connectors.registry import connector_class
from orders import outbox
from orders.enums import PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, Reexport
from orders.services import order_data
from tests.connectors.practice.shop import make_shop
from tests.factories import make_marketplace, make_member, make_merchant
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = {
    "first_name": "Harriet", "last_name": "Ngata", "company": "Rimu Store", "address1": "12 Ponsonby Road",
    "city": "Auckland", "province_code": "AUK", "postcode": "1011", "country_code": "NZ",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _portal(live_server, settings):
    settings.BASE_URL = live_server.url
    yield
    let_go()


@pytest.fixture
def merchant() -> Merchant:
    return make_merchant(slug="kauri", currency="NZD", alert_addresses=["orders@kauri.example"])


@pytest.fixture
def page(merchant) -> Client:
    client = Client()
    client.force_login(make_member(merchant, Role.OWNER, email="ana@kauri.example"))
    return client


@pytest.fixture
def shop(_portal) -> PracticeShop:
    return make_shop()


@pytest.fixture
def connection(page, shop) -> Connection:
    response = page.post("/connections/new/shopify/", {"practice": shop.slug})
    assert response.status_code == 302, response.content
    return Connection.objects.get()


@pytest.fixture
def joor(merchant) -> Joor:
    return Joor(make_marketplace(name="JOOR", slug="joor", merchants=[merchant]), merchant)


class Joor:
    """The wholesale marketplace, over the API."""

    def __init__(self, marketplace: Marketplace, merchant: Merchant) -> None:
        self.merchant = merchant
        issued = {"name": "tests", "can_write": True, "expires_at": None, "by": "tests", "at": timezone.now()}
        self.key = api_keys.issue(marketplace=marketplace, **issued)[1]
        self.merchant_key = api_keys.issue(merchant=merchant, **issued)[1]

    def ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> HttpResponse:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return Client().generic(
            method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
        )

    def send(self, method: str, path: str, body: Any = None, *, key: str = "") -> dict[str, Any]:
        response = self.ask(method, path, body, key=key)
        assert response.status_code < 300, response.content
        return response.json()

    def set_up(self, connection: Connection, **chosen: Any) -> dict[str, Any]:
        """The merchant's order data settings of a connection."""
        return self.send("PATCH", f"connections/{connection.public_id}/settings/", chosen, key=self.merchant_key)

    def approve(self, number: str = "PO-1", *, sku: str = "STOOL", quantity: int = 2, **parts: Any) -> Order:
        """An order, approved by the buyer, and confirmed by the merchant."""
        order = self.place(number, sku=sku, quantity=quantity, **parts)
        self.send("POST", f"orders/{order.public_id}/confirm/", key=self.merchant_key)
        outbox.drain()
        return Order.objects.get(pk=order.pk)

    def place(self, number: str, *, sku: str = "STOOL", quantity: int = 2, **parts: Any) -> Order:
        total = f"{50 * quantity}.00"
        tax = f"{50 * quantity * 3 / 23:.2f}"
        line = {
            "id": "1", "sku": sku, "title": "Oak stool", "quantity": quantity, "unit_price": "50.00",
            "taxes": [{"title": "GST", "rate": "0.15", "amount": tax}],
        }  # fmt: skip
        body = {
            "merchant": self.merchant.slug, "external_id": number, "number": number,
            "placed_at": timezone.now().isoformat(), "currency": "NZD", "prices_include_tax": True, "lines": [line],
            "subtotal": total, "tax": tax, "total": total, "shipping": {"amount": "0.00", "title": "Freight"},
            "customer": {"name": "Rimu Store", "email": "buyer@rimu.example"},
            "shipping_address": ADDRESS, "billing_address": ADDRESS,
            "payment": {
                "gateway": "sandbox", "reference": f"sandbox_ok_{number}", "amount": total,
                "authorized_at": timezone.now().isoformat(),
            },
            "attributes": {"payment_terms": "Net 30", "line_sheet": "Spring"},
        }  # fmt: skip
        placed = self.send("POST", "orders/", {**body, **parts})
        outbox.drain()
        return Order.objects.get(public_id=placed["id"])

    def is_kept_out(self, order: Order) -> bool:
        """The merchant confirms it all the same: that is refused, no money is taken, and nothing is in the store."""
        answer = self.ask("POST", f"orders/{order.public_id}/confirm/", key=self.merchant_key)
        outbox.drain()
        order.refresh_from_db()
        money = (order.payment_status, order.payment.captured)
        return answer.status_code == 409 and money == ("authorized", 0) and not PracticeOrder.objects.exists()

    def edit(self, order: Order, **parts: Any) -> dict[str, Any]:
        return self.send("PATCH", f"orders/{order.public_id}/", {"revision": order.revision, **parts})


def standing() -> list[PracticeOrder]:
    return list(PracticeOrder.objects.filter(cancelled_at=None))


def due_now() -> None:
    OutboxMessage.objects.filter(status="waiting", wait_for="").update(next_attempt_at=timezone.now())
    outbox.drain()


def test_approved_orders_are_exported_and_others_are_not(connection, joor):
    joor.place("PO-1")
    assert PracticeOrder.objects.count() == 0

    joor.approve("PO-2")

    assert [order.details.get("poNumber") for order in standing()] == ["PO-2"]


def test_approved_orders_are_exported_at_the_sync_interval(connection, joor):
    joor.set_up(connection, push_every_minutes=30)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)

    with time_machine.travel(hour + timedelta(minutes=10)):
        order = joor.approve()
        before = (order.pushes.get().waits_for_slot, PracticeOrder.objects.count())
        promise = OutboxMessage.objects.get(topic=Topic.PUSH_ORDER)
        due_now()

    assert before == (True, 0)
    assert promise.next_attempt_at == hour + timedelta(minutes=30)
    assert len(standing()) == 1


def test_the_interval_can_be_lengthened(connection, joor):
    shortest = connector_class("shopify").capabilities.shortest_interval_min

    lengths = [joor.set_up(connection, push_every_minutes=n)["push_every_minutes"] for n in (shortest, 60, 24 * 60)]

    assert lengths == [shortest, 60, 24 * 60]


def test_but_never_shortened_below_what_the_platform_is_asked_at_the_most(connection, joor):
    shortest = connector_class("shopify").capabilities.shortest_interval_min
    joor.set_up(connection, push_every_minutes=shortest)

    path = f"connections/{connection.public_id}/settings/"
    refused = joor.ask("PATCH", path, {"push_every_minutes": shortest - 1}, key=joor.merchant_key)

    assert refused.status_code == 422
    assert [(row["field"], row["code"]) for row in refused.json()["errors"]] == [("push_every_minutes", "out_of_range")]
    assert SyncSettings.objects.get().push_every_minutes == shortest


def test_an_exported_order_is_unfulfilled_and_unpaid_there(connection, joor):
    joor.approve()

    there = PracticeOrder.objects.get()
    assert practice.fulfillment_status(there) == "UNFULFILLED"
    assert (there.financial_status, there.outstanding) == ("PENDING", there.total)


def test_or_fulfilled_at_the_location_that_the_merchant_chose(connection, joor):
    order_data.read_locations(connection_id=connection.pk, at=timezone.now())
    place = connection.locations.get()
    joor.set_up(connection, fulfillment_status="fulfilled", location=place.remote_id)

    order = joor.approve()

    there = PracticeOrder.objects.get()
    assert practice.fulfillment_status(there) == "FULFILLED"
    assert there.details["fulfillment"]["locationId"] == place.remote_id
    assert f"All items are sent from {place.name}." in there.events.values_list("text", flat=True)
    assert order.pushes.get().status == PushStatus.PUSHED


def test_comments_are_filled_in_from_a_template(connection, joor):
    template = "Terms: {payment_terms}\nBy: {shipping_method}\nSheet: {line_sheet}\nRep: {sales_rep}\nPO: {po_number}"
    told = {"payment_terms": "Net 30", "line_sheet": "Spring", "sales_rep": "Aroha"}
    joor.place("PO-1", attributes=told)  # from now on sales_rep is a field
    joor.set_up(connection, note_template=template)

    joor.approve("PO-2", attributes=told)

    assert PracticeOrder.objects.get().note == "Terms: Net 30\nBy: Freight\nSheet: Spring\nRep: Aroha"


@pytest.mark.parametrize(("country", "name", "tax"), [("NZ", "GST 15 %", "13.04"), ("AU", "GST 10 %", "9.09")])
def test_tax_is_preset_per_country_of_the_billing_address(connection, joor, country, name, tax):
    taxes = [
        {"country_code": "NZ", "name": "GST 15 %", "rate": "0.15"},
        {"country_code": "AU", "name": "GST 10 %", "rate": "0.10"},
    ]
    joor.set_up(connection, taxes=taxes)
    billed_to = {**ADDRESS, "city": "Sydney", "province_code": "NSW", "postcode": "2000", "country_code": "AU"}
    untold = [{"id": "1", "sku": "STOOL", "title": "Oak stool", "quantity": 2, "unit_price": "50.00"}]

    joor.approve(lines=untold, tax="0.00", billing_address=billed_to if country == "AU" else ADDRESS)

    there = PracticeOrder.objects.get()
    assert (there.total, there.tax) == (100, Decimal(tax))
    assert [row["title"] for row in there.lines.get().taxes] == [name]


def test_all_units_must_be_in_stock(connection, joor):
    order = joor.place("PO-1", quantity=6)

    (push,) = order.pushes.all()
    assert [blocker["code"] for blocker in push.blockers] == ["out_of_stock"]
    assert joor.is_kept_out(order)
    assert joor.send("GET", "orders/?export_status=failed")["results"][0]["number"] == "PO-1"


def test_unless_the_stock_check_is_bypassed(connection, joor):
    joor.set_up(connection, bypass_stock_check=True)

    joor.approve(quantity=6)

    assert len(standing()) == 1


def test_only_linked_products_are_accepted_others_are_blockers(connection, joor):
    order = joor.place("PO-1", sku="UNKNOWN")

    assert [blocker["code"] for blocker in order.pushes.get().blockers] == ["unmapped_sku"]
    assert joor.is_kept_out(order)


def test_a_customer_who_does_not_exist_there_is_created(connection, shop, joor):
    joor.set_up(connection, email_policy="customer")
    assert not PracticeCustomer.objects.exists()

    joor.approve("PO-1")
    joor.approve("PO-2")

    customer = PracticeCustomer.objects.get()
    assert (customer.email, customer.name) == ("buyer@rimu.example", "Harriet Ngata")
    assert [order.customer for order in standing()] == [customer, customer]
    page = Client().get(reverse("practice:order", args=[shop.slug, standing()[0].pk]))
    for words in ("Harriet Ngata", "2 orders", "buyer@rimu.example"):
        assertContains(page, words)


def test_a_customer_whom_the_store_knows_is_not_made_anew(connection, shop, joor):
    joor.set_up(connection, email_policy="customer")
    known = PracticeCustomer.objects.create(shop=shop, email="buyer@rimu.example", created_at=timezone.now())

    joor.approve()

    assert PracticeOrder.objects.get().customer == known


def test_with_no_customers_created_the_address_stands_on_the_order_alone(connection, joor):
    joor.set_up(connection, email_policy="customer", create_customer=False)

    joor.approve()

    assert PracticeOrder.objects.get().details["email"] == "buyer@rimu.example"
    assert not PracticeCustomer.objects.exists()


def test_failed_syncs_alert_the_addresses_that_the_merchant_set_once_per_cause(connection, joor):
    for number in ("PO-1", "PO-2", "PO-3"):
        joor.place(number, sku="UNKNOWN")

    due_now()

    (told,) = [message for message in mail.outbox if "not in" in message.subject]
    assert told.to == ["orders@kauri.example"]
    assert told.subject.startswith("3 orders")
    assert "300.00" in told.subject


def test_addresses_of_the_connection_go_before_those_of_the_merchant(connection, joor):
    joor.set_up(connection, alert_addresses=["sales@kauri.example", "desk@kauri.example"])
    joor.place("PO-1", sku="UNKNOWN")

    due_now()

    told = [message for message in mail.outbox if "not in" in message.subject]
    assert sorted(address for message in told for address in message.to) == [
        "desk@kauri.example",
        "sales@kauri.example",
    ]


def test_an_order_is_exported_once_however_often_it_is_pushed(connection, shop, joor):
    dials.turn(shop.pk, "lost_answer", left=1)

    joor.approve()
    due_now()

    assert len(standing()) == 1
    assert OrderPush.objects.get().adopted


def test_later_edits_do_not_re_export(connection, joor):
    order = joor.approve()
    before = PracticeOrder.objects.get()

    answer = joor.edit(order, note="Ship in March", attributes={"payment_terms": "Net 60"})
    outbox.drain()

    after = PracticeOrder.objects.get()
    assert (after.note, after.attributes) == (before.note, before.attributes)
    assert answer["export_status"] == "modified"
    found = joor.send("GET", "orders/?export_status=modified")["results"]
    assert [row["number"] for row in found] == ["PO-1"]


def test_an_edit_can_be_sent_to_the_standing_order(connection, joor, page):
    order = joor.approve()
    joor.edit(order, note="Ship in March", attributes={"payment_terms": "Net 60"})

    reexport(page, order, "update")

    there = PracticeOrder.objects.get()
    assert "Customer note: Ship in March" in there.note
    assert {"key": "payment_terms", "value": "Net 60"} in there.attributes
    assert joor.send("GET", f"orders/{order.public_id}/")["export_status"] == "success"


def test_set_to_re_export_pushes_one_more_time_with_the_edit_and_a_new_reference(connection, joor, page):
    order = joor.approve()
    joor.edit(order, note="Ship in March")
    (first,) = standing()

    reexport(page, order, "recreate")

    (second,) = standing()
    assert second.pk != first.pk
    assert second.source_identifier != first.source_identifier
    assert "Ship in March" in second.note
    assert second.total == first.total


def test_only_after_the_earlier_copy_is_cancelled_there(connection, joor, page):
    order = joor.approve()

    reexport(page, order, "clone")  # closed: the copy stands

    (row,) = Reexport.objects.all()
    assert {way["way"]: way["possible"] for way in row.ways}["clone"] is False
    assert len(standing()) == PracticeOrder.objects.count() == 1


def test_which_is_looked_at_there_and_not_taken_for_granted(connection, joor, page):
    order = joor.approve()
    asked = connection.calls.order_by("pk").last().pk

    reexport(page, order, "recreate")

    calls = list(connection.calls.filter(pk__gt=asked).order_by("pk").values_list("operation", flat=True))
    made = calls.index("order_create")
    called_off = calls.index("order_cancel")
    assert called_off < calls.index("order_read", called_off) < made


def test_a_copy_that_was_cancelled_there_by_hand_is_seen(connection, joor, page):
    order = joor.approve()
    practice.cancel_order(order_id=PracticeOrder.objects.get().pk)

    reexport(page, order, "clone")

    assert (len(standing()), PracticeOrder.objects.count()) == (1, 2)


def test_an_order_that_was_sent_is_never_exported_again(connection, joor, page):
    order = joor.approve()
    practice.fulfill(order_id=PracticeOrder.objects.get().pk, quantities=None, parcels=[])

    reexport(page, order, "recreate")

    assert PracticeOrder.objects.count() == 1
    assert all(not way["possible"] for row in Reexport.objects.all() for way in row.ways)


def test_stock_is_as_if_the_order_had_been_exported_once(connection, joor, page):
    order = joor.approve(quantity=5)  # all there are

    reexport(page, order, "recreate")

    assert len(standing()) == 1
    assert PracticeVariant.objects.get(sku="STOOL").stock == 0


def reexport(page: Client, order: Order, way: str) -> None:
    """As a person does it on the page, and a worker behind it."""
    push = order.pushes.order_by("-generation").first()
    page.post(f"/pushes/{push.public_id}/re-export/")
    due_now()
    row = Reexport.objects.filter(push=push).last()
    if row is not None:
        page.post(f"/re-exports/{row.public_id}/choose/", {"way": way})
        due_now()
        due_now()
