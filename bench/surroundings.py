"""A database and settings of the bench's own; both are gone afterwards."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

NAME = "storeward_bench"


@contextmanager
def made() -> Iterator[str]:
    """Django set up on a new database; its URL."""
    given = os.environ.get("DATABASE_URL", "")
    database = _postgresql(given) if given.startswith("postgres") else _sqlite()
    with database as url:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "STOREWARD_ENV": "try-out",
            "PRACTICE_STORES": "1",
            "GATEWAYS": "sandbox",
            "EMAIL_URL": "",
            "ALLOWED_HOSTS": "127.0.0.1,testserver",
            "API_RATE": "1000000/min",
            "LOG_LEVEL": "ERROR",
            "DATABASE_URL": url,
            "BASE_URL": f"http://127.0.0.1:{_free_port()}",
            "PRACTICE_SFTP_PORT": str(_free_port()),
        }
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        yield url
        connections.close_all()


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="storeward-bench-") as folder:
        yield f"sqlite:///{folder}/bench.sqlite3"


@contextmanager
def _postgresql(given: str) -> Iterator[str]:
    import psycopg

    with psycopg.connect(given, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {NAME}")
        try:
            yield urlsplit(given)._replace(path=f"/{NAME}").geturl()
        finally:
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
