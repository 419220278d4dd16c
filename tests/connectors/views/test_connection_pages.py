"""The pages of connections, as each role and stranger sees them."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Merchant, Role
from connectors.models import Connection, ConnectionState, LinkSource, ProductLink
from connectors.shopify.connector import TOPICS
from tests.connectors.views.pages import HOSTILE, linked, logged, queries, said, url
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_member, make_merchant

pytestmark = pytest.mark.django_db
ON_ONE_STORE = ["detail", "test", "webhooks", "pause", "resume", "reconnect", "disconnect", "link_save"]
CHANGING = [name for name in ON_ONE_STORE if name != "detail"]


@pytest.mark.parametrize("name", ON_ONE_STORE)
def test_a_stranger_signs_in_first(client: Client, row: Connection, name: str):
    assert client.post(url(name, row))["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("name", ON_ONE_STORE)
def test_another_merchants_store_does_not_exist(client: Client, row: Connection, name: str):
    client.force_login(make_member(make_merchant()))
    ask = client.get if name == "detail" else client.post

    assert ask(url(name, row)).status_code == 404
    row.refresh_from_db()
    assert row.state == ConnectionState.ACTIVE


@pytest.mark.parametrize("name", ON_ONE_STORE)
def test_a_disconnected_store_does_not_exist_any_more(page: Client, row: Connection, name: str):
    Connection.objects.update(state=ConnectionState.REMOVED)
    ask = page.get if name == "detail" else page.post

    assert ask(url(name, row)).status_code == 404


def test_the_list_says_how_each_store_s_changes_come(page: Client, merchant: Merchant, row: Connection):
    Connection.objects.filter(pk=row.pk).update(webhook_topics=["orders/updated"])
    make_connection(merchant, platform="ssactivewear")

    text = said(page, reverse("connectors:list"))

    assert "1 topic<" in text
    assert text.count("asked every few minutes") == 1


@pytest.mark.parametrize("name", CHANGING)
def test_a_viewer_changes_nothing(merchant: Merchant, client: Client, row: Connection, name: str):
    client.force_login(make_member(merchant, Role.VIEWER))

    response = client.post(url(name, row), {"sku": "A", "store_sku": "A"})

    assert response.status_code == 403
    row.refresh_from_db()
    assert (row.state, row.credential_version) == (ConnectionState.ACTIVE, 1)


def test_a_viewer_sees_the_store_and_no_buttons(merchant: Merchant, client: Client, row: Connection):
    client.force_login(make_member(merchant, Role.VIEWER))

    text = said(client, url("detail", row))

    assert "Kauri Shopify" in text
    for words in ("Test connection", "Reconnect", "Disconnect", "Check webhooks", ">Save<", ">Link<"):
        assert words not in text


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
def test_owners_and_managers_may_change(merchant: Merchant, client: Client, row: Connection, role: Role):
    client.force_login(make_member(merchant, role))

    said(client, url("pause", row), {})

    row.refresh_from_db()
    assert row.state == ConnectionState.PAUSED


@pytest.mark.parametrize("name", ["test", "webhooks", "pause", "resume", "link_save"])
def test_changing_needs_post(page: Client, row: Connection, name: str):
    assert page.get(url(name, row)).status_code == 405


def test_another_stores_link_cannot_be_removed(page: Client, row: Connection):
    foreign = ProductLink.objects.create(
        connection=make_connection(), sku="A", variant_id="1", source=LinkSource.HAND, checked_at=NOON
    )

    assert page.post(url("link_remove", row, foreign.pk)).status_code == 404
    assert ProductLink.objects.count() == 1


def test_an_empty_list_says_how_to_begin(page: Client):
    text = said(page, reverse("connectors:list"))

    assert "No store connected" in text
    assert reverse("connectors:gallery") in text


def test_the_list_shows_ones_own_standing_stores(page: Client, merchant: Merchant, row: Connection):
    make_connection(merchant, name="Gone shop", state=ConnectionState.REMOVED)
    make_connection(name="Foreign shop")

    text = said(page, reverse("connectors:list"))

    assert "Kauri Shopify" in text
    assert "Gone shop" not in text
    assert "Foreign shop" not in text


def test_the_list_tells_the_default_destination_and_the_channels(page: Client, merchant: Merchant):
    make_connection(merchant, is_default=True)
    make_connection(merchant, is_channel=True)

    text = said(page, "/connections/")

    assert (text.count("default destination"), text.count("· channel")) == (1, 1)


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(page: Client, merchant: Merchant):
    make_connection(merchant)
    one = queries(page, reverse("connectors:list"))
    for _ in range(2):
        make_connection(merchant)

    assert queries(page, reverse("connectors:list")) == one <= 10


def test_a_lost_key_breaks_no_page(page: Client, merchant: Merchant, settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    row = make_connection(merchant)
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    for path in (reverse("connectors:list"), url("detail", row)):
        assert "Its credentials cannot be read: reconnect." in said(page, path)


def test_the_page_never_shows_a_secret(page: Client, merchant: Merchant):
    row = make_connection(merchant, credentials={"access_token": "t_canary"}, webhook_secret={"secrets": ["w_canary"]})

    for name in ("detail", "reconnect", "disconnect"):
        assert "canary" not in said(page, url(name, row))


def test_hostile_text_is_inert(page: Client, merchant: Merchant):
    row = make_connection(
        merchant, name=HOSTILE, shop_domain=HOSTILE, currency="<b>", last_error=HOSTILE, state_reason=HOSTILE,
        state=ConnectionState.PAUSED,
    )  # fmt: skip
    logged(row, operation=HOSTILE, outcome=HOSTILE[:30])
    linked(row, sku=HOSTILE, variant_title=HOSTILE)

    names = ("detail", "reconnect", "disconnect", "links", "calls", "catalog")
    for path in (reverse("connectors:list"), *(url(name, row) for name in names)):
        assert "<script>alert" not in said(page, path)


def test_what_happens_with_orders_is_told_with_the_way_to_change_it(page: Client, row: Connection):
    row.sync_settings.push_every_minutes = 30
    row.sync_settings.save()

    text = said(page, url("detail", row))

    assert "Collected, every 30 minutes" in text
    assert f"/connections/{row.public_id}/settings/" in text


def test_a_test_says_who_answered(page: Client, row: Connection, store: ShopOnTheWire):
    text = said(page, url("test", row), {})

    assert "Kauri &amp; Clay answered. Its currency is NZD." in text


def test_a_test_that_fails_says_why(page: Client, row: Connection, store: ShopOnTheWire):
    store.status = 402

    assert "did not answer as it should: Shopify has frozen this shop until its bill is paid." in said(
        page, url("test", row), {}
    )


@pytest.mark.parametrize(("refused", "words"), [(set(), "Webhooks are in place."), ({TOPICS[0]}, "Not all webhooks")])
def test_webhooks_are_checked_when_asked(page: Client, row: Connection, store: ShopOnTheWire, refused: set, words: str):
    store.refused_topics = refused

    assert words in said(page, url("webhooks", row), {})


def test_pausing_and_resuming_are_said(page: Client, row: Connection):
    assert "Paused. Orders wait until you resume." in said(page, url("pause", row), {})
    assert "Resumed. Waiting orders go on." in said(page, url("resume", row), {})


def test_a_second_click_is_answered_in_words(page: Client, row: Connection):
    said(page, url("pause", row), {})

    assert "Kauri Shopify: paused. Nothing was changed." in said(page, url("pause", row), {})


@pytest.mark.parametrize(
    ("state", "shown", "not_shown"),
    [
        (ConnectionState.ACTIVE, "pause", "resume"),
        (ConnectionState.PAUSED, "resume", "pause"),
        (ConnectionState.AUTH_LOST, "reconnect", "pause"),
    ],
)
def test_the_buttons_are_those_of_its_state(page: Client, row: Connection, state: str, shown: str, not_shown: str):
    Connection.objects.update(state=state)

    text = said(page, url("detail", row))

    assert url(shown, row) in text
    assert url(not_shown, row) not in text


def test_the_health_card_says_what_is_known(page: Client, row: Connection):
    at = timezone.now()
    Connection.objects.update(
        budget_available=500, budget_maximum=2000, budget_restore_per_s=0.001, budget_at=at, webhook_topics=["A", "B"],
        webhooks_checked_at=at, last_success_at=at,
    )  # fmt: skip

    text = said(page, url("detail", row))

    for words in ("25% of 2,000 points free", "2 topics, checked", "closed: calls go through", "without an end"):
        assert words in text
