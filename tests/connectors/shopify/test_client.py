"""One GraphQL call: what is sent, and which error each refusal becomes."""

from __future__ import annotations

import json
import logging

import pytest
import responses

from connectors.base import Account, Budget
from connectors.errors import (
    ConnectionGoneError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from connectors.shopify import client
from connectors.shopify.client import ShopifyClient, TopLevelNotFoundError
from tests.connectors.shopify.orders import ACCOUNT
from tests.connectors.shopify.shop import URL, answers, connector, fails, sent

COST = {
    "requestedQueryCost": 122,
    "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 22, "restoreRate": 50.0},
}

pytestmark = pytest.mark.usefixtures("wire")


def execute(*, changes: bool = False, variables=None):
    return ShopifyClient(ACCOUNT, HttpClient(deadline_s=30)).execute("job_status", variables, changes=changes)


def error_of(*, changes: bool) -> Exception:
    with pytest.raises(Exception) as caught:
        execute(changes=changes)
    return caught.value


def test_the_document_goes_to_the_pinned_version_with_the_token():
    answers({"job": None})

    execute(variables={"id": "gid://shopify/Job/1"})

    request = responses.calls[0].request
    body = json.loads(request.body)
    assert request.url == URL
    assert request.headers["X-Shopify-Access-Token"] == "shpat_canary"
    assert (body["operationName"], body["variables"]) == ("JobStatus", {"id": "gid://shopify/Job/1"})
    assert body["query"].startswith("query JobStatus(")


def test_a_practice_shop_has_its_endpoint_under_its_path():
    base = "http://127.0.0.1:8000/practice/shopify/kauri"
    responses.add(responses.POST, f"{base}/admin/api/2026-10/graphql.json", json={"data": {"job": None}})

    account = Account(base_url=f"{base}/", credentials={"access_token": "t"})
    data = ShopifyClient(account, HttpClient(allow_loopback=True)).execute("job_status", changes=False)

    assert data == {"job": None}


def test_null_variables_are_left_out_however_deep():
    answers({})

    execute(variables={"a": None, "b": [{"c": None, "d": 0}], "e": {"f": "", "g": False}})

    assert sent() == {"b": [{"d": 0}], "e": {"f": "", "g": False}}


def test_the_budget_is_what_the_answer_says():
    answers({}, extensions={"cost": COST})
    shop = ShopifyClient(ACCOUNT, HttpClient(deadline_s=30))

    shop.execute("job_status", changes=False)

    assert shop.budget == Budget(available=22, maximum=2000, restore_per_s=50)


@pytest.mark.parametrize("cost", [None, [], {"throttleStatus": None}, {"throttleStatus": {"restoreRate": "x"}}])
def test_a_budget_that_makes_no_sense_is_none(cost):
    answers({}, extensions={"cost": cost})
    shop = ShopifyClient(ACCOUNT, HttpClient(deadline_s=30))

    shop.execute("job_status", changes=False)

    assert shop.budget is None


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RejectedError),
        (401, CredentialsError),
        (402, ConnectionGoneError),
        (403, CredentialsError),
        (404, ConnectionGoneError),
        (409, RejectedError),
        (422, RejectedError),
        (423, ConnectionGoneError),
    ],
)
def test_a_status_says_who_has_to_act(status, error, changes):
    responses.add(responses.POST, URL, status=status, json={"errors": "[API] Invalid API key or access token"})

    assert type(error_of(changes=changes)) is error


def test_a_dead_token_is_told_as_such():
    responses.add(responses.POST, URL, status=401, json={"errors": "nope"})

    assert error_of(changes=True).code == "credentials_expired"


def test_430_pauses_this_connection_alone_and_for_ten_minutes():
    responses.add(responses.POST, URL, status=430, body="")

    error = error_of(changes=True)

    assert (type(error), error.throttled, error.after_s) == (RetryableError, True, 600)


@pytest.mark.parametrize("changes", [True, False])
def test_throttled_waits_until_the_bucket_holds_the_cost(changes):
    fails("THROTTLED", cost=COST)

    error = error_of(changes=changes)

    assert (type(error), error.throttled, error.after_s) == (RetryableError, True, 2.0)


def test_throttled_waits_at_least_a_second():
    fails("THROTTLED", cost={"requestedQueryCost": 10, "throttleStatus": {**COST["throttleStatus"]}})

    assert error_of(changes=True).after_s == 1.0


@pytest.mark.parametrize("changes", [True, False])
def test_a_missing_scope_is_for_the_merchant(changes):
    fails("ACCESS_DENIED", path=["orderCreate"])

    error = error_of(changes=changes)

    assert (type(error), error.code) == (CredentialsError, "scope_missing")


