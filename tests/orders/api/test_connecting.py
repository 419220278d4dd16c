"""Connecting and reconnecting over the API: asked first, saved then; refusals name their field; no secret comes out."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.api_auth import ConnectThrottle
from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import Connection, ConnectionState
from connectors.shopify.connector import TOPICS
from tests.connectors.wire import ShopOnTheWire
from tests.factories import make_connection, make_merchant
from tests.orders.api.client import Api, make_api

pytestmark = pytest.mark.django_db
FIELDS = {"base_url": "kauri.myshopify.com", "access_token": "shpat_canary", "webhook_secret": "hush_canary"}
AGAIN = {"access_token": "shpat_canary_2"}


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def shop(api: Api) -> Connection:
    return make_connection(api.merchant, name="Kauri Shopify", remote_id="gid://shopify/Shop/1")


def connect(api: Api, *, key: str | None = None, platform: str = "shopify", **body: Any) -> HttpResponse:
    return api.send(
        "POST", "connections/", {"platform": platform, "fields": FIELDS, **body}, key=key or api.merchant_key
    )


def reconnect(api: Api, shop: Connection, *, key: str | None = None, **body: Any) -> HttpResponse:
    path = f"connections/{shop.public_id}/reconnect/"
    return api.send("POST", path, {"fields": AGAIN, **body}, key=key or api.merchant_key)


def problems(response: HttpResponse) -> list[str]:
    assert response["Content-Type"] == "application/problem+json"
    assert b"canary" not in response.content
    return [error["field"] for error in response.json()["errors"]]


def test_platforms_say_what_they_ask_for(api: Api, settings):
    settings.SHOPIFY_APP_KEY = ""

    told = {row["platform"]: row for row in api.send("GET", "platforms/", key=api.merchant_key).json()}

    asked = {field["name"]: field for field in told["shopify"]["fields"]}
    assert set(asked) == set(FIELDS)
    assert (asked["access_token"]["kind"], asked["access_token"]["asked_again"]) == ("secret", True)
    assert asked["base_url"]["asked_again"] is False
    assert told["shopify"]["authorize_url"] is None
    assert "host" in {field["name"] for field in told["filedrop_sftp"]["fields"]}


def test_connecting_asks_saves_and_sets_up_webhooks(api: Api, store: ShopOnTheWire, caplog):
    caplog.set_level("DEBUG")

    response = connect(api, name="My shop")

    row = Connection.objects.get()
    assert (response.status_code, response.json()["connection"]["id"]) == (201, row.public_id)
    assert response.json()["warnings"] == []
    assert (row.merchant, row.name, row.base_url) == (api.merchant, "My shop", "https://kauri.myshopify.com")
    assert (row.credentials["access_token"], row.webhook_secret["secrets"]) == ("shpat_canary", ["hush_canary"])
    assert response.json()["connection"]["health"]["webhook_topics"] == list(TOPICS)
    assert b"canary" not in response.content
    assert "canary" not in caplog.text
    event = AuditEvent.objects.get(kind="connection.connected")
    assert event.by.startswith("API key")
    assert "canary" not in str(event.data)


def test_what_it_lacks_is_told(api: Api, store: ShopOnTheWire):
    store.scopes.remove("read_fulfillments")
    store.about["currencyCode"] = "USD"

    warnings = connect(api).json()["warnings"]

    assert ["read_fulfillments" in warnings[0], "USD" in warnings[1]] == [True, True]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "pigeon"}, "platform"),
        ({"fields": {**FIELDS, "base_url": "shop.example"}}, "fields.base_url"),
        ({"fields": {**FIELDS, "access_token": ""}}, "fields.access_token"),
        ({"fields": {**FIELDS, "access_token": "canary\u2003x"}}, "fields.access_token"),
        ({"fields": {**FIELDS, "access_token": ["shpat_canary"]}}, "fields.access_token"),
        ({"fields": {**FIELDS, "color": "red"}}, "fields.color"),
        ({"fields": ["shpat_canary"]}, "fields"),
        ({"name": "x" * 121}, "name"),
        ({"server_key": "ssh-ed25519 SHA256:x"}, "server_key"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_nobody_is_asked(
    api: Api, store: ShopOnTheWire, body: dict[str, Any], field: str
):
    response = connect(api, **body)

    assert (response.status_code, problems(response)) == (400, [field])
    assert (store.operations, Connection.objects.count()) == ([], 0)


@pytest.mark.parametrize(("status", "field"), [(401, "fields.access_token"), (503, "fields.base_url")])
def test_what_the_store_refuses_stands_at_its_field(api: Api, store: ShopOnTheWire, status: int, field: str):
    store.status = status

    response = connect(api)

    assert (response.status_code, problems(response)) == (400, [field])
    assert not Connection.objects.exists()


def test_a_store_is_connected_once(api: Api, shop: Connection, store: ShopOnTheWire):
    response = connect(api)

    assert (response.status_code, response.json()["code"]) == (409, "already_connected")
    assert Connection.objects.count() == 1


def test_without_keys_a_person_is_sent_to_the_platform(api: Api, shop: Connection, store: ShopOnTheWire, settings):
    settings.SHOPIFY_APP_KEY, settings.SHOPIFY_APP_SECRETS = "key", ["secret"]

    new = connect(api, fields={"base_url": "kauri.myshopify.com"})
    again = reconnect(api, shop, fields={})

    assert (new.status_code, again.status_code) == (202, 202)
    base = settings.BASE_URL
    assert new.json()["authorize_url"] == f"{base}/connections/new/shopify/authorize/?shop=kauri.myshopify.com"
    assert again.json()["authorize_url"] == f"{base}/connections/{shop.public_id}/reconnect/"
    assert store.operations == []


def test_reconnecting_takes_new_keys_and_keeps_the_secret(api: Api, shop: Connection, store: ShopOnTheWire):
    Connection.objects.update(state=ConnectionState.AUTH_LOST)

    response = reconnect(api, shop)

    assert (response.status_code, response.json()["connection"]["state"]) == (200, "active")
    assert b"canary" not in response.content
    shop.refresh_from_db()
    assert (shop.credentials["access_token"], shop.webhook_secret["secrets"]) == ("shpat_canary_2", ["hush"])
    assert AuditEvent.objects.get(kind="connection.reconnected").by.startswith("API key")


def test_keys_of_another_store_are_refused(api: Api, shop: Connection, store: ShopOnTheWire):
    store.about["id"] = "gid://shopify/Shop/2"

    response = reconnect(api, shop)

    assert (response.status_code, response.json()["code"]) == (409, "connection_state")
    shop.refresh_from_db()
    assert shop.credential_version == 1


def test_reconnecting_asks_for_no_address(api: Api, shop: Connection, store: ShopOnTheWire, settings):
    settings.SHOPIFY_APP_KEY = ""

    assert problems(reconnect(api, shop, fields=FIELDS)) == ["fields.base_url"]
    assert problems(reconnect(api, shop, fields={})) == ["fields.access_token"]
    assert store.operations == []


def test_only_a_merchant_s_key_that_may_write_connects(api: Api, shop: Connection, store: ShopOnTheWire):
    reads = api_keys.issue(
        merchant=api.merchant, name="reads", can_write=False, expires_at=None, by="tests", at=timezone.now()
    )[1]

    for key in (reads, api.marketplace_key):
        assert connect(api, key=key).status_code == 403
        assert reconnect(api, shop, key=key).status_code == 403
    assert api.send("GET", "platforms/", key=api.marketplace_key).status_code == 403
    assert store.operations == []


def test_what_is_not_one_s_own_cannot_be_reconnected(api: Api, store: ShopOnTheWire):
    theirs = make_connection(make_merchant(slug="other"))
    gone = make_connection(api.merchant, state=ConnectionState.REMOVED)

    assert [reconnect(api, row).status_code for row in (theirs, gone)] == [404, 404]
    assert store.operations == []


def test_connecting_is_counted_apart_and_listing_is_not(api: Api, store: ShopOnTheWire, monkeypatch):
    monkeypatch.setattr(ConnectThrottle, "THROTTLE_RATES", {"connect": "1/day"})
    ConnectThrottle.cache.clear()
    store.status = 401

    answers = [connect(api).status_code for _ in range(2)]
    listed = api.send("GET", "connections/", key=api.merchant_key).status_code
    ConnectThrottle.cache.clear()

    assert (answers, listed) == ([400, 429], 200)
