"""Shipping and click and collect over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse

from orders.models import Fulfillment, Order
from tests.orders.api.client import Api, make_api
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import make_collectable, ship

pytestmark = pytest.mark.django_db
BODY = {
    "lines": [{"id": "1", "quantity": 2}],
    "parcels": [
        {"carrier": "ups", "number": "1Z9", "weight_g": 900, "size_mm": {"length": 400, "width": 300, "height": 200}}
    ],
}


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant)


def post(api: Api, path: str, body: Any = None, **headers: str) -> HttpResponse:
    return api.send("POST", path, body, key=api.merchant_key, **headers)


def problems(response: HttpResponse) -> list[tuple[str, str]]:
    return [(problem["field"], problem["code"]) for problem in response.json()["errors"]]


def test_a_shipment_is_recorded_and_read_with_its_order(api: Api, order: Order):
    response = post(api, f"orders/{order.public_id}/fulfillments/", BODY)

    body = response.json()
    assert (response.status_code, body["status"], body["own"]) == (201, "success", True)
    assert body["parcels"] == [
        {
            "carrier": "UPS", "number": "1Z9", "url": "https://www.ups.com/track?tracknum=1Z9", "weight_g": 900,
            "length_mm": 400, "width_mm": 300, "height_mm": 200,
        }
    ]  # fmt: skip
    read = api.send("GET", f"orders/{order.public_id}/", key=api.merchant_key).json()
    assert [row["id"] for row in read["fulfillments"]] == [body["id"]]
    assert read["fulfillment_status"] == "partial"


def test_the_same_key_again_is_the_same_shipment(api: Api, order: Order):
    path = f"orders/{order.public_id}/fulfillments/"
    first, again = (post(api, path, BODY, **{"Idempotency-Key": "s-1"}) for _ in range(2))
    other = post(api, path, {"lines": [{"id": "2", "quantity": 1}]}, **{"Idempotency-Key": "s-1"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again["Idempotent-Replayed"] == "true"
    assert Fulfillment.objects.count() == 1


def test_every_problem_is_named_with_its_field(api: Api, order: Order):
    path = f"orders/{order.public_id}/fulfillments/"
    shape = post(api, path, {"lines": [{"id": "1", "quantity": 0}], "parcels": [{"size_mm": {"length": 1}, "x": 1}]})
    sense = post(api, path, {"lines": [{"id": "1", "quantity": 9}]})

    assert (shape.status_code, sense.status_code, shape.json()["code"]) == (422, 422, "invalid_shipment")
    assert problems(shape) == [
        ("lines[0].quantity", "out_of_range"),
        ("parcels[0].size_mm.width", "required"),
        ("parcels[0].size_mm.height", "required"),
        ("parcels[0].x", "unknown_field"),
    ]
    assert problems(sense) == [("lines[0].quantity", "more_than_open")]


def test_tracking_and_taking_back(api: Api, order: Order):
    row = ship(order)

    added = post(api, f"fulfillments/{row.public_id}/tracking/", {"parcels": [{"carrier": "X", "number": "1"}]})
    back = post(api, f"fulfillments/{row.public_id}/take-back/")
    again = post(api, f"fulfillments/{row.public_id}/take-back/")

    assert [parcel["number"] for parcel in added.json()["parcels"]] == ["1"]
    assert (back.json()["status"], again.status_code) == ("cancelled", 409)


def test_click_and_collect(api: Api):
    order = make_collectable(api.merchant)

    ready = post(api, f"orders/{order.public_id}/ready/", {"lines": [{"id": "1", "quantity": 3}]}).json()
    path = f"fulfillments/{ready['id']}/collected/"
    nobody = post(api, path, {})
    taken = post(api, path, {"collected_by": "Harriet", "lines": [{"id": "1", "quantity": 2}]}).json()

    assert (ready["status"], len(ready["pickup_code"])) == ("ready", 6)
    assert problems(nobody) == [("collected_by", "required")]
    assert (taken["status"], taken["collected_by"], taken["lines"]) == (
        "success", "Harriet", [{"id": "1", "quantity": 2}],
    )  # fmt: skip


def test_others_orders_and_fulfillments_do_not_exist(api: Api):
    other = make_paid()
    row = ship(other, {"1": 1})

    assert post(api, f"orders/{other.public_id}/fulfillments/", BODY).status_code == 404
    assert post(api, f"orders/{other.public_id}/ready/", BODY).status_code == 404
    assert [
        post(api, f"fulfillments/{row.public_id}/{name}/", {}).status_code for name in ("take-back", "tracking")
    ] == [404, 404]


def test_a_marketplace_may_not_ship(api: Api, order: Order):
    assert api.send("POST", f"orders/{order.public_id}/fulfillments/", BODY).status_code == 403