@pytest.mark.parametrize(
    "code", sorted({"MAX_COST_EXCEEDED", "INVALID_VARIABLE", "undefinedField", "argumentNotAccepted"})
)
def test_a_request_that_was_never_run_is_refused(code):
    fails(code)

    error = error_of(changes=True)

    assert (type(error), error.code) == (RejectedError, "internal_error")


@pytest.mark.parametrize("code", ["NOT_FOUND", "RESOURCE_NOT_FOUND"])
def test_a_query_for_nothing_can_be_told_apart(code):
    fails(code)

    assert type(error_of(changes=False)) is TopLevelNotFoundError


@pytest.mark.parametrize(
    "codes", [["INTERNAL_SERVER_ERROR"], ["SOMETHING_NEW"], ["undefinedField", "INTERNAL_SERVER_ERROR"]]
)
def test_an_internal_error_leaves_a_change_unknown_and_lets_a_read_repeat(codes):
    fails(*codes)
    fails(*codes)

    assert type(error_of(changes=True)) is OutcomeUnknownError
    assert type(error_of(changes=False)) is RetryableError


def test_a_denied_field_inside_the_payload_means_that_it_ran():
    fails("ACCESS_DENIED", path=["orderCreate", "order", "customer"], data={"orderCreate": None})

    assert type(error_of(changes=True)) is OutcomeUnknownError


def test_a_payload_that_came_back_partly_is_kept(caplog):
    fails("ACCESS_DENIED", path=["orderCreate", "order", "name"], data={"orderCreate": {"order": {"id": "1"}}})

    assert execute(changes=True) == {"orderCreate": {"order": {"id": "1"}}}
    assert caplog.messages == ["shopify mutation ran, its answer is partial"]


def test_a_query_with_errors_is_not_half_believed():
    fails("ACCESS_DENIED", path=["shop", "name"], data={"shop": {"id": "1", "name": None}})

    assert type(error_of(changes=False)) is CredentialsError


def test_what_may_be_lacking_is_returned_without_it():
    whole = {"order": {"id": "1", "email": None, "shippingAddress": {"firstName": None}}}
    errors = [["order", "email"], ["order", "shippingAddress", "firstName"]]
    denied = [{"message": "No", "path": path, "extensions": {"code": "ACCESS_DENIED"}} for path in errors]
    for _ in range(2):
        answers(whole, errors=denied)
    answers({"order": None})
    client = ShopifyClient(ACCOUNT, HttpClient(deadline_s=30))
    asked = {"changes": False, "may_lack": frozenset({"email", "shippingAddress"})}

    assert client.execute("store_order", {}, **asked) == whole
    assert client.denied == (("order", "email"), ("order", "shippingAddress", "firstName"))
    with pytest.raises(CredentialsError):
        client.execute("store_order", {}, **{**asked, "may_lack": frozenset({"email"})})
    client.execute("store_order", {}, **asked)
    assert client.denied == ()


@pytest.mark.parametrize(
    "body", [[], "text", 7, None, {}, {"data": None}, {"data": []}, {"errors": "text"}, {"errors": {"a": 1}}]
)
def test_an_answer_of_another_form_is_unclear(body):
    responses.add(responses.POST, URL, json=body)
    responses.add(responses.POST, URL, json=body)

    assert type(error_of(changes=True)) is OutcomeUnknownError
    assert type(error_of(changes=False)) is RetryableError


def test_another_version_than_asked_for_is_a_warning(caplog):
    responses.add(responses.POST, URL, json={"data": {}}, headers={"X-Shopify-API-Version": "2027-01"})

    execute()

    assert [(record.levelno, record.served) for record in caplog.records] == [(logging.WARNING, "2027-01")]


def test_the_asked_for_version_is_no_warning(caplog):
    responses.add(responses.POST, URL, json={"data": {}}, headers={"X-Shopify-API-Version": client.API_VERSION})

    execute()

    assert caplog.records == []


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X-Shopify-API-Version": "2027-01"}, "answered with 2027-01"),
        ({"X-Shopify-API-Deprecated-Reason": "https://shopify.dev/x"}, "will end"),
        ({}, ""),
    ],
)
def test_what_shopify_says_of_the_version_is_kept_for_people(headers, words):
    responses.add(responses.POST, URL, json={"data": {"currentAppInstallation": None}}, headers=headers)
    asked = connector()

    asked._ask("shop_info")

    assert words in asked.warning
    assert bool(asked.warning) == bool(words)


def test_no_error_tells_the_token():
    for status in (400, 401, 404, 500):
        responses.add(responses.POST, URL, status=status, json={"errors": "shpat_canary"})
        assert "shpat_canary" not in repr(error_of(changes=True))
