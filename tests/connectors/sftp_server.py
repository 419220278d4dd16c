"""A practice supplier by SFTP with its server on this machine, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connections

from connectors.base import Account, OutboundOrder, RemoteVariant, SupplierOptions
from connectors.errors import ServerKeyError
from connectors.filedrop_sftp.connector import SftpDropConnector
from connectors.http import HttpClient
from connectors.models import Connection
from connectors.practice import services
from connectors.practice.filedrop_sftp.server import Books, serving
from connectors.practice.models import PracticeShop
from connectors.services.desk import BookDesk
from connectors.sftp import Place, Session
from tests.connectors.contract import AUCKLAND, order_of

PATIENCE_S = 120.0  # of a session: a busy machine takes its time with keys
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
        with serving(books=Books(shared)) as port:
            yield port
    finally:
        shared.dec_thread_sharing()


def shown_key(place: Place) -> str:
    """What a person would confirm."""
    with pytest.raises(ServerKeyError) as caught, Session(place, allow_loopback=True, deadline_s=PATIENCE_S):
        pass
    return caught.value.shown


def place_of(shop: PracticeShop, port: int, **fields) -> Place:
    unknown = Place("127.0.0.1", port, shop.slug, shop.access_token)
    fields = {"password": shop.access_token, "server_key": "", **fields}
    key = fields.pop("server_key") or shown_key(unknown)
    return Place("127.0.0.1", port, shop.slug, server_key=key, **fields)


def driver_of(row: Connection, *, desk: BookDesk | None = None, **options) -> SftpDropConnector:
    account = Account(row.base_url, row.credentials, currency="NZD", desk=desk or BookDesk(row.pk))
    return SftpDropConnector(account, HttpClient(allow_loopback=True, deadline_s=PATIENCE_S, **options))


def purchase(reference: str = "SW-1", quantity: int = 2) -> OutboundOrder:
    variant = RemoteVariant("STOOL", "STOOL", "Oak stool")
    order = order_of(variant, "NZD", AUCKLAND, price=Decimal(40), quantity=quantity, reference=reference)
    return replace(order, options=replace(order.options, supplier=SupplierOptions(shipping_method="Courier")))
