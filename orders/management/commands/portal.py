"""Web and worker together, for trying out and for a single machine."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orders.processes import spawn, stop
from orders.supervisor import Supervisor

WEB_DRAIN_S = 8.0  # longer than gunicorn's own graceful time-out
WORKER_DRAIN_S = 10.0


class Command(BaseCommand):
    help = "Serve the portal with gunicorn and carry out its background work, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", help="Address and port of the web server.")
        parser.add_argument("--threads", type=int, default=8)

    def handle(self, *_args: Any, **options: Any) -> None:
        web = start_web(bind=options["bind"], threads=options["threads"])
        worker = Supervisor(drain_s=WORKER_DRAIN_S)
        try:
            worker.run(until=lambda: web.poll() is not None)
        finally:
            stop(web, after_s=WEB_DRAIN_S)


def start_web(*, bind: str, threads: int) -> subprocess.Popen[bytes]:
    """gunicorn with one process and some threads."""
    return spawn(
        [
            sys.executable, "-m", "gunicorn", "config.wsgi:application",
            "--bind", bind, "--workers", "1", "--worker-class", "gthread", "--threads", str(threads),
            "--timeout", "60", "--graceful-timeout", "5", "--log-level", "warning",
        ]
    )  # fmt: skip
