"""A connection over the API: its health, test, pause, resume, webhooks, calls, and disconnecting. No secret leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.api_auth import ConnectThrottle
from accounts.models import AuditEvent
from accounts.services import api_keys
from connectors.models import Connection, ConnectionState
from connectors.shopify.connector import TOPICS
from tests.connectors.views.pages import logged
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_blocked, make_connection, make_merchant
from tests.orders.api.client import Api, make_api
from tests.orders.services.partnered import make_partnership

pytestmark = pytest.mark.django_db
READS = ["", "impact/", "calls/"]
CHANGES = ["test/", "webhooks/", "pause/", "resume/", "disconnect/"]


@pytest.fixture
def api(db: None) -> Api:
    return make_api()


@pytest.fixture
def shop(api: Api) -> Connection:
    return make_connection(api.merchant, name="Kauri Shopify", remote_id="gid://shopify/Shop/1")


def send(api: Api, method: str, shop: Connection, path: str = "", *, key: str | None = None) -> HttpResponse:
    return api.send(method, f"connections/{shop.public_id}/{path}", {}, key=key or api.merchant_key)


def health_of(api: Api, shop: Connection) -> dict[str, Any]:
    found: dict[str, Any] = send(api, "GET", shop).json()["health"]
    return found


def test_one_connection_tells_its_health_and_no_secret(api: Api, shop: Connection):
    soon = timezone.now() + timedelta(minutes=5)
    Connection.objects.update(
        last_success_at=NOON, token_expires_at=soon, webhooks_checked_at=NOON, webhook_topics=["orders/updated"],
        budget_available=500, budget_maximum=2000, budget_at=timezone.now(), budget_restore_per_s=0,
    )  # fmt: skip

    response = send(api, "GET", shop)

    told = response.json()
    health = told["health"]
    assert (told["id"], told["state"], health["tone"], health["headline"]) == (
        shop.public_id, "active", "ok", "Connected",
    )  # fmt: skip
    assert (health["webhooks"], health["webhook_topics"]) == ("in_place", ["orders/updated"])
    assert (health["budget_free"], health["circuit"], health["open_until"]) == (0.25, "closed", None)
    assert (health["access_readable"], health["access_expires_at"][:16]) == (True, f"{soon:%Y-%m-%dT%H:%M}")
    assert b"canary" not in response.content
    assert b"hush" not in response.content


def test_a_circuit_that_is_open_says_until_when(api: Api, shop: Connection):
    Connection.objects.update(open_until=timezone.now() + timedelta(minutes=1), breaker_opened=1)
    health = health_of(api, shop)
    assert (health["tone"], health["circuit"], health["open_until"] is None) == ("bad", "open", False)

    Connection.objects.update(open_until=timezone.now() - timedelta(minutes=1))
    health = health_of(api, shop)
    assert (health["circuit"], health["open_until"]) == ("half_open", None)


def test_what_was_never_told_is_null(api: Api, shop: Connection):
    health = health_of(api, shop)

    assert (health["webhooks"], health["budget_free"], health["last_success_at"]) == ("not_set_up", None, None)


def test_a_test_asks_the_store(api: Api, shop: Connection, store: ShopOnTheWire):
    store.scopes.remove("read_fulfillments")

    response = send(api, "POST", shop, "test/")

    assert response.json() == {"name": "Kauri & Clay", "currency": "NZD", "missing_scopes": ["read_fulfillments"]}
    shop.refresh_from_db()
    assert shop.last_success_at is not None


def test_a_store_that_does_not_answer_is_502_with_its_code(api: Api, shop: Connection, store: ShopOnTheWire):
    store.status = 401

    response = send(api, "POST", shop, "test/")

    assert (response.status_code, response.json()["code"]) == (502, "credentials_expired")
    shop.refresh_from_db()
    assert shop.last_failure_at is not None


def test_webhooks_are_set_up_again(api: Api, shop: Connection, store: ShopOnTheWire):
    told = send(api, "POST", shop, "webhooks/").json()

    assert told["missing"] == []
    assert told["connection"]["health"]["webhook_topics"] == list(TOPICS)


def test_webhooks_that_cannot_be_are_named(api: Api, shop: Connection, store: ShopOnTheWire):
    store.status = 503

    told = send(api, "POST", shop, "webhooks/").json()

    assert (told["missing"], told["connection"]["health"]["webhooks"]) == (["all"], "not_set_up")


def test_pause_resume_and_disconnect_are_written_down_as_the_key_s(api: Api, shop: Connection):
    answers = [send(api, "POST", shop, f"{name}/").json()["state"] for name in ("pause", "resume", "disconnect")]

    assert answers == ["paused", "active", "removed"]
    shop.refresh_from_db()
    assert shop.credentials == {}
    events = AuditEvent.objects.filter(kind__startswith="connection.")
    assert [(event.kind.removeprefix("connection."), event.by[:7]) for event in events.order_by("pk")] == [
        ("paused", "API key"), ("resumed", "API key"), ("disconnected", "API key"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["pause/", "resume/"])
def test_what_its_state_does_not_allow_is_409(api: Api, shop: Connection, path: str):
    state = ConnectionState.PAUSED if path == "pause/" else ConnectionState.ACTIVE
    Connection.objects.update(state=state)

    response = send(api, "POST", shop, path)

    assert (response.status_code, response.json()["code"]) == (409, "connection_state")
    shop.refresh_from_db()
    assert shop.state == state


def test_the_impact_tells_orders_and_money(api: Api, shop: Connection):
    make_blocked(shop, "A")

    (share,) = send(api, "GET", shop, "impact/").json()["shares"]

    assert (share["label"], share["orders"], share["money"]) == (
        "Not sent yet", 1, [{"amount": "15.00", "currency": "NZD"}],
    )  # fmt: skip


def test_the_impact_tells_partnerships_that_end(api: Api):
    store = make_connection(api.merchant)
    make_partnership(make_merchant(name="Kauri & Clay"), store)

    told = send(api, "GET", store, "impact/").json()

    assert (told["shares"], len(told["partnerships"])) == ([], 1)
    assert set(told["partnerships"][0]) == {"id", "partner", "state", "outcome"}
    assert told["partnerships"][0]["partner"] == "Kauri & Clay"


def test_calls_are_searched_and_come_in_pages(api: Api, shop: Connection):
    for minute in range(3):
        logged(shop, at=NOON + timedelta(minutes=minute), operation="orderCreate", status=500)
    logged(shop, operation="ShopInfo")
    logged(make_connection(api.merchant), operation="orderCreate", status=500)

    first = send(api, "GET", shop, "calls/?operation=order&answer=broken&page_size=2").json()
    follow = first["next"].partition("calls/")[2]
    second = send(api, "GET", shop, f"calls/{follow}").json()

    assert [row["at"][14:16] for row in first["results"]] == ["02", "01"]
    assert [row["at"][14:16] for row in second["results"]] == ["00"]
    assert second["next"] is None
    assert set(first["results"][0]) == {
        "id", "at", "method", "url", "operation", "status", "outcome", "request_id", "duration_ms",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("answer=perhaps", "answer"),
        ("since=yesterday", "since"),
        ("until=2026-13-01", "until"),
    ],
)
def test_a_search_that_means_nothing_is_refused(api: Api, shop: Connection, query: str, field: str):
    response = send(api, "GET", shop, f"calls/?{query}")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("path", [*READS, *CHANGES])
def test_what_is_not_one_s_own_does_not_exist(api: Api, shop: Connection, path: str):
    theirs = make_connection(make_merchant(slug="other"))
    stands_in = make_connection(api.merchant, source=theirs, remote_id="", shop_domain="")
    gone = make_connection(api.merchant, state=ConnectionState.REMOVED)

    for row in (theirs, stands_in, gone):
        assert send(api, "GET" if path in READS else "POST", row, path).status_code == 404


@pytest.mark.parametrize("path", CHANGES)
def test_a_key_that_only_reads_and_a_marketplace_s_change_nothing(api: Api, shop: Connection, path: str):
    reads = api_keys.issue(
        merchant=api.merchant, name="reads", can_write=False, expires_at=None, by="tests", at=timezone.now()
    )[1]

    for key in (reads, api.marketplace_key):
        assert send(api, "POST", shop, path, key=key).status_code == 403
    shop.refresh_from_db()
    assert shop.state == ConnectionState.ACTIVE
    assert send(api, "GET", shop, key=reads).status_code == 200
    assert send(api, "GET", shop, key=api.marketplace_key).status_code == 403


def test_asking_the_store_is_counted_apart(api: Api, shop: Connection, store: ShopOnTheWire, monkeypatch):
    monkeypatch.setattr(ConnectThrottle, "THROTTLE_RATES", {"connect": "1/day"})
    ConnectThrottle.cache.clear()

    answers = [send(api, "POST", shop, "test/").status_code for _ in range(2)]

    assert answers == [200, 429]
    assert send(api, "GET", shop).status_code == 200
    ConnectThrottle.cache.clear()
