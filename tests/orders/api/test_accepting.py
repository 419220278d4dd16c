"""Auto-accept rules, opening hours and deadlines over the API; nobody reaches another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders.api.accepting_serializers import HOURS_EXAMPLE, RULE_EXAMPLE
from orders.models import AcceptRule, BusinessHours, Order
from tests.factories import make_channel, make_merchant, make_order
from tests.orders.api.client import Api, make_api, sample
from tests.orders.services.accepting import auto_accept, make_checked, make_rule

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


def ask(api: Api, method: str, path: str, body: Any = None):
    return api.send(method, path, body, key=api.merchant_key)


def test_rules_are_made_read_changed_and_removed(api: Api):
    made = ask(api, "POST", "auto-accept/rules/", RULE_EXAMPLE)
    assert made.status_code == 201, made.content
    path = f"auto-accept/rules/{made.json()['id']}/"

    assert made.json()["words"].startswith("total at most 500.00 NZD; customer has ordered before; ships to NZ, AU")
    assert (made.json()["total_from"], made.json()["total_to"], made.json()["channel"]) == (None, "500.00", None)
    assert ask(api, "GET", path).json() == made.json()
    changed = ask(api, "PUT", path, {"verdict": "ask"}).json()
    assert (changed["verdict"], changed["words"]) == ("ask", "every order")
    assert ask(api, "DELETE", path).status_code == 204
    assert not AcceptRule.objects.exists()


def test_a_rule_is_put_where_it_is_wanted(api: Api):
    first = ask(api, "POST", "auto-accept/rules/", {"verdict": "ask"}).json()
    second = ask(api, "POST", "auto-accept/rules/", {"verdict": "accept", "position": 0}).json()

    assert [rule["id"] for rule in ask(api, "GET", "auto-accept/").json()["rules"]] == [second["id"], first["id"]]
    moved = ask(api, "PUT", f"auto-accept/rules/{first['id']}/", {"verdict": "ask", "position": 0}).json()

    assert moved["position"] == 0


def test_the_default_and_shadow_mode_are_set(api: Api):
    channel = make_channel(api.marketplace)

    body = ask(api, "PUT", "auto-accept/", {"default": True, "shadow": True}).json()

    assert body == {
        "default": True,
        "shadow": True,
        "rules": [],
        "channels": [{"id": channel.pk, "name": channel.name}],
    }


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "verdict"),
        ({"verdict": "maybe"}, 400, "verdict"),
        ({"verdict": "ask", "countries": "NZ"}, 400, "countries"),
        ({"verdict": "ask", "listed": "in", "countries": ["XX"]}, 422, "countries"),
        ({"verdict": "ask", "total_from": "9", "total_to": "1"}, 422, "total_to"),
        ({"verdict": "ask", "channel": 0}, 422, "channel"),
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_field(api: Api, body: dict, status: int, field: str):
    response = ask(api, "POST", "auto-accept/rules/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (status, field)
    assert response["Content-Type"] == "application/problem+json"
    assert not AcceptRule.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_merchants_rule_does_not_exist(api: Api, method: str):
    rule = make_rule(make_merchant())

    assert ask(api, method, f"auto-accept/rules/{rule.public_id}/", {"verdict": "ask"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "auto-accept/"),
        ("POST", "auto-accept/rules/"),
        ("GET", "auto-accept/look-back/"),
        ("GET", "auto-accept/look-back/orders/"),
        ("GET", "opening-hours/"),
        ("PUT", "opening-hours/"),
    ],
)
def test_a_marketplace_has_no_say(api: Api, method: str, path: str):
    assert api.send(method, path, {}).status_code == 403


def test_the_orders_that_would_have_been_accepted_are_read_page_by_page(api: Api):
    make_rule(api.merchant)
    for number in range(3):
        make_order(api.merchant, number=f"A{number}", placed_at=timezone.now() + timedelta(seconds=number))
    make_order(placed_at=timezone.now())

    first = ask(api, "GET", "auto-accept/look-back/orders/?page_size=2").json()
    second = ask(api, "GET", "auto-accept/look-back/orders/?page_size=2&page=2").json()

    assert [row["number"] for row in first["results"] + second["results"]] == ["A2", "A1", "A0"]
    assert (first["count"], second["next"]) == (3, None)
    row = first["results"][0]
    assert (row["rule"], row["ended"], row["total"], row["currency"]) == (1, "", "115.00", "NZD")


def test_the_look_back_counts(api: Api):
    make_rule(api.merchant)
    make_order(api.merchant, placed_at=timezone.now())

    body = ask(api, "GET", "auto-accept/look-back/").json()

    assert (body["looked_at"], body["accepted"], len(body["not_knowable"])) == (1, 1, 3)
    assert body["rules"][0] == {"number": 1, "verdict": "accept", "words": "every order", "orders": 1}


def test_opening_hours_are_replaced_as_a_whole(api: Api):
    channel = make_channel(api.marketplace)
    assert ask(api, "GET", "opening-hours/").json()["is_set"] is False
    wanted = {**HOURS_EXAMPLE, "channels": [{"channel": channel.pk, "days": 1}]}

    body = ask(api, "PUT", "opening-hours/", wanted).json()

    assert body == {**wanted, "is_set": True, "time_zone": "Pacific/Auckland"}
    assert ask(api, "GET", "opening-hours/").json() == body


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "week"),
        ({"week": {"monday": "9-5"}}, 422, "week.monday"),
        ({"week": {"monday": "09:00-17:00"}, "closed_days": ["x"]}, 422, "closed_days"),
        ({"week": {"monday": "09:00-17:00"}, "channels": [{"channel": 0, "days": 1}]}, 422, "channels.0"),
        ({"week": {"monday": "09:00-17:00"}, "last_resort": "hope"}, 400, "last_resort"),
    ],
    ids=str,
)
def test_hours_that_make_no_sense_are_refused_with_their_field(api: Api, body: dict, status: int, field: str):
    response = ask(api, "PUT", "opening-hours/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (status, field)
    assert not BusinessHours.objects.exists()


def test_an_order_tells_its_clock_and_why_it_waits(api: Api):
    make_rule(api.merchant, "ask")
    order = make_checked(api.merchant)
    auto_accept(order)

    body = ask(api, "GET", f"orders/{order.public_id}/").json()

    assert (body["due_kind"], body["due_at"], body["ship_by"]) == ("accept", body["confirm_by"], None)
    assert (body["accept_decision"]["verdict"], body["accept_decision"]["text"]) == (
        "ask",
        "Rule 1 asks you: every order.",
    )


def test_an_order_without_a_decision_has_none(api: Api):
    order = make_order(api.merchant)

    assert ask(api, "GET", f"orders/{order.public_id}/").json()["accept_decision"] is None


def test_orders_are_found_by_their_clock(api: Api):
    now = timezone.now()
    paid = {"authorized_until": now + timedelta(days=30)}
    soon = make_order(api.merchant, confirm_by=now + timedelta(hours=1), **paid)
    make_order(api.merchant, confirm_by=now + timedelta(days=9), ship_by=now + timedelta(days=8), **paid)

    until = (now + timedelta(days=1)).isoformat().replace("+", "%2B")
    found = ask(api, "GET", f"orders/?due_before={until}&due_kind=accept").json()["results"]

    assert [row["id"] for row in found] == [soon.public_id]
    assert ask(api, "GET", "orders/?due_kind=x").status_code == 400


def test_a_marketplace_says_by_when_an_order_is_to_be_shipped(api: Api):
    ship_by = timezone.now() + timedelta(days=2)

    response = api.place({**sample(merchant="kauri-and-clay"), "ship_by": ship_by.isoformat()})

    assert response.status_code == 201, response.content
    assert (Order.objects.get().ship_by, response.json()["due_kind"]) == (ship_by, "ship")


@pytest.mark.parametrize(
    ("ship_by", "code"), [("2001-01-01T00:00:00Z", "before_placed_at"), ("tomorrow", "not_a_time")]
)
def test_a_ship_by_that_makes_no_sense_is_refused(api: Api, ship_by: str, code: str):
    response = api.place({**sample(merchant="kauri-and-clay"), "ship_by": ship_by})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, code)
