"""Fixtures of a supplier by SFTP, with its server on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.filedrop_sftp import form
from connectors.filedrop_sftp.connector import SftpDropConnector
from connectors.http import CallRecord
from connectors.models import Connection
from connectors.practice import platforms
from connectors.practice.models import PracticeShop
from connectors.services import connections
from tests.connectors.sftp_server import PATIENCE_S, driver_of, make_mill, place_of, server
from tests.factories import make_connection


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    with server() as number:
        yield number


@pytest.fixture
def mill(port: int, settings, monkeypatch: pytest.MonkeyPatch) -> PracticeShop:
    settings.PRACTICE_SFTP_PORT = port
    monkeypatch.setattr(connections, "ASK_DEADLINE_S", PATIENCE_S)
    return make_mill()


@pytest.fixture
def row(mill: PracticeShop, port: int) -> Connection:
    """The supplier as a merchant has connected it."""
    typed = {item.name: item.value for item in platforms.of(mill).typed(mill)}
    entry = form.read(typed)
    credentials = {**entry.credentials, "server_key": place_of(mill, port).server_key}
    return make_connection(
        platform=mill.platform, base_url=entry.base_url, remote_id="mill", credentials=credentials, currency="NZD"
    )


@pytest.fixture
def calls() -> list[CallRecord]:
    return []


@pytest.fixture
def driver(row: Connection, calls: list[CallRecord]) -> SftpDropConnector:
    return driver_of(row, on_call=calls.append)
