"""A machine of its own for tests that start and kill real processes: a database file, an environment, /proc."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Machine:
    database: Path
    port: int = 8000
    sftp_port: int = 0  # 0: the setting's own
    database_url: str = ""  # of another database than the file

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            **({"PRACTICE_SFTP_PORT": str(self.sftp_port)} if self.sftp_port else {}),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "STOREWARD_ENV": "try-out",
            "PRACTICE_STORES": "1",
            "DATABASE_URL": self.database_url or f"sqlite:///{self.database}",
            "BASE_URL": self.url,
            "EMAIL_URL": "",
            "LOG_LEVEL": "WARNING",
        }

    def manage(self, *command: str) -> None:
        subprocess.run([sys.executable, "manage.py", *command], env=self.env, cwd=ROOT, check=True, timeout=360)

    def run(self, code: str) -> str:
        """Python code in a Django process on this machine's database. What it prints."""
        code = f"import django; django.setup()\n{code}"
        command = [sys.executable, "-c", code]
        ran = subprocess.run(
            command, env=self.env, cwd=ROOT, check=True, timeout=360, stdout=subprocess.PIPE, text=True
        )
        return ran.stdout

    def ask(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.database, timeout=60)) as database:
            return database.execute(sql).fetchall()


def free_port() -> int:
    """One that the system gives nobody by itself, as it would one of its own before a process that starts listens there."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def children(pid: int) -> list[int]:
    """Living processes that `pid` started, oldest first."""
    found = [stat for stat in _stats() if int(stat[3]) == pid and stat[2] != "Z"]
    return [int(stat[0]) for stat in sorted(found, key=lambda stat: (int(stat[21]), int(stat[0])))]


def session(sid: int) -> list[int]:
    """Living processes of a session."""
    return sorted(int(stat[0]) for stat in _stats() if int(stat[5]) == sid and stat[2] != "Z")


def wait_until(holds: Callable[[], object], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _stats() -> list[list[str]]:
    """pid, name, state, parent, group, session and, as the 22nd, the beginning of every process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.read_text().split(" (", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, fields = rest.rsplit(") ", 1)
        found.append([pid, name, *fields.split()])
    return found
