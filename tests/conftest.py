"""Fixtures that every test may use."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator

import pytest
import responses
from django.db import connection as database
from django.db.models.signals import post_migrate
from pytest_django import DjangoDbBlocker

from accounts.models import Merchant, Role, User
from tests import migrated
from tests.connectors.wire import ShopOnTheWire
from tests.factories import make_member, make_merchant


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
def _flushes_are_plain(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Emptying the tables after a transactional test makes no permissions and content types anew: nobody reads them.

    On PostgreSQL it deletes: the tables hold a few rows, and to truncate eighty of them takes ten times as long.
    """
    receivers, post_migrate.receivers = post_migrate.receivers, []
    gc.collect()
    gc.freeze()  # what stands by now stays: the tests that collect need not look through it each time
    if database.vendor == "postgresql":
        database.ops.sql_flush = _deletes  # type: ignore[method-assign]
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


def _deletes(_style: object, tables: Iterable[str], **_: bool) -> list[str]:
    return [f"DELETE FROM {database.ops.quote_name(table)}" for table in tables]
