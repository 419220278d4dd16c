"""The hourly look at webhooks: a bounded time for each call, and a turn for every store."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from connectors.models import Connection
from connectors.services import webhook_checks
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_merchant

pytestmark = pytest.mark.django_db


def slow_clock():
    """Each look at the clock is a whole budget later."""
    clock = SimpleNamespace(monotonic=partial(next, count(step=webhook_checks.BUDGET_S)))
    return patch("connectors.services.webhook_checks.time", clock)


def fresh(row: Connection) -> Connection:
    return Connection.objects.get(pk=row.pk)


def test_when_the_time_is_up_the_rest_is_checked_by_another_call_longest_ago_first(store: ShopOnTheWire):
    rows = [make_connection(make_merchant()) for _ in range(3)]
    for hours, row in zip((2, 5, 3), rows, strict=True):
        Connection.objects.filter(pk=row.pk).update(webhooks_checked_at=NOON - timedelta(hours=hours))
    goes_on = []

    for _ in range(3):
        with slow_clock():
            goes_on.append(
                (webhook_checks.check_due(at=NOON), [fresh(row).webhooks_checked_at == NOON for row in rows])
            )

    assert goes_on == [
        (True, [False, True, False]),
        (True, [False, True, True]),
        (False, [True, True, True]),
    ]


def test_one_that_never_answers_waits_behind_all_others(store: ShopOnTheWire):
    lost, well = make_connection(make_merchant()), make_connection(make_merchant())
    Connection.objects.filter(pk=lost.pk).update(last_failure_at=NOON - timedelta(minutes=1))

    with slow_clock():
        webhook_checks.check_due(at=NOON)

    assert [fresh(row).webhooks_checked_at for row in (lost, well)] == [None, NOON]
