"""Order data settings and Push now over the API."""

from __future__ import annotations

import pytest

from connectors import conditions
from connectors.models import Location, SyncSettings
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.models import OrderPush
from tests.factories import NOON, make_connection, make_order
from tests.orders.api.client import make_api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return make_api()


@pytest.fixture
def store(api):
    return make_connection(api.merchant, name="Kauri")


def send(api, method, store, body=None, key=None):
    return api.send(method, f"connections/{store.public_id}/settings/", body, key=key or api.merchant_key)


def test_the_settings_are_read(api, store):
    body = send(api, "GET", store).json()

    assert (body["sync_orders"], body["push_every_minutes"], body["max_age_days"], body["location"]) == (
        True,
        0,
        None,
        "",
    )
    assert (body["tag_template"], body["taxes"], body["shipping_rules"]) == ("{channel} Order", [], [])


def test_what_does_nothing_as_the_rest_is_chosen_is_said(api, store):
    (idle,) = send(api, "GET", store).json()["without_effect"]
    assert (idle["field"], idle["message"][:25]) == ("create_customer", "No customers are created:")

    for change in ({"email_policy": "customer"}, {"email_policy": "none", "create_customer": False}):
        assert send(api, "PATCH", store, change).json()["without_effect"] == []


def test_some_change_and_the_others_stay(api, store):
    place = Location.objects.create(connection=store, remote_id="gid://shopify/Location/1", name="Warehouse")
    tax = {"country_code": "nz", "name": "GST", "rate": "0.15"}
    rules = [{"minimum": "0", "cost": "12.00"}, {"minimum": "150", "cost": "0"}]
    send(api, "PATCH", store, {"push_every_minutes": 30, "taxes": [tax], "shipping_rules": rules})

    answer = send(api, "PATCH", store, {"fulfillment_status": "fulfilled", "location": place.remote_id})

    body = answer.json()
    assert (answer.status_code, body["push_every_minutes"], body["location"]) == (200, 30, place.remote_id)
    assert body["taxes"] == [{"country_code": "NZ", "name": "GST", "rate": "0.150000", "on_shipping": True}]
    assert [rule["cost"] for rule in body["shipping_rules"]] == ["12.00", "0.00"]


def test_where_a_plugin_keeps_tracking_is_read_and_changed(api):
    shop = make_connection(api.merchant, platform="woocommerce")
    assert send(api, "GET", shop).json()["tracking_key"] == ""

    changed = send(api, "PATCH", shop, {"tracking_key": "_shipper_code"})
    too_long = send(api, "PATCH", shop, {"tracking_key": "x" * 101})

    assert (changed.status_code, changed.json()["tracking_key"]) == (200, "_shipper_code")
    assert (too_long.status_code, SyncSettings.objects.get().tracking_key) == (400, "_shipper_code")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"push_every_minutes": 1}, ("push_every_minutes", "out_of_range")),
        ({"tag_template": "{no_such}"}, ("tag_template", "bad_template")),
        ({"taxes": [{"country_code": "NZ", "name": "GST", "rate": "0.1"}] * 2}, ("taxes[1].country_code", "overlaps")),
        ({"shipping_rules": [{"minimum": "0", "cost": "-1"}]}, ("shipping_rules[0].cost", "out_of_range")),
    ],
)
def test_what_cannot_be_is_a_problem_with_code_and_field(api, store, body, problem):
    answer = send(api, "PATCH", store, body)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (
        422, "invalid_settings", "application/problem+json",
    )  # fmt: skip
    assert (error["field"], error["code"]) == problem


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"push_every_minutes": "soon"}, "push_every_minutes"), ({"financial_status": "x"}, "financial_status"),
        ({"location": "nowhere"}, "location"), ({"taxes": [{"country_code": "NZ"}]}, "taxes[0].name"),
        ({"shipping_rules": [{"minimum": "NaN", "cost": "0"}]}, "shipping_rules[0].minimum"),
        ({"alert_addresses": "me"}, "alert_addresses"), ({"note_template": "x" * 2001}, "note_template"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_one_is_refused(api, store, body, field):
    answer = send(api, "PATCH", store, body)

    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_what_the_platform_cannot_do_is_refused_with_the_reason(api):
    site = make_connection(api.merchant, platform="squarespace")

    answer = send(api, "PATCH", site, {"financial_status": "unpaid"})

    assert answer.json()["errors"] == [
        {"field": "financial_status", "code": "not_offered", "message": "Squarespace takes orders as paid only."}
    ]
    assert SyncSettings.objects.get().financial_status == "auto"


def test_a_stranger_s_does_not_exist_and_a_marketplace_may_not(api, store):
    assert send(api, "GET", make_connection()).status_code == 404
    assert send(api, "PATCH", make_connection(), {}).status_code == 404
    assert send(api, "GET", store, key=api.marketplace_key).status_code == 403


# --- push now -------------------------------------------------------------------------------------


def waiting(store, **fields) -> OrderPush:
    order = make_order(
        store.merchant, connections=[store], status=OrderStatus.CONFIRMED, payment_status=PaymentStatus.CAPTURED,
        payment={"captured_at": NOON, "captured": 1}, **fields,
    )  # fmt: skip
    push = order.pushes.get()
    OrderPush.objects.filter(pk=push.pk).update(wait_for=conditions.pushed_by_hand(push.pk))
    return push


def push_now(api, push, body=None, key=None):
    return api.send("POST", f"pushes/{push.public_id}/push/", body or {}, key=key or api.merchant_key)


def test_a_push_that_waits_is_sent(api, store):
    push = waiting(store)

    answer = push_now(api, push)

    assert (answer.status_code, answer.json()["pushes"][0]["status"]) == (200, "queued")


def test_pushed_again_it_is_refused(api, store):
    push = waiting(store)
    push_now(api, push)

    answer = push_now(api, push)

    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")


@pytest.mark.parametrize(
    ("fee", "status", "code"), [("12", 409, "fee_refused"), ("x", 400, "invalid"), ("NaN", 400, "invalid")]
)
def test_a_fee_that_cannot_be_charged_is_a_problem_and_nothing_is_sent(api, store, fee, status, code):
    push = waiting(store)

    answer = push_now(api, push, {"shipping_fee": fee})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert OrderPush.objects.get().status == PushStatus.WAITING


def test_a_fee_is_taken_for_an_unpaid_order(api, store):
    store.sync_settings.financial_status = "unpaid"
    store.sync_settings.save()
    push = waiting(store)

    assert push_now(api, push, {"shipping_fee": "12.50"}).status_code == 200
    assert OrderPush.objects.get().shipping_fee == 12.5


def test_another_merchant_s_push_does_not_exist(api):
    push = waiting(make_connection())

    assert push_now(api, push).status_code == 404
    assert OrderPush.objects.get().status == PushStatus.WAITING
