"""Races on PostgreSQL: the second of two waits for the first's lock, seen in pg_locks, and then loses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from orders import outbox
from orders.enums import OrderStatus, Topic
from orders.errors import OrderError
from orders.models import Order, OutboxMessage
from orders.services import decisions
from orders.services.transitions import lock
from tests.factories import NOON, make_merchant, make_order

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgres():
    assert connection.vendor == "postgresql", "run by `make test-postgres`"


def behind_a_lock(order: Order, first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """Hold the order's lock, start both in turn so that they queue up behind it, let go. What each raised."""
    outcomes = ["", ""]

    def run(index: int, act: Callable[[], object]) -> None:
        try:
            act()
        except OrderError as error:
            outcomes[index] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate((first, second))]
    with transaction.atomic():
        lock(order.pk)
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            _until_waiting(waiting)
    for thread in threads:
        thread.join(timeout=20)
    return outcomes


def _until_waiting(count: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.01)
    raise AssertionError(f"{count} sessions never waited for the lock")


def confirm(order: Order, by: str) -> Callable[[], object]:
    return lambda: decisions.confirm(order_id=order.pk, by=by, at=NOON)


def cancel(order: Order) -> Callable[[], object]:
    return lambda: decisions.cancel(order_id=order.pk, reason="x", by="cat", at=NOON)


def test_two_confirmations_at_once_make_one_capture():
    order = make_order()

    outcomes = behind_a_lock(order, confirm(order, "ana"), confirm(order, "ben"))

    order.refresh_from_db()
    assert sorted(outcomes) == ["", "transition_not_allowed"]
    assert OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).count() == 1


def test_confirm_against_cancel_ends_with_one_of_them_and_its_money():
    order = make_order()

    behind_a_lock(order, cancel(order), confirm(order, "ana"))

    order.refresh_from_db()
    waiting = set(OutboxMessage.objects.filter(status="waiting").values_list("topic", flat=True))
    assert order.status == OrderStatus.CANCELLED
    assert waiting == {Topic.VOID_PAYMENT}


def test_confirm_then_cancel_releases_and_never_captures():
    order = make_order()

    behind_a_lock(order, confirm(order, "ana"), cancel(order))

    waiting = set(OutboxMessage.objects.filter(status="waiting").values_list("topic", flat=True))
    assert waiting == {Topic.VOID_PAYMENT}


def test_eight_claimers_never_share_a_message():
    for _ in range(5):
        merchant = make_merchant()
        for _ in range(4):
            order = make_order(merchant)
            with transaction.atomic():
                outbox.post(Topic.CAPTURE_PAYMENT, order=order, key=f"k{order.pk}", at=NOON)
    claimed: list[int] = []

    def work() -> None:
        while messages := outbox.claim(at=NOON, limit=3):
            claimed.extend(message.pk for message in messages)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(claimed) == len(set(claimed))
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) <= {0, 1}


def test_without_the_lock_both_confirmations_would_pass(monkeypatch):
    """The negative control: this test's own method sees the race when the lock is gone."""
    order = make_order()
    monkeypatch.setattr(decisions, "lock", lambda pk: Order.objects.select_related("merchant").get(pk=pk))
    barrier = threading.Barrier(2)
    refuse = decisions._refuse_late
    monkeypatch.setattr(decisions, "_refuse_late", lambda *args: (barrier.wait(5), refuse(*args)))
    outcomes = []

    def run(by: str) -> None:
        try:
            decisions.confirm(order_id=order.pk, by=by, at=NOON)
            outcomes.append("")
        except OrderError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(by,)) for by in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert outcomes == ["", ""]
