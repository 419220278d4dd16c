"""The whole way of connecting with Shopify: portal, practice store and back, tokens exchanged over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.errors import CredentialsError, RetryableError
from connectors.models import Authorization, CallLog, Connection, ConnectionState
from connectors.practice import dials
from connectors.practice.models import PracticeShop, PracticeToken
from connectors.services import apps, clients, connections, oauth
from connectors.shopify.connector import TOPICS
from tests.connectors.browser import Browser
from tests.connectors.practice.shop import make_shop
from tests.connectors.shopify.orders import order
from tests.factories import make_merchant

pytestmark = pytest.mark.django_db(transaction=True)
START = "/connections/new/shopify/authorize/"


@pytest.fixture
def shop(browser) -> PracticeShop:
    return make_shop()


def leave(browser: Browser, shop: PracticeShop):
    return browser.leave_for(START, {"practice": shop.slug})


@pytest.fixture
def row(browser, shop) -> Connection:
    """A connection that came by approval."""
    leave(browser, shop)
    browser.answer(approve="1")
    browser.come_back()
    return Connection.objects.get()


def run_out(row: Connection) -> None:
    """The access is over, here and there."""
    row.refresh_from_db()
    past = timezone.now() - timedelta(minutes=1)
    Connection.objects.filter(pk=row.pk).update(token_expires_at=past)
    PracticeToken.objects.filter(value=row.credentials["access_token"]).update(expires_at=past)


def test_approval_makes_a_connection_with_access_that_runs_out(row, merchant):
    assert (row.merchant, row.state, row.shop_domain, row.by_app) == (merchant, "active", "kauri.myshopify.com", True)
    assert row.credentials["access_token"].startswith("shpat_")
    assert row.credentials["refresh_token"].startswith("shprt_")
    assert timedelta(minutes=55) < row.token_expires_at - timezone.now() <= timedelta(hours=1)
    assert row.refresh_expires_at - timezone.now() > timedelta(days=89)


def test_approval_sets_up_webhooks_that_are_signed_with_the_apps_secret(row, settings):
    assert row.webhook_topics == list(TOPICS)
    assert apps.webhook_secrets(row) == settings.SHOPIFY_APP_SECRETS


def test_the_platforms_page_says_what_is_asked_for(browser, shop):
    leave(browser, shop)

    text = browser.look().content.decode()

    assert "write_orders" in text
    assert "Install Storeward on" in text


def test_a_denial_connects_nothing_and_says_so(browser, shop):
    leave(browser, shop)
    browser.answer(deny="1")

    response = browser.come_back()

    assert response.status_code == 422
    assert "You did not let Storeward into the store." in response.content.decode()
    assert not Connection.objects.exists()


def test_coming_back_twice_is_told_and_connects_once(browser, shop, row):
    response = browser.come_back()

    assert "This answer was used before." in response.content.decode()
    assert Connection.objects.count() == 1


def test_an_answer_in_another_browser_connects_nothing(browser, shop, client, owner):
    leave(browser, shop)
    url = browser.answer(approve="1")
    client.logout()
    client.force_login(owner)

    response = browser.come_back(url)

    assert "not asked for in this browser" in response.content.decode()
    assert not Connection.objects.exists()


def test_permissions_that_were_left_out_are_named(browser, shop):
    leave(browser, shop)
    browser.answer(approve="1", without="read_fulfillments")

    response = browser.come_back()

    assert response.status_code == 302
    row = Connection.objects.get()
    assert row.missing_scopes == ["read_fulfillments"]


def test_a_code_that_ran_out_is_told(browser, shop):
    leave(browser, shop)
    browser.answer(approve="1")
    PracticeToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    response = browser.come_back()

    assert "Shopify no longer takes the code" in response.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize("dial", ["lost_access", "torn", "html", "down"])
def test_an_answer_with_no_readable_token_connects_nothing(browser, shop, dial):
    leave(browser, shop)
    browser.answer(approve="1")
    dials.turn(shop.pk, dial, left=1)

    response = browser.come_back()

    assert response.status_code == 422
    assert "begin again" in response.content.decode()
    assert not Connection.objects.exists()


def test_authorizing_again_gives_the_same_connection_new_access(browser, shop, row):
    connections.auth_lost(connection_id=row.pk, reason="Gone.", at=timezone.now())
    browser.leave_for(f"/connections/{row.public_id}/authorize/", {})
    browser.answer(approve="1")

    browser.come_back()

    fresh = Connection.objects.get()
    assert (fresh.pk, fresh.state, fresh.credential_version) == (row.pk, "active", 2)
    assert fresh.credentials["access_token"] != row.credentials["access_token"]


def test_another_business_cannot_take_the_store_away(browser, shop, row):
    Connection.objects.update(merchant=make_merchant())
    leave(browser, shop)
    browser.answer(approve="1")

    response = browser.come_back()

    assert "connected to another business" in response.content.decode()
    assert connections.test(connection_id=row.pk, at=timezone.now()).name == shop.name


def test_access_is_renewed_ahead_of_time(row):
    assert oauth.refresh_due(timezone.now()) == []
    assert Connection.objects.get().credential_version == 1

    assert oauth.refresh_due(row.token_expires_at - oauth.AHEAD) == []

    fresh = Connection.objects.get()
    assert fresh.credential_version == 2
    assert fresh.credentials["refresh_token"] != row.credentials["refresh_token"]
    assert connections.test(connection_id=row.pk, at=timezone.now()).currency == "NZD"


def test_a_call_that_meets_401_renews_and_is_carried_out(row):
    run_out(row)

    shop_info = connections.test(connection_id=row.pk, at=timezone.now())

    assert shop_info.currency == "NZD"
    assert Connection.objects.get().credential_version == 2
    operations = list(CallLog.objects.order_by("pk").values_list("operation", "status"))[-3:]
    assert operations == [("shop_info", 401), ("refresh_token", 200), ("shop_info", 200)]


def test_a_change_that_meets_401_renews_and_leaves_the_repeat_to_whoever_marks_it(row):
    run_out(row)

    with pytest.raises(RetryableError) as caught:
        clients.connector_for(row).create(order())

    operations = list(CallLog.objects.order_by("pk").values_list("operation", "status"))[-2:]
    assert operations == [("order_create", 401), ("refresh_token", 200)]
    assert (type(caught.value), caught.value.throttled) == (RetryableError, True)
    assert Connection.objects.get().credential_version == 2


def test_a_change_that_is_refused_with_new_access_too_needs_the_merchant(row):
    run_out(row)
    with pytest.raises(RetryableError):
        clients.connector_for(row).create(order())
    fresh = Connection.objects.get()
    run_out(fresh)

    with pytest.raises(CredentialsError):
        clients.connector_for(fresh).create(order())

    assert Connection.objects.get().credential_version == fresh.credential_version


def test_a_renewal_whose_answer_was_lost_is_asked_again_with_the_same_token(row, shop):
    run_out(row)
    dials.turn(shop.pk, "lost_access", left=1)

    (failure,) = oauth.refresh_due(timezone.now())
    again = oauth.refresh_due(timezone.now() + oauth.RETRY)

    assert (failure.is_final, again) == (False, [])
    fresh = Connection.objects.get()
    assert (fresh.state, fresh.credential_version) == (ConnectionState.ACTIVE, 2)
    assert connections.test(connection_id=row.pk, at=timezone.now()).currency == "NZD"


def test_a_refused_renewal_is_final_once_the_access_has_run_out(row, shop):
    dials.turn(shop.pk, "refused_access", left=2)

    (early,) = oauth.refresh_due(row.token_expires_at - oauth.AHEAD)
    (late,) = oauth.refresh_due(row.token_expires_at)

    assert (early.is_final, late.is_final) == (False, True)
    kept = Connection.objects.get()
    assert kept.credentials["refresh_token"] == row.credentials["refresh_token"]


def test_trips_and_tokens_show_nowhere(row, browser, client):
    page = client.get(f"/connections/{row.public_id}/").content.decode()

    assert "renewed by itself" in page
    assert row.credentials["refresh_token"] not in page
    assert not Authorization.objects.exclude(used_at__isnull=False).exists()
