"""Web and worker together, for trying out and for a single machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.supervisor import Supervisor


class Command(BaseCommand):
    help = "Serve the portal with gunicorn and carry out its background work, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="Address and port of the web server.")
        parser.add_argument("--threads", type=int, default=8)

    def handle(self, *_args: Any, **options: Any) -> None:
        web = start_web(bind=options["bind"], threads=options["threads"])
        worker = Supervisor(drain_s=10.0)
        try:
            worker.run(until=lambda: web.poll() is not None)
        finally:
            stop(web)


def start_web(*, bind: str, threads: int) -> subprocess.Popen[bytes]:
    """gunicorn in a session of its own."""
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi:application",
        "--bind", bind, "--workers", "1", "--worker-class", "gthread", "--threads", str(threads),
        "--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning",
    ]  # fmt: skip
    return subprocess.Popen(command, start_new_session=True)  # noqa: S603  # our own command


def stop(process: subprocess.Popen[bytes], *, after_s: float = 8.0) -> None:
    """Ask it to end, then make sure that its whole group has."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
