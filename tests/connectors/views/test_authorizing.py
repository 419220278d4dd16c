"""The portal's side of connecting on a platform's own page: the start, the address, and every refusal on the way back."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Merchant, Role
from connectors.models import Authorization, Connection
from connectors.practice import services as practice
from connectors.services import apps, authorizing
from connectors.shopify import oauth
from tests.connectors.views.pages import errors, said, url
from tests.connectors.wire import ShopOnTheWire
from tests.factories import make_connection, make_member, make_merchant

pytestmark = pytest.mark.django_db
START, BACK = "/connections/new/shopify/authorize/", "/connections/authorized/shopify/"
GRANTED = {
    "access_token": "shpat_canary",
    "scope": "write_orders",
    "expires_in": 3600,
    "refresh_token": "shprt_canary",
    "refresh_token_expires_in": 7776000,
}


@pytest.fixture(autouse=True)
def _app(settings):
    settings.SHOPIFY_APP_KEY, settings.SHOPIFY_APP_SECRETS = "our-key", ["hush"]
    settings.BASE_URL = "https://portal.example"


def leave(page: Client, base_url: str = "kauri.myshopify.com") -> str:
    """Begin; the state that travels."""
    response = page.post(START, {"base_url": base_url})
    return parse_qs(urlsplit(response.context["url"]).query)["state"][0]


def answer(state: str, **fields) -> str:
    said = {"code": "c0de", "shop": "kauri.myshopify.com", "state": state, **fields}
    said["timestamp"] = fields.get("timestamp", str(int(timezone.now().timestamp())))
    return f"{BACK}?{urlencode({**said, 'hmac': oauth.sign(said, 'hush')})}"


def test_the_way_there_is_shopifys_page_with_exactly_our_address_to_come_back_to(page: Client):
    response = page.post(START, {"base_url": "kauri.myshopify.com"})

    there = urlsplit(response.context["url"])
    assert (there.netloc, there.path) == ("kauri.myshopify.com", "/admin/oauth/authorize")
    assert parse_qs(there.query)["redirect_uri"] == ["https://portal.example/connections/authorized/shopify/"]
    assert 'href="https://kauri.myshopify.com/admin/oauth/authorize?' in response.content.decode()


def test_each_trip_has_a_state_of_its_own_of_which_only_a_digest_is_kept(page: Client):
    first, second = leave(page), leave(page)

    assert first != second
    assert len(first) >= 43
    stored = " ".join(Authorization.objects.values_list("state_digest", flat=True))
    assert first not in stored


@pytest.mark.parametrize("address", ["https://evil.example", "kauri.myshopify.com.evil.example", "127.0.0.1", ""])
def test_only_a_shopify_address_is_gone_to(page: Client, address: str):
    response = page.post(START, {"base_url": address})

    assert response.status_code == 422
    assert errors(response, "base_url")
    assert not Authorization.objects.exists()


def test_the_app_store_may_name_the_shop(page: Client):
    assert 'value="kauri.myshopify.com"' in said(page, f"{START}?shop=kauri.myshopify.com")


def test_without_an_app_the_page_offers_the_key_alone(page: Client, settings):
    settings.SHOPIFY_APP_KEY = ""

    assert page.get(START).status_code == 404
    assert "Connect with Shopify" not in said(page, "/connections/new/shopify/")


def test_with_an_app_both_ways_are_offered(page: Client):
    text = said(page, "/connections/new/shopify/")

    assert START in text
    assert "Admin API access token" in text


def test_the_try_outs_app_goes_to_no_real_store(page: Client, settings):
    settings.SHOPIFY_APP_KEY = settings.PRACTICE_APP

    response = page.post(START, {"base_url": "kauri.myshopify.com"})

    assert "This Storeward knows practice stores only." in response.content.decode()


def test_a_store_that_posts_its_keys_needs_an_https_portal(page: Client, settings):
    settings.BASE_URL = "http://portal.example"

    response = page.post("/connections/new/woocommerce/authorize/", {"base_url": "https://totara.example"})

    assert "https addresses only" in response.content.decode()


@pytest.mark.parametrize("path", [START, BACK])
def test_a_viewer_authorizes_nothing(merchant: Merchant, client: Client, path: str):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert client.get(path).status_code == 403


@pytest.mark.parametrize("platform", ["none", "ssactivewear"])
def test_a_platform_without_authorization_has_no_such_page(page: Client, platform: str):
    assert page.get(f"/connections/new/{platform}/authorize/").status_code == 404


def test_another_merchants_connection_is_not_reconnected(page: Client):
    assert page.post(url("reauthorize", make_connection())).status_code == 404


def test_the_whole_way_connects(page: Client, store: ShopOnTheWire, merchant: Merchant):
    store.to_code = (200, GRANTED)

    response = page.get(answer(leave(page)))

    row = Connection.objects.get(merchant=merchant)
    assert response["Location"] == url("detail", row)
    assert dict(row.credentials) == {"access_token": "shpat_canary", "refresh_token": "shprt_canary"}
    assert apps.webhook_secrets(row) == ["hush"]
    assert "canary" not in said(page, url("detail", row))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shop": "other.myshopify.com"}, "other.myshopify.com answered, but kauri"),
        ({"timestamp": "1337178173"}, "too old"),
        ({"code": ""}, "no code"),
        ({"error": "access_denied"}, "You did not let Storeward into the store."),
    ],
)
def test_an_answer_that_will_not_do_says_why(page: Client, fields, words):
    response = page.get(answer(leave(page), **fields))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Connection.objects.exists()


def test_a_wrong_signature_is_refused_and_leaves_the_trip_open(page: Client):
    state = leave(page)

    response = page.get(answer(state).replace("c0de", "c0df"))

    assert "not signed by Shopify" in response.content.decode()
    assert Authorization.objects.get().used_at is None


def test_a_state_that_nobody_gave_out_is_refused(page: Client):
    leave(page)

    assert "not asked for in this browser" in said(page, answer("guessed"))


def test_an_answer_in_another_browser_that_began_its_own_trip_is_refused(page: Client, owner):
    state = leave(page)
    other = Client()
    other.force_login(owner)
    leave(other)

    assert "not asked for in this browser" in said(other, answer(state))
    assert Authorization.objects.filter(used_at=None).count() == 2


def test_a_trip_that_took_too_long_is_refused(page: Client):
    state = leave(page)
    Authorization.objects.update(started_at=timezone.now() - 2 * authorizing.LASTS, expires_at=timezone.now())

    assert "It took too long." in said(page, answer(state))


def test_a_trip_begun_for_another_business_is_refused(page: Client):
    state = leave(page)
    Authorization.objects.update(merchant=make_merchant(name="Totara"))

    assert "This was begun for Totara." in said(page, answer(state))


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": "invalid_request"}, "no longer takes the code"),
        (401, {"error": "invalid_client"}, "app key or secret is wrong"),
        (200, {"access_token": 7}, "could not be read"),
        (502, {}, "begin again"),
    ],
)
def test_a_code_that_brings_nothing_is_told_and_not_tried_again(
    page: Client, store: ShopOnTheWire, status: int, body: dict, words: str
):
    store.to_code = (status, body)
    back = answer(leave(page))

    assert words in said(page, back)
    assert "used before" in said(page, back)
    assert not Connection.objects.exists()


def test_new_access_for_another_shop_changes_nothing(page: Client, store: ShopOnTheWire, merchant: Merchant):
    row = make_connection(merchant, base_url="https://kauri.myshopify.com", remote_id="gid://shopify/Shop/2")
    store.to_code = (200, GRANTED)
    there = page.post(url("reauthorize", row)).context["url"]

    text = said(page, answer(parse_qs(urlsplit(there).query)["state"][0]))

    assert "This is another store" in text
    row.refresh_from_db()
    assert row.credential_version == 1


def test_a_practice_store_is_offered_its_own_page(page: Client):
    practice.open_shop(slug="kauri", name="Kauri", currency="NZD", taxes_included=True, variants=[])

    assert "Go to Kauri (NZD)" in said(page, START)
