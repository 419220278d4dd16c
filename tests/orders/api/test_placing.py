"""POST /api/v1/orders/: what is taken, what is refused and in which words."""

from __future__ import annotations

import copy
import json
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.enums import OrderStatus, Topic
from orders.errors import InvalidOrder
from orders.management import sample_orders
from orders.models import IntakeKey, Order, OutboxMessage, Payment
from orders.services import intake_body
from tests.factories import make_connection, make_merchant
from tests.orders.api.client import Api, make_api, sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


def codes(response) -> dict[str, str]:
    return {problem["field"]: problem["code"] for problem in response.json()["errors"]}


def changed(path: str, value: Any, name: str = "nzd_gst_inside") -> dict[str, Any]:
    """A sample with one field replaced; `path` like "lines.0.quantity"."""
    body = copy.deepcopy(sample(name))
    *way, last = path.split(".")
    target: Any = body
    for step in way:
        target = target[int(step)] if step.isdigit() else target[step]
    target[int(last) if last.isdigit() else last] = value
    return body


@pytest.mark.parametrize("name", sample_orders.names())
def test_every_sample_is_taken_to_the_cent(name: str):
    body = sample(name)
    api = make_api(body["merchant"])

    response = api.place(body)

    assert response.status_code == 201, response.content
    assert response["Location"] == response.json()["url"]
    assert response.json()["total"] == body["total"]
    assert Order.objects.get().status == OrderStatus.PENDING
    assert Payment.objects.get().authorized == Decimal(body["total"])


def test_a_new_order_is_planned_and_a_check_is_promised(api: Api):
    make_connection(api.merchant)

    api.place(sample())

    order = Order.objects.get()
    assert order.pushes.get().wait_for == f"confirmed:{order.pk}"
    assert OutboxMessage.objects.get().topic == "check_order"
    assert order.events.get().kind == "order.arrived"


def test_the_same_body_again_finds_the_first_order(api: Api):
    body = sample()
    first = api.place(body)

    second = api.place(body)

    assert (second.status_code, second["Idempotent-Replayed"]) == (200, "true")
    assert second.json()["id"] == first.json()["id"]
    assert Order.objects.count() == 1


def test_the_order_of_keys_does_not_make_another_body(api: Api):
    body = sample()
    api.place(body)

    assert api.place(dict(reversed(body.items()))).status_code == 200


def test_another_body_under_the_same_id_is_refused(api: Api):
    body = sample()
    api.place(body)

    response = api.place(body | {"number": "AP-other"})

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")
    assert Order.objects.get().number == body["number"]


def test_another_body_under_the_same_key_is_refused(api: Api):
    api.place(sample(), **{"Idempotency-Key": "k1"})

    response = api.place(sample("click_and_collect"), **{"Idempotency-Key": "k1"})

    assert response.status_code == 409
    assert (Order.objects.count(), IntakeKey.objects.count()) == (1, 1)


@pytest.mark.parametrize("key", ["x" * 256, "has space", "täg"])
def test_a_key_that_is_no_key_is_refused(api: Api, key: str):
    assert api.place(sample(), **{"Idempotency-Key": key}).status_code == 400


def test_an_order_from_a_channel_whose_clock_runs_ahead_is_placed_when_it_arrived(api: Api):
    ahead = timezone.now() + timedelta(minutes=4)

    response = api.place(changed("placed_at", ahead.isoformat()))

    assert response.status_code == 201, response.content
    order = Order.objects.get()
    assert order.placed_at == order.received_at


