"""Try Storeward on this machine alone: practice stores, sample orders, and the main job from end to end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.http import HttpClient
from orders.management import demo_data, sample_orders
from orders.management.commands.portal import WEB_DRAIN_S, start_web
from orders.management.journey import Journey, Portal, StepFailed
from orders.processes import spawn, stop

MARK = "STOREWARD_DEMO"  # set, to the database's folder, in the process that has the demo's own settings
FIRST_PORT, FIRST_SFTP_PORT = 8000, 8122
STARTS_WITHIN_S = 120.0
WEB_THREADS = 12
OLDEST_SAMPLE, BETWEEN_SAMPLES = timedelta(hours=80), timedelta(hours=4, minutes=45)
TWO_PARCELS = {"two_parcels": 2}


class Command(BaseCommand):
    help = "Set up a try-out with practice stores, run the main job on sample orders, then serve until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Run the main job, say so, and end.")
        parser.add_argument("--port", type=int, default=0, help="Port of the web server; default: the first free one.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if MARK not in os.environ:
            _become_the_demo(port=options["port"] or _free_port(), check=options["check"])
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            self._run(processes, check=options["check"])
        except KeyboardInterrupt:
            self.stdout.write("\nEnding.")
        except (StepFailed, ConnectorError) as error:
            raise CommandError(f"main job: failed. {error}") from error
        finally:
            for process in reversed(processes):
                stop(process, after_s=WEB_DRAIN_S)
            if options["check"]:
                shutil.rmtree(Path(os.environ[MARK]), ignore_errors=True)

    def _run(self, processes: list[subprocess.Popen[bytes]], *, check: bool) -> None:
        self.stdout.write("Setting up the database ...")
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        password, portal = demo_data.make_people(at=timezone.now())
        processes.append(start_web(bind=portal.base_url.removeprefix("http://"), threads=WEB_THREADS))
        await_web(portal.base_url)
        processes.append(start_worker())
        processes.append(spawn([sys.executable, "manage.py", "practice_sftp"]))
        await_port(settings.PRACTICE_SFTP_PORT)
        demo_data.open_shops(at=timezone.now())
        self._main_job(portal)
        if check:
            return
        demo_data.show_every_state(portal, at=timezone.now())
        demo_data.open_spare()
        self._tell(portal, demo_data.OWNER, password)
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        raise CommandError("A process of the demo ended by itself.")

    def _main_job(self, portal: Portal) -> None:
        journey = Journey(portal, self.stdout.write)
        began = time.monotonic()
        for n, name in enumerate(sample_orders.names()):
            placed_at = timezone.now() - OLDEST_SAMPLE + n * BETWEEN_SAMPLES
            journey.run(sample_orders.load(name, at=placed_at), parcels=TWO_PARCELS.get(name, 1))
        self.stdout.write(f"{len(sample_orders.names())} orders in {time.monotonic() - began:.0f} s")
        self.stdout.write("main job: ok")

    def _tell(self, portal: Portal, owner: str, password: str) -> None:
        url = portal.base_url
        body = settings.VAR_DIR / "order.json"
        body.write_text(json.dumps(demo_data.order_to_place(at=timezone.now()), indent=2), encoding="utf-8")
        self.stdout.write(
            f"\n  Order Manager   {url}/\n"
            f"  Sign in         {owner}   {password}\n"
            f"                  {demo_data.VIEWER}   the same password; may only look\n"
            f"  Operator        {url}/admin/   {owner}\n"
            f"  Practice store  {url}/practice/\n"
            f"  Practice mail   {url}/practice/mail/\n"
            f"  API             {url}/api/v1/docs/\n"
            f"  API key         {portal.marketplace_key}   (marketplace ArchiPro)\n\n"
            "Put an order in, and look for it in the Order Manager:\n\n"
            f"  curl -X POST {url}/api/v1/orders/ -H 'Authorization: Bearer {portal.marketplace_key}' "
            f"-H 'Content-Type: application/json' -d @{body.relative_to(settings.BASE_DIR)}\n\n"
            "Serving until Ctrl-C."
        )


def start_worker() -> subprocess.Popen[bytes]:
    """The supervised worker."""
    return spawn([sys.executable, "manage.py", "worker", "--drain", "5"])


def _become_the_demo(*, port: int, check: bool) -> NoReturn:
    """Start again with a new database and an address of the demo's own. Settings are read once per process."""
    folder = Path(tempfile.mkdtemp(prefix="storeward-")) if check else settings.VAR_DIR
    database = folder / "demo.sqlite3"
    for old in folder.glob(f"{database.name}*"):
        old.unlink()
    settings_of_demo = {
        MARK: str(folder),
        "STOREWARD_ENV": "try-out",
        "PRACTICE_STORES": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PRACTICE_SFTP_PORT": str(_free_port(FIRST_SFTP_PORT)),
        "EMAIL_URL": "",  # whatever .env says: mails stay in the practice mailbox
        "GATEWAYS": "sandbox",
        "Q_WORKERS": "4",  # a practice store's webhook must not wait until a pump has stopped looking for more to do
        "PYTHONUNBUFFERED": "1",  # each line when it is true, in a log file as well
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
    }
    os.chdir(settings.BASE_DIR)
    command = [sys.executable, "manage.py", "demo", *(["--check"] if check else [])]
    os.execve(sys.executable, command, {**os.environ, **settings_of_demo})  # noqa: S606  # no shell is wanted


def _interrupt(number: int, frame: object) -> NoReturn:
    """SIGTERM ends the demo as Ctrl-C does, and so does SIGINT where a shell had it ignored."""
    raise KeyboardInterrupt


def _free_port(first: int = FIRST_PORT) -> int:
    for port in range(first, first + 100):
        if not _is_open(port):
            return port
    raise CommandError(f"No port from {first} to {first + 99} is free; choose one with --port.", returncode=2)


def await_port(number: int) -> None:
    """Until somebody listens there on this machine. Raises CommandError after STARTS_WITHIN_S seconds."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not _is_open(number):
        if time.monotonic() > deadline:
            raise CommandError(f"Nobody listens on port {number}.")
        time.sleep(0.2)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def await_web(base_url: str) -> None:
    client = HttpClient(allow_loopback=True, deadline_s=2.0)
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            client.request("GET", f"{base_url}/healthz", changes=False)
        except ConnectorError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
