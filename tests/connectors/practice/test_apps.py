"""The practice stores' authorization pages and token addresses refuse what the real ones refuse."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from connectors.practice import apps, services
from connectors.practice.models import PracticeToken
from connectors.practice.shopify import oauth as shopify
from connectors.practice.squarespace import oauth as squarespace
from tests.connectors.practice.shop import ask, send

pytestmark = pytest.mark.django_db
BACK = "http://127.0.0.1:8000/connections/authorized/{}/"
SHOPIFY = {
    "client_id": "practice-app",
    "redirect_uri": BACK.format("shopify"),
    "scope": "write_orders,read_products",
    "state": "s",
}
SITE = {
    "client_id": "practice-app",
    "redirect_uri": BACK.format("squarespace"),
    "scope": "website.orders",
    "state": "s",
    "access_type": "offline",
}
WOO = {
    "app_name": "Storeward",
    "scope": "read_write",
    "user_id": "s",
    "return_url": BACK.format("woocommerce"),
    "callback_url": "https://portal.example/keys/",
}
ASK = "{ shop { name } }"


@pytest.fixture
def site(db):
    return services.open_shop(
        slug="site", name="Site", currency="NZD", taxes_included=True, variants=[], platform="squarespace"
    )


@pytest.fixture
def woo(db):
    return services.open_shop(
        slug="woo", name="Woo", currency="NZD", taxes_included=True, variants=[], platform="woocommerce"
    )


def without(asked: dict[str, str], **changed: str | None) -> str:
    return urlencode({name: value for name, value in {**asked, **changed}.items() if value is not None})


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": BACK.format("shopify") + "?x=1"},
        {"scope": ""},
        {"scope": "everything!"},
    ],
)
def test_shopify_asks_nobody_for_a_request_that_is_wrong(shop, changed):
    answer = Client().get(f"/practice/shopify/kauri/admin/oauth/authorize?{without(SHOPIFY, **changed)}")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changed",
    [{"client_id": None}, {"redirect_uri": "x"}, {"scope": "all"}, {"state": None}, {"access_type": None}],
)
def test_squarespace_asks_nobody_for_a_request_that_is_wrong(site, changed):
    path = "/practice/squarespace/site/api/1/login/oauth/provider/authorize"

    assert Client().get(f"{path}?{without(SITE, **changed)}").status_code == 400


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        *(({name: None}, f"Missing parameter {name}.") for name in WOO),
        ({"scope": "admin"}, "Invalid scope admin."),
        ({"callback_url": "http://portal.example/"}, "needs to be over SSL"),
    ],
)
def test_woocommerce_asks_nobody_for_a_request_that_is_wrong(woo, changed, words):
    answer = Client().get(f"/practice/woocommerce/woo/wc-auth/v1/authorize?{without(WOO, **changed)}")

    assert (answer.status_code, words in answer.content.decode()) == (401, True)


def approved(shop) -> str:
    answer = Client().post(f"/practice/shopify/kauri/admin/oauth/authorize?{urlencode(SHOPIFY)}", {"approve": "1"})
    return parse_qs(urlsplit(answer["Location"]).query)["code"][0]


def for_code(code: str, **changed) -> tuple[int, dict]:
    given = {"client_id": "practice-app", "client_secret": "practice-app-secret", "code": code, "expiring": 1}
    return posted({**given, **changed})


def posted(body: dict) -> tuple[int, dict]:
    path = "/practice/shopify/kauri/admin/oauth/access_token"
    answer = Client().post(path, json.dumps(body), content_type="application/json")
    return answer.status_code, json.loads(answer.content)


def test_a_code_works_once(shop):
    code = approved(shop)

    assert [for_code(code)[0], for_code(code)[0]] == [200, 400]


def test_a_code_runs_out(shop):
    code = approved(shop)
    PracticeToken.objects.update(expires_at=timezone.now())

    assert for_code(code)[1]["error"] == "invalid_request"


def test_a_code_of_another_shop_is_refused(shop):
    code = apps.issue_code(
        services.open_shop(slug="other", name="Other", currency="NZD", taxes_included=True, variants=[]),
        redirect_uri="x",
        scopes=[],
        at=timezone.now(),
    )

    assert for_code(code)[0] == 400


@pytest.mark.parametrize("changed", [{"client_secret": "wrong"}, {"client_id": "wrong"}, {"client_secret": ""}])
def test_only_our_app_is_given_access(shop, changed):
    assert for_code(approved(shop), **changed)[1]["error"] == "invalid_client"


def test_access_that_never_ends_is_given_to_nobody(shop):
    assert for_code(approved(shop), expiring=0)[0] == 400


def test_a_token_lets_in_until_it_runs_out_and_with_its_scopes(shop):
    _, pair = for_code(approved(shop))
    shop.access_token = pair["access_token"]

    assert ask(shop, ASK)["data"]["shop"]["name"] == "Kauri & Clay"
    denied = ask(shop, "{ locations(first: 1) { nodes { id } } }")
    assert denied["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    PracticeToken.objects.update(expires_at=timezone.now())
    assert send(shop, {"query": ASK}).status_code == 401


def renewed(refresh: str) -> tuple[int, dict]:
    app = {"client_id": "practice-app", "client_secret": "practice-app-secret"}
    return posted({**app, "grant_type": "refresh_token", "refresh_token": refresh})


def test_a_former_refresh_token_works_until_its_replacement_is_used(shop):
    _, first = for_code(approved(shop))

    assert renewed(first["refresh_token"])[0] == 200
    _, second = renewed(first["refresh_token"])
    shop.access_token = second["access_token"]
    ask(shop, ASK)

    assert renewed(first["refresh_token"])[1]["error"] == "invalid_grant"
    assert renewed(second["refresh_token"])[0] == 200


def test_a_new_authorization_ends_the_former_one(shop):
    _, first = for_code(approved(shop))
    for_code(approved(shop))

    assert renewed(first["refresh_token"])[0] == 400


def test_a_sites_refresh_token_works_once(site):
    at = timezone.now()
    code = apps.issue_code(site, redirect_uri="r", scopes=["website.orders"], at=at)
    pair = apps.redeem(site, code, squarespace.TOKENS, at=at, redirect_uri="r")

    apps.rotate(site, pair.refresh.value, squarespace.TOKENS, at=at)

    with pytest.raises(apps.AppRefused, match="invalid_grant"):
        apps.rotate(site, pair.refresh.value, squarespace.TOKENS, at=at)


def test_a_refresh_token_runs_out(shop):
    at = timezone.now()
    pair = apps.redeem(shop, apps.issue_code(shop, redirect_uri="r", scopes=[], at=at), shopify.TOKENS, at=at)

    with pytest.raises(apps.AppRefused):
        apps.rotate(shop, pair.refresh.value, shopify.TOKENS, at=at + timedelta(days=90))


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"grant_type": "refresh_token"}, 401),
        ({"Authorization": "Basic ???"}, {}, 401),
        ({"Authorization": "ours"}, {"grant_type": "password"}, 400),
        ({"Authorization": "ours"}, {"grant_type": "authorization_code", "code": "x"}, 400),
        ({"Authorization": "ours", "User-Agent": ""}, {}, 400),
    ],
)
def test_squarespaces_token_address_refuses(site, headers, body, status):
    basic = "Basic " + b64encode(b"practice-app:practice-app-secret").decode()
    given = {"User-Agent": "Storeward order sync", **headers}
    given = {name: basic if value == "ours" else value for name, value in given.items()}

    answer = Client().post(
        "/practice/squarespace/site/api/1/login/oauth/provider/tokens",
        json.dumps(body),
        content_type="application/json",
        headers=given,
    )

    assert answer.status_code == status
