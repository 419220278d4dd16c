"""Routing and previews over the API; nobody reaches another's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.services import api_keys
from connectors.models import Connection
from orders.models import Order, PushLine, RoutingRule
from tests.factories import NOON, make_connection, make_order
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def stores(api: Api) -> tuple[Connection, Connection]:
    return make_connection(api.merchant, name="Kauri", is_default=True), make_connection(api.merchant, name="Rimu")


@pytest.fixture
def order(api: Api, stores) -> Order:
    return make_order(api.merchant, connections=[stores[0]], lines=[{"sku": "A"}, {"sku": "B"}])


def ask(api: Api, method: str, path: str, body: Any = None):
    return api.send(method, path, body, key=api.merchant_key)


def moved(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"routes": [{"line": line, "destination": destination} for line, destination in pairs]}


def test_an_order_tells_the_lines_and_the_amounts_of_each_push(api: Api, order: Order):
    (push,) = ask(api, "GET", f"orders/{order.public_id}/").json()["pushes"]

    line = {"quantity": 1, "sent_quantity": None, "routed_by": "only", "missing": False, "given_back_there": 0}
    assert push["lines"] == [{"id": str(n), **line} for n in (1, 2)]
    assert (push["subtotal"], push["total"]) == ("30.00", "30.00")


def test_lines_are_moved(api: Api, order: Order, stores):
    path = f"orders/{order.public_id}/routing/"

    response = ask(api, "POST", path, moved(("1", stores[1].public_id)))

    assert response.status_code == 200
    parts = {push["destination"]: [line["id"] for line in push["lines"]] for push in response.json()["pushes"]}
    assert parts == {"Kauri": ["2"], "Rimu": ["1"]}
    lines = ask(api, "GET", path).json()
    assert [line["pushes"][0]["routed_by"] for line in lines] == ["hand", "only"]


def test_a_line_to_two_destinations_is_refused(api: Api, order: Order, stores):
    body = moved(("1", stores[0].public_id), ("1", stores[1].public_id))

    response = ask(api, "POST", f"orders/{order.public_id}/routing/", body)

    assert (response.status_code, response.json()["code"]) == (409, "routing_refused")


@pytest.mark.parametrize(
    ("pair", "field"), [(("9", "{rimu}"), "routes[0].line"), (("1", "strangers"), "routes[0].destination")]
)
def test_what_is_not_ones_own_is_named(api: Api, order: Order, stores, pair: tuple[str, str], field: str):
    body = moved((pair[0], pair[1].format(rimu=stores[1].public_id)))

    response = ask(api, "POST", f"orders/{order.public_id}/routing/", body)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("body", [{}, {"routes": []}, {"routes": [{"line": "1"}]}, {"routes": "x"}], ids=str)
def test_a_body_of_another_shape_is_refused(api: Api, order: Order, body: dict):
    assert ask(api, "POST", f"orders/{order.public_id}/routing/", body).status_code == 400


def test_a_line_that_is_there_is_a_conflict(api: Api, order: Order, stores):
    order.pushes.update(status="pushed", wait_for="", remote_id="1", remote_name="#1001", pushed_at=NOON)

    response = ask(api, "POST", f"orders/{order.public_id}/routing/", moved(("1", stores[1].public_id)))

    assert (response.status_code, response.json()["code"]) == (409, "transition_not_allowed")
    assert PushLine.objects.filter(push__connection=stores[0]).count() == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_anothers_order_is_not_there(api: Api, method: str):
    assert ask(api, method, f"orders/{make_order().public_id}/routing/", {}).status_code == 404


def test_anothers_push_is_not_there(api: Api):
    push = make_order(connections=[make_connection()]).pushes.get()

    assert ask(api, "GET", f"pushes/{push.public_id}/preview/").status_code == 404


@pytest.mark.parametrize("path", ["orders/{order}/routing/", "routing/", "pushes/{push}/preview/"])
def test_routing_is_the_merchants_alone(api: Api, order: Order, path: str):
    path = path.format(order=order.public_id, push=order.pushes.get().public_id)

    assert api.send("GET", path).status_code == 403


def test_a_reading_key_moves_nothing(api: Api, order: Order, stores):
    _, key = api_keys.issue(merchant=api.merchant, name="r", can_write=False, expires_at=None, by="t", at=NOON)
    body = moved(("1", stores[1].public_id))

    assert api.send("POST", f"orders/{order.public_id}/routing/", body, key=key).status_code == 403
    assert api.send("PUT", "routing/", {"rules": []}, key=key).status_code == 403


def test_a_preview_shows_the_call_and_hides_the_key(api: Api, order: Order):
    push = order.pushes.get()

    response = ask(api, "GET", f"pushes/{push.public_id}/preview/")

    (call,) = response.json()["calls"]
    assert (call["method"], call["path"]) == ("POST", "/admin/api/2026-10/graphql.json")
    assert json.loads(call["body"])["variables"]["order"]["sourceIdentifier"] == push.reference
    assert {"path": "variables.order.lineItems", "sources": ["line", "product link"]} in call["fields_from"]
    assert "shpat_canary" not in response.content.decode()


def test_rules_are_replaced_and_read_back(api: Api, stores):
    rule = {"kind": "attribute", "name": "terms", "value": "Net 30", "destination": stores[1].public_id}
    body = {"default_destination": stores[1].public_id, "rules": [rule]}

    response = ask(api, "PUT", "routing/", body)

    assert response.status_code == 200
    assert response.json()["rules"] == [rule]
    assert [(row["name"], row["is_default"]) for row in response.json()["destinations"]] == [
        ("Rimu", True),
        ("Kauri", False),
    ]
    assert ask(api, "GET", "routing/").json() == response.json()


@pytest.mark.parametrize(
    ("rule", "status", "where"),
    [
        ({"kind": "colour"}, 400, "rules[0].kind"),
        ({"value": ""}, 400, "rules[0].value"),
        ({"destination": "x"}, 400, "rules[0].destination"),
        ({"kind": "country"}, 409, "routing_refused"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(api: Api, stores, rule: dict, status: int, where: str):
    body = {"rules": [{"kind": "tag", "value": "rush", "destination": stores[0].public_id, **rule}]}

    response = ask(api, "PUT", "routing/", body)

    problem = response.json()
    assert (response.status_code, problem.get("errors", [{}])[0].get("field", problem["code"])) == (status, where)
    assert not RoutingRule.objects.exists()
