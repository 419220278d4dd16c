"""Keeps a django-q2 cluster honest: a process group of its own, watched, and killed as a whole when it hangs.

A cluster can stop working without ending (a killed idle worker takes the queue's lock with it; a killed monitor
acknowledges nothing), and a killed main process leaves its children running. So the cluster gets its own session, is
given a canary task now and then, and is replaced with all its processes when it shows no sign of life.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger

from django.db import close_old_connections
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from orders import outbox
from orders.models import Lane, PumpBeat
from orders.processes import kill_group, spawn, stop
from orders.pump import oldest_due

logger = getLogger(__name__)

CANARY_TASK = "orders.tasks.canary"
LOOK_EVERY_S = 0.5
BEAT_LIMIT = timedelta(seconds=120)  # the sweep pumps every minute
DUE_LIMIT = timedelta(seconds=180)
LONGEST_REST_S = 30.0  # between two restarts
QUIET_AFTER_S = 300.0  # a cluster that lived so long was well: the next restart is the first again


@dataclass
class Supervisor:
    """Runs `command` and replaces it when it hangs."""

    command: Sequence[str] = (sys.executable, "manage.py", "qcluster")
    canary_every_s: float = 20.0
    canary_limit_s: float = 90.0  # a canary may wait for two pumps that use up their budgets
    drain_s: float = 75.0  # longer than a pump's own budget
    ending: bool = False
    restarts: int = 0  # in a row

    def __post_init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._canary_at = timezone.now()
        self._canary = ""

    def run(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Serve until told to end (SIGTERM, SIGINT) or `until` says so."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        self._start()
        while not self.ending and not until():
            time.sleep(LOOK_EVERY_S)
            self._look_after()
        if self._process and not stop(self._process, after_s=self.drain_s):
            logger.warning("cluster did not drain", extra={"pid": self._process.pid})

    def _look_after(self) -> None:
        try:
            close_old_connections()
            why = self._fault(timezone.now())
        except Exception:
            logger.exception("supervisor could not look")  # the database is away; the cluster waits for it too
            return
        if why:
            self._replace(why)
        elif timezone.now() - self._started_at > timedelta(seconds=QUIET_AFTER_S):
            self.restarts = 0

    def _fault(self, at: datetime) -> str:
        """Why the cluster must be replaced; empty when it is well."""
        if self._process is None or self._process.poll() is not None:
            return "it ended by itself"
        due_since = oldest_due(at=at)
        if due_since is not None:
            outbox.wake()  # a wake-up that was lost, or a retry whose time has come
        if self._canary_is_dead(at):
            return "it finishes no tasks"
        if at - self._started_at <= DUE_LIMIT:
            return ""
        if due_since and at - due_since > DUE_LIMIT and not Lane.objects.filter(served_at__gt=at - DUE_LIMIT).exists():
            return "work is due and nobody takes it"
        if not PumpBeat.objects.filter(at__gt=at - BEAT_LIMIT).exists():
            return "no pump has shown itself"
        return ""

    def _canary_is_dead(self, at: datetime) -> bool:
        """A canary must run and be acknowledged, then its row is gone; one behind a long queue waits its turn."""
        if self._canary and not _rows_of(self._canary):
            self._canary = ""
        if not self._canary:
            if at - self._canary_at > timedelta(seconds=self.canary_every_s):
                self._canary, self._canary_at = async_task(CANARY_TASK, save=False), at
            return False
        if at - self._canary_at <= timedelta(seconds=self.canary_limit_s):
            return False
        if Task.objects.filter(stopped__gt=self._canary_at).exists():
            self._canary_at = at  # others were finished meanwhile: the queue moves
            return False
        return True

    def _start(self) -> None:
        self._process = spawn(self.command)
        self._canary, self._started_at = "", timezone.now()
        self._canary_at = self._started_at
        logger.info("cluster started", extra={"pid": self._process.pid})

    def _replace(self, why: str) -> None:
        self.restarts += 1
        logger.warning("cluster replaced", extra={"why": why, "restarts": self.restarts})
        if self._process:
            kill_group(self._process)
        if self._canary:
            OrmQ.objects.filter(pk__in=_rows_of(self._canary)).delete()
        self._rest(min(2.0 ** (self.restarts - 1), LONGEST_REST_S))
        if not self.ending:
            self._start()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.ending and time.monotonic() < until:
            time.sleep(0.1)

    def _end(self, signum: int, frame: object) -> None:
        self.ending = True


def _rows_of(task_id: str) -> list[int]:
    return [row.pk for row in OrmQ.objects.all()[:1000] if row.task_id() == task_id]
