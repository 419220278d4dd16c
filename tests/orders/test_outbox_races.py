"""One probe and one budget for all workers, on PostgreSQL with real threads and a real process that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connectors.base import Budget
from connectors.models import Connection
from connectors.services import limits
from orders import outbox
from orders.enums import OutboxStatus, Topic
from orders.models import OutboxMessage
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.locks import until_waiting

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
LATER = NOON + limits.OPEN_FIRST


@pytest.fixture
def connection() -> Connection:
    return make_connection()


@pytest.fixture
def broken(connection: Connection) -> Connection:
    """Due for a probe at LATER."""
    for _ in range(limits.CALLS_BEFORE_OPENING):
        limits.record(connection.pk, outcome="failed", at=NOON)
    return connection


def in_threads(act: Callable[[], int], count: int, *, behind: Connection | None = None) -> list[int]:
    """What each got. `behind`: all of them queue up for the row before the first gets it."""
    got: list[int] = []

    def run() -> None:
        try:
            got.append(act())
        finally:
            database.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    with transaction.atomic():
        if behind:
            Connection.objects.select_for_update().get(pk=behind.pk)
        for thread in threads:
            thread.start()
        if behind:
            until_waiting(count)
    for thread in threads:
        thread.join(timeout=60)
    return sorted(got)


def test_of_three_that_ask_at_once_one_probes(broken):
    def ask() -> int:
        return limits.admit(broken.pk, costs=[0.0], at=LATER).count

    assert in_threads(ask, 3, behind=broken) == [0, 0, 1]


def test_three_that_ask_at_once_spend_one_budget(connection):
    limits.learn(connection.pk, Budget(60, 100, 1), at=NOON)

    def ask() -> int:
        return limits.admit(connection.pk, costs=[25.0], at=NOON).count

    assert in_threads(ask, 3, behind=connection) == [0, 1, 1]


def test_eight_claimers_take_one_message_of_a_store_that_is_probed_and_all_of_the_others(broken):
    other = make_connection()
    for store in (broken, other):
        post_checks(store, 8)

    def claim_all() -> int:
        return sum(len(messages) for messages in iter(lambda: outbox.claim(at=LATER), []))

    in_threads(claim_all, 8)
    while outbox.claim(at=LATER):  # a lane that was just being claimed is passed over
        pass

    running = OutboxMessage.objects.filter(status=OutboxStatus.RUNNING)
    assert (running.filter(lane__connection=broken).count(), running.filter(lane__connection=other).count()) == (1, 8)


def post_checks(connection: Connection, count: int) -> None:
    for n in range(count):
        order = make_order(connection.merchant)
        with transaction.atomic():
            key = f"check-{connection.pk}-{n}"
            outbox.post(Topic.CHECK_ORDER, order=order, connection=connection, key=key, at=NOON)


# --- a message that kills its process ----------------------------------------------------------------

KILLED_PUMP = """
import os, signal
import django; django.setup()
from orders import pump
from orders.services import checks
check = checks.check

def poisoned(message, world):
    if message.key.startswith("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    yield from check(message, world)

checks.check = poisoned
pump.pump(budget_s=120, threads=4)
"""


@pytest.mark.processes
@pytest.mark.timeout(900)
def test_a_pump_that_is_killed_by_one_message_holds_that_one_and_does_the_others(monkeypatch):
    merchant = make_merchant()
    for name in ("a", "b", "poison", "c", "d", "e"):
        with transaction.atomic():
            order = make_order(merchant)
            outbox.post(Topic.CHECK_ORDER, order=order, key=f"{name}:{order.pk}", at=timezone.now())

    deaths = [pump_until_it_ends() for _ in range(outbox.CRASHES_ALLOWED + 1)]

    held = OutboxMessage.objects.get(status=OutboxStatus.HELD)
    assert (held.key.split(":")[0], held.crashes) == ("poison", outbox.CRASHES_ALLOWED)
    assert OutboxMessage.objects.filter(status=OutboxStatus.DONE).count() == 5
    assert deaths == [-9] * outbox.CRASHES_ALLOWED + [0]


def pump_until_it_ends() -> int:
    """Its exit status. The leases of the pump before have run out meanwhile."""
    OutboxMessage.objects.filter(status=OutboxStatus.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    env = {
        **os.environ,
        "DATABASE_URL": f"postgres:///{database.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    return subprocess.run([sys.executable, "-c", KILLED_PUMP], cwd=ROOT, env=env, timeout=300, check=False).returncode
