"""A practice supplier by SFTP, with its server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connections

from connectors.base import Account, OutboundOrder, RemoteVariant, SupplierOptions
from connectors.errors import ServerKeyError
from connectors.filedrop_sftp import form
from connectors.filedrop_sftp.connector import SftpDropConnector
from connectors.http import CallRecord, HttpClient
from connectors.models import Connection
from connectors.practice import platforms, services
from connectors.practice.filedrop_sftp.server import Books, serving
from connectors.practice.models import PracticeShop
from connectors.services.desk import BookDesk
from connectors.sftp import Place, Session
from tests.connectors.contract import AUCKLAND, order_of
from tests.factories import make_connection

STOOL = {"sku": "STOOL", "title": "Oak stool", "price": "40"}


def make_mill(slug: str = "mill") -> PracticeShop:
    return services.open_shop(
        slug=slug, name="Mill", currency="NZD", taxes_included=False, variants=[STOOL], platform="filedrop_sftp"
    )


@contextmanager
def server() -> Iterator[int]:
    """Its books are the test's own database session, as a live server's are."""
    shared = connections["default"]
    if shared.vendor != "sqlite":
        with serving(books=Books()) as port:
            yield port
        return
    shared.inc_thread_sharing()
    try:
        with serving(books=Books(lambda: connections.__setitem__("default", shared))) as port:
            yield port
    finally:
        shared.dec_thread_sharing()


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    with server() as number:
        yield number


@pytest.fixture
def mill(port: int, settings) -> PracticeShop:
    settings.PRACTICE_SFTP_PORT = port
    return make_mill()


def shown_key(place: Place) -> str:
    """What a person would confirm."""
    with pytest.raises(ServerKeyError) as caught, Session(place, allow_loopback=True, deadline_s=5):
        pass
    return caught.value.shown


def place_of(shop: PracticeShop, port: int, **fields) -> Place:
    unknown = Place("127.0.0.1", port, shop.slug, shop.access_token)
    fields = {"password": shop.access_token, "server_key": "", **fields}
    key = fields.pop("server_key") or shown_key(unknown)
    return Place("127.0.0.1", port, shop.slug, server_key=key, **fields)


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


def driver_of(row: Connection, *, desk: BookDesk | None = None, **options) -> SftpDropConnector:
    account = Account(row.base_url, row.credentials, currency="NZD", desk=desk or BookDesk(row.pk))
    return SftpDropConnector(account, HttpClient(allow_loopback=True, deadline_s=5, **options))


def purchase(reference: str = "SW-1", quantity: int = 2) -> OutboundOrder:
    variant = RemoteVariant("STOOL", "STOOL", "Oak stool")
    order = order_of(variant, "NZD", AUCKLAND, price=Decimal(40), quantity=quantity, reference=reference)
    return replace(order, options=replace(order.options, supplier=SupplierOptions(shipping_method="Courier")))
