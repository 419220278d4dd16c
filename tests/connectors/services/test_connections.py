"""The life of a connection: who may change it when, what it lets go, and what is written down of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError

from accounts.models import AuditEvent, Merchant
from connectors import conditions
from connectors.base import ShopInfo
from connectors.errors import ConnectionGoneError, CredentialsError, RetryableError
from connectors.models import CallLog, ClearedCondition, Connection, ConnectionState, SyncSettings
from connectors.services import connections
from connectors.services.connections import StateRefused
from connectors.shopify.connector import TOPICS
from orders import tasks
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_merchant

pytestmark = pytest.mark.django_db
ADDRESS = "https://kauri.myshopify.com"
KAURI = ShopInfo(
    remote_id="gid://shopify/Shop/1",
    name="Kauri & Clay",
    domain="kauri.myshopify.com",
    currency="NZD",
    timezone="Pacific/Auckland",
)


def connected(merchant: Merchant | None = None, **given) -> Connection:
    return connections.connect(
        **{
            "merchant_id": (merchant or make_merchant()).pk,
            "platform": "shopify",
            "name": "",
            "base_url": ADDRESS,
            "credentials": {"access_token": "shpat_canary"},
            "webhook_secrets": ["canary"],
            "shop": KAURI,
            "by": "ana",
            "at": NOON,
            **given,
        }
    )


def fresh(row: Connection) -> Connection:
    return Connection.objects.get(pk=row.pk)


def reconnected(row: Connection, *webhook_secrets: str) -> Connection:
    connections.reconnect(
        connection_id=row.pk, credentials={"access_token": "new"}, webhook_secrets=webhook_secrets, by="ana", at=NOON
    )
    return fresh(row)


def done_to(row: Connection, act) -> Connection:
    act(connection_id=row.pk, by="ana", at=NOON)
    return fresh(row)


def noted(row: Connection) -> list[tuple[str, str, dict]]:
    return list(AuditEvent.objects.of(row.merchant).order_by("pk").values_list("kind", "by", "data"))


def let_go(row: Connection) -> set[str]:
    return set(ClearedCondition.objects.values_list("key", flat=True))


# --- connecting ------------------------------------------------------------------------------------


def test_asking_tells_who_answers_and_saves_nothing(store: ShopOnTheWire):
    shop = connections.ask(platform="shopify", base_url=ADDRESS, credentials={"access_token": "a"})

    assert (shop.name, shop.currency, store.tokens) == ("Kauri & Clay", "NZD", ["a"])
    assert not Connection.objects.exists()
    assert not CallLog.objects.exists()


@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialsError), (404, ConnectionGoneError), (503, RetryableError)]
)
def test_asking_in_vain_says_why(store: ShopOnTheWire, status: int, error: type[Exception]):
    store.status = status

    with pytest.raises(error):
        connections.ask(platform="shopify", base_url=ADDRESS, credentials={"access_token": "a"})


def test_a_connection_keeps_what_the_shop_says_of_itself():
    row = fresh(connected())

    assert (row.name, row.remote_id, row.shop_domain) == ("Kauri & Clay", KAURI.remote_id, KAURI.domain)
    assert (row.currency, row.shop_time_zone, row.last_success_at) == ("NZD", "Pacific/Auckland", NOON)
    assert row.webhook_secret["secrets"] == ["canary"]
    assert SyncSettings.objects.get(connection=row).sync_orders


def test_a_shop_name_of_any_length_fits():
    row = connected(shop=ShopInfo(remote_id="1", name="x" * 500, domain="kauri.myshopify.com", currency="NZD"))

    assert len(fresh(row).name) == 120


def test_the_audit_trail_names_the_platform_and_no_secret():
    assert noted(connected()) == [("connection.connected", "ana", {"platform": "shopify"})]


def test_the_same_store_twice_is_refused():
    merchant = make_merchant()
    connected(merchant)

    with pytest.raises(IntegrityError):
        connected(merchant)


def test_two_shops_of_a_merchant_may_answer_at_one_address():
    merchant = make_merchant()
    connected(merchant)

    assert connected(merchant, shop=replace(KAURI, remote_id="gid://shopify/Shop/2")).pk


def test_a_shop_that_does_not_say_which_one_it_is_is_told_by_its_address():
    merchant, nameless = make_merchant(), replace(KAURI, remote_id="")
    connected(merchant, shop=nameless)

    with pytest.raises(IntegrityError):
        connected(merchant, shop=nameless)


def test_two_merchants_may_have_the_same_store():
    connected()

    assert connected().pk


def test_a_store_that_was_disconnected_can_be_connected_again():
    merchant = make_merchant()
    done_to(connected(merchant), connections.disconnect)

    assert connected(merchant).state == ConnectionState.ACTIVE


# --- reconnecting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ConnectionState.ACTIVE, ConnectionState.AUTH_LOST, ConnectionState.PAUSED])
def test_new_credentials_end_every_trouble_and_let_go_what_waited(state: str):
    row = reconnected(make_connection(state=state, state_reason="Because."))

    assert (row.state, row.state_reason, row.credential_version) == (ConnectionState.ACTIVE, "", 2)
    assert row.credentials["access_token"] == "new"
    assert let_go(row) == {conditions.token_renewed(row.pk), conditions.pause_lifted(row.pk)}
    assert noted(row) == [("connection.reconnected", "ana", {})]


def test_the_last_two_webhook_secrets_are_believed():
    row = make_connection(webhook_secret={"secrets": ["first"]})
    for secret in ("second", "second", "third"):
        row = reconnected(row, secret)

    assert row.webhook_secret["secrets"] == ["third", "second"]


def test_without_a_new_webhook_secret_the_old_one_stays():
    assert reconnected(make_connection(webhook_secret={"secrets": ["first"]})).webhook_secret["secrets"] == ["first"]


def test_a_disconnected_store_is_not_revived():
    row = done_to(make_connection(), connections.disconnect)

    with pytest.raises(StateRefused, match="disconnected"):
        reconnected(row)

    assert (fresh(row).state, dict(fresh(row).credentials)) == (ConnectionState.REMOVED, {})


# --- pausing ---------------------------------------------------------------------------------------


def test_a_pause_says_who_made_it_and_its_end_lets_go():
    paused = done_to(make_connection(), connections.pause)
    assert (paused.state, paused.state_reason, let_go(paused)) == (ConnectionState.PAUSED, "Paused by ana.", set())

    resumed = done_to(paused, connections.resume)

    assert (resumed.state, resumed.state_reason) == (ConnectionState.ACTIVE, "")
    assert let_go(resumed) == {conditions.pause_lifted(resumed.pk)}
    assert [kind for kind, _, _ in noted(resumed)] == ["connection.paused", "connection.resumed"]


@pytest.mark.parametrize("state", [ConnectionState.AUTH_LOST, ConnectionState.PAUSED, ConnectionState.REMOVED])
def test_only_what_is_connected_is_paused(state: str):
    row = make_connection(state=state)

    with pytest.raises(StateRefused, match=r"Nothing was changed\."):
        done_to(row, connections.pause)

    assert (fresh(row).state, noted(row)) == (state, [])


@pytest.mark.parametrize("state", [ConnectionState.ACTIVE, ConnectionState.AUTH_LOST, ConnectionState.REMOVED])
def test_only_what_is_paused_is_resumed(state: str):
    row = make_connection(state=state)

    with pytest.raises(StateRefused):
        done_to(row, connections.resume)

    assert (fresh(row).state, let_go(row)) == (state, set())


# --- disconnecting ---------------------------------------------------------------------------------


def test_disconnecting_forgets_the_secrets_and_lets_go():
    row = done_to(make_connection(), connections.disconnect)

    assert (row.credentials.token, row.webhook_secret.token, row.credential_version) == ("", "", 2)
    assert (row.state, row.state_reason) == (ConnectionState.REMOVED, "Disconnected by ana.")
    assert let_go(row) == {conditions.token_renewed(row.pk), conditions.pause_lifted(row.pk)}
    assert noted(row) == [("connection.disconnected", "ana", {})]


def test_disconnecting_twice_is_refused():
    row = done_to(make_connection(), connections.disconnect)

    with pytest.raises(StateRefused):
        done_to(row, connections.disconnect)


# --- what the outside tells ------------------------------------------------------------------------


def test_a_dead_token_is_noted_once():
    row = make_connection()
    for _ in range(2):
        connections.auth_lost(connection_id=row.pk, reason="No longer accepted.", at=NOON)

    row = fresh(row)
    assert (row.state, row.state_reason) == (ConnectionState.AUTH_LOST, "No longer accepted.")
    assert (row.last_error, row.last_failure_at) == ("No longer accepted.", NOON)
    assert noted(row) == [("connection.auth_lost", "Storeward", {})]


def test_a_token_that_was_replaced_meanwhile_takes_nothing_down():
    row = reconnected(make_connection())

    connections.auth_lost(connection_id=row.pk, reason="The old one.", at=NOON, credential_version=1)
    assert fresh(row).state == ConnectionState.ACTIVE

    connections.auth_lost(connection_id=row.pk, reason="The new one.", at=NOON, credential_version=2)
    assert fresh(row).state == ConnectionState.AUTH_LOST


def test_a_frozen_shop_is_paused_with_its_reason():
    row = make_connection()

    connections.gone(connection_id=row.pk, reason="The shop is frozen, says Shopify.", at=NOON)

    assert (fresh(row).state, fresh(row).state_reason) == (ConnectionState.PAUSED, "The shop is frozen, says Shopify.")
    assert noted(row) == [("connection.gone", "Storeward", {})]


@pytest.mark.parametrize("state", [ConnectionState.AUTH_LOST, ConnectionState.PAUSED, ConnectionState.REMOVED])
@pytest.mark.parametrize("act", [connections.auth_lost, connections.gone])
def test_what_is_not_connected_cannot_be_lost(state: str, act):
    row = make_connection(state=state, state_reason="Because.")

    act(connection_id=row.pk, reason="Late.", at=NOON)

    assert (fresh(row).state, fresh(row).state_reason, noted(row)) == (state, "Because.", [])


def test_a_reason_of_any_length_fits():
    row = make_connection()

    connections.auth_lost(connection_id=row.pk, reason="x" * 1000, at=NOON)

    assert (len(fresh(row).state_reason), len(fresh(row).last_error)) == (300, 500)


# --- settings, test, webhooks ----------------------------------------------------------------------


def test_settings_note_what_has_changed_and_nothing_else():
    row = make_connection()
    chosen = {"sync_orders": True, "bypass_stock_check": True}
    for _ in range(2):
        connections.save_settings(connection_id=row.pk, by="ana", at=NOON, **chosen)

    assert SyncSettings.objects.values(*chosen).get(connection=row) == chosen
    assert noted(row) == [("connection.settings", "ana", {"bypass_stock_check": True})]


def test_a_test_keeps_what_the_shop_says_now(store: ShopOnTheWire):
    store.about["currencyCode"] = "AUD"
    row = make_connection(last_error="It was down.")

    shop = connections.test(connection_id=row.pk, at=NOON)

    row = fresh(row)
    assert (shop.currency, row.currency, row.shop_time_zone) == ("AUD", "AUD", "Pacific/Auckland")
    assert (row.last_success_at, row.last_error) == (NOON, "")
    assert CallLog.objects.get().operation == "shop_info"


def test_a_test_that_fails_is_kept_and_told(store: ShopOnTheWire):
    store.status = 401
    row = make_connection()

    with pytest.raises(CredentialsError):
        connections.test(connection_id=row.pk, at=NOON)

    assert (fresh(row).last_failure_at, "a new one is needed" in fresh(row).last_error) == (NOON, True)


def test_webhooks_are_set_up_for_our_address(store: ShopOnTheWire, settings):
    settings.BASE_URL = "https://portal.example"
    row = make_connection()

    assert connections.register_webhooks(connection_id=row.pk, at=NOON) == ()

    assert (fresh(row).webhook_topics, fresh(row).webhooks_checked_at) == (list(TOPICS), NOON)
    assert connections.callback_url(row) == f"https://portal.example/webhooks/shopify/{row.public_id}/"


def test_webhooks_that_are_refused_are_told(store: ShopOnTheWire):
    store.refused_topics = {TOPICS[0]}
    row = make_connection()

    assert connections.register_webhooks(connection_id=row.pk, at=NOON) == (TOPICS[0],)
    assert fresh(row).webhook_topics == list(TOPICS[1:])


def test_a_store_that_does_not_answer_has_no_webhooks_checked(store: ShopOnTheWire):
    store.status = 503
    row = make_connection()

    assert connections.register_webhooks(connection_id=row.pk, at=NOON) == ("all",)
    assert (fresh(row).webhooks_checked_at, fresh(row).last_failure_at) == (None, NOON)


def test_the_hourly_check_mends_what_is_active_and_one_failure_stops_no_other(store: ShopOnTheWire, settings):
    keys, settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS, [Fernet.generate_key().decode()]
    lost = make_connection(make_merchant())
    settings.CREDENTIAL_KEYS = keys
    paused, active = (make_connection(make_merchant()) for _ in range(2))
    Connection.objects.filter(pk=paused.pk).update(state=ConnectionState.PAUSED)

    tasks.check_webhooks()

    assert fresh(active).webhook_topics == list(TOPICS)
    assert fresh(active).webhooks_checked_at is not None
    assert fresh(paused).webhooks_checked_at is None
    assert (fresh(lost).webhooks_checked_at, fresh(lost).last_error != "") == (None, True)
