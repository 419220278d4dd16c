"""The clock of the workers."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection as database
from django.utils import timezone

from orders.world import DatabaseClock

pytestmark = pytest.mark.django_db


def set_machines_clock(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    monkeypatch.setattr("orders.world.timezone", SimpleNamespace(now=lambda: at))


@pytest.mark.today
@pytest.mark.postgres
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_machine_whose_clock_is_wrong_goes_by_the_databases(monkeypatch: pytest.MonkeyPatch, minutes: int):
    set_machines_clock(monkeypatch, timezone.now() + timedelta(minutes=minutes))
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()

    now = DatabaseClock().now()

    assert abs(now - there) < timedelta(minutes=5)
    assert now.utcoffset() == timedelta(0)


def test_it_is_asked_once_and_counted_on_whatever_the_machines_clock_does(monkeypatch: pytest.MonkeyPatch):
    passed = SimpleNamespace(s=100.0)
    monkeypatch.setattr("orders.world.time", SimpleNamespace(monotonic=lambda: passed.s))
    clock = DatabaseClock()
    start = clock.now()
    set_machines_clock(monkeypatch, timezone.now() + timedelta(minutes=10))

    passed.s += 90

    assert clock.now() - start == timedelta(seconds=90)
