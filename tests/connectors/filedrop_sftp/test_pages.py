"""Connecting a supplier by SFTP: nobody is trusted before a person has compared the server's key."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Role
from connectors.models import CallLog, Connection, ConnectionState
from connectors.practice import dials
from connectors.practice.filedrop_sftp import server
from tests.connectors.sftp_server import place_of
from tests.factories import NOON, make_member, make_merchant

CONFIRM = reverse("connectors:confirm_server")


@pytest.fixture
def known(mill, port) -> str:
    return place_of(mill, port).server_key


@pytest.fixture
def signed_in(client, mill):
    client.force_login(make_member(make_merchant(), Role.MANAGER))
    return client


def typed(shop, port: int, **fields) -> dict[str, str]:
    return {
        "host": "127.0.0.1", "port": str(port), "user": shop.slug, "password": shop.access_token,
        "orders_folder": "/orders", "tracking_folder": "/tracking", "currency": "NZD", "name": "Mill", **fields,
    }  # fmt: skip


def connect(client, **fields):
    return client.post(reverse("connectors:connect", args=["filedrop_sftp"]), fields)


def test_the_key_is_shown_and_nothing_saved_before_it_is_confirmed(signed_in, mill, port, known):
    answer = connect(signed_in, **typed(mill, port))

    shown = signed_in.get(CONFIRM).content.decode()

    assert answer.url == CONFIRM
    assert known in shown
    assert mill.access_token not in shown
    assert not Connection.objects.exists()


def test_once_confirmed_it_is_connected_under_that_key(signed_in, mill, port, known):
    connect(signed_in, **typed(mill, port))

    answer = signed_in.post(CONFIRM)

    row = Connection.objects.get()
    assert answer.url == reverse("connectors:setup", args=[row.public_id])
    assert (row.credentials["server_key"], row.remote_id) == (known, f"mill@127.0.0.1:{port}")
    assert signed_in.post(CONFIRM).url == reverse("connectors:list")


def test_what_was_typed_lies_encrypted_in_the_session_alone(signed_in, mill, port):
    connect(signed_in, **typed(mill, port))

    kept = Session.objects.get().get_decoded()

    assert mill.access_token not in str(kept)
    signed_in.post(CONFIRM)
    assert "server_to_confirm" not in Session.objects.get().get_decoded()


def test_a_quarter_of_an_hour_later_nothing_waits_any_more(signed_in, mill, port):
    connect(signed_in, **typed(mill, port))

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        answer = signed_in.post(CONFIRM)

    assert (answer.url, Connection.objects.count()) == (reverse("connectors:list"), 0)


def test_a_server_that_shows_another_key_by_then_is_asked_about_again(signed_in, mill, port, known):
    connect(signed_in, **typed(mill, port))
    dials.turn(mill.pk, "other_key", left=1)

    answer = signed_in.post(CONFIRM)

    assert (answer.url, Connection.objects.count()) == (CONFIRM, 0)
    assert "another key than the one that was confirmed" in signed_in.get(CONFIRM).content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "wrong canary"}, "does not let mill in"),
        ({"orders_folder": "/nowhere"}, "has no /nowhere"),
        ({"tracking_folder": "/nowhere"}, "has no /nowhere"),
    ],
)
def test_what_the_server_refuses_stands_beside_its_field_and_what_was_typed_stays(signed_in, mill, port, wrong, said):
    connect(signed_in, **typed(mill, port, **wrong, name="Old Mill"))

    answer = signed_in.post(CONFIRM)

    page, (field,) = answer.content.decode(), wrong
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert said in page
    assert [f'value="{kept}"' in page for kept in ("mill", "Old Mill", "NZD", str(port))] == [True] * 4
    assert (mill.access_token in page, "canary" in page) == (False, False)
    assert f'action="{reverse("connectors:connect", args=["filedrop_sftp"])}"' in page
    assert not Connection.objects.exists()


@pytest.mark.parametrize("right", ["write", "rename", "remove"])
def test_a_right_that_lacks_is_named_when_it_is_connected(signed_in, mill, port, monkeypatch, right):
    """Told before the first order; nothing that looks like one was written."""
    connect(signed_in, **typed(mill, port))
    opened = server._Folders.open

    def denied(self, path, *rest):
        """Whoever may not write may still read."""
        return opened(self, path, *rest) if rest and rest[0] == os.O_RDONLY else server._DENIED

    monkeypatch.setattr(server._Folders, {"write": "open"}.get(right, right), denied)

    answer = signed_in.post(CONFIRM)

    assert list(answer.context["form"].errors) == ["orders_folder"]
    assert f"mill may not {right} files in /orders on 127.0.0.1" in answer.content.decode()
    assert not mill.files.filter(path__endswith=".csv").exists()
    assert not Connection.objects.exists()


def test_connecting_leaves_no_test_file(signed_in, mill, port):
    connected(signed_in, mill, port)

    assert not mill.files.exists()


def test_a_read_only_server_is_told_by_a_test_of_the_connection(signed_in, mill, port):
    row = connected(signed_in, mill, port)
    dials.turn(mill.pk, "read_only", left=3)

    page = signed_in.post(reverse("connectors:test", args=[row.public_id]), follow=True).content.decode()

    assert "may not write files in /orders" in page


def test_a_reconnect_that_is_refused_keeps_what_was_typed(signed_in, mill, port):
    row = connected(signed_in, mill, port)
    row.credentials = {**row.credentials, "server_key": "ssh-ed25519 SHA256:before"}
    row.save()
    again = reverse("connectors:reconnect", args=[row.public_id])
    signed_in.post(again, typed(mill, port, orders_folder="/nowhere"))

    answer = signed_in.post(CONFIRM)

    page = answer.content.decode()
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["orders_folder"])
    assert ('value="/nowhere"' in page, f'action="{again}"' in page) == (True, True)
    assert mill.access_token not in page


def test_a_form_that_is_refused_shows_no_secret(signed_in, mill, port):
    page = connect(signed_in, **typed(mill, port, private_key="-----BEGIN canary", currency="dollars"))

    assert page.status_code == 422
    assert "canary" not in page.content.decode()
    assert mill.access_token not in page.content.decode()


def test_a_reconnect_under_the_known_key_asks_nothing(signed_in, mill, port, known):
    row = connected(signed_in, mill, port)

    page = signed_in.get(reverse("connectors:reconnect", args=[row.public_id])).content.decode()
    answer = signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))

    assert 'value="mill"' in page
    assert mill.access_token not in page
    assert answer.url == reverse("connectors:detail", args=[row.public_id])
    row.refresh_from_db()
    assert (row.credential_version, row.credentials["server_key"]) == (2, known)


def test_a_reconnect_to_a_changed_key_shows_both_and_goes_on_once_it_is_confirmed(signed_in, mill, port, known):
    row = connected(signed_in, mill, port)
    row.credentials = {**row.credentials, "server_key": "ssh-ed25519 SHA256:before"}
    row.state = ConnectionState.AUTH_LOST
    row.save()

    answer = signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))
    shown = signed_in.get(CONFIRM).content.decode()
    signed_in.post(CONFIRM)

    assert answer.url == CONFIRM
    assert "SHA256:before" in shown
    assert known in shown
    row.refresh_from_db()
    assert (row.state, row.credentials["server_key"]) == (ConnectionState.ACTIVE, known)


def test_a_reconnect_keeps_the_currency_that_was_typed(signed_in, mill, port):
    row = connected(signed_in, mill, port)
    again = reverse("connectors:reconnect", args=[row.public_id])

    signed_in.post(again, typed(mill, port, currency="USD"))

    row.refresh_from_db()
    assert (row.currency, row.credentials["currency"]) == ("USD", "USD")


def test_a_supplier_that_bills_in_another_currency_blocks_no_order_and_is_not_said_to(signed_in, mill, port):
    connect(signed_in, **typed(mill, port, currency="USD"))

    page = signed_in.post(CONFIRM, follow=True).content.decode()

    assert "is connected" in page
    assert "will be blocked" not in page


def elsewhere(row: Connection) -> Connection:
    """As if it had been connected at another server."""
    old = {**row.credentials, "host": "sftp.mill.example", "server_key": "ssh-ed25519 SHA256:before"}
    row.remote_id, row.shop_domain, row.credentials = "mill@sftp.mill.example:22", "sftp.mill.example", old
    row.save()
    return row


def test_a_server_at_another_address_is_taken_once_its_key_and_its_address_are_confirmed(signed_in, mill, port, known):
    row = elsewhere(connected(signed_in, mill, port))
    row.purchase_orders.create(reference="SW-1", units=[], state="sent", created_at=NOON, updated_at=NOON)

    signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))
    key_page = signed_in.get(CONFIRM).content.decode()
    asked = signed_in.post(CONFIRM)
    address_page = signed_in.get(CONFIRM).content.decode()
    unchanged = Connection.objects.get().remote_id
    answer = signed_in.post(CONFIRM)

    row.refresh_from_db()
    assert ("SHA256:before" in key_page, known in key_page) == (False, True)
    assert (asked.url, unchanged) == (CONFIRM, "mill@sftp.mill.example:22")
    assert [text in address_page for text in (unchanged, f"mill@127.0.0.1:{port}", known)] == [True] * 3
    assert answer.url == reverse("connectors:detail", args=[row.public_id])
    assert (row.remote_id, row.shop_domain) == (f"mill@127.0.0.1:{port}", "127.0.0.1")
    assert (row.base_url, row.credentials["server_key"]) == (f"sftp://127.0.0.1:{port}", known)
    assert AuditEvent.objects.get(kind="connection.moved").data == {"before": unchanged, "after": row.remote_id}
    assert row.purchase_orders.count() == 1


@pytest.mark.parametrize("state", ["sending", "uploading"])
def test_an_address_is_not_changed_while_an_order_may_be_at_the_old_one(signed_in, mill, port, state):
    row = elsewhere(connected(signed_in, mill, port))
    row.purchase_orders.create(reference="SW-1", units=[], state=state, created_at=NOON, updated_at=NOON)

    signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))
    page = signed_in.post(CONFIRM).content.decode()

    assert "PO SW-1 is on its way to the old address" in page
    assert Connection.objects.get().remote_id == "mill@sftp.mill.example:22"


def test_an_order_that_left_while_a_person_looked_at_the_address_stops_the_change(signed_in, mill, port):
    row = elsewhere(connected(signed_in, mill, port))
    signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))
    signed_in.post(CONFIRM)
    row.purchase_orders.create(reference="SW-1", units=[], state="sending", created_at=NOON, updated_at=NOON)

    page = signed_in.post(CONFIRM).content.decode()

    assert "PO SW-1 is on its way to the old address" in page
    assert Connection.objects.get().credential_version == 1


def test_an_address_that_is_another_connection_s_is_not_taken(signed_in, mill, port):
    row = elsewhere(connected(signed_in, mill, port))
    connect(signed_in, **typed(mill, port))
    signed_in.post(CONFIRM)

    signed_in.post(reverse("connectors:reconnect", args=[row.public_id]), typed(mill, port))
    signed_in.post(CONFIRM)
    answer = signed_in.post(CONFIRM)

    row.refresh_from_db()
    assert (answer.status_code, "connected already" in answer.content.decode()) == (422, True)
    assert (row.remote_id, row.credential_version) == ("mill@sftp.mill.example:22", 1)


def test_the_same_server_is_not_connected_twice(signed_in, mill, port):
    connected(signed_in, mill, port)
    connect(signed_in, **typed(mill, port))

    answer = signed_in.post(CONFIRM, follow=True)

    assert "connected already" in answer.content.decode()
    assert Connection.objects.count() == 1


def test_the_connection_is_tested_and_its_files_shown(signed_in, mill, port):
    row = connected(signed_in, mill, port)
    row.tracking_files.create(
        name="a.csv", size=1, modified_at=1, seen_at=timezone.now(), read_at=timezone.now(), rows=1,
        faults=["Row 3: this supplier has no PO SW-9."],
    )  # fmt: skip

    page = signed_in.post(reverse("connectors:test", args=[row.public_id]), follow=True).content.decode()

    assert "127.0.0.1 answered" in page
    assert "Row 3: this supplier has no PO SW-9." in page
    assert CallLog.objects.filter(connection=row, operation="sign_in", outcome="ok").exists()


def test_a_viewer_may_not_and_another_merchant_has_nothing_to_confirm(signed_in, client, mill, port):
    connect(signed_in, **typed(mill, port))
    client.force_login(make_member(make_merchant(), Role.VIEWER))
    viewed = client.get(CONFIRM).status_code
    client.force_login(make_member(make_merchant(), Role.MANAGER))

    assert (viewed, client.post(CONFIRM).url) == (403, reverse("connectors:list"))
    assert not Connection.objects.exists()


def connected(client, shop, port: int) -> Connection:
    connect(client, **typed(shop, port))
    client.post(CONFIRM)
    return Connection.objects.get()
