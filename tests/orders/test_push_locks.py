"""Several orders locked at one go, on PostgreSQL: who has some never waits for others."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from orders.models import Order
from orders.services.transitions import OrderBusy, lock, lock_many
from tests import locks
from tests.factories import make_order

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def in_a_thread(order_ids: set[int], outcomes: list[str]) -> threading.Thread:
    def run() -> None:
        try:
            with transaction.atomic():
                lock_many(order_ids)
            outcomes.append("locked")
        except OrderBusy:
            outcomes.append("busy")
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def orders() -> list[Order]:
    return [make_order(), make_order()]


def test_one_of_several_that_somebody_has_is_not_waited_for(orders):
    outcomes: list[str] = []

    with transaction.atomic():
        lock(orders[1].pk)
        in_a_thread({order.pk for order in orders}, outcomes).join(60)

    assert outcomes == ["busy"]


def test_a_single_one_that_somebody_has_is_waited_for(orders):
    outcomes: list[str] = []

    with transaction.atomic():
        lock(orders[0].pk)
        thread = in_a_thread({orders[0].pk}, outcomes)
        locks.until_waiting(1)
        assert outcomes == []
    thread.join(60)

    assert outcomes == ["locked"]
