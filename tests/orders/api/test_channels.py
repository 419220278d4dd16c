"""Orders from a store over the API: the switch, the reading, and what it brought."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import transaction

from connectors.models import Connection
from orders.models import Order, OrderSync, OutboxMessage
from orders.services import store_hints
from tests.factories import NOON, make_connection
from tests.orders.api.client import make_api
from tests.orders.services.stores import bring, make_store_channel, told

pytestmark = pytest.mark.django_db
FROM = "2026-01-15T00:00:00+13:00"


@pytest.fixture
def api():
    return make_api()


@pytest.fixture
def store(api) -> Connection:
    return make_connection(api.merchant)


def send(api, method, store, rest="", body=None):
    return api.send(method, f"connections/{store.public_id}/channel/{rest}", body, key=api.merchant_key)


def test_a_store_is_off_at_first(api, store):
    assert send(api, "GET", store).json() == {"on": False, "placed_from": None}
    assert send(api, "GET", store, "sync/").status_code == 404


@pytest.fixture(autouse=True)
def webhooks():
    """The shops of these tests do not answer."""
    with patch("connectors.services.connections.register_webhooks", return_value=()) as register:
        yield register


def test_turned_on_the_store_is_asked_to_tell_of_orders(api, store, webhooks):
    send(api, "PUT", store, body={"on": True, "placed_from": FROM})

    assert [call.kwargs["connection_id"] for call in webhooks.call_args_list] == [store.pk]


def test_one_that_is_paused_is_turned_on_and_not_asked(api, store, webhooks):
    Connection.objects.update(state="paused")

    response = send(api, "PUT", store, body={"on": True, "placed_from": FROM})

    assert (response.status_code, OrderSync.objects.get().state) == (200, "idle")
    webhooks.assert_not_called()


def test_it_is_turned_on_and_read_at_once(api, store):
    response = send(api, "PUT", store, body={"on": True, "placed_from": FROM})

    assert (response.status_code, response.json()["on"]) == (200, True)
    assert send(api, "GET", store, "sync/").json()["state"] == "running"


def test_it_is_turned_off(api, store):
    send(api, "PUT", store, body={"on": True, "placed_from": FROM})

    assert send(api, "PUT", store, body={"on": False}).json()["on"] is False
    assert OrderSync.objects.get().state == "idle"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"on": True}, "placed_from", "required"),
        ({"on": True, "placed_from": "2999-01-01T00:00:00Z"}, "placed_from", "sync_refused"),
        ({"on": True, "placed_from": "0001-01-01T00:00:00Z"}, "placed_from", "sync_refused"),
        ({"on": True, "placed_from": "1999-12-31T00:00:00Z"}, "placed_from", "sync_refused"),
        ({"placed_from": FROM}, "on", "required"),
        ({"on": True, "placed_from": "soon"}, "placed_from", "invalid"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(api, store, body, field, code):
    response = send(api, "PUT", store, body=body)

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]


def test_a_reading_is_started_and_told(api, store):
    send(api, "PUT", store, body={"on": True, "placed_from": FROM})
    OrderSync.objects.update(state="done", due_at=None, finished_at=NOON, new=2, read_until=NOON - timedelta(minutes=1))

    told_before = send(api, "GET", store, "sync/").json()
    response = send(api, "POST", store, "sync/")

    assert (told_before["state"], told_before["new"]) == ("done", 2)
    assert (response.status_code, response.json()["state"], response.json()["new"]) == (202, "running", 0)
    assert response.json()["started_by"].startswith("API key")


def test_orders_that_do_not_come_in_are_told(api, store):
    send(api, "PUT", store, body={"on": True, "placed_from": FROM})
    store_hints.failing(OrderSync.objects.get().pk, code="scope_missing", reason="No.", at=NOON)
    with transaction.atomic():
        store_hints.ask(Connection.objects.get(pk=store.pk), remote_id="R1", cause="e1", at=NOON)
    OutboxMessage.objects.filter(topic="read_store_order").update(status="held", reason="No.")

    body = send(api, "GET", store, "sync/").json()

    assert (body["failing_since"], body["unread"]) == (NOON.isoformat().replace("+00:00", "Z"), 1)


def test_a_store_that_is_off_is_not_read(api, store):
    response = send(api, "POST", store, "sync/")

    assert (response.status_code, response.json()["code"]) == (409, "sync_refused")


def test_another_merchants_store_and_a_supplier_do_not_exist(api):
    for other in (make_connection(), make_connection(api.merchant, platform="ssactivewear")):
        for method, rest in (("GET", ""), ("PUT", ""), ("GET", "sync/"), ("POST", "sync/")):
            assert send(api, method, other, rest, body={"on": False}).status_code == 404


def test_a_marketplaces_key_has_no_business_here(api, store):
    response = api.send("GET", f"connections/{store.public_id}/channel/")

    assert response.status_code == 403


def test_an_order_from_a_store_has_no_deadline(api):
    sync = make_store_channel(merchant=api.merchant)
    bring(sync, told())

    shown = api.send("GET", f"orders/{Order.objects.get().public_id}/", key=api.merchant_key).json()

    assert (shown["channel"], shown["confirm_by"]) == ("Boutique", None)
