"""How a connection is doing, in words: one state, one headline."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from connectors.credentials import Secrets
from connectors.models import Connection, ConnectionState
from connectors.services import health
from connectors.shopify.connector import ShopifyConnector
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db
LATER, EARLIER = NOON + timedelta(minutes=5), NOON - timedelta(minutes=5)


def said(**fields) -> tuple[str, str, str]:
    row = Connection.objects.get(pk=make_connection(**fields).pk)
    found = health.of(row, at=NOON)
    return found.tone, found.headline, found.detail


@pytest.mark.parametrize(
    ("state", "tone", "headline"),
    [
        (ConnectionState.AUTH_LOST, "bad", "Needs reconnecting"),
        (ConnectionState.PAUSED, "warn", "Paused"),
        (ConnectionState.REMOVED, "bad", "Disconnected"),
    ],
)
def test_a_state_is_said_with_its_reason(state: str, tone: str, headline: str):
    assert said(state=state, state_reason="Because.") == (tone, headline, "Because.")


def test_all_is_well():
    assert said(last_success_at=NOON) == ("ok", "Connected", "")


def test_a_lost_key_asks_for_a_reconnect(settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    row = make_connection()
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    found = health.of(Connection.objects.get(pk=row.pk), at=NOON)

    assert (found.tone, found.headline) == ("bad", "Needs reconnecting")
    assert found.detail == "Its credentials cannot be read: reconnect."


def test_a_lost_webhook_secret_alone_asks_for_a_reconnect_too():
    row = make_connection()
    row.webhook_secret = Secrets("written with a key that is lost")

    assert health.of(row, at=NOON).headline == "Needs reconnecting"


def test_an_open_breaker_says_when_it_is_tried_again_in_the_merchants_time():
    with timezone.override(ZoneInfo("Pacific/Auckland")):
        assert said(open_until=LATER, breaker_opened=1) == ("bad", "Not answering", "We try again at 01:05:00.")


def test_a_store_that_asked_for_a_moment_is_no_fault():
    assert said(open_until=LATER)[:2] == ("warn", "Waiting for the store's rate limit")


def test_a_wait_that_is_over_is_not_told():
    assert said(open_until=NOON, breaker_opened=1)[1] == "Connected"


def test_a_failure_after_the_last_success_is_told_in_its_words():
    assert said(last_success_at=EARLIER, last_failure_at=NOON, last_error="No answer.") == (
        "warn",
        "Last call failed",
        "No answer.",
    )


def test_a_failure_without_any_success_is_told():
    assert said(last_failure_at=NOON)[1:] == ("Last call failed", "It is tried again by itself.")


def test_a_failure_before_the_last_success_is_forgotten():
    assert said(last_failure_at=EARLIER, last_success_at=NOON)[1] == "Connected"


def test_access_that_ran_out_is_said_to_be_renewed():
    assert said(token_expires_at=NOON)[1] == "Access is being renewed"
    assert said(token_expires_at=LATER)[1] == "Connected"


def test_missing_permissions_are_named():
    assert said(missing_scopes=["read_products"]) == (
        "warn",
        "Lacks permissions",
        "Reconnect and allow: read_products.",
    )


def test_what_the_platform_says_of_our_version_is_told():
    assert said(api_warning="Shopify no longer serves it.") == (
        "warn",
        "Storeward needs an update",
        "Shopify no longer serves it.",
    )


def test_the_end_of_an_api_version_is_told_ninety_days_ahead():
    row = make_connection()
    end = datetime.combine(ShopifyConnector.supported_until, time.min, tzinfo=UTC)

    assert health.of(row, at=end - health.UPDATE_AHEAD).tone == "ok"
    soon = health.of(row, at=end - health.UPDATE_AHEAD + timedelta(days=1))
    assert (soon.headline, soon.detail) == (
        "Storeward needs an update",
        "What it speaks to this platform ends on 01 October 2027.",
    )


# --- the card --------------------------------------------------------------------------------------


def card(**fields) -> dict[str, tuple[str, str]]:
    row = Connection.objects.get(pk=make_connection(**fields).pk)
    with timezone.override(ZoneInfo("Pacific/Auckland")):
        return {fact.label: (fact.value, fact.tone) for fact in health.facts(row, at=NOON)}


def test_a_new_connection_knows_little_and_says_so():
    assert card() == {
        "Last success": ("never", ""),
        "Last failure": ("none", ""),
        "Webhooks": ("not set up; changes are found by asking the store regularly", "warn"),
        "Rate budget": ("the store has not told it", ""),
        "Circuit": ("closed: calls go through", ""),
        "Access": ("stored encrypted, without an end that we know of", ""),
    }


def test_times_are_the_merchants_and_name_another_year():
    shown = card(last_success_at=NOON, last_failure_at=NOON - timedelta(days=365), last_error="Down.")

    assert (shown["Last success"], shown["Last failure"]) == (("24 Nov, 01:00", ""), ("24 Nov 2025, 01:00", ""))
    assert shown["It said"] == ("Down.", "")


@pytest.mark.parametrize(
    ("available", "seconds", "shown"),
    [
        (500, 0, ("25% of 2,000 points free", "")),
        (100, 0, ("5% of 2,000 points free", "warn")),
        (100, 10, ("55% of 2,000 points free", "")),
        (100, 3600, ("100% of 2,000 points free", "")),
        (-50, 0, ("0% of 2,000 points free", "warn")),
    ],
)
def test_the_rate_budget_flows_back(available: float, seconds: int, shown: tuple):
    at = NOON - timedelta(seconds=seconds)

    assert card(budget_available=available, budget_maximum=2000, budget_restore_per_s=100, budget_at=at)[
        "Rate budget"
    ] == shown  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"open_until": LATER, "breaker_opened": 1}, ("no calls until 24 Nov, 01:05: too many calls failed", "warn")),
        ({"open_until": LATER}, ("no calls until 24 Nov, 01:05: the store asked for it", "warn")),
        ({"open_until": EARLIER, "breaker_opened": 1}, ("trying again, one call at a time", "warn")),
        ({"open_until": EARLIER}, ("closed: calls go through", "")),
    ],
)
def test_the_circuit_is_told_in_words(fields: dict, shown: tuple):
    assert card(**fields)["Circuit"] == shown


def test_the_end_of_access_is_told_where_it_is_known():
    assert card(token_expires_at=LATER)["Access"] == (
        "stored encrypted; renewed by itself, runs out 24 Nov, 01:05",
        "",
    )
    assert card(token_expires_at=EARLIER)["Access"] == (
        "stored encrypted; ran out 24 Nov, 00:55 and is being renewed",
        "warn",
    )


def test_a_lost_key_is_told_and_breaks_nothing(settings):
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    row = make_connection()
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]

    facts = health.facts(Connection.objects.get(pk=row.pk), at=NOON)

    assert facts[-1] == health.Fact("Access", "cannot be read: reconnect", "bad")
