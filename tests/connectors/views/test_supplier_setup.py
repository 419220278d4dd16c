"""The set-up of a supplier, step by step, against the practice S&S Activewear over HTTP."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, Role
from connectors.base import OutboundOrder
from connectors.errors import HostRefusedError
from connectors.models import Connection, StoreAddress, SupplierTestOrder, SupplierTestState
from connectors.practice import dials
from connectors.practice.models import PracticeOrder
from connectors.services import connections, suppliers
from connectors.ssactivewear.connector import SsActivewearConnector
from tests.connectors.practice.ssactivewear.supplier import make_supplier
from tests.factories import NOON, make_connection, make_member
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = {
    "company": "Kauri Prints",
    "address1": "9 Customs St",
    "city": "Bolingbrook",
    "province_code": "IL",
    "postcode": "60440",
    "country_code": "us",
}


@pytest.fixture
def supplier(live_server, settings, monkeypatch):
    settings.BASE_URL = live_server.url
    for service in (connections, suppliers):  # a busy machine answers late
        monkeypatch.setattr(service, "ASK_DEADLINE_S", 60.0)
    yield make_supplier()
    let_go()


@pytest.fixture
def connection(page, supplier) -> Connection:
    page.post(reverse("connectors:connect", args=["ssactivewear"]), {"practice": supplier.slug})
    return Connection.objects.get()


def step(connection: Connection, name: str) -> str:
    return reverse("connectors:setup_step", args=[connection.public_id, name])


def chosen(connection: Connection):
    return suppliers.settings_of(connection)


def test_each_step_saves_and_leads_to_the_next_one(page, connection):
    answered = page.post(step(connection, "auto"), {})

    assert answered["Location"] == step(connection, "test")
    assert (chosen(connection).auto_fulfillment, chosen(connection).steps_done) == (False, ["auto"])
    event = AuditEvent.objects.get(kind="supplier.settings")
    assert (event.by, event.data) == ("ana@kauri.example", {"auto_fulfillment": False})


def test_it_is_gone_on_with_where_it_was_left(page, connection):
    page.post(step(connection, "connection"))

    resumed = page.get(reverse("connectors:setup", args=[connection.public_id]))

    assert resumed["Location"] == step(connection, "sync")


def test_every_step_opens_with_all_the_others_in_reach(page, connection):
    for name in ("connection", "sync", "auto", "test", "payment", "address"):
        shown = page.get(step(connection, name)).content.decode()
        assert shown.count('class="tab"') == 6


def test_the_shipping_method_is_chosen_from_the_supplier_s(page, connection):
    page.post(step(connection, "sync"), {"sync_orders": "on", "shipping_method": "14"})
    refused = page.post(step(connection, "sync"), {"sync_orders": "on", "shipping_method": "99"})

    assert (chosen(connection).shipping_method, refused.status_code) == ("14", 422)


def test_warehouses_are_fetched_and_chosen_and_stock_counts_in_them_alone(page, connection):
    posted = {"sync_orders": "on", "postcode": "60440"}
    fetched = page.post(step(connection, "sync"), {**posted, "fetch": "1"})

    page.post(step(connection, "sync"), {**posted, "warehouses": ["KS"], "prefers_fastest": "on"})

    assert "KS · 2 days" in fetched.content.decode()
    assert (chosen(connection).warehouses, chosen(connection).prefers_fastest) == (["KS"], True)
    options = suppliers.options_of(connection)
    assert (options.warehouses, options.fastest) == (("KS",), True)
    assert (
        "<dt>Sent from</dt><dd>KS, as early as possible</dd>"
        in page.get(f"/connections/{connection.public_id}/").content.decode()
    )


def test_a_warehouse_that_the_supplier_does_not_have_is_not_taken(page, connection):
    answered = page.post(step(connection, "sync"), {"sync_orders": "on", "postcode": "60440", "warehouses": ["MOON"]})

    assert (answered.status_code, chosen(connection).warehouses) == (422, [])


def test_saved_again_without_fetching_the_warehouses_stay(page, connection):
    suppliers.save(connection_id=connection.pk, by="ana", at=NOON, warehouses=["KS"])

    page.post(step(connection, "sync"), {"sync_orders": "on", "warehouses": ["KS"]})

    assert chosen(connection).warehouses == ["KS"]


def test_a_supplier_that_does_not_answer_is_said_beside_the_postcode(page, connection, supplier):
    dials.turn(supplier.pk, "down", left=1)

    answered = page.post(step(connection, "sync"), {"sync_orders": "on", "postcode": "60440", "fetch": "1"})

    assert "postcode" in answered.context["form"].errors


def test_profiles_are_fetched_and_one_is_chosen(page, connection):
    fetched = page.post(step(connection, "payment"), {"payment_email": "ana@example.com", "fetch": "1"})
    page.post(
        step(connection, "payment"),
        {"pays_by": "profile", "payment_email": "ana@example.com", "payment_profile_id": "123456789"},
    )

    assert "Practice Bank 1234" in fetched.content.decode()
    assert (chosen(connection).payment_profile_id, chosen(connection).pays_by_profile) == ("123456789", True)
    assert suppliers.options_of(connection).payment_email == "ana@example.com"


def test_a_profile_that_the_supplier_does_not_have_is_not_taken(page, connection):
    posted = {"pays_by": "profile", "payment_email": "ana@example.com", "payment_profile_id": "5"}

    assert page.post(step(connection, "payment"), posted).status_code == 422
    assert chosen(connection).payment_profile_id == ""


def test_saved_again_without_fetching_the_profile_stays(page, connection):
    posted = {"pays_by": "profile", "payment_email": "ana@example.com"}
    page.post(step(connection, "payment"), {**posted, "payment_profile_id": "123456789"})
    page.post(step(connection, "payment"), posted)

    assert chosen(connection).payment_profile_id == "123456789"


def test_a_supplier_that_does_not_answer_is_said_beside_the_address(page, connection, supplier):
    dials.turn(supplier.pk, "dead_token", left=1, seconds=0)

    answered = page.post(step(connection, "payment"), {"payment_email": "ana@example.com", "fetch": "1"})

    assert "payment_email" in answered.context["form"].errors


def test_a_test_order_shows_the_supplier_s_numbers_and_leaves_no_order_standing(page, connection):
    said = page.post(step(connection, "test"), {**SHOP, "sku": "B00760003", "send": "1"}).content.decode()

    test, order = SupplierTestOrder.objects.get(), PracticeOrder.objects.get()
    assert (test.state, test.numbers) == (SupplierTestState.PASSED, [order.name])
    assert (order.source_identifier, order.cancelled_at is None) == (f"SWT-TESTS-{test.pk}-TEST", False)
    assert order.name in said


def test_a_refused_test_order_says_why(page, connection):
    page.post(step(connection, "test"), {**SHOP, "postcode": "1", "sku": "B00760003", "send": "1"})

    test = SupplierTestOrder.objects.get()
    assert (test.state, test.numbers, PracticeOrder.objects.count()) == (SupplierTestState.FAILED, [], 0)
    assert "postcode" in test.message


def test_a_test_order_without_an_answer_is_looked_for_before_another_is_sent(page, connection, supplier):
    dials.turn(supplier.pk, "lost_answer", left=1, seconds=0)
    posted = {**SHOP, "sku": "B00760003", "send": "1"}
    page.post(step(connection, "test"), posted)
    unsettled = SupplierTestOrder.objects.get().state
    page.post(step(connection, "test"), posted)

    assert unsettled == SupplierTestState.SENDING
    assert SupplierTestOrder.objects.get().state == SupplierTestState.PASSED
    assert PracticeOrder.objects.count() == 1


def test_a_test_order_whose_answer_was_turned_away_is_looked_for_too(page, connection, monkeypatch):
    create = SsActivewearConnector.create

    def filtered(driver: SsActivewearConnector, order: OutboundOrder) -> None:
        create(driver, order)
        raise HostRefusedError("The host refused it.")

    monkeypatch.setattr(SsActivewearConnector, "create", filtered)
    posted = {**SHOP, "sku": "B00760003", "send": "1"}
    page.post(step(connection, "test"), posted)
    page.post(step(connection, "test"), posted)

    assert SupplierTestOrder.objects.get().state == SupplierTestState.PASSED
    assert PracticeOrder.objects.count() == 1


def test_goods_go_to_a_new_address_of_the_merchant(page, connection):
    typed = {f"new-{name}": value for name, value in SHOP.items()}
    page.post(step(connection, "address"), {"disable_dropshipping": "on", "store_address": "new", **typed})

    place = suppliers.options_of(connection).store_address
    assert (place.company, place.country_code) == ("Kauri Prints", "US")
    assert StoreAddress.objects.get() == chosen(connection).store_address


def test_no_dropshipping_without_an_address_is_refused(page, connection):
    assert page.post(step(connection, "address"), {"disable_dropshipping": "on"}).status_code == 422
    assert (
        page.post(step(connection, "address"), {"disable_dropshipping": "on", "store_address": "new"}).status_code
        == 422
    )
    assert not chosen(connection).disable_dropshipping


def test_the_connection_s_page_tells_what_was_chosen(page, connection):
    suppliers.save(
        connection_id=connection.pk, by="ana", at=connection.created_at, shipping_method="14", auto_fulfillment=False
    )

    shown = page.get(reverse("connectors:detail", args=[connection.public_id])).content.decode()

    assert "FedEx Ground" in shown
    assert "when an order is marked for fulfillment" in shown


def test_a_viewer_and_a_stranger_change_nothing(page, connection, client):
    viewer, stranger = make_member(connection.merchant, Role.VIEWER), make_member(make_connection().merchant)
    client.force_login(viewer)
    viewed = client.post(step(connection, "auto"), {}).status_code
    client.force_login(stranger)

    assert (viewed, client.post(step(connection, "auto"), {}).status_code) == (403, 404)
    assert chosen(connection).auto_fulfillment


def test_a_store_has_no_such_set_up(page, merchant):
    store = make_connection(merchant)

    assert page.get(reverse("connectors:setup", args=[store.public_id])).status_code == 404
    assert page.get(step(connection=store, name="auto")).status_code == 404
