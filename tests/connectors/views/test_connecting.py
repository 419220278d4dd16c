"""Connecting, reconnecting and disconnecting a store: refusals stand beside their field, secrets never on a page."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from accounts.models import Merchant, Role
from connectors.models import Connection, ConnectionState
from connectors.practice import services as practice
from connectors.services import connections, health
from connectors.shopify.connector import TOPICS
from tests.connectors.views.pages import HOSTILE, errors, said, url
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_member

pytestmark = pytest.mark.django_db
CONNECT = "/connections/new/shopify/"
TYPED = {
    "base_url": "kauri.myshopify.com",
    "access_token": "shpat_canary",
    "webhook_secret": "hush_canary",
    "name": "My shop",
}


def connect(page: Client, **typed):
    return page.post(CONNECT, {**TYPED, **typed})


def test_a_viewer_connects_nothing(merchant: Merchant, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER))

    assert client.get(CONNECT).status_code == 403
    assert client.post(CONNECT, TYPED).status_code == 403
    assert not Connection.objects.exists()


def test_the_gallery_leads_to_each_platform(page: Client):
    assert CONNECT in said(page, "/connections/new/")


def test_an_unknown_platform_cannot_be_connected(page: Client):
    assert page.post("/connections/new/none/", TYPED).status_code == 404


def test_connecting_asks_saves_and_sets_up_webhooks(page: Client, merchant: Merchant, store: ShopOnTheWire):
    response = connect(page)

    row = Connection.objects.get(merchant=merchant)
    assert response["Location"] == url("detail", row)
    assert (row.name, row.base_url, row.currency) == ("My shop", "https://kauri.myshopify.com", "NZD")
    assert (row.credentials["access_token"], row.webhook_secret["secrets"]) == ("shpat_canary", ["hush_canary"])
    assert row.webhook_topics == list(TOPICS)


def test_a_token_that_lacks_permissions_is_connected_with_a_warning(page: Client, store: ShopOnTheWire):
    store.scopes.remove("read_fulfillments")

    text = said(page, CONNECT, TYPED)

    assert "The token lacks permissions that are needed: read_fulfillments." in text


def test_practice_stores_in_the_merchants_currency_are_offered_first(page: Client, settings):
    settings.PRACTICE_STORES = True
    for name, currency in (("Ash", "USD"), ("Oak", "NZD")):
        practice.open_shop(slug=name.lower(), name=name, currency=currency, taxes_included=True, variants=[])

    text = said(page, CONNECT)

    assert text.index("Connect Oak (NZD)") < text.index("Connect Ash (USD)")


def test_only_the_first_store_is_said_to_take_every_order(page: Client, store: ShopOnTheWire, merchant: Merchant):
    first = said(page, CONNECT, TYPED)
    Connection.objects.update(is_default=True, remote_id="another", shop_domain="other.myshopify.com")

    second = said(page, CONNECT, TYPED)

    assert "New orders go there once they are confirmed." in first
    assert "New orders go there" not in second
    assert "Lines that a rule or a product link sends there" in second


def test_a_store_with_another_currency_is_connected_with_a_warning(page: Client, store: ShopOnTheWire):
    store.about["currencyCode"] = "AUD"

    assert "The store sells in AUD" in said(page, CONNECT, TYPED)


def test_webhooks_that_cannot_be_set_up_are_a_warning(page: Client, store: ShopOnTheWire):
    store.refused_topics = {TOPICS[0]}

    assert "Webhooks could not be set up yet" in said(page, CONNECT, TYPED)


def test_a_wrong_token_is_said_beside_it_and_never_sent_back(page: Client, store: ShopOnTheWire):
    store.status = 401

    response = connect(page)

    text = response.content.decode()
    assert (response.status_code, errors(response, "access_token")) == (
        422,
        ["Shopify does not accept the access token: a new one is needed."],
    )
    assert 'value="kauri.myshopify.com"' in text
    assert 'value="My shop"' in text
    assert "canary" not in text
    assert not Connection.objects.exists()


@pytest.mark.parametrize("status", [404, 402, 503])
def test_a_store_that_is_not_there_is_said_beside_its_address(page: Client, store: ShopOnTheWire, status: int):
    store.status = status

    response = connect(page)

    assert errors(response, "base_url")
    assert not errors(response, "access_token")
    assert not Connection.objects.exists()


def test_a_store_is_connected_once_under_whichever_of_its_addresses(page: Client, store: ShopOnTheWire):
    connect(page)

    response = connect(page, base_url="kauri-and-clay.myshopify.com")

    assert errors(response, "base_url") == ["This store is connected already."]
    assert Connection.objects.count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example",
        "http://kauri.myshopify.com",
        "http://127.0.0.1:8000/admin/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[",
        "localhost",
        "kauri.myshopify.com.evil.example",
        "kauri.myshopify.com@169.254.169.254",
        "user:pass@kauri.myshopify.com",
        "kauri.myshopify.com:8443",
        "kauri.myshopify.com/admin",
        "kauri.myshopify.com?x=1",
        "kauri.myshopify.com#x",
        ".myshopify.com",
        "a.b.myshopify.com",
        "ka uri.myshopify.com",
        "kaurí.myshopify.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        HOSTILE,
        "x" * 301,
        "kauri\x00.myshopify.com",
    ],
)
def test_an_address_that_is_no_store_is_refused_and_nobody_asked(page: Client, store: ShopOnTheWire, address: str):
    response = connect(page, base_url=address)

    assert response.status_code == 422
    assert errors(response, "base_url")
    assert store.operations == []
    assert HOSTILE not in response.content.decode()


@pytest.mark.parametrize("address", ["https://kauri.myshopify.com/", "KAURI.myshopify.com", "  kauri.myshopify.com "])
def test_an_address_is_taken_as_people_write_it(page: Client, store: ShopOnTheWire, address: str):
    connect(page, base_url=address)

    assert Connection.objects.values_list("base_url", flat=True).get() == "https://kauri.myshopify.com"


@pytest.mark.parametrize("name", ["access_token", "webhook_secret"])
@pytest.mark.parametrize("value", ["", "shpat_canary\n x", "shpat_canaryé", "canary\x00", "c" * 501])
def test_what_cannot_be_a_key_is_refused_beside_it(page: Client, store: ShopOnTheWire, name: str, value: str):
    response = connect(page, **{name: value})

    assert errors(response, name)
    assert (response.status_code, store.operations) == (422, [])


def test_a_store_that_is_connected_already_is_said_beside_its_address(page: Client, store: ShopOnTheWire):
    connect(page)

    response = connect(page)

    assert errors(response, "base_url") == ["This store is connected already."]
    assert Connection.objects.count() == 1


def test_an_empty_form_asks_for_what_is_missing(page: Client):
    response = page.post(CONNECT, {})

    assert sorted(response.context["form"].errors) == ["access_token", "base_url", "webhook_secret"]


def test_practice_stores_are_offered_until_they_are_connected(page: Client, merchant: Merchant, settings):
    shop = practice.open_shop(slug="oak", name="Oak practice", currency="NZD", taxes_included=True, variants=[])
    assert "Connect Oak practice (NZD)" in said(page, CONNECT)

    make_connection(merchant, base_url=f"{settings.BASE_URL}/practice/shopify/{shop.slug}")

    assert "Connect Oak practice" not in said(page, CONNECT)


def test_practice_stores_are_not_offered_where_there_are_none(page: Client, settings):
    practice.open_shop(slug="oak", name="Oak practice", currency="NZD", taxes_included=True, variants=[])
    settings.PRACTICE_STORES = False

    assert "Oak practice" not in said(page, CONNECT)
    response = page.post(CONNECT, {"practice": "oak"})
    assert errors(response, "base_url") == ["This field is required."]


def test_a_practice_address_is_refused_where_there_are_none(page: Client, settings, store: ShopOnTheWire):
    settings.PRACTICE_STORES = False

    assert errors(connect(page, base_url=f"{settings.BASE_URL}/practice/shopify/oak"), "base_url")


def reconnect(page: Client, row: Connection, **typed):
    return page.post(url("reconnect", row), {"access_token": "new_canary", **typed})


def test_reconnecting_takes_the_new_token_and_sets_up_webhooks(page: Client, row: Connection, store: ShopOnTheWire):
    connections.auth_lost(connection_id=row.pk, reason="Dead.", at=NOON)

    assert reconnect(page, row)["Location"] == url("detail", row)

    row.refresh_from_db()
    assert (row.state, row.credentials["access_token"]) == (ConnectionState.ACTIVE, "new_canary")
    assert row.webhook_topics == list(TOPICS)


def test_a_token_of_another_store_is_refused(page: Client, row: Connection, store: ShopOnTheWire):
    store.about.update(id="gid://shopify/Shop/2", name="Another")

    response = reconnect(page, row)

    assert errors(response, "__all__") == ["These credentials belong to another store: Another."]
    assert "canary" not in response.content.decode()
    row.refresh_from_db()
    assert row.credential_version == 1


def test_a_wrong_token_changes_nothing(page: Client, row: Connection, store: ShopOnTheWire):
    store.status = 401

    response = reconnect(page, row)

    assert response.status_code == 422
    assert errors(response, "access_token") == ["Shopify does not accept the access token: a new one is needed."]
    row.refresh_from_db()
    assert row.credential_version == 1


def test_a_lost_key_asks_for_both_secrets_and_is_mended(page: Client, row: Connection, store: ShopOnTheWire, settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert errors(reconnect(page, row), "webhook_secret") == ["This field is required."]

    reconnect(page, row, webhook_secret="new_hush")

    row = Connection.objects.get(pk=row.pk)
    assert row.webhook_secret["secrets"] == ["new_hush"]
    assert health.of(row, at=NOON).headline == "Connected"


def test_reconnecting_a_paused_store_says_that_it_ends_the_pause(page: Client, row: Connection):
    Connection.objects.update(state=ConnectionState.PAUSED)

    assert "It is paused now; reconnecting ends that too." in said(page, url("reconnect", row))


def test_the_disconnect_page_says_what_happens_and_does_nothing_yet(page: Client, row: Connection):
    text = said(page, url("disconnect", row))

    assert "Its access token is forgotten." in text
    assert "orders that were going there are held and say so" in text
    row.refresh_from_db()
    assert row.state == ConnectionState.ACTIVE


def test_disconnecting_takes_it_off_the_list(page: Client, row: Connection):
    text = said(page, url("disconnect", row), {})

    assert "Kauri Shopify is disconnected and its access token forgotten." in text
    assert "No store connected" in text
    row.refresh_from_db()
    assert (row.state, dict(row.credentials)) == (ConnectionState.REMOVED, {})
