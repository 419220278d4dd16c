"""Conditions that came about are released however many wait for their second turn."""

from __future__ import annotations

import pytest

from connectors import conditions
from connectors.models import ClearedCondition
from orders import outbox
from orders.models import OutboxMessage
from tests.factories import NOON, make_message, make_order

pytestmark = pytest.mark.django_db


def test_one_that_was_never_released_does_not_wait_behind_a_crowd_that_was():
    ClearedCondition.objects.bulk_create(
        ClearedCondition(key=f"sku:1:{number}", released_at=NOON) for number in range(600)
    )
    make_message(order=make_order(), status="waiting", wait_for="token:7", reason="Waiting.")
    conditions.cleared("token:7")

    outbox.release(at=NOON)

    assert OutboxMessage.objects.get().wait_for == ""
