"""One call: what is sent, and which error each refusal becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import responses

from connectors.errors import (
    ConnectionGoneError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from connectors.squarespace.client import RefusedError, SquarespaceClient
from tests.connectors.squarespace.orders import ACCOUNT, OAUTH
from tests.connectors.squarespace.site import ROOT, answers, refuses

pytestmark = pytest.mark.usefixtures("wire")


def client(account=ACCOUNT) -> SquarespaceClient:
    return SquarespaceClient(account, HttpClient(deadline_s=30))


def execute(*, changes: bool = False):
    if changes:
        return client().post("/commerce/orders", {}, operation="order_create", key="k")
    return client().get("/commerce/orders", operation="orders")


def error_of(*, changes: bool) -> Exception:
    with pytest.raises(Exception) as caught:
        execute(changes=changes)
    return caught.value


def method(*, changes: bool) -> str:
    return "POST" if changes else "GET"


def test_every_call_says_who_it_is_and_who_asks():
    answers("/commerce/orders", {}, method="POST")

    execute(changes=True)

    headers = responses.calls[0].request.headers
    assert headers["Authorization"] == "Bearer key-canary"
    assert headers["User-Agent"] == "Storeward order sync"
    assert headers["Idempotency-Key"] == "k"
    assert headers["Content-Type"] == "application/json"


def test_an_access_token_that_was_refreshed_counts_from_the_next_call_on():
    answers("/commerce/orders", {})
    credentials = {"access_token": "old"}
    site = client(replace(OAUTH, credentials=credentials))

    site.get("/commerce/orders", operation="orders")
    credentials["access_token"] = "new"
    site.get("/commerce/orders", operation="orders")

    assert [call.request.headers["Authorization"] for call in responses.calls] == ["Bearer old", "Bearer new"]


def test_a_practice_site_has_its_api_under_its_path():
    base = "http://127.0.0.1:8000/practice/squarespace/kauri"
    responses.add("GET", f"{base}/1.0/commerce/orders", json={"result": []})
    account = replace(ACCOUNT, base_url=f"{base}/")

    body = SquarespaceClient(account, HttpClient(allow_loopback=True)).get("/commerce/orders", operation="orders")

    assert body == {"result": []}


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (401, CredentialsError),
        (402, ConnectionGoneError),
        (403, CredentialsError),
        (404, RefusedError),
        (410, ConnectionGoneError),
        (422, RefusedError),
        (423, ConnectionGoneError),
    ],
)
def test_a_status_says_who_has_to_act(status, error, changes):
    refuses("/commerce/orders", status=status, method=method(changes=changes))

    assert type(error_of(changes=changes)) is error


def test_a_key_that_is_dead_and_one_that_lacks_a_permission_are_told_apart():
    refuses("/commerce/orders", status=401)
    refuses("/commerce/orders", status=403, method="POST")

    assert error_of(changes=False).code == "credentials_expired"
    assert error_of(changes=True).code == "scope_missing"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("account", "named"), [(ACCOUNT, True), (OAUTH, False)])
def test_an_api_key_is_named_to_those_alone_who_gave_one(account, named, status):
    refuses("/commerce/orders", status=status)

    with pytest.raises(CredentialsError) as caught:
        client(account).get("/commerce/orders", operation="orders")

    said = str(caught.value)
    assert ("API key" in said, "econnect" in said) == (named, not named)


def test_a_conflict_may_mean_that_it_is_being_done():
    refuses("/commerce/orders", status=409, method="POST")
    refuses("/commerce/orders", status=409)

    assert type(error_of(changes=True)) is OutcomeUnknownError
    assert type(error_of(changes=False)) is RefusedError


def test_the_applications_refusal_keeps_its_words_and_its_reference():
    refuses("/commerce/orders", "Cursor cannot be set.", subtype="INVALID_ARGUMENT")

    error = error_of(changes=False)

    assert str(error) == "Squarespace says: Cursor cannot be set. (reference RUPSUSPOW)"
    assert (error.refusal.subtype, error.refusal.by_application) == ("INVALID_ARGUMENT", True)


def test_the_gateways_refusal_is_read_too():
    body = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "Required header is not present."}
    answers("/commerce/orders", body, method="POST", status=400)

    error = error_of(changes=True)

    assert str(error) == "Squarespace says: Required header is not present."
    assert not error.refusal.by_application


def test_the_reference_is_taken_from_the_header_when_the_body_has_none():
    answers("/commerce/orders", status=400, body="<h1>Bad</h1>", headers={"x-contextid": "abc"})

    assert str(error_of(changes=False)) == "Squarespace says: status 400 (reference abc)"


@pytest.mark.parametrize("changes", [True, False])
@pytest.mark.parametrize(("headers", "after_s"), [({}, 60), ({"Retry-After": "5"}, 60), ({"Retry-After": "90"}, 90)])
def test_too_many_requests_wait_at_least_the_cool_down(headers, after_s, changes):
    answers("/commerce/orders", status=429, body="", headers=headers, method=method(changes=changes))

    error = error_of(changes=changes)

    assert (type(error), error.throttled, error.after_s) == (RetryableError, True, after_s)


def test_an_error_of_the_server_leaves_a_change_unknown_and_lets_a_read_repeat():
    answers("/commerce/orders", status=503, body="", method="POST")
    answers("/commerce/orders", status=503, body="")

    assert type(error_of(changes=True)) is OutcomeUnknownError
    assert type(error_of(changes=False)) is RetryableError


@pytest.mark.parametrize("body", [[], "text", 7])
def test_an_answer_of_another_form_is_unclear(body):
    answers("/commerce/orders", body, method="POST")
    answers("/commerce/orders", body)

    assert type(error_of(changes=True)) is OutcomeUnknownError
    assert type(error_of(changes=False)) is RetryableError


@pytest.mark.parametrize("status", [201, 202, 204])
def test_any_2xx_is_a_yes(status):
    answers("/commerce/orders", status=status, body="", method="POST")

    assert execute(changes=True) == {}


def test_a_token_that_no_header_can_hold_is_refused_before_anything_is_sent():
    site = client(replace(ACCOUNT, credentials={"api_key": "a\nb"}))

    with pytest.raises(RejectedError, match="cannot be sent"):
        site.get("/commerce/orders", operation="orders")


def test_no_error_tells_the_key():
    for status in (400, 401, 403, 404, 500):
        responses.add("POST", f"{ROOT}/commerce/orders", status=status, json={"message": "no"})
        assert "key-canary" not in repr(error_of(changes=True))
