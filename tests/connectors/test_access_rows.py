"""A trip to a platform's page is told by its state alone, which is given out once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Merchant
from connectors.models import Authorization
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def trip(merchant: Merchant) -> Authorization:
    return Authorization.objects.create(
        state_digest="a" * 64, session_digest="b" * 64, merchant=merchant, platform="woocommerce",
        base_url="https://totara.example", started_by="ana", started_at=NOON, expires_at=NOON + timedelta(minutes=20),
    )  # fmt: skip


def test_a_state_is_given_out_once(merchant: Merchant):
    trip(merchant)

    with pytest.raises(IntegrityError, match="state_digest"), transaction.atomic():
        trip(merchant)
