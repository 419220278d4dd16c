"""One call: what is sent, and which error each answer becomes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import responses
from responses.matchers import header_matcher

from connectors.base import Budget
from connectors.errors import CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.http import HttpClient
from connectors.ssactivewear.client import SsActivewearClient
from tests.connectors.ssactivewear.orders import ACCOUNT, KEY
from tests.connectors.ssactivewear.wire import BASE, NOT_FOUND, answers, asked, finds_nothing

pytestmark = pytest.mark.usefixtures("wire")


def client() -> SsActivewearClient:
    return SsActivewearClient(ACCOUNT, HttpClient(deadline_s=30))


def ask():
    return client().ask("orders", "SW-1", operation="orders_by_po")


def error_of(status: int, body=None, **given) -> Exception:
    responses.add("GET", f"{BASE}/orders/SW-1", status=status, **(given or {"json": body}))
    with pytest.raises(Exception) as caught:
        ask()
    return caught.value


def test_account_number_and_key_are_sent_as_basic_auth():
    token = base64.b64encode(f"12345:{KEY}".encode()).decode()
    matches = [header_matcher({"Authorization": f"Basic {token}"})]
    responses.add("GET", f"{BASE}/orders/SW-1", json=[], match=matches)

    assert ask().rows == []


def test_what_cannot_stand_in_a_path_is_escaped_and_a_comma_divides():
    answers("orders/A%2FB%3F,C%20D", [])

    client().ask("orders", "A/B?,C D", operation="orders_by_po", All="True", fields="A,B")

    assert asked() == ["GET /orders/A%2FB%3F,C%20D?All=True&fields=A,B"]


def test_an_order_is_json():
    answers("orders/", [], method="POST")

    client().place({"poNumber": "SW-1"})

    assert responses.calls[0].request.headers["Content-Type"] == "application/json"


def test_nothing_found_is_no_error():
    finds_nothing("orders/SW-1")

    assert ask().rows == []


@pytest.mark.parametrize("body", [{"message": "No HTTP resource was found"}, {}, [], "gone"])
def test_another_404_is_not_taken_for_nothing_found(body):
    error = error_of(404, body)

    assert type(error) is RetryableError


def test_a_page_that_is_not_found_is_not_taken_for_nothing_found():
    assert type(error_of(404, body="<html>", content_type="text/html")) is RetryableError


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_for_the_merchant(status):
    assert type(error_of(status, {"message": "Authorization has been denied."})) is CredentialsError


def test_a_question_that_is_refused():
    assert type(error_of(400, NOT_FOUND)) is RejectedError


def test_a_breach_of_the_limit_waits_a_minute_and_empties_the_budget():
    responses.add("POST", f"{BASE}/orders/", status=429)
    mine = client()

    with pytest.raises(RetryableError) as caught:
        mine.place({})

    assert (caught.value.throttled, caught.value.after_s) == (True, 60.0)
    assert mine.budget == Budget(available=0.0, maximum=60.0, restore_per_s=1.0)


def test_a_longer_wait_that_is_named_counts():
    error = error_of(503, headers={"Retry-After": "90"}, body="")

    assert error.after_s == 90.0


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_after_an_order_leaves_it_unknown(status):
    responses.add("POST", f"{BASE}/orders/", status=status)

    with pytest.raises(OutcomeUnknownError) as caught:
        client().place({})

    assert caught.value.after_s == 60.0


def test_the_budget_is_what_the_last_answer_told():
    answers("orders/SW-1", [], X_Rate_Limit_Remaining="41")
    answers("orders/SW-1", [])
    mine = client()

    mine.ask("orders", "SW-1", operation="o")
    mine.ask("orders", "SW-1", operation="o")

    assert mine.budget == Budget(available=41.0, maximum=60.0, restore_per_s=1.0)


def test_a_page_knows_when_it_was_written():
    answers("orders/SW-1", [])

    assert ask().read_at == datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ([{"orderNumber": 1}, {"OrderNumber": 2}], [1, 2]),
        ([[{"orderNumber": 1}]], [1]),
        ({"Orders": [{"orderNumber": 1}], "LineErrors": []}, [1]),
        ({"orders": []}, []),
        ([], []),
    ],
)
def test_rows_in_every_form(body, numbers):
    answers("orders/SW-1", body)

    assert [row["ordernumber"] for row in ask().rows] == numbers


@pytest.mark.parametrize("body", ["text", 7, [[7]]])
def test_an_answer_without_rows_is_as_good_as_torn(body):
    answers("orders/SW-1", body)

    with pytest.raises(RetryableError, match="unexpected form"):
        ask()
