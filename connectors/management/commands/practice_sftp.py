"""The SFTP server of the practice suppliers, until it is ended."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from connectors.practice.filedrop_sftp.server import HOST, serving


class Command(BaseCommand):
    help = "Serve the folders of the practice suppliers by SFTP on this machine (PRACTICE_SFTP_PORT), until Ctrl-C."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.PRACTICE_STORES:
            raise CommandError("There are no practice stores: PRACTICE_STORES is off.")
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        with serving(port=settings.PRACTICE_SFTP_PORT) as port:
            self.stdout.write(f"Practice SFTP server on {HOST}:{port}.")
            ended.wait()
