"""Shopify's authorization, without a network: the way there, the signed way back, replies that are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from connectors.errors import ConnectionGoneError, OutcomeUnknownError, RejectedError
from connectors.grants import App, DeniedError, GrantLostError, NotAuthorizedError, Trip
from connectors.http import Answer
from connectors.shopify import oauth

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
APP = App("our-key", ("hush", "older"))
TRIP = Trip("https://kauri.myshopify.com", "kauri.myshopify.com", "state-1", "https://portal.example/back/")
GRANTED = {
    "access_token": "shpat_1",
    "scope": "write_orders,read_products",
    "expires_in": 3600,
    "refresh_token": "shprt_1",
    "refresh_token_expires_in": 7776000,
}


def query(secret: str = "hush", **fields) -> str:
    said = {
        "code": "c0de",
        "host": "YWRtaW4",
        "shop": "kauri.myshopify.com",
        "state": "state-1",
        "timestamp": str(int(NOW.timestamp())),
        **fields,
    }
    return urlencode({**said, "hmac": oauth.sign(said, secret)})


def answer(body: object, status: int = 200) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {}, raw, changes=True)


def test_the_signature_is_the_one_of_shopifys_documentation():
    said = {
        "code": "0907a61c0c8d55e99db179b68161bc00",
        "shop": "some-shop.myshopify.com",
        "state": "0.6784241404160823",
        "timestamp": "1337178173",
    }

    assert oauth.sign(said, "hush") == "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"


def test_no_two_queries_are_signed_alike():
    assert oauth.sign({"a": "1&b=2"}, "hush") != oauth.sign({"a": "1", "b": "2"}, "hush")
    assert oauth.sign({"a": "1%26b=2"}, "hush") != oauth.sign({"a": "1&b=2"}, "hush")


def test_the_way_there_names_our_app_its_scopes_and_where_to_come_back():
    url = urlsplit(oauth.authorize_url(APP, TRIP))

    assert (url.netloc, url.path) == ("kauri.myshopify.com", "/admin/oauth/authorize")
    assert {name: value for name, (value,) in parse_qs(url.query).items()} == {
        "client_id": "our-key",
        "scope": "write_orders,read_products,read_inventory,read_locations,read_fulfillments,"
        "write_merchant_managed_fulfillment_orders,write_customers",
        "redirect_uri": "https://portal.example/back/",
        "state": "state-1",
    }


@pytest.mark.parametrize("secret", APP.secrets)
def test_the_code_comes_back_signed_with_any_secret_of_the_app(secret):
    assert oauth.returned(query(secret), APP, TRIP, at=NOW) == "c0de"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (query("wrong"), "not signed"),
        (query().replace("c0de", "c0df"), "not signed"),
        (query("hush", shop="other.myshopify.com"), "other.myshopify.com answered, but kauri"),
        (query("hush", shop="kauri.myshopify.com.evil.example"), "names no Shopify store"),
        (query("hush", shop="kauri.myshopify.com\n"), "names no Shopify store"),
        (query("hush", state="state-2"), "another attempt"),
        (query("hush", timestamp=str(int(NOW.timestamp()) - 301)), "too old"),
        (query("hush", timestamp=str(int(NOW.timestamp()) + 301)), "too old"),
        (query("hush", timestamp="soon"), "too old"),
        (query("hush", code=""), "no code"),
        (query() + "&code=twice", "twice"),
        ("%ff=1", "could not be read"),
        ("", "not signed"),
    ],
)
def test_what_shopify_did_not_say_is_refused(said, words):
    with pytest.raises(NotAuthorizedError, match=words):
        oauth.returned(said, APP, TRIP, at=NOW)


def test_an_app_without_a_secret_believes_nobody():
    with pytest.raises(NotAuthorizedError, match="not signed"):
        oauth.returned(query(""), App("our-key", ("",)), TRIP, at=NOW)


def test_a_denial_is_told_from_a_fault():
    with pytest.raises(DeniedError):
        oauth.returned("error=access_denied&state=state-1", APP, TRIP, at=NOW)


def test_the_code_is_exchanged_for_access_that_expires():
    request = oauth.exchange(APP, TRIP.base_url, "c0de", TRIP.return_url)

    assert request.url == "https://kauri.myshopify.com/admin/oauth/access_token"
    assert request.json == {"client_id": "our-key", "client_secret": "hush", "code": "c0de", "expiring": 1}
    assert "hush" not in repr(request)


def test_a_grant_is_read_with_its_times():
    grant = oauth.granted(answer(GRANTED), at=NOW)

    assert grant.credentials == {"access_token": "shpat_1", "refresh_token": "shprt_1"}
    assert (grant.expires_at, grant.refresh_expires_at) == (NOW + timedelta(hours=1), NOW + timedelta(days=90))
    assert grant.scopes == ("read_products", "write_orders")
    assert "shpat" not in repr(grant)


def test_access_that_does_not_expire_is_taken_as_it_is():
    grant = oauth.granted(answer({"access_token": "shpat_1", "scope": "write_orders"}), at=NOW)

    assert (grant.credentials, grant.expires_at) == ({"access_token": "shpat_1"}, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        [],
        {},
        {**GRANTED, "access_token": ""},
        {**GRANTED, "access_token": "with space\n"},
        {**GRANTED, "access_token": "x" * 2001},
        {**GRANTED, "refresh_token": None},
        {**GRANTED, "expires_in": None},
        {**GRANTED, "expires_in": 0},
        {**GRANTED, "expires_in": True},
        {**GRANTED, "expires_in": "soon"},
        {**GRANTED, "expires_in": 1e12},
        {**GRANTED, "refresh_token_expires_in": -1},
    ],
)
def test_a_malformed_reply_is_no_grant(body):
    with pytest.raises(OutcomeUnknownError):
        oauth.granted(answer(body), at=NOW)
    with pytest.raises(OutcomeUnknownError):
        oauth.refreshed(answer(body), at=NOW)


def test_a_renewal_that_would_never_run_out_is_malformed():
    with pytest.raises(OutcomeUnknownError):
        oauth.refreshed(answer({"access_token": "shpat_1"}), at=NOW)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"error": "invalid_request"}, 400, "no longer takes the code"),
        (b"<html>", 400, "no longer takes the code"),
        ({"error": "invalid_client"}, 401, "app key or secret is wrong"),
    ],
)
def test_a_refused_code_says_why(body, status, words):
    with pytest.raises(NotAuthorizedError, match=words):
        oauth.granted(answer(body, status), at=NOW)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"error": "invalid_grant"}, 400, GrantLostError),
        (b"<html>", 401, GrantLostError),
        ({"error": "invalid_client"}, 401, RejectedError),
        ({"errors": "Unavailable Shop"}, 402, ConnectionGoneError),
        ({"errors": "Not Found"}, 404, ConnectionGoneError),
        ({"errors": "Locked"}, 423, ConnectionGoneError),
    ],
)
def test_a_refused_renewal_says_who_can_help(body, status, error):
    with pytest.raises(error) as caught:
        oauth.refreshed(answer(body, status), at=NOW)

    assert type(caught.value) is error
