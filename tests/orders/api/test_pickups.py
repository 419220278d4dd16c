"""Carriers that come, over the API: quoted, scheduled, called off, settled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connectors.models import CarrierAccount
from connectors.practice.carriers.endpoint import open_carrier
from orders.models import CarrierPickup, Order
from orders.services.carrier_pickups import MOST_ORDERS
from tests.orders.api.client import Api, make_api
from tests.orders.services.collected import FakeCarrier, drain, make_account, make_pickup
from tests.orders.services.refundable import make_paid
from tests.server import let_go

pytestmark = pytest.mark.django_db
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.fixture
def api() -> Api:
    return make_api()


def send(api: Api, method: str, path: str, data: Any = None):
    return api.send(method, path, data, key=api.merchant_key)


def opening(days: int = 2) -> datetime:
    return (timezone.now() + timedelta(days=days)).replace(hour=0, minute=0)


def load(account: CarrierAccount, *orders: Order, opens: datetime | None = None) -> dict[str, Any]:
    opens = opens or opening()
    return {
        "carrier": account.public_id,
        "orders": [{"id": order.public_id, "parcels": 1, "weight_g": 500} for order in orders],
        "opens_at": opens.isoformat(),
        "closes_at": (opens + timedelta(hours=3)).isoformat(),
    }


def failed(order: Order) -> CarrierPickup:
    carrier, pickup = FakeCarrier(), make_pickup(order)
    carrier.next_fault = "refused"
    drain(carrier)
    return pickup


def test_a_pickup_is_scheduled_listed_and_called_off(api: Api):
    order, account = make_paid(api.merchant), make_account(api.merchant)
    body = load(account, order)

    made = send(api, "POST", "pickups/", body)
    again = send(api, "POST", "pickups/", body)
    listed = send(api, "GET", "pickups/").json()["results"]
    gone = send(api, "POST", f"pickups/{made.json()['id']}/cancel/").json()

    assert (made.status_code, made.json()["status"]) == (201, "requested")
    assert made.json()["orders"] == [{"id": order.public_id, "parcels": 1, "weight_g": 500}]
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, "in_another_pickup")
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert gone["status"] == "cancelled"
    assert [row["id"] for row in send(api, "GET", "carriers/").json()] == [account.public_id]
    assert "credentials" not in send(api, "GET", "carriers/").content.decode()


def test_what_failed_is_settled_and_what_is_others_does_not_exist(api: Api):
    pickup, theirs = failed(make_paid(api.merchant)), make_pickup(make_paid())

    settled = send(api, "POST", f"pickups/{pickup.public_id}/settle/", {"number": "PRN5"})
    retried = send(api, "POST", f"pickups/{pickup.public_id}/retry/")

    assert (settled.json()["status"], settled.json()["confirmation"]) == ("scheduled", "PRN5")
    assert retried.status_code == 409
    assert send(api, "GET", f"pickups/{theirs.public_id}/").status_code == 404
    body = {
        "carrier": theirs.account.public_id, "orders": [{"id": pickup.rows.get().order.public_id, "parcels": 1, "weight_g": 1}],
        "opens_at": theirs.opens_at.isoformat(), "closes_at": theirs.closes_at.isoformat(),
    }  # fmt: skip
    assert send(api, "POST", "pickups/", body).status_code == 404


def test_a_part_that_is_wrong_is_named_by_its_place(api: Api):
    body = load(make_account(api.merchant), make_paid(api.merchant), make_paid(api.merchant))
    body["orders"][1]["parcels"] = 0

    refused = send(api, "POST", "pickups/", body).json()

    assert [error["field"] for error in refused["errors"]] == ["orders[1].parcels"]


# --- what it would cost ---


def test_a_carrier_that_does_not_say_beforehand_is_quoted_as_nothing_and_not_asked_to_come(api: Api):
    order, account = make_paid(api.merchant), make_account(api.merchant)

    quoted = send(api, "POST", "pickups/quote/", load(account, order))

    assert (quoted.status_code, quoted.json()) == (200, {"cost": ""})
    assert not CarrierPickup.objects.exists()


def test_a_quote_is_refused_as_the_pickup_itself(api: Api):
    order, account = make_paid(api.merchant), make_account(api.merchant)
    over = load(account, order, opens=opening(days=-2))

    answers = [send(api, "POST", path, over) for path in ("pickups/quote/", "pickups/")]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]


def test_a_quote_is_for_as_many_orders_as_a_pickup(api: Api):
    body = load(make_account(api.merchant), make_paid(api.merchant))
    body["orders"] *= MOST_ORDERS + 1

    refused = send(api, "POST", "pickups/quote/", body).json()

    assert "wrong_length" in {error["code"] for error in refused["errors"]}


def test_what_is_others_is_not_quoted_and_a_marketplace_may_not(api: Api):
    order, account = make_paid(api.merchant), make_account(api.merchant)
    stranger = make_api("stranger")
    theirs, their_account = make_paid(stranger.merchant), make_account(stranger.merchant)
    bodies = [load(account, theirs), load(their_account, order)]

    assert [send(api, "POST", "pickups/quote/", body).status_code for body in bodies] == [404, 404]
    assert api.send("POST", "pickups/quote/", load(account, order)).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_ups_says_what_it_would_cost_and_one_that_is_away_is_named(live_server: Any, settings: Any, api: Api):
    settings.BASE_URL = live_server.url
    there = open_carrier(slug="ups", name="Practice UPS", country_code="NZ", time_zone="Pacific/Auckland")
    keys = {"client_id": there.client_id, "client_secret": there.client_secret}
    account = make_account(
        api.merchant, carrier="ups", account_number=there.account_number, credentials=keys,
        base_url=f"{live_server.url}/practice/carriers/{there.slug}",
    )  # fmt: skip
    body = load(account, make_paid(api.merchant), opens=weekday())

    quoted = send(api, "POST", "pickups/quote/", body)
    there.delete()
    away = send(api, "POST", "pickups/quote/", body)
    let_go()

    assert (quoted.status_code, quoted.json()) == (200, {"cost": "6.65 USD"})
    assert (away.status_code, away["Content-Type"]) == (502, "application/problem+json")


def weekday() -> datetime:
    """Of the next days the first on which UPS drives, by day in Auckland."""
    opens = opening(days=1)
    return opens + timedelta(days=1 if opens.astimezone(AUCKLAND).weekday() == 6 else 0)
