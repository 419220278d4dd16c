"""The worker as real processes: killed ones are replaced, none stay behind."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from orders.processes import spawn, stop
from tests import migrated
from tests.machine import ROOT, Machine, children, session, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

PATIENCE_S = 180.0
# A cluster is given longer than it takes to start: one that is replaced before it works never does.
WORKER = [sys.executable, "manage.py", "worker", "--canary-every", "1", "--canary-limit", "45", "--drain", "15"]
POST_A_CHECK = """
from django.db import transaction
from django.utils import timezone
from orders import outbox
from orders.enums import Topic
from tests.factories import make_order
with transaction.atomic():
    outbox.post(Topic.CHECK_ORDER, order=make_order(), key="check", at=timezone.now())
"""


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path / "worker.sqlite3")
    migrated.set_up(made)
    return made


@pytest.fixture
def worker(machine, monkeypatch):
    monkeypatch.chdir(ROOT)
    process = spawn(WORKER, env=machine.env)
    yield process
    stop(process, after_s=30)


def test_a_cluster_that_lost_its_idle_workers_is_replaced_and_does_what_is_due(machine, worker):
    cluster = _working_cluster_of(worker.pid, machine)

    wait_until(lambda: _kill_idle_workers(machine, cluster), seconds=PATIENCE_S, what="its workers are idle")
    machine.run(POST_A_CHECK)

    done = "SELECT 1 FROM orders_outboxmessage WHERE status = 'done'"
    wait_until(lambda: machine.ask(done), seconds=PATIENCE_S, what="the due message is carried out")
    assert _cluster_of(worker.pid) != cluster
    wait_until(lambda: session(cluster) == [], seconds=PATIENCE_S, what="the old cluster ended")


def test_a_worker_that_is_told_to_end_leaves_no_process_behind(machine, worker):
    cluster = _cluster_of(worker.pid)
    wait_until(lambda: len(session(cluster)) >= 6, seconds=PATIENCE_S, what="the cluster stands")

    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=PATIENCE_S)

    wait_until(lambda: session(cluster) == [], seconds=PATIENCE_S, what="the cluster ended")


def test_a_cluster_ends_when_its_killed_supervisor_cannot_tell_it(machine, worker):
    cluster = _working_cluster_of(worker.pid, machine)

    worker.kill()

    wait_until(lambda: session(cluster) == [], seconds=PATIENCE_S, what="the cluster ended")


def _working_cluster_of(worker: int, machine: Machine) -> int:
    wait_until(lambda: _canaries_came_back(machine), seconds=PATIENCE_S, what="the cluster works")
    return _cluster_of(worker)


def _cluster_of(worker: int) -> int:
    """The pid, and session, of the worker's qcluster."""
    found: list[int] = []
    wait_until(lambda: found.extend(children(worker)) or found, seconds=PATIENCE_S, what="a cluster is started")
    return found[0]


def _kill_idle_workers(machine: Machine, cluster: int) -> bool:
    """False when they had something to do: only one that waits for more takes the queue's lock with it."""
    workers = _workers_of(cluster)
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    idle = _canaries_came_back(machine)
    for pid in workers:
        os.kill(pid, signal.SIGKILL if idle else signal.SIGCONT)
    return idle


def _workers_of(cluster: int) -> list[int]:
    """The sentinel starts its two workers first."""
    (sentinel,) = children(cluster)
    return children(sentinel)[:2]


def _canaries_came_back(machine: Machine) -> bool:
    """Every task that was queued so far is acknowledged, and there was one."""
    highest = machine.ask("SELECT seq FROM sqlite_sequence WHERE name = 'django_q_ormq'")
    return bool(highest) and machine.ask("SELECT count(*) FROM django_q_ormq") == [(0,)]