@pytest.mark.parametrize(
    ("path", "value", "field", "code"),
    [
        ("merchant", "nobody", "merchant", "unknown_merchant"),
        ("currency", "ZZZ", "currency", "unknown_currency"),
        ("currency", "nzd", "currency", "unknown_currency"),
        ("placed_at", "yesterday", "placed_at", "not_a_time"),
        ("placed_at", "2026-11-20T09:00:00", "placed_at", "not_a_time"),
        ("placed_at", "2099-01-01T00:00:00+00:00", "placed_at", "in_the_future"),
        ("placed_at", "0001-01-01T00:00:00+00:00", "placed_at", "out_of_range"),
        ("placed_at", "0001-01-01T00:00:00+14:00", "placed_at", "out_of_range"),
        ("placed_at", "1999-12-31T23:59:59+00:00", "placed_at", "out_of_range"),
        ("ship_by", "9999-12-31T23:59:00+00:00", "ship_by", "out_of_range"),
        ("ship_by", "9999-12-31T23:59:00-12:00", "ship_by", "out_of_range"),
        ("payment.expires_at", "2100-01-01T00:00:00+00:00", "payment.expires_at", "out_of_range"),
        ("payment.expires_at", "9999-12-31T23:59:00+00:00", "payment.expires_at", "out_of_range"),
        ("payment.expires_at", "0001-01-01T06:00:00+00:00", "payment.expires_at", "out_of_range"),
        ("payment.authorized_at", "0001-01-01T00:00:00+00:00", "payment.authorized_at", "out_of_range"),
        ("prices_include_tax", "yes", "prices_include_tax", "wrong_type"),
        ("lines", [], "lines", "wrong_length"),
        ("lines", {}, "lines", "wrong_type"),
        ("lines.0", "stool", "lines[0]", "wrong_type"),
        ("lines.0.quantity", 0, "lines[0].quantity", "out_of_range"),
        ("lines.0.quantity", True, "lines[0].quantity", "wrong_type"),
        ("lines.0.quantity", 1.5, "lines[0].quantity", "wrong_type"),
        ("lines.0.quantity", 10**30, "lines[0].quantity", "out_of_range"),
        ("lines.0.unit_price", "NaN", "lines[0].unit_price", "not_a_number"),
        ("lines.0.unit_price", "1e3", "lines[0].unit_price", "not_a_number"),
        ("lines.0.unit_price", 249.0, "lines[0].unit_price", "wrong_type"),
        ("lines.0.unit_price", "-1.00", "lines[0].unit_price", "out_of_range"),
        ("lines.0.unit_price", "249.001", "lines[0].unit_price", "too_precise"),
        ("lines.0.title", "", "lines[0].title", "required"),
        ("lines.0.title", "x" * 301, "lines[0].title", "too_long"),
        ("lines.0.sku", "A\x00B", "lines[0].sku", "bad_characters"),
        ("lines.0.taxes.0.rate", "15", "lines[0].taxes[0].rate", "not_a_number"),
        ("lines.1.id", "AP-10482-1", "lines[1].id", "duplicate_id"),
        ("lines.0.colour", "red", "lines[0].colour", "unknown_field"),
        ("subtotal", "1239.56", "subtotal", "does_not_add_up"),
        ("tax", "167.56", "tax", "does_not_add_up"),
        ("total", "1284.54", "total", "does_not_add_up"),
        ("payment.amount", "1284.54", "payment.amount", "does_not_add_up"),
        ("payment.gateway", "cash", "payment.gateway", "unknown_gateway"),
        ("customer.email", "harriet", "customer.email", "not_an_email"),
        ("customer.phone", "call me", "customer.phone", "not_a_phone_number"),
        ("shipping_address.country_code", "XX", "shipping_address.country_code", "unknown_country"),
        ("shipping_address.province_code", "ZZZ", "shipping_address.province_code", "unknown_province"),
        ("delivery.method", "drone", "delivery.method", "unknown_method"),
        ("attributes", {"a": 1}, "attributes.a", "wrong_type"),
        ("attributes", {str(n): "x" for n in range(31)}, "attributes", "wrong_length"),
        ("custommer", {}, "custommer", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named(api: Api, path: str, value: Any, field: str, code: str):
    response = api.place(changed(path, value))

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert codes(response)[field] == code
    assert not Order.objects.exists()


def test_every_problem_is_named_at_once(api: Api):
    body = changed("currency", "ZZZ") | {"number": "", "surprise": 1}

    assert {"currency", "number", "surprise"} <= set(codes(api.place(body)))


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "3", '"x"', "{'a': 1}"])
def test_what_is_no_json_object_is_refused(api: Api, body: str):
    response = api.place(body)

    assert response.status_code in (400, 422)
    assert response.json()["code"] in ("parse_error", "invalid_order")


def test_a_body_of_five_megabytes_is_refused(api: Api):
    response = api.place(json.dumps({"merchant": "x" * 5_000_000}))

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_deep_nesting_is_refused(api: Api):
    assert api.place('{"lines":' + "[" * 5000 + "]" * 5000 + "}").status_code in (400, 422)


def test_a_merchant_of_another_marketplace_does_not_exist(api: Api):
    make_merchant(slug="elsewhere")

    assert codes(api.place(sample(merchant="elsewhere"))) == {"merchant": "unknown_merchant"}


def test_a_payment_of_another_order_is_refused(api: Api):
    api.place(sample())
    second = sample("click_and_collect")
    second["payment"]["reference"] = sample()["payment"]["reference"]

    assert codes(api.place(second)) == {"payment.reference": "already_used"}


def test_an_incomplete_order_is_kept_as_a_draft_that_says_why(api: Api):
    response = api.place(changed("shipping_address.postcode", ""))

    assert response.status_code == 201
    assert response.json()["status"] == "draft"
    assert [b["code"] for b in response.json()["blockers"]] == ["postcode_invalid"]
    assert set(OutboxMessage.objects.values_list("topic", flat=True)) == {Topic.TELL_MERCHANT}


def test_an_order_without_payment_is_a_draft(api: Api):
    body = sample()
    del body["payment"]

    assert [b["code"] for b in api.place(body).json()["blockers"]] == ["not_paid"]


def test_a_province_may_carry_its_country(api: Api):
    response = api.place(changed("shipping_address.province_code", "NZ-AUK"))

    assert whole(api, response).json()["addresses"][0]["province_code"] == "AUK"


def test_a_local_phone_number_is_read_in_its_country(api: Api):
    response = api.place(changed("shipping_address.phone", "021 123 4567"))

    assert whole(api, response).json()["addresses"][0]["phone"] == "+64211234567"


def test_confirm_by_is_before_the_authorization_runs_out(api: Api):
    body = sample()
    body["payment"]["expires_at"] = (timezone.now() + timezone.timedelta(days=1)).isoformat()
    api.place(body)

    assert Order.objects.get().confirm_by < timezone.now() + timezone.timedelta(hours=13)


def whole(api: Api, placed: HttpResponse) -> HttpResponse:
    """The order that an answer leads to."""
    return api.send("GET", f"orders/{placed.json()['id']}/")


TEXT_FIELDS = [
    "number",
    "lines.0.title",
    "lines.0.sku",
    "customer.name",
    "customer.note",
    "shipping_address.address1",
    "shipping.title",
]


@pytest.mark.parametrize("path", TEXT_FIELDS)
@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\u202egnp.exe", "🪑" * 10, "'; DROP TABLE orders; --"]
)
def test_hostile_text_is_kept_as_it_is(api: Api, path: str, text: str):
    response = api.place(changed(path, text))

    assert response.status_code == 201
    assert text in whole(api, response).content.decode()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.sampled_from(
        ["merchant", "lines", "lines.0", "lines.0.unit_price", "total", "payment", "customer", "placed_at", "delivery"]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)
def test_no_value_is_more_than_a_refusal(path: str, value: Any):
    try:
        intake_body.read(changed(path, value), at=timezone.now())
    except InvalidOrder as refusal:
        assert refusal.problems


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_equal_posts_at_once_make_one_order():
    api, body = make_api(), sample()
    barrier, statuses = threading.Barrier(4), []

    def post() -> None:
        barrier.wait(timeout=300)
        statuses.append(api.place(body).status_code)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)

    assert sorted(statuses) == [200, 200, 200, 201]
    assert Order.objects.count() == 1
