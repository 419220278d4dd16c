"""Reading orders and deciding about them over the API; nobody reaches another's."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from accounts.services import api_keys
from orders.api import description
from orders.enums import OrderStatus, Topic
from orders.models import Order, OutboxMessage
from orders.services import decisions, requirements
from orders.services.readiness import Needs
from tests.factories import NOON, make_connection, make_order
from tests.orders.api.client import Api, make_api, sample
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


def placed(api: Api, **fields) -> Order:
    api.place(sample(**fields))
    return Order.objects.latest("pk")


def test_confirming_over_the_api_names_the_key(api: Api):
    order = placed(api)

    response = api.send("POST", f"orders/{order.public_id}/confirm/", key=api.merchant_key)

    assert response.status_code == 200
    assert response.json()["status"] == "confirmed"
    assert response.json()["decided_by"].startswith("API key tests (")


@pytest.mark.parametrize(
    ("needs", "door", "body", "status"),
    [
        ({}, "", None, "draft"),
        ({"payment": False}, "", None, "pending"),
        ({"payment": False}, "confirm/", None, "confirmed"),
        ({"payment": False}, "decline/", {"reason": "Sold out."}, "declined"),
        ({"payment": False}, "cancel/", {"reason": "Sold out."}, "cancelled"),
    ],
)
def test_an_order_without_a_payment_is_read_and_decided_about(api: Api, needs, door: str, body, status: str):
    requirements.save(merchant_id=api.merchant.pk, key=requirements.EVERY, needs=Needs(**needs), by="ana", at=NOON)
    order = placed(api, payment=None)

    response = api.send("POST" if door else "GET", f"orders/{order.public_id}/{door}", body, key=api.merchant_key)

    told = response.json()
    assert response.status_code == 200
    assert (told["status"], told["payment"], told["owed_back"]) == (status, None, None)


def test_a_second_confirmation_is_a_conflict(api: Api):
    order = placed(api)
    api.send("POST", f"orders/{order.public_id}/confirm/", key=api.merchant_key)

    response = api.send("POST", f"orders/{order.public_id}/confirm/", key=api.merchant_key)

    assert (response.status_code, response.json()["code"]) == (409, "transition_not_allowed")


def test_a_blocked_order_says_why_it_is_not_confirmed(api: Api):
    make_connection(api.merchant)
    order = placed(api)
    blocker = {"code": "out_of_stock", "message": "Out of stock.", "field": "", "value": "STOOL-OAK"}
    order.pushes.update(status="held", wait_for="", reason="x", blockers=[blocker])

    response = api.send("POST", f"orders/{order.public_id}/confirm/", key=api.merchant_key)

    assert (response.status_code, response.json()["blockers"]) == (409, [blocker])


def test_declining_needs_a_reason(api: Api):
    order = placed(api)

    response = api.send("POST", f"orders/{order.public_id}/decline/", {}, key=api.merchant_key)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "reason")


def test_a_marketplace_may_cancel_but_not_confirm(api: Api):
    order = placed(api)

    assert api.send("POST", f"orders/{order.public_id}/confirm/").status_code == 403
    assert api.send("POST", f"orders/{order.public_id}/cancel/", {"reason": "Customer"}).status_code == 200


def test_a_merchant_may_not_place_orders(api: Api):
    assert api.send("POST", "orders/", sample(), key=api.merchant_key).status_code == 403


def test_a_read_only_key_changes_nothing(api: Api):
    order = placed(api)
    _, key = api_keys.issue(
        name="r", can_write=False, expires_at=None, merchant=api.merchant, by="x", at=timezone.now()
    )

    assert api.send("GET", f"orders/{order.public_id}/", key=key).status_code == 200
    assert api.send("POST", f"orders/{order.public_id}/confirm/", key=key).status_code == 403


PATHS = ["orders/{id}/", "orders/{id}/confirm/", "orders/{id}/decline/", "orders/{id}/cancel/", "orders/{id}/check/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_for_strangers_an_order_does_not_exist(api: Api, path: str, method: str):
    order, stranger = placed(api), make_api("stranger")

    for key in (stranger.merchant_key, stranger.marketplace_key):
        response = api.send(method, path.format(id=order.public_id), {"reason": "x"}, key=key)
        assert response.status_code in (403, 404, 405)
        assert "Harriet" not in response.content.decode()
    assert Order.objects.get(pk=order.pk).status == "pending"


@pytest.mark.parametrize("path", ["orders/", *PATHS])
@pytest.mark.parametrize("key", ["", "sw_00000000_wrong"])
def test_without_a_valid_key_there_is_nothing(api: Api, path: str, key: str):
    order = placed(api)

    response = api.send("GET", path.format(id=order.public_id), key=key)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_list_holds_ones_own_orders_only(api: Api):
    placed(api)
    make_order()

    assert [row["number"] for row in api.send("GET", "orders/", key=api.merchant_key).json()["results"]] == ["AP-10482"]


def test_the_cursor_walks_over_every_order_once(api: Api):
    for n in range(5):
        make_order(api.merchant, placed_at=NOON - timedelta(minutes=n // 2))
    path, seen = "orders/?page_size=2", []

    while path:
        page = api.send("GET", path, key=api.merchant_key).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"].split("/api/v1/")[1] if page["next"] else ""

    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("query", ["status=lost", "colour=red", "placed_after=today", "headline=x"])
def test_a_filter_that_means_nothing_is_refused(api: Api, query: str):
    assert api.send("GET", f"orders/?{query}", key=api.merchant_key).status_code == 400


def test_an_unknown_filter_is_answered_with_those_that_there_are(api: Api):
    refusal = api.send("GET", "orders/?limit=1", key=api.merchant_key).json()["errors"][0]

    assert "There are: archived, blocker, channel, destination, due_before" in refusal["message"]


@pytest.mark.parametrize(
    ("query", "count"),
    [("status=pending", 1), ("status=confirmed", 0), ("external_id=AP-10482", 1), ("payment_status=authorized", 1),
     ("placed_after=2999-01-01T00:00:00Z", 0), ("headline=needs_confirmation", 1)],
)  # fmt: skip
def test_filters(api: Api, query: str, count: int):
    placed(api)

    assert len(api.send("GET", f"orders/?{query}", key=api.merchant_key).json()["results"]) == count


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(api: Api, django_assert_num_queries):
    make_order(api.merchant)
    api.send("GET", "orders/", key=api.merchant_key)
    with django_assert_num_queries(2):
        api.send("GET", "orders/", key=api.merchant_key)
    make_order(api.merchant)
    make_order(api.merchant)
    with django_assert_num_queries(2):
        api.send("GET", "orders/", key=api.merchant_key)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing/", 404), ("DELETE", "orders/", 405)])
def test_what_does_not_exist_is_a_problem_document(api: Api, method: str, path: str, status: int):
    response = api.send(method, path, key=api.marketplace_key)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_the_description_is_complete(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def test_the_description_begins_with_how_to_place_an_order(tmp_path):
    file = tmp_path / "schema.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(file))
    schema = json.loads(file.read_text())

    filters = {item["name"]: item["schema"] for item in schema["paths"]["/api/v1/orders/"]["get"]["parameters"]}
    assert "Authorization: Bearer sw_" in schema["info"]["description"]
    assert schema["tags"][0]["name"] == "orders"
    assert filters["status"]["enum"] == sorted(OrderStatus.values)


def test_the_description_is_made_once(monkeypatch):
    made = []
    whole = SchemaGenerator.parse
    monkeypatch.setattr(SchemaGenerator, "parse", lambda *given: made.append(1) or whole(*given))
    description._made.cache_clear()

    answers = [Client().get("/api/v1/schema/?format=json") for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert len(made) == 1


def test_the_docs_are_open_and_bring_everything_along():
    page = Client().get("/api/v1/docs/")

    assert page.status_code == 200
    assert "https://" not in page.content.decode().replace("https://storeward", "")


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_a_filter_by_a_time_that_does_not_exist_is_refused(api: Api, until: str):
    answer = api.send("GET", f"orders/?{urlencode({'due_before': until})}")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_a_time")


def test_cancelling_while_the_payment_is_being_taken_is_a_wish_that_the_answer_names(api: Api):
    order = placed(api)
    decisions.confirm(order_id=order.pk, by="ana", at=timezone.now())
    OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).update(
        status="running", attempts=1, lease_until=timezone.now()
    )
    path = f"orders/{order.public_id}/cancel/"

    answer = api.send("POST", path, {"reason": "Flood"}, key=api.merchant_key)

    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert answer.json()["cancel_wished_at"] is not None
    assert api.send("POST", path, {"reason": "Flood"}, key=api.merchant_key).status_code == 409


def test_a_push_tells_what_was_read_back(api: Api):
    pushed = make_pushed(merchant=api.merchant)

    (push,) = api.send("GET", f"orders/{pushed.order.public_id}/", key=api.merchant_key).json()["pushes"]
    pushed.push.remote_total = None
    pushed.push.save(update_fields=["remote_total"])
    (unread,) = api.send("GET", f"orders/{pushed.order.public_id}/", key=api.merchant_key).json()["pushes"]

    assert (push["total"], push["remote_total"], unread["remote_total"]) == ("45.00", "45.00", None)
