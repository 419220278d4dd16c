"""What all migrations make, made once: every test database starts as a copy of it.

The migrations take a quarter of a minute and every worker of a run needs their result. For SQLite it is kept in var/
until a migration changes; for PostgreSQL it is a template database, which the run drops at its end.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from tests.machine import ROOT, Machine


def make() -> None:
    """What the copies below are made of; nothing when it is there."""
    if database.vendor == "postgresql":
        _make_template()
    else:
        _make_file()


def set_up(machine: Machine) -> None:
    """The database of a machine that nobody used yet, a SQLite file."""
    _make_file()
    shutil.copyfile(_sqlite_file(), machine.database)


@contextmanager
def beside() -> Iterator[str]:
    """A PostgreSQL database that nobody used yet, beside this process's own. Its address."""
    name = f"{database.settings_dict['NAME']}_beside"
    _server("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))
    if database.settings_dict["TEST"].get("TEMPLATE") == _template():
        _server("CREATE DATABASE {} TEMPLATE {}", sql.Identifier(name), sql.Identifier(_template()))
    else:
        _server("CREATE DATABASE {}", sql.Identifier(name))
        _migrate(_env_of(name))
    subprocess.run([sys.executable, "manage.py", "createcachetable", "-v0"], env=_env_of(name), cwd=ROOT, check=True)
    yield _env_of(name)["DATABASE_URL"]
    _server("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))


def fill(memory: sqlite3.Connection) -> None:
    """A database in memory that nobody used yet."""
    _make_file()
    with closing(sqlite3.connect(_sqlite_file())) as file:
        file.backup(memory)


@contextmanager
def in_memory() -> Iterator[None]:
    """The SQLite database that Django's test runner is about to migrate is migrated. Memory is kept while this holds it."""
    with closing(sqlite3.connect(database.creation._get_test_db_name(), uri=True)) as memory:
        fill(memory)
        yield


@contextmanager
def as_template() -> Iterator[None]:
    """PostgreSQL copies what is migrated instead of an empty database."""
    database.settings_dict["TEST"]["TEMPLATE"] = _template()
    yield


def drop_template() -> None:
    _server("DROP DATABASE IF EXISTS {}", sql.Identifier(_template()))


def _make_file() -> None:
    path = _sqlite_file()
    with _alone():
        if path.exists():
            return
        for stale in path.parent.glob("migrated-*.sqlite3*"):
            stale.unlink()
        made = Machine(path.with_suffix(".part"))
        _migrate(made.env)
        made.manage("createcachetable", "-v0")
        with closing(sqlite3.connect(made.database)) as file:
            file.execute("PRAGMA journal_mode = DELETE")  # memory has no write-ahead log
        made.database.rename(path)


def _make_template() -> None:
    drop_template()
    _server("CREATE DATABASE {}", sql.Identifier(_template()))
    _migrate(_env_of(_template()))


def _env_of(name: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()}


def _migrate(env: dict[str, str]) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=env, cwd=ROOT, check=True, timeout=600)


@cache
def _sqlite_file() -> Path:
    return Path(settings.VAR_DIR) / f"migrated-{_digest()}.sqlite3"


def _digest() -> str:
    """Changes with any migration of any app; of ours too while a run makes its tables without them."""
    modules = {inspect.getmodule(type(each)) for each in MigrationLoader(None).disk_migrations.values()}
    installed = (Path(module.__file__) for module in modules if module is not None and module.__file__)
    files = sorted({*installed, *ROOT.glob("*/migrations/*.py")})
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _template() -> str:
    """Of the database that the run was given: two runs at once have two. Django's settings name a worker's own by now."""
    return f"{urlsplit(os.environ['DATABASE_URL']).path.lstrip('/')}_migrated"


def _server(statement: str, *names: sql.Identifier) -> None:
    """Databases are made and dropped outside of transactions, from a database beside them."""
    given = database.get_connection_params()
    known = {key: given[key] for key in ("user", "password", "host", "port") if key in given}
    with psycopg.connect(dbname="postgres", autocommit=True, **known) as server:
        server.execute(sql.SQL(statement).format(*names))


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time."""
    Path(settings.VAR_DIR).mkdir(exist_ok=True)
    with (Path(settings.VAR_DIR) / "migrated.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
