"""A worker as production runs it, for journeys that nothing but it carries on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from django.db import connection as database

from orders.processes import spawn, stop
from tests.machine import ROOT, wait_until
from tests.server import let_go

SECONDS = 60.0  # for one step; a machine with much to do is slow


@pytest.fixture
def worker(transactional_db, live_server, settings, monkeypatch) -> Iterator[Callable[..., None]]:
    """`manage.py worker` in processes of its own, on this test's database. Called with what it is to bring about.

    PostgreSQL alone lets another process see what a test has committed.
    """
    settings.BASE_URL = live_server.url
    monkeypatch.chdir(ROOT)
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": f"postgres:///{database.settings_dict['NAME']}",
        "BASE_URL": live_server.url,
        "LOG_LEVEL": "WARNING",
    }
    process = spawn([sys.executable, "manage.py", "worker", "--drain", "2"], env=env)
    yield lambda holds, what: wait_until(holds, seconds=SECONDS, what=what)
    stop(process, after_s=3)
    let_go()
