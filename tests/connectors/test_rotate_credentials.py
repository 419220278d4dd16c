"""`manage.py rotate_credentials`: everything under the newest key, nothing lost, nothing old written back."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import transaction

from connectors.models import Connection
from connectors.services import connections, rotation
from tests import locks
from tests.factories import NOON, make_connection

NO_TRIPS = "connectors.Authorization: 0 written anew, 0 up to date.\n"
OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


def rotated() -> str:
    out = StringIO()
    call_command("rotate_credentials", stdout=out)
    return out.getvalue().removesuffix(NO_TRIPS)


def written_with(settings, *keys: str, **fields) -> Connection:
    settings.CREDENTIAL_KEYS = list(keys)
    return make_connection(**fields)


def token(row: Connection) -> str:
    return Connection.objects.get(pk=row.pk).credentials["access_token"]


@pytest.mark.django_db
def test_afterwards_the_newest_key_alone_reads_everything(settings):
    row = written_with(settings, OLD, credentials={"access_token": "a"})
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    said = rotated()

    settings.CREDENTIAL_KEYS = [NEW]
    row.refresh_from_db()
    assert (row.credentials["access_token"], row.webhook_secret["secrets"]) == ("a", ["hush"])
    assert said.startswith("connectors.Connection: 2 written anew, 0 up to date.\n")


@pytest.mark.django_db
def test_the_second_time_changes_nothing(settings):
    row = written_with(settings, OLD)
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    rotated()
    before = Connection.objects.get(pk=row.pk).credentials.token

    assert rotated().startswith("connectors.Connection: 0 written anew, 2 up to date.\n")
    assert Connection.objects.get(pk=row.pk).credentials.token == before


@pytest.mark.django_db
def test_more_rows_than_a_batch_holds_are_all_rotated(settings, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    rows = [written_with(settings, OLD) for _ in range(5)]
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    rotated()

    settings.CREDENTIAL_KEYS = [NEW]
    assert [token(row) for row in rows] == [row.credentials["access_token"] for row in rows]


@pytest.mark.django_db
def test_what_no_key_reads_is_named_and_the_rest_rotated_all_the_same(settings):
    lost, kept = written_with(settings, LOST), written_with(settings, OLD)
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    with pytest.raises(CommandError) as error:
        rotated()

    assert error.value.returncode == 2
    assert f"connectors.Connection {lost.pk} (credentials), connectors.Connection {lost.pk} (webhook_secret)" in str(
        error.value
    )
    settings.CREDENTIAL_KEYS = [NEW]
    assert token(kept) == kept.credentials["access_token"]


@pytest.mark.django_db
def test_what_no_key_reads_is_left_as_it_is(settings):
    lost = written_with(settings, LOST, credentials={"access_token": "a"})
    settings.CREDENTIAL_KEYS = [NEW]
    with pytest.raises(CommandError):
        rotated()

    settings.CREDENTIAL_KEYS = [NEW, LOST]
    assert token(lost) == "a"


@pytest.mark.django_db
def test_a_store_that_was_disconnected_has_nothing_to_rotate(settings):
    row = written_with(settings, LOST)
    settings.CREDENTIAL_KEYS = [NEW]
    connections.disconnect(connection_id=row.pk, by="ana", at=NOON)

    assert rotated().startswith("connectors.Connection: 0 written anew, 0 up to date.\n")


@pytest.mark.django_db
def test_an_empty_portal_is_no_error():
    kinds = ("connectors.Connection", "connectors.Authorization", "connectors.CarrierAccount", "mfa.Authenticator")
    assert rotated() == "".join(f"{kind}: 0 written anew, 0 up to date.\n" for kind in kinds)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_reconnect_at_the_same_time_is_not_overwritten(settings):
    assert database.vendor == "postgresql", "run by `make test-postgres`"
    row = written_with(settings, OLD, credentials={"access_token": "old"})
    settings.CREDENTIAL_KEYS = [NEW, OLD]
    rotating = threading.Thread(target=_in_a_thread)

    with transaction.atomic():
        connections.reconnect(connection_id=row.pk, credentials={"access_token": "new"}, by="ana", at=NOON)
        rotating.start()
        locks.until_waiting(1)
    rotating.join(timeout=60)

    assert token(row) == "new"


def _in_a_thread() -> None:
    try:
        rotation.rotate()
    finally:
        database.close()
