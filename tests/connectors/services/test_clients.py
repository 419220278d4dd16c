"""The way out of one connection: whose sockets are kept how long, and a log that never changes the outcome."""

from __future__ import annotations

import logging
import threading

import pytest
from django.conf import settings as configured

from connectors.errors import RetryableError
from connectors.http import HttpClient
from connectors.models import CallLog, Connection
from connectors.services import clients, connections
from tests.connectors.raw_server import RawServer, answer, raw, serving
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept():
    """Each test begins with a thread that has called nobody."""
    clients._local.__dict__.clear()


def http_of(row: Connection, **options) -> HttpClient:
    return clients.connector_for(row, **options).http


def test_a_call_is_logged_without_its_token(store: ShopOnTheWire):
    row = make_connection(credentials={"access_token": "shpat_canary"})

    clients.connector_for(row).check()

    (call,) = CallLog.objects.values()
    assert (call["operation"], call["status"], call["outcome"]) == ("shop_info", 200, "ok")
    assert "canary" not in str(call)


def test_a_client_is_kept_between_calls():
    row = make_connection()

    assert http_of(row) is http_of(Connection.objects.get(pk=row.pk))


def test_each_thread_has_its_own():
    row, theirs = make_connection(), []

    thread = threading.Thread(target=lambda: theirs.append(http_of(row)))
    thread.start()
    thread.join()

    assert http_of(row) is not theirs[0]


def test_another_deadline_is_another_client():
    row = make_connection()

    assert http_of(row) is not http_of(row, deadline_s=configured.HTTP_DEADLINE_S / 2)


def test_new_credentials_close_the_sockets_of_the_old():
    with serving(answer()) as server:
        row = make_connection()
        old = http_of(row)
        call(old, server)
        connections.reconnect(connection_id=row.pk, credentials={"access_token": "b"}, by="ana", at=NOON)
        row.refresh_from_db()

        new = http_of(row)
        call(old, server)
        old.close()

    assert (new is old, server.connections, len(clients._local.kept)) == (False, 2, 1)


def test_a_row_that_gets_the_number_of_another_gets_none_of_its_access():
    row = make_connection(token_expires_at=NOON)
    kept, number = clients.connector_for(row), row.pk
    row.delete()
    other = make_connection(pk=number, credentials={"access_token": "theirs"}, token_expires_at=NOON)

    assert clients.connector_for(other).http is not kept.http


def test_no_more_than_so_many_are_kept_and_the_longest_unused_goes_first(monkeypatch):
    monkeypatch.setattr(clients, "_KEPT_AT_MOST", 2)
    first, second, third = (make_connection() for _ in range(3))
    kept, dropped = http_of(first), http_of(second)
    http_of(first)

    http_of(third)

    assert http_of(first) is kept
    assert http_of(second) is not dropped
    assert len(clients._local.kept) == 2


def call(http: HttpClient, server: RawServer):
    return http.request("GET", server.url(), changes=False)


def gone_from_the_database() -> Connection:
    """A row that no call can be logged for: it was deleted while its call was under way."""
    row = make_connection()
    pk = row.pk
    row.delete()
    row.pk = pk
    return row


@pytest.mark.django_db(transaction=True)
def test_an_answer_stands_although_it_cannot_be_logged(caplog):
    row = gone_from_the_database()

    with serving(answer(b'{"id": 7}')) as server, caplog.at_level(logging.ERROR, logger="connectors.services.clients"):
        got = call(http_of(row), server)

    assert got.json() == {"id": 7}
    assert [record.message for record in caplog.records] == ["call not logged"]
    assert not CallLog.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_error_stands_although_it_cannot_be_logged(caplog):
    row = gone_from_the_database()

    with serving(raw(b"")) as server, caplog.at_level(logging.CRITICAL), pytest.raises(RetryableError, match="broke"):
        call(http_of(row), server)
