"""What customers ask back, and refunds that are quoted, tried again or withdrawn, over the API."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.errors import RejectedError
from orders.models import Order, Payment, Refund, RefundPicture, RefundRequest
from tests.factories import make_connection, make_merchant
from tests.orders.api.client import Api, make_api
from tests.orders.services.pushed import make_pushed
from tests.orders.services.refundable import charge_of, drain, issue, make_paid
from tests.orders.services.test_refund_requests import ask
from tests.orders.services.test_refunds import Line

pytestmark = pytest.mark.django_db
JPEG = b"\xff\xd8\xff\xe0 a picture of ours"


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.fixture
def order(api: Api) -> Order:
    return make_paid(api.merchant)


def get(api: Api, path: str):
    return api.send("GET", path, key=api.merchant_key)


def post(api: Api, path: str, body=None, **headers: str):
    return api.send("POST", path, {} if body is None else body, key=api.merchant_key, **headers)


def make_failed(order: Order) -> tuple[Refund, Line]:
    line = Line(RejectedError("disputed."))
    refund = issue(order, {"1": 1})
    drain(line)
    refund.refresh_from_db()
    return refund, line


# --- what customers ask for ---


def test_requests_are_listed_and_read(api: Api, order: Order):
    asked = ask(order, 2)

    rows = get(api, "refund-requests/?status=open").json()["results"]
    one = get(api, f"refund-requests/{asked.public_id}/").json()

    assert rows == [one]
    assert (one["order"], one["reason"], one["note"]) == (order.public_id, "damaged", "It wobbles.")
    assert one["lines"] == [{"id": "1", "quantity": 2, "picture": None}]
    assert get(api, "refund-requests/?status=declined").json()["results"] == []


def test_a_status_that_means_nothing_is_refused(api: Api):
    response = get(api, "refund-requests/?status=maybe")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "status")


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(api: Api, order: Order):
    ask(order)
    get(api, "refund-requests/")  # notes when the key was last used
    with CaptureQueriesContext(
        connection,
    ) as one:
        get(api, "refund-requests/")
    for _ in range(2):
        ask(make_paid(api.merchant))

    with CaptureQueriesContext(connection) as three:
        assert len(get(api, "refund-requests/").json()["results"]) == 3

    assert len(three) == len(one)


def test_a_picture_is_read_with_the_merchants_key_alone(api: Api, order: Order):
    row = ask(order).lines.get()
    RefundPicture.objects.create(request_line=row, content=JPEG)
    address = get(api, "refund-requests/").json()["results"][0]["lines"][0]["picture"]
    path = address.partition("/api/v1/")[2]

    response = get(api, path)

    assert (response.content, response["Content-Type"]) == (JPEG, "image/jpeg")
    assert api.send("GET", path).status_code == 403
    assert api.send("GET", path, key=make_api("other").merchant_key).status_code == 404


def test_what_was_asked_for_is_issued_without_a_body(api: Api, order: Order):
    asked = ask(order, 2)

    response = post(api, f"refund-requests/{asked.public_id}/issue/")
    drain()

    assert (response.status_code, response.json()["amount"]) == (201, "20.00")
    assert get(api, f"refund-requests/{asked.public_id}/").json()["status"] == "issued"
    assert charge_of(order).refunded == 2000


def test_something_else_is_issued_with_one(api: Api, order: Order):
    asked = ask(order, 2)

    response = post(
        api, f"refund-requests/{asked.public_id}/issue/", {"lines": [{"id": "1", "quantity": 1}], "reason": "damaged"}
    )

    assert (response.status_code, response.json()["amount"]) == (201, "10.00")
    assert RefundRequest.objects.get().status == "issued"


def test_issued_twice_under_one_key_is_one_refund_and_without_it_a_conflict(api: Api, order: Order):
    path = f"refund-requests/{ask(order).public_id}/issue/"
    body = {"lines": [{"id": "1", "quantity": 1}], "reason": "damaged"}

    codes = [post(api, path, body, **{"Idempotency-Key": "r-1"}).status_code for _ in range(2)]

    assert [*codes, post(api, path, body).status_code] == [201, 200, 409]
    assert Refund.objects.count() == 1


def test_a_request_is_declined_with_a_reason(api: Api, order: Order):
    asked = ask(order)

    response = post(api, f"refund-requests/{asked.public_id}/decline/", {"reason": "It was fine when it left."})

    assert (response.status_code, response.json()["status"]) == (200, "declined")
    assert response.json()["answer"] == "It was fine when it left."
    assert post(api, f"refund-requests/{asked.public_id}/decline/", {"reason": "No."}).status_code == 409


def test_declining_needs_a_reason(api: Api, order: Order):
    response = post(api, f"refund-requests/{ask(order).public_id}/decline/")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "reason")
    assert RefundRequest.objects.get().status == "open"


# --- refunds ---


def test_an_order_tells_what_a_store_took_off_it(api: Api):
    pushed = make_pushed(connection=make_connection(api.merchant))
    Payment.objects.update(captured=pushed.order.total)
    assert get(api, f"orders/{pushed.order.public_id}/").json()["owed_back"] is None

    pushed.record(None)

    assert get(api, f"orders/{pushed.order.public_id}/").json()["owed_back"] == {"amount": "45.00", "why": "cancelled"}


def test_a_quote_says_what_a_refund_comes_to_and_promises_nothing(api: Api, order: Order):
    body = {"lines": [{"id": "1", "quantity": 2}], "shipping": "1.50", "reason": "damaged"}

    response = post(api, f"orders/{order.public_id}/refunds/quote/", body)

    assert response.json() == {
        "currency": "NZD", "lines": [{"id": "1", "quantity": 2, "amount": "20.00"}], "shipping": "1.50",
        "computed": "21.50", "amount": "21.50", "left": "50.00",
    }  # fmt: skip
    assert not Refund.objects.exists()


def test_a_quote_is_refused_as_the_refund_would_be(api: Api, order: Order):
    response = post(api, f"orders/{order.public_id}/refunds/quote/", {"amount": "50.01", "reason": "damaged"})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "too_much")


def test_a_refund_that_failed_is_given_again(api: Api, order: Order):
    refund, line = make_failed(order)

    response = post(api, f"refunds/{refund.public_id}/retry/")
    drain(line)

    assert (response.status_code, response.json()["status"]) == (200, "requested")
    assert charge_of(order).refunded == 1000
    assert post(api, f"refunds/{refund.public_id}/retry/").status_code == 409


def test_a_refund_that_failed_is_withdrawn(api: Api, order: Order):
    refund, _ = make_failed(order)

    response = post(api, f"refunds/{refund.public_id}/withdraw/")

    assert (response.status_code, response.json()["status"]) == (200, "withdrawn")


# --- strangers ---


def test_another_merchants_do_not_exist_and_a_marketplace_may_not(api: Api):
    theirs = make_paid(make_merchant(slug="other"))
    asked, refund = ask(theirs), issue(theirs, {"1": 1})

    for path in (
        f"refund-requests/{asked.public_id}/issue/", f"refund-requests/{asked.public_id}/decline/",
        f"refunds/{refund.public_id}/retry/", f"refunds/{refund.public_id}/withdraw/",
        f"orders/{theirs.public_id}/refunds/quote/",
    ):  # fmt: skip
        assert (post(api, path, {"reason": "other"}).status_code, api.send("POST", path).status_code) == (404, 403)
    assert get(api, "refund-requests/").json()["results"] == []
    assert get(api, f"refund-requests/{asked.public_id}/").status_code == 404
