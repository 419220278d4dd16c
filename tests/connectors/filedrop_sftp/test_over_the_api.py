"""Connecting a supplier by SFTP over the API: its key is told first, and taken only as it was told."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse

from connectors.models import Connection
from connectors.practice.models import PracticeShop
from tests.connectors.filedrop_sftp.test_pages import typed
from tests.connectors.sftp_server import place_of
from tests.factories import NOON
from tests.orders.api.client import Api, make_api


@pytest.fixture
def api(mill: PracticeShop) -> Api:
    return make_api()


@pytest.fixture
def fields(mill: PracticeShop, port: int) -> dict[str, str]:
    return {name: value for name, value in typed(mill, port).items() if name != "name"}


@pytest.fixture
def known(mill: PracticeShop, port: int) -> str:
    return place_of(mill, port).server_key


def connect(api: Api, fields: dict[str, str], **body: Any) -> HttpResponse:
    whole = {"platform": "filedrop_sftp", "fields": fields, **body}
    return api.send("POST", "connections/", whole, key=api.merchant_key)


def reconnect(api: Api, row: Connection, fields: dict[str, str], **body: Any) -> HttpResponse:
    path = f"connections/{row.public_id}/reconnect/"
    return api.send("POST", path, {"fields": fields, **body}, key=api.merchant_key)


def moved_away(row: Connection) -> None:
    """As if it had been connected at another address, under another key."""
    row.credentials = {**row.credentials, "host": "sftp.mill.example", "port": "22", "server_key": "SHA256:before"}
    row.base_url, row.remote_id = "sftp://sftp.mill.example:22", "mill@sftp.mill.example:22"
    row.save()


def test_the_key_is_told_first_and_the_same_again_with_it_connects(api: Api, mill: PracticeShop, fields, known):
    asked = connect(api, fields)

    assert (asked.status_code, asked.json()["code"]) == (409, "server_key")
    assert (asked.json()["server_key"], asked.json()["host"], asked.json()["known"]) == (known, "127.0.0.1", "")
    assert mill.access_token.encode() not in asked.content
    assert not Connection.objects.exists()

    done = connect(api, fields, server_key=asked.json()["server_key"])

    assert done.status_code == 201
    assert Connection.objects.get().credentials["server_key"] == known
    assert mill.access_token.encode() not in done.content


def test_another_key_than_the_one_that_is_shown_connects_nothing(api: Api, fields, known):
    answer = connect(api, fields, server_key="ssh-ed25519 SHA256:another")

    assert (answer.status_code, answer.json()["server_key"]) == (409, known)
    assert answer.json()["known"] == "ssh-ed25519 SHA256:another"
    assert not Connection.objects.exists()


def test_a_key_that_was_confirmed_need_not_be_told_again(api: Api, fields, known):
    connect(api, fields, server_key=known)
    row = Connection.objects.get()

    answer = reconnect(api, row, {**fields, "orders_folder": "/orders"})

    row.refresh_from_db()
    assert (answer.status_code, row.credential_version, row.credentials["server_key"]) == (200, 2, known)


def test_another_address_is_taken_once_it_is_confirmed(api: Api, port: int, fields, known):
    connect(api, fields, server_key=known)
    row = Connection.objects.get()
    moved_away(row)

    key = reconnect(api, row, fields)
    address = reconnect(api, row, fields, server_key=key.json()["server_key"])
    unchanged = Connection.objects.get().credential_version
    moved_to = address.json()["moved_to"]
    done = reconnect(api, row, fields, server_key=known, moved_to=moved_to)

    assert [(each.status_code, each.json()["code"]) for each in (key, address)] == [(409, "server_key"), (409, "moved")]
    assert (unchanged, moved_to, done.status_code) == (1, f"mill@127.0.0.1:{port}", 200)
    row.refresh_from_db()
    assert (row.remote_id, row.base_url) == (moved_to, f"sftp://127.0.0.1:{port}")


def test_an_address_is_not_changed_while_an_order_may_be_at_the_old_one(api: Api, port: int, fields, known):
    connect(api, fields, server_key=known)
    row = Connection.objects.get()
    moved_away(row)
    row.purchase_orders.create(reference="SW-1", units=[], state="sending", created_at=NOON, updated_at=NOON)

    answer = reconnect(api, row, fields, server_key=known, moved_to=f"mill@127.0.0.1:{port}")

    assert (answer.status_code, answer.json()["code"]) == (409, "connection_state")
    assert "PO SW-1" in answer.json()["detail"]
    assert Connection.objects.get().remote_id == "mill@sftp.mill.example:22"
