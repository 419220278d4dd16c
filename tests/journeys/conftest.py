"""A portal as production runs it, web and worker in processes of their own, for journeys that nothing else carries on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.db import connections
from pytest_django import DjangoDbBlocker

from orders.processes import spawn, stop
from tests import migrated
from tests.machine import ROOT, Machine, answers, free_port, wait_until
from tests.server import close_kept

SECONDS = 240.0  # for one step; a machine with much to do is slow
WEB = [
    "-m",
    "gunicorn",
    "config.wsgi:application",
    "--worker-class",
    "gthread",
    "--threads",
    "8",
    "--log-level",
    "warning",
]
WORKER = ["manage.py", "worker", "--drain", "2"]


@pytest.fixture(scope="session")
def portal(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Machine]:
    """Running, with an empty database that is never emptied again: each journey brings people of its own."""
    here = Path.cwd()
    with django_db_blocker.unblock(), _machine(tmp_path_factory.mktemp("portal")) as machine:
        os.chdir(ROOT)
        commands = [[*WEB, "--bind", machine.url.removeprefix("http://")], WORKER]
        processes = [spawn([sys.executable, *command], env=machine.env) for command in commands]
        os.chdir(here)
        try:
            wait_until(lambda: answers(f"{machine.url}/healthz"), seconds=SECONDS, what="the portal answers")
            yield machine
        finally:
            for process in processes:
                stop(process, after_s=5)


@pytest.fixture
def worker(portal: Machine, db: None, settings) -> Iterator[Callable[..., None]]:
    """This test's queries go to the portal's database. Called with what the worker is to bring about."""
    settings.BASE_URL = portal.url
    own = connections["default"]
    theirs = own.copy()
    theirs.settings_dict["NAME"] = urlsplit(portal.database_url).path.lstrip("/") or str(portal.database)
    connections["default"] = theirs
    yield lambda holds, what: wait_until(holds, seconds=SECONDS, what=what)
    connections["default"] = own
    theirs.close()
    close_kept()


@contextmanager
def _machine(folder: Path) -> Iterator[Machine]:
    machine = Machine(folder / "journeys.sqlite3", port=free_port())
    if database.vendor == "sqlite":
        migrated.set_up(machine)
        yield machine
        return
    with migrated.beside() as url:
        yield replace(machine, database_url=url)
