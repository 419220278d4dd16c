"""Refunds over the API: what is promised, refused and repeated."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse

from orders.models import Order, Refund
from tests.factories import make_order
from tests.orders.api.client import Api, make_api
from tests.orders.services.refundable import drain, make_paid

pytestmark = pytest.mark.django_db
BODY = {
    "lines": [{"id": "1", "quantity": 2}],
    "shipping": "1.50",
    "reason": "damaged",
    "note": "Sorry",
    "restock": True,
}


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant)


def refund(api: Api, order: Order, body: Any = BODY, **headers: str) -> HttpResponse:
    return api.send("POST", f"orders/{order.public_id}/refunds/", body, key=api.merchant_key, **headers)


def test_a_refund_is_promised_and_read_with_its_order(api: Api, order: Order):
    response = refund(api, order)

    body = response.json()
    assert (response.status_code, body["status"], body["amount"]) == (201, "requested", "21.50")
    assert body["lines"] == [{"id": "1", "quantity": 2, "amount": "20.00"}]
    drain()
    read = api.send("GET", f"orders/{order.public_id}/", key=api.merchant_key).json()
    assert [(row["id"], row["status"]) for row in read["refunds"]] == [(body["id"], "done")]
    assert read["payment"]["refunded"] == "21.50"


def test_the_same_key_again_is_the_same_refund(api: Api, order: Order):
    first, again = (refund(api, order, **{"Idempotency-Key": "r-1"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert first.json()["id"] == again.json()["id"]
    assert Refund.objects.count() == 1


def test_the_same_key_for_another_refund_is_a_conflict(api: Api, order: Order):
    refund(api, order, **{"Idempotency-Key": "r-1"})

    response = refund(api, order, BODY | {"shipping": "2.00"}, **{"Idempotency-Key": "r-1"})

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lines": [{"id": "1", "quantity": 4}]}, ("lines[0].quantity", "too_many")),
        ({"lines": [{"id": "1", "quantity": -1}]}, ("lines[0].quantity", "out_of_range")),
        ({"lines": [{"id": "1", "quantity": 1.5}]}, ("lines[0].quantity", "wrong_type")),
        ({"lines": [{"id": "9", "quantity": 1}]}, ("lines[0].id", "unknown_line")),
        ({"lines": [{"id": "1", "quantity": 1}] * 2}, ("lines[1].id", "duplicate_id")),
        ({"lines": "all"}, ("lines", "wrong_type")),
        ({"shipping": "-1"}, ("shipping", "out_of_range")),
        ({"shipping": "0.005"}, ("shipping", "too_precise")),
        ({"shipping": "6"}, ("shipping", "too_much")),
        ({"amount": "NaN"}, ("amount", "not_a_number")),
        ({"amount": 10.5}, ("amount", "wrong_type")),
        ({"amount": "0"}, ("amount", "out_of_range")),
        ({"amount": "99"}, ("amount", "too_much")),
        ({"reason": "cancelled"}, ("reason", "unknown_reason")),
        ({"reason": None}, ("reason", "required")),
        ({"currency": "USD"}, ("currency", "unknown_field")),
        ({"note": "x" * 1001}, ("note", "too_long")),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused_with_its_field(api: Api, order: Order, change: dict, problem: tuple[str, str]):
    response = refund(api, order, BODY | change)

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [problem]
    assert not Refund.objects.exists()


@pytest.mark.parametrize("body", [[], "x", 7, None])
def test_a_body_that_is_no_object_is_refused(api: Api, order: Order, body: Any):
    assert refund(api, order, body).status_code in (400, 422)


def test_money_that_was_not_taken_is_a_conflict(api: Api):
    response = refund(api, make_order(api.merchant))

    assert (response.status_code, response.json()["code"]) == (409, "transition_not_allowed")


def test_a_marketplace_gives_nothing_back(api: Api, order: Order):
    assert api.send("POST", f"orders/{order.public_id}/refunds/", BODY).status_code == 403


def test_for_another_merchant_the_order_does_not_exist(order: Order):
    stranger = make_api("stranger")

    assert refund(stranger, order).status_code == 404
    assert not Refund.objects.exists()


def test_an_amount_that_is_null_is_left_out(api: Api, order: Order):
    assert refund(api, order, BODY | {"amount": None}).json()["amount"] == "21.50"
