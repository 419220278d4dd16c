"""A platform that names its limit and not what is left of it: we count."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import responses

from connectors.base import Budget
from connectors.models import Connection
from connectors.services import limits, pacing
from connectors.services.clients import connector_for
from connectors.squarespace.connector import IMPORTS, IMPORTS_AT_ONCE, IMPORTS_PER_S, PACE, SquarespaceConnector
from tests.factories import NOON, make_connection
from tests.server import close_kept

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    row = make_connection(platform="squarespace")
    limits.learn(row.pk, IMPORTS, at=NOON)
    return row


def left(row: Connection) -> float | None:
    return limits.budget_left(Connection.objects.get(pk=row.pk), at=NOON)


def test_the_count_begins_with_a_full_budget(connection):
    assert left(connection) == IMPORTS_AT_ONCE


def test_what_was_spent_stays_spent_when_the_limit_is_told_again(connection):
    limits.admit(connection.pk, costs=[1.0] * 4, at=NOON)
    limits.learn(connection.pk, IMPORTS, at=NOON)

    assert left(connection) == IMPORTS_AT_ONCE - 4


def test_a_refusal_for_the_limit_empties_it(connection):
    limits.learn(connection.pk, Budget(0.0, IMPORTS_AT_ONCE, IMPORTS_PER_S), at=NOON)

    assert left(connection) == 0


def test_no_hour_has_a_hundred_imports(connection):
    """A worker that always has more to send, for two hours."""
    price, sent = limits.cost("squarespace", "create"), []
    for minute in range(120):
        at = NOON + timedelta(minutes=minute)
        sent += [minute] * limits.admit(connection.pk, costs=[price] * 20, at=at).count

    assert len(sent) > 150
    assert max(sum(start <= minute < start + 60 for minute in sent) for start in range(60)) < 100


# --- requests of any kind ----------------------------------------------------------------------------


def reads(row: Connection, count: int, *, second: float = 0) -> int:
    price = limits.requests("squarespace", "read")
    at = NOON + timedelta(seconds=second)
    return limits.admit(row.pk, costs=[0.0] * count, requests=[price] * count, at=at).count


def test_requests_begin_with_a_full_plan_and_stop_where_it_ends(connection):
    assert reads(connection, 100) == PACE.maximum
    assert reads(connection, 1, second=0.1) == 0


def test_requests_go_on_when_the_plan_holds_the_next_one(connection):
    reads(connection, 100)

    assert reads(connection, 100, second=3) == int(3 * PACE.restore_per_s)


def test_no_minute_has_three_hundred_requests(connection):
    """A worker that always has more to ask, for three minutes."""
    made = {second: reads(connection, 100, second=second) for second in range(180)}

    assert 200 < max(sum(made[start + second] for second in range(60)) for start in range(120)) < 300


def test_reads_go_on_when_the_imports_of_the_hour_are_spent(connection):
    limits.learn(connection.pk, Budget(0.0, IMPORTS_AT_ONCE, IMPORTS_PER_S), at=NOON)

    assert reads(connection, 3) == 3


def test_an_import_counts_as_a_request_too(connection):
    reads(connection, int(PACE.maximum))

    assert limits.admit(connection.pk, costs=[1.0], requests=[1.0], at=NOON).count == 0
    assert left(connection) == IMPORTS_AT_ONCE  # what was not sent was not spent


def test_a_platform_without_a_plan_for_requests_is_not_counted():
    row = make_connection()

    limits.admit(row.pk, costs=[1.0], requests=[limits.requests(row.platform, "read")], at=NOON)

    assert Connection.objects.get(pk=row.pk).requests_left is None


# --- what nobody was admitted for ----------------------------------------------------------------------


def requests_left(row: Connection) -> float | None:
    return Connection.objects.values_list("requests_left", flat=True).get(pk=row.pk)


@responses.activate
def test_what_a_page_or_a_poll_asks_is_counted_call_by_call(connection, monkeypatch):
    """Without the three that were paid for. However slow this machine is, nothing comes back meanwhile."""
    monkeypatch.setattr(SquarespaceConnector, "pace", replace(PACE, restore_per_s=0.0))
    inventory = {"inventory": [], "pagination": {"hasNextPage": False, "nextPageCursor": None}}
    responses.get("https://api.squarespace.com/1.0/commerce/inventory", json=inventory)
    Connection.objects.update(base_url="https://api.squarespace.com", credentials={"api_key": "k"})
    connection.refresh_from_db()
    close_kept()  # clients of another test's connection with this key
    pacing.paid(connection.pk, 3)

    for _ in range(5):
        connector_for(connection).catalog_pages("")
    pacing.paid(connection.pk, 0)

    assert requests_left(connection) == PACE.maximum - 2


def test_what_is_counted_beyond_the_plan_is_waited_for(connection):
    for _ in range(int(PACE.maximum) + 20):
        limits.count_request(connection.pk, at=NOON)

    assert requests_left(connection) == -20
    assert (reads(connection, 1, second=1), reads(connection, 1, second=7)) == (0, 1)


def test_a_poll_of_a_platform_without_a_pace_is_not_counted():
    row = make_connection()

    limits.count_request(row.pk, at=NOON)

    assert requests_left(row) is None
