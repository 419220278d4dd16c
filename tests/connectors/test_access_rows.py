"""What must never be true of trips, access and privacy requests is refused by the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Merchant
from connectors.models import Authorization, PrivacyRequest
from connectors.models.privacy import PrivacyTopic
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db


def trip(merchant: Merchant, **fields) -> Authorization:
    given = {
        "state_digest": "a" * 64,
        "session_digest": "b" * 64,
        "merchant": merchant,
        "platform": "woocommerce",
        "base_url": "https://totara.example",
        "started_by": "ana",
        "started_at": NOON,
        "expires_at": NOON + timedelta(minutes=20),
    }
    return Authorization.objects.create(**{**given, **fields})


def refused(act, name: str) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    assert name in str(caught.value)


def test_a_state_is_given_out_once(merchant):
    trip(merchant)

    refused(lambda: trip(merchant), "state_digest")


def test_a_trip_that_is_over_keeps_no_keys(merchant):
    refused(lambda: trip(merchant, used_at=NOON, received={"consumer_key": "ck"}), "authorization_used_keeps_no_keys")


def test_a_trip_ends_after_it_began(merchant):
    refused(lambda: trip(merchant, expires_at=NOON), "authorization_ends_after_it_began")


def test_access_that_does_not_run_out_has_nothing_to_renew_it_with():
    refused(lambda: make_connection(refresh_expires_at=NOON), "connection_refresh_only_for_access_that_runs_out")


def test_a_privacy_request_has_a_known_topic():
    row = make_connection()

    refused(
        lambda: PrivacyRequest.objects.create(connection=row, event_id="w", topic="other", received_at=NOON),
        "privacy_topic_known",
    )


def test_a_privacy_request_is_kept_once_per_connection():
    row = make_connection()
    given = {"connection": row, "event_id": "w", "topic": PrivacyTopic.SHOP_REDACT, "received_at": NOON}
    PrivacyRequest.objects.create(**given)

    refused(lambda: PrivacyRequest.objects.create(**given), "privacy")
