"""A burst of promises calls one pump."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orders import outbox
from orders.models import WakeUp
from orders.outbox import promises
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(monkeypatch) -> list[str]:
    tasks: list[str] = []
    monkeypatch.setattr(promises, "async_task", tasks.append)
    return tasks


def wake_at(monkeypatch, seconds: float) -> None:
    monkeypatch.setattr(promises.timezone, "now", lambda: NOON + timedelta(seconds=seconds))
    outbox.wake()


def test_a_pump_is_called_once_in_ten_seconds(called, monkeypatch):
    for seconds in (0, 1, 9.9):
        wake_at(monkeypatch, seconds)
    assert len(called) == 1

    wake_at(monkeypatch, 10.1)

    assert len(called) == 2


def test_a_pump_that_has_begun_is_not_the_one_that_is_called(called, monkeypatch):
    wake_at(monkeypatch, 0)
    WakeUp.objects.update(called_at=None)  # as a pump does first

    wake_at(monkeypatch, 1)

    assert len(called) == 2


def test_the_call_is_one_statement(called, monkeypatch, django_assert_num_queries):
    wake_at(monkeypatch, 0)

    with django_assert_num_queries(1):
        wake_at(monkeypatch, 1)
