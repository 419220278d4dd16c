"""A practice supplier by SFTP, with its server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from connectors.practice import services
from connectors.practice.filedrop_sftp.server import Books, serving
from connectors.practice.models import PracticeShop
from connectors.sftp import Place, ServerKeyError, Session

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
