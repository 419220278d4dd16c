"""The whole way of connecting with Squarespace and WooCommerce, over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from connectors.models import Authorization, Connection
from connectors.practice import dials, services
from connectors.practice.models import PracticeShop, PracticeToken
from connectors.services import authorizing, connections, oauth

pytestmark = pytest.mark.django_db(transaction=True)


def opened(platform: str) -> PracticeShop:
    return services.open_shop(
        slug="totara",
        name="Totara",
        currency="NZD",
        taxes_included=True,
        platform=platform,
        variants=[{"sku": "STOOL", "title": "Oak stool", "price": "50.00", "stock": 5}],
    )


def leave(browser, platform: str):
    return browser.leave_for(f"/connections/new/{platform}/authorize/", {"practice": "totara"})


@pytest.fixture
def site(browser) -> PracticeShop:
    return opened("squarespace")


@pytest.fixture
def store(browser) -> PracticeShop:
    return opened("woocommerce")


@pytest.fixture
def row(browser, site) -> Connection:
    leave(browser, "squarespace")
    browser.answer(approve="1")
    browser.come_back()
    return Connection.objects.get()


def test_a_site_is_connected_with_access_that_runs_out_and_webhooks(row, site):
    assert (row.platform, row.remote_id, row.by_app) == ("squarespace", site.settings["websiteId"], True)
    assert timedelta(minutes=25) < row.token_expires_at - timezone.now() <= timedelta(minutes=30)
    assert len(row.webhook_secret["secrets"]) == 1  # the subscription's own
    assert row.webhook_topics


def test_a_sites_access_is_renewed_and_its_former_token_is_spent(row, site):
    oauth.refresh_due(row.token_expires_at)

    fresh = Connection.objects.get()
    assert fresh.credential_version == 2
    assert connections.test(connection_id=row.pk, at=timezone.now()).name == "Totara"
    assert not site.tokens.filter(value=row.credentials["refresh_token"]).exists()


def test_a_site_whose_renewal_was_lost_keeps_its_access_until_it_ends(row, site):
    """Its refresh token works once: after a lost answer only the merchant can help, but not before the end."""
    dials.turn(site.pk, "lost_access", left=1)

    oauth.refresh_due(row.token_expires_at - oauth.AHEAD)
    (early,) = oauth.refresh_due(row.token_expires_at - oauth.AHEAD / 2)
    (late,) = oauth.refresh_due(row.token_expires_at)

    assert (early.is_final, late.is_final) == (False, True)


def test_a_denied_site_is_not_connected(browser, site):
    leave(browser, "squarespace")
    browser.answer(deny="1")

    assert "You did not let Storeward into the site." in browser.come_back().content.decode()
    assert not Connection.objects.exists()


def test_a_state_that_was_changed_connects_no_site(browser, site):
    leave(browser, "squarespace")
    url = browser.answer(approve="1")

    response = browser.come_back(url.replace("state=", "state=x"))

    assert "not asked for in this browser" in response.content.decode()


def test_a_spent_code_connects_no_site(browser, site):
    leave(browser, "squarespace")
    browser.answer(approve="1")
    PracticeToken.objects.all().delete()

    assert "no longer takes the code" in browser.come_back().content.decode()


def test_a_store_hands_over_its_key_and_is_connected(browser, store):
    leave(browser, "woocommerce")
    assert "read_write" in browser.look().content.decode()
    browser.answer(approve="1")

    browser.come_back()

    row = Connection.objects.get()
    assert (row.platform, row.token_expires_at) == ("woocommerce", None)
    assert row.credentials["consumer_key"] == store.access_token
    assert row.webhook_topics


def test_a_denied_store_is_not_connected(browser, store):
    leave(browser, "woocommerce")
    browser.answer(deny="1")

    assert "You did not let Storeward into the store." in browser.come_back().content.decode()
    assert not Connection.objects.exists()


def test_a_browser_that_is_back_before_the_key_waits_for_it(browser, store):
    leave(browser, "woocommerce")
    browser.answer(approve="1")
    waiting = Authorization.objects.get()
    keys = dict(waiting.received)
    Authorization.objects.update(received={}, received_at=None)

    assert "has not handed over its keys yet" in browser.come_back().content.decode()
    Authorization.objects.update(received=keys, received_at=timezone.now())
    browser.come_back()

    assert Connection.objects.count() == 1


def test_a_key_that_does_not_fit_the_store_connects_nothing(browser, store):
    leave(browser, "woocommerce")
    browser.answer(approve="1")
    PracticeShop.objects.update(access_token="ck_" + "0" * 40)

    assert browser.come_back().status_code == 422
    assert not Connection.objects.exists()


def test_a_key_in_another_browser_connects_nothing(browser, store, client, owner):
    leave(browser, "woocommerce")
    url = browser.answer(approve="1")
    client.logout()
    client.force_login(owner)

    assert "not asked for in this browser" in browser.come_back(url).content.decode()
    assert not Connection.objects.exists()


def posted(client, body: object) -> int:
    raw = body if isinstance(body, str) else json.dumps(body)
    path = "/connections/authorized/woocommerce/keys/"
    return client.post(path, raw, content_type="application/json").status_code


def keys(browser, **fields) -> dict[str, object]:
    state = parse_qs(urlsplit(browser.at).query)["user_id"][0]
    key = {"consumer_key": "ck_" + "a" * 40, "consumer_secret": "cs_" + "b" * 40, "key_permissions": "read_write"}
    return {"key_id": 4, "user_id": state, **key, **fields}


def test_a_key_is_taken_once(browser, store, client):
    leave(browser, "woocommerce")

    assert [posted(client, keys(browser)), posted(client, keys(browser))] == [200, 404]


@pytest.mark.parametrize(
    "fields",
    [{"user_id": "guessed"}, {"user_id": None}, {"consumer_key": "ck_1"}, {"key_permissions": "read"}],
)
def test_a_key_that_nobody_waits_for_is_refused(browser, store, client, fields):
    leave(browser, "woocommerce")

    assert posted(client, keys(browser, **fields)) == 404
    assert dict(Authorization.objects.get().received) == {}


def test_a_key_that_cannot_be_read_is_refused(browser, store, client):
    assert [posted(client, "{"), posted(client, [1])] == [400, 404]


def test_a_key_that_nobody_came_for_is_forgotten(browser, store, client):
    leave(browser, "woocommerce")
    posted(client, keys(browser))

    authorizing.forget(at=timezone.now() + authorizing.LASTS)
    assert dict(Authorization.objects.get().received) == {}

    assert authorizing.forget(at=timezone.now() + authorizing.LASTS + authorizing.KEPT) == 1
