"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
import time_machine
from django.core.cache import caches
from django.db import connection as database
from django.db.models.signals import post_migrate
from django.middleware import csrf
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Merchant, Role, User
from orders.world import DatabaseClock
from tests import invariants, migrated
from tests.connectors.wire import ShopOnTheWire
from tests.examples import tried
from tests.factories import NOON, make_member, make_merchant

AHEAD = timedelta(hours=36)  # of the time of the machine
_TODAY = ("processes", "browser", "today")
_BEGAN = time.monotonic()

# Of every property that says nothing else: a busy machine may take seconds to make an example.
hypothesis_settings.register_profile("tests", tried(100, suppress_health_check=[HealthCheck.too_slow]))
hypothesis_settings.load_profile("tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what uses a database: the rest would be the same test once more."""
    if database.vendor == "sqlite":
        return
    with_database = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(with_database)])
    items[:] = with_database


def _uses_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"}
    return item.get_closest_marker("django_db") is not None or bool(fixtures & set(getattr(item, "fixturenames", ())))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tests run on the days that they were written for, whatever day it is: pages and models take the time from the
    machine, and tests hand in NOON. Processes of their own, browsers and real stores live today."""
    if any(map(item.get_closest_marker, _TODAY)) or _with_real_stores():
        return (yield)
    at = NOON - AHEAD + timedelta(seconds=time.monotonic() - _BEGAN)
    with time_machine.travel(at, tick=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseClock, "_ask", staticmethod(timezone.now))
        return (yield)


def _with_real_stores() -> bool:
    return any(name.startswith("STOREWARD_LIVE_") for name in os.environ)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    invariants.begin()
    for cache in caches.all():  # what is counted and kept there goes by ids that the next test has again
        cache.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """After each test that uses a database, before its rows are taken back: what must hold always, holds."""
    yield
    if _uses_database(item) and not database.needs_rollback:  # a refused statement lets no other be asked
        planted = {marker.args[0] for marker in item.iter_markers("plants")}
        wrong = [f"{name} {what}" for name, what in invariants.broken() if name not in planted]
        assert not wrong, "\n".join(wrong)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before the workers of a run start, and outside of any test's time."""
    option = session.config.option
    if not (_is_worker(session.config) or option.nomigrations or option.collectonly):
        migrated.make()


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the last worker of a run."""
    if database.vendor == "postgresql" and not _is_worker(config):
        migrated.drop_template()


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_use_migrations: bool
) -> Iterator[None]:
    """Each worker's database is a copy of one that was migrated."""
    if not django_db_use_migrations:
        yield
        return
    with migrated.in_memory() if database.vendor == "sqlite" else migrated.as_template():
        yield


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant(name="Kauri & Clay", slug="kauri")


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return make_member(merchant, Role.OWNER, email="ana@kauri.example")


@pytest.fixture
def store() -> Iterator[ShopOnTheWire]:
    """What answers at every address."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield ShopOnTheWire(wire)


@pytest.fixture(scope="session", autouse=True)
def _no_words_by_chance() -> Iterator[None]:
    """A page's token against forgery is made of letters that spell nothing that a test may miss on the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csrf, "CSRF_ALLOWED_CHARS", "bcdfghjklmnpqrstvwxz")
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_names_of_others() -> Iterator[None]:
    """No name but this machine's has an address: what a network says of it, and how late, is none of a test's."""
    if _with_real_stores():
        yield
        return
    asked = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **more: Any) -> Any:
        if host not in (None, "", "localhost"):
            asked(host, None, flags=socket.AI_NUMERICHOST)  # raises for a name
        return asked(host, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(scope="session", autouse=True)
def _flushes_are_plain(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Emptying the tables after a transactional test makes no permissions and content types anew: nobody reads them.

    On PostgreSQL it deletes where there is something, in one statement: a few tables of a hundred hold a few rows.
    """
    receivers, post_migrate.receivers = post_migrate.receivers, []
    gc.collect()
    gc.freeze()  # what stands by now stays: the tests that collect need not look through it each time
    if database.vendor == "postgresql":
        database.ops.sql_flush = _Emptying()  # type: ignore[method-assign]
    yield
    post_migrate.receivers = receivers
    if database.vendor == "postgresql":
        with django_db_blocker.unblock():
            _end_other_sessions()


def _end_other_sessions() -> None:
    """A thread of the live server keeps its session as long as a client keeps its connection; the database must go."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class _Emptying:
    """A function of the database that keeps its plans, made anew when there are other tables."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    def __call__(self, _style: object, tables: Iterable[str], **_: bool) -> list[str]:
        known, self.tables = self.tables, set(tables)
        return [*([] if self.tables == known else [self._makes()]), "SELECT empty_tables()"]

    def _makes(self) -> str:
        names = map(database.ops.quote_name, sorted(self.tables))
        each = " ".join(f"IF EXISTS (SELECT FROM {name}) THEN DELETE FROM {name}; END IF;" for name in names)
        return f"CREATE OR REPLACE FUNCTION empty_tables() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {each} END $$"
