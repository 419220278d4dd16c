"""Carriers over the API: connected after a test, tested again, disconnected."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.models import CarrierAccount
from tests.factories import make_merchant
from tests.orders.api.client import Api, make_api
from tests.orders.services.collected import make_account

pytestmark = pytest.mark.django_db
COURIER = {
    "carrier": "mail", "email": "pickups@courier.example", "company": "Kauri & Clay", "contact": "Ana",
    "phone": "+6493001234", "address1": "12 Ponsonby Road", "city": "Auckland", "postcode": "1011", "country_code": "nz",
}  # fmt: skip


@pytest.fixture
def api() -> Api:
    return make_api()


def send(api: Api, method: str, path: str = "", body: Any = None):
    return api.send(method, f"carriers/{path}", body, key=api.merchant_key)


def test_a_courier_is_connected_and_listed(api: Api):
    response = send(api, "POST", body=COURIER)

    account = CarrierAccount.objects.get()
    assert (response.status_code, response.json()["id"]) == (201, account.public_id)
    assert (account.merchant, account.email, account.country_code) == (api.merchant, "pickups@courier.example", "NZ")
    assert [row["id"] for row in send(api, "GET").json()] == [account.public_id]


def test_its_address_may_have_a_time_zone_of_its_own(api: Api):
    given = [send(api, "POST", body=COURIER | zone).json()["time_zone"] for zone in ({}, {"time_zone": "Asia/Tokyo"})]

    assert given == ["", "Asia/Tokyo"]
    assert str(CarrierAccount.objects.latest("pk").zone) == "Asia/Tokyo"
    assert CarrierAccount.objects.earliest("pk").zone == api.merchant.zone


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"carrier": "pigeon"}, "carrier"),
        ({"email": "nobody"}, "email"),
        ({"country_code": "XX"}, "country_code"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"carrier": "ups"}, "account_number"),
        ({"carrier": ["mail"]}, "carrier"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_not_kept(api: Api, change: dict[str, Any], field: str):
    response = send(api, "POST", body=COURIER | change)

    assert response.status_code == 400
    assert field in {problem["field"] for problem in response.json()["errors"]}
    assert not CarrierAccount.objects.exists()


def test_a_body_that_is_no_object_is_refused(api: Api):
    assert send(api, "POST", body=[1]).status_code == 400


def test_a_carrier_is_tested_and_disconnected(api: Api):
    account = make_account(api.merchant)

    tested = send(api, "POST", f"{account.public_id}/test/")
    gone = send(api, "DELETE", f"{account.public_id}/")

    assert (tested.status_code, gone.status_code) == (200, 204)
    assert send(api, "GET").json() == []
    assert send(api, "DELETE", f"{account.public_id}/").status_code == 404


def test_another_merchants_carrier_does_not_exist_and_a_marketplace_may_not(api: Api):
    theirs = make_account(make_merchant(slug="other"))

    assert send(api, "POST", f"{theirs.public_id}/test/").status_code == 404
    assert send(api, "DELETE", f"{theirs.public_id}/").status_code == 404
    assert api.send("POST", "carriers/", COURIER).status_code == 403
