"""A platform that names its limit and not what is left of it: we count."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.base import Budget
from connectors.models import Connection
from connectors.services import limits
from connectors.squarespace.connector import IMPORTS, IMPORTS_AT_ONCE, IMPORTS_PER_S
from tests.factories import NOON, make_connection

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
