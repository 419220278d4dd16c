"""What each refusal of a store means for whoever asked."""

from __future__ import annotations

import pytest
import responses

from connectors.errors import (
    ConnectionGoneError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from tests.connectors.woocommerce.orders import order
from tests.connectors.woocommerce.store import API, answers, connector, refuses

pytestmark = pytest.mark.usefixtures("wire")


def test_the_key_goes_in_the_header_and_never_in_the_address():
    answers("orders/7/notes", [])

    connector()._client.get("orders/7/notes", operation="notes")

    request = responses.calls[0].request
    assert request.headers["Authorization"].startswith("Basic ")
    assert "canary" not in request.url


@pytest.mark.parametrize(
    ("status", "code", "message", "blames"),
    [
        (401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", "credentials_expired"),
        (401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.", "credentials_expired"),
        (
            401,
            "woocommerce_rest_authentication_error",
            "The API key provided does not have write permissions.",
            "scope_missing",
        ),
        (403, "woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources.", "scope_missing"),
    ],
)
def test_a_key_that_is_not_accepted_is_for_the_merchant(status, code, message, blames):
    refuses("orders", status, code, message, method="POST")

    with pytest.raises(CredentialsError) as caught:
        connector().create(order())

    assert caught.value.code == blames


def test_a_key_that_did_not_arrive_hints_at_the_server():
    refuses("orders", 401, "woocommerce_rest_cannot_create", "Sorry.", method="POST")

    with pytest.raises(CredentialsError, match="Authorization header"):
        connector().create(order())


def test_an_inactive_woocommerce_pauses_the_connection():
    refuses("orders/7", 404, "rest_no_route", "No route was found.")

    with pytest.raises(ConnectionGoneError, match="active"):
        connector().read("7")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_page_of_the_host_is_no_answer_of_woocommerce(status):
    responses.add("GET", f"{API}/orders/7", status=status, body="<html>Blocked</html>", content_type="text/html")
    responses.add("POST", f"{API}/orders", status=status, body="<html>Blocked</html>", content_type="text/html")

    with pytest.raises(RetryableError) as reading:
        connector().read("7")
    with pytest.raises(OutcomeUnknownError):
        connector().create(order())

    assert type(reading.value) is RetryableError


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_after_a_create_leaves_the_outcome_open(status):
    refuses("orders", status, "internal_server_error", method="POST")

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


def test_a_500_in_woocommerces_own_words_is_a_refusal():
    """As "Invalid refund amount." is: its `data` is a bare number."""
    refused = {"code": "woocommerce_rest_cannot_create_order_refund", "message": "Invalid refund amount.", "data": 500}
    answers("orders/7/refunds", refused, method="POST", status=500)

    with pytest.raises(RejectedError, match="Invalid refund amount"):
        connector()._client.post("orders/7/refunds", {}, operation="refund_create")


def test_a_page_about_the_database_leaves_the_outcome_open():
    page = "<!doctype html><title>Database Error</title>"
    responses.add("POST", f"{API}/orders", status=500, body=page, content_type="text/html")
    responses.add("GET", f"{API}/orders/7", status=500, body=page, content_type="text/html")

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())
    with pytest.raises(RetryableError) as reading:
        connector().read("7")

    assert type(reading.value) is RetryableError


def test_maintenance_names_the_time_to_wait():
    answers("orders/7", {"code": "wp_die"}, status=503, Retry_After="600")

    with pytest.raises(RetryableError) as caught:
        connector().read("7")

    assert caught.value.after_s == 600


def test_a_rate_limit_of_the_host_was_not_carried_out():
    answers("orders", {}, method="POST", status=429, Retry_After="7")

    with pytest.raises(RetryableError) as caught:
        connector().create(order())

    assert (type(caught.value), caught.value.throttled, caught.value.after_s) == (RetryableError, True, 7)


def test_a_redirect_is_not_followed():
    responses.add("GET", f"{API}/orders/7", status=301, headers={"Location": "https://www.kauri.example.com/"})

    with pytest.raises(RetryableError, match="redirect"):
        connector().read("7")

    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    ("code", "params", "details", "blocker"),
    [
        (
            "rest_invalid_param",
            {"billing": "Invalid email address."},
            {"billing": {"code": "rest_invalid_email"}},
            ("email_required", "customer_email"),
        ),
        ("rest_invalid_param", {"currency": "currency is not one of AED."}, {}, ("currency_unsupported", "currency")),
        (
            "rest_invalid_param",
            {"line_items": "line_items[0][subtotal] is not of type string."},
            {"line_items": {"code": "rest_invalid_type"}},
            ("internal_error", "line_items"),
        ),
        ("woocommerce_rest_required_product_reference", None, None, ("custom_line", "lines")),
        ("woocommerce_rest_invalid_shipping_item", None, None, ("shipping_method_unmapped", "shipping_title")),
        ("rest_invalid_json", None, None, ("internal_error", "")),
    ],
)
def test_a_refused_order_says_which_field(code, params, details, blocker):
    refuses("orders", 400, code, "Refused.", method="POST", params=params, details=details)

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    assert [(one.code, one.field) for one in caught.value.blockers] == [blocker]


def test_an_answer_that_is_no_order_leaves_the_outcome_open():
    answers("orders", {"id": 7}, method="POST", status=201)

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


def test_an_answer_that_is_no_list_is_a_torn_one():
    answers("orders", {"unexpected": True})

    with pytest.raises(RetryableError):
        connector()._client.page("orders", {}, operation="orders")
