"""What counts for all orders of a merchant, and what its settings are chosen by, over the API."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.services import api_keys
from connectors.models import Connection, Location
from connectors.practice import services as practice
from connectors.services import practice as choices
from tests.factories import make_connection, make_merchant, make_order
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def store(api: Api) -> Connection:
    return make_connection(api.merchant, name="Kauri")


def send(api: Api, method: str, path: str, body=None):
    return api.send(method, path, body, key=api.merchant_key)


def test_some_change_and_the_others_stay(api: Api):
    before = send(api, "GET", "order-settings/").json()

    body = send(api, "PATCH", "order-settings/", {"alert_addresses": ["ops@kauri.example"]}).json()

    assert body == {**before, "alert_addresses": ["ops@kauri.example"]}
    assert send(api, "GET", "order-settings/").json() == body
    assert api.merchant.audit_events.get(kind="merchant.changed").by.startswith("API key tests")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"confirm_within_hours": 0}, "confirm_within_hours"),
        ({"confirm_within_hours": 721}, "confirm_within_hours"),
        ({"alert_addresses": ["nobody"]}, "alert_addresses[0]"),
        ({"alert_addresses": [f"a{n}@kauri.example" for n in range(11)]}, "alert_addresses"),
        ({"auto_accept": "perhaps"}, "auto_accept"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(api: Api, body, field):
    response = send(api, "PATCH", "order-settings/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
    assert not api.merchant.audit_events.filter(kind="merchant.changed").exists()


def test_a_marketplace_has_no_business_here(api: Api):
    assert api.send("GET", "order-settings/").status_code == 403


# --- the business ---


def test_the_business_is_read_and_changed(api: Api):
    before = send(api, "GET", "business/").json()

    body = send(api, "PATCH", "business/", {"city": "Whangārei", "time_zone": "Pacific/Chatham"}).json()

    assert body == {**before, "city": "Whangārei", "time_zone": "Pacific/Chatham"}
    assert send(api, "GET", "business/").json() == body
    event = api.merchant.audit_events.get(kind="merchant.changed")
    assert event.data == {"city": "Whangārei", "time_zone": "Pacific/Chatham"}
    assert event.by.startswith("API key tests")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "KIW"}, "currency"),
        ({"country_code": "Atlantis"}, "country_code"),
        ({"country_code": "ZZ"}, "country_code"),
        ({"time_zone": "Pacific/Atlantis"}, "time_zone"),
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"city": ["Auckland"]}, "city"),
    ],
)
def test_a_business_that_cannot_be_is_refused_with_its_field(api: Api, body, field):
    response = send(api, "PATCH", "business/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
    assert not api.merchant.audit_events.filter(kind="merchant.changed").exists()


def test_a_business_keeps_its_short_name(api: Api):
    send(api, "PATCH", "business/", {"slug": "other"})

    api.merchant.refresh_from_db()
    assert api.merchant.slug != "other"


def test_a_key_that_only_reads_changes_no_business(api: Api):
    _, secret = api_keys.issue(
        name="reader", can_write=False, expires_at=None, merchant=api.merchant, by="ana", at=timezone.now()
    )

    assert api.send("GET", "business/", None, key=secret).status_code == 200
    assert api.send("PATCH", "business/", {"city": "Taupo"}, key=secret).status_code == 403


# --- what a connection's settings are chosen by ---


def test_texts_are_tried_on_an_order_and_not_saved(api: Api, store: Connection):
    order = make_order(api.merchant, number="AP-1")
    body = {"order": order.public_id, "note_template": "Order {order_number}"}

    answer = send(api, "POST", f"connections/{store.public_id}/settings/try/", body).json()

    tag, note = answer["texts"]
    assert (tag["name"], tag["text"]) == ("tag_template", f"{order.channel.name} Order")
    assert (note["text"], note["error"], note["most"]) == ("Order AP-1", "", 5000)
    assert "order_number" in answer["fields_known"]
    store.sync_settings.refresh_from_db()
    assert store.sync_settings.note_template != "Order {order_number}"


def test_an_unknown_field_is_said_beside_its_text(api: Api, store: Connection):
    body = {"order": make_order(api.merchant).public_id, "tag_template": "{colour}"}

    tag, note = send(api, "POST", f"connections/{store.public_id}/settings/try/", body).json()["texts"]

    assert (tag["text"], note["error"]) == ("", "")
    assert "No order has a field {colour}" in tag["error"]


def test_another_merchants_order_cannot_be_tried(api: Api, store: Connection):
    body = {"order": make_order(make_merchant(slug="other")).public_id}

    assert send(api, "POST", f"connections/{store.public_id}/settings/try/", body).status_code == 404


def test_locations_are_told_as_they_were_read(api: Api, store: Connection):
    Location.objects.create(connection=store, remote_id="L1", name="Warehouse")

    rows = send(api, "GET", f"connections/{store.public_id}/locations/").json()

    assert rows == [{"id": "L1", "name": "Warehouse", "is_active": True}]


def test_a_store_that_has_none_says_so(api: Api):
    there = practice.open_shop(
        slug="rimu", name="Rimu", currency="NZD", taxes_included=True, variants=[], platform="woocommerce"
    )
    store = make_connection(api.merchant, platform="woocommerce", base_url=choices.address(there))

    response = send(api, "POST", f"connections/{store.public_id}/locations/")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "locations")


def test_a_strangers_connection_does_not_exist(api: Api):
    theirs = make_connection(make_merchant(slug="other"))

    assert send(api, "GET", f"connections/{theirs.public_id}/locations/").status_code == 404
    assert send(api, "POST", f"connections/{theirs.public_id}/settings/try/", {"order": "x"}).status_code == 404
