"""A supplier's settings over the API."""

from __future__ import annotations

import pytest

from connectors.base import PaymentProfile
from connectors.models import StoreAddress, SupplierSettings
from connectors.services import suppliers
from tests.factories import make_connection
from tests.orders.api.client import make_api

pytestmark = pytest.mark.django_db

PLACE = {"company": "Kauri Prints", "address1": "9 Customs St", "city": "Portland", "country_code": "us"}


@pytest.fixture
def api():
    return make_api()


@pytest.fixture
def supplier(api):
    return make_connection(api.merchant, platform="ssactivewear", base_url="https://api.ssactivewear.com/v2")


def send(api, method, supplier, body=None, key=None):
    return api.send(method, f"connections/{supplier.public_id}/supplier/", body, key=key or api.merchant_key)


def test_the_defaults_are_read_before_anything_is_chosen(api, supplier):
    body = send(api, "GET", supplier).json()

    assert (body["auto_fulfillment"], body["disable_dropshipping"], body["store_address"]) == (True, False, None)
    assert not SupplierSettings.objects.exists()


def test_some_choices_change_and_the_others_stay(api, supplier):
    send(api, "PATCH", supplier, {"shipping_method": "14"})
    body = send(api, "PATCH", supplier, {"auto_fulfillment": False}).json()

    assert (body["shipping_method"], body["auto_fulfillment"]) == ("14", False)


def test_warehouses_are_chosen_by_their_codes(api, supplier):
    body = send(api, "PATCH", supplier, {"warehouses": ["IL", "KS"], "prefers_fastest": True}).json()

    assert (body["warehouses"], body["prefers_fastest"]) == (["IL", "KS"], True)


def test_a_supplier_that_chooses_them_itself_takes_none(api):
    mill = make_connection(api.merchant, platform="filedrop")

    assert send(api, "PATCH", mill, {"warehouses": ["IL"]}).status_code == 400
    assert api.send("GET", f"connections/{mill.public_id}/warehouses/", key=api.merchant_key).status_code == 400


def test_goods_are_sent_to_an_address_that_is_given(api, supplier):
    answer = send(
        api, "PATCH", supplier, {"disable_dropshipping": True, "store_address": {**PLACE, "country_code": "US"}}
    )

    assert (answer.status_code, StoreAddress.objects.get().merchant) == (200, api.merchant)
    assert answer.json()["store_address"]["city"] == "Portland"


@pytest.mark.parametrize(
    "body",
    [
        {"shipping_method": "99"},
        {"warehouses": ["no such code"]},
        {"warehouses": ["I,L"]},
        {"disable_dropshipping": True},
        {"store_address": {**PLACE, "country_code": "XX"}},
        {"payment_profile_id": "5"},
    ],
)
def test_what_cannot_be_is_a_problem_and_changes_nothing(api, supplier, body):
    assert send(api, "PATCH", supplier, body).status_code == 400
    assert not SupplierSettings.objects.exists()


@pytest.fixture
def saved_there(monkeypatch):
    """What the supplier has under each address."""
    there = {"ana@example.com": (PaymentProfile("5", "Visa", "Ana"),), "ben@example.com": ()}
    monkeypatch.setattr(suppliers, "profiles", lambda _connection, email: there[email])
    return there


def pays_with(api, supplier, **changed) -> tuple[str, str]:
    send(
        api, "PATCH", supplier, {"pays_by_profile": True, "payment_email": "ana@example.com", "payment_profile_id": "5"}
    )
    body = send(api, "PATCH", supplier, changed).json()
    return body["payment_profile_id"], body["payment_profile_name"]


def test_another_address_gives_up_a_profile_that_is_not_saved_under_it(api, supplier, saved_there):
    assert pays_with(api, supplier, payment_email="ben@example.com") == ("", "")


def test_another_address_keeps_a_profile_that_is_saved_under_it_too(api, supplier, saved_there):
    saved_there["ben@example.com"] = (PaymentProfile("5", "Visa", "Ben"),)

    assert pays_with(api, supplier, payment_email="ben@example.com") == ("5", "Ben · Visa")


def test_the_same_address_again_asks_nobody_and_keeps_the_profile(api, supplier, saved_there):
    send(api, "PATCH", supplier, {"payment_email": "ana@example.com", "payment_profile_id": "5"})
    saved_there.clear()

    body = send(api, "PATCH", supplier, {"payment_email": "ana@example.com"}).json()

    assert body["payment_profile_id"] == "5"


def test_a_stranger_s_and_a_store_s_do_not_exist(api, supplier):
    theirs = make_connection(platform="ssactivewear")
    store = make_connection(api.merchant)

    assert [send(api, "GET", row).status_code for row in (theirs, store)] == [404, 404]
    assert send(api, "GET", supplier, key=api.marketplace_key).status_code == 403


def test_order_sync_is_read_and_turned_off(api, supplier):
    before = send(api, "GET", supplier).json()["sync_orders"]
    after = send(api, "PATCH", supplier, {"sync_orders": False}).json()["sync_orders"]

    supplier.sync_settings.refresh_from_db()
    assert (before, after, supplier.sync_settings.sync_orders) == (True, False, False)


def test_a_choice_that_is_refused_changes_nothing_of_what_came_with_it(api, supplier):
    given = {"sync_orders": False, "auto_fulfillment": False, "store_address": PLACE | {"country_code": "US"}}

    refused = send(api, "PATCH", supplier, given | {"shipping_method": "99"})

    supplier.sync_settings.refresh_from_db()
    assert refused.status_code == 400
    assert supplier.sync_settings.sync_orders
    assert not StoreAddress.objects.exists()
    assert not SupplierSettings.objects.exists()


def ask_tests(api, row, method="GET", body=None, key=None):
    return api.send(method, f"connections/{row.public_id}/test-orders/", body, key=key or api.merchant_key)


def test_without_a_test_order_the_list_is_empty(api, supplier):
    assert ask_tests(api, supplier).json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": {**PLACE, "country_code": "US"}}, "sku"),
        ({"sku": "B00760003", "address": {**PLACE, "country_code": "XX"}}, "address.country_code"),
        ({"sku": "B00760003"}, "address"),
    ],
)
def test_a_test_order_that_cannot_be_names_the_field(api, supplier, body, field):
    answer = ask_tests(api, supplier, "POST", body)

    assert answer.status_code == 400
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert not supplier.test_orders.exists()


def test_a_supplier_without_test_orders_refuses_one(api):
    by_mail = make_connection(api.merchant, platform="filedrop", base_url="")

    answer = ask_tests(api, by_mail, "POST", {"sku": "A", "address": {**PLACE, "country_code": "US"}})

    assert (answer.status_code, StoreAddress.objects.count()) == (400, 0)


def test_test_orders_of_strangers_do_not_exist(api, supplier):
    assert ask_tests(api, make_connection(platform="ssactivewear")).status_code == 404
    assert ask_tests(api, supplier, key=api.marketplace_key).status_code == 403
