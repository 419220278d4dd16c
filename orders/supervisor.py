"""Keeps a django-q2 cluster honest: a process group of its own, watched, and killed as a whole when it hangs.

A cluster can stop working without ending (a killed idle worker holds its queue's lock; a killed monitor acknowledges
nothing), and the killed main process leaves its children running. So the cluster gets its own session, is asked to do
a canary task now and then, and is replaced with all its processes when the canary does not come back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from logging import getLogger

from django.db import close_old_connections
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from orders import outbox
from orders.pump import oldest_due

logger = getLogger(__name__)

CANARY_TASK = "orders.tasks.canary"


@dataclass
class Supervisor:
    """Runs `command` and replaces it when it hangs. All limits in seconds."""

    command: Sequence[str] = (sys.executable, "manage.py", "qcluster")
    canary_every_s: float = 20.0
    canary_limit_s: float = 90.0  # below the 180 s within which a hang must be noticed
    drain_s: float = 75.0  # longer than a pump's own budget
    restart_after_s: float = 1.0
    ending: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _canary: str = ""
    _canary_at: float = 0.0
    _restarts: int = field(default=0)

    def run(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Serve until told to end (SIGTERM, SIGINT) or `until` says so."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        self._start()
        while not self.ending and not until():
            time.sleep(0.5)
            self._look_after()
        self._stop()

    def _look_after(self) -> None:
        assert self._process is not None  # noqa: S101  # started by run()
        if self._process.poll() is not None:
            self._replace("ended by itself")
            return
        try:
            close_old_connections()
            if oldest_due(at=timezone.now()) is not None:
                outbox.wake()  # a wake-up that was lost, or a retry whose time has come
            if self._canary_is_dead():
                self._replace("does not do its tasks")
        except Exception:
            logger.exception("supervisor could not look")  # the database is away; the cluster waits for it too

    def _canary_is_dead(self) -> bool:
        """A canary must run and be acknowledged: then its row is gone from the queue."""
        now = time.monotonic()
        if self._canary and not _is_queued(self._canary):
            self._canary = ""
        if self._canary:
            return now - self._canary_at > self.canary_limit_s
        if now - self._canary_at > self.canary_every_s:
            self._canary, self._canary_at = async_task(CANARY_TASK, save=False), now
        return False

    def _start(self) -> None:
        self._process = subprocess.Popen(self.command, start_new_session=True)  # noqa: S603  # our own command
        self._canary, self._canary_at = "", time.monotonic()
        logger.info("cluster started", extra={"pid": self._process.pid})

    def _replace(self, why: str) -> None:
        self._restarts += 1
        logger.warning("cluster replaced", extra={"why": why, "restarts": self._restarts})
        self._kill_group()
        if self._canary:
            OrmQ.objects.filter(pk__in=_rows_of(self._canary)).delete()
        time.sleep(self.restart_after_s)
        self._start()

    def _stop(self) -> None:
        """Let running tasks end, then make sure that nothing is left."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)  # to the main process alone: it tells the others
            try:
                self._process.wait(timeout=self.drain_s)
            except subprocess.TimeoutExpired:
                logger.warning("cluster did not drain", extra={"pid": self._process.pid})
        self._kill_group()

    def _kill_group(self) -> None:
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            logger.info("cluster was gone", extra={"pid": self._process.pid})
        self._process.wait()

    def _end(self, signum: int, frame: object) -> None:
        self.ending = True


def _is_queued(task_id: str) -> bool:
    return bool(_rows_of(task_id))


def _rows_of(task_id: str) -> list[int]:
    return [row.pk for row in OrmQ.objects.all()[:1000] if row.task_id() == task_id]
