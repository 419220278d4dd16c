"""Secrets in the database: never in clear, read with any key, and harmless when their key is lost."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection as database
from pytest_django import DjangoAssertNumQueries

from connectors import conditions
from connectors.credentials import CredentialsUnreadableError, readable
from connectors.errors import CredentialsError
from connectors.gateway import registry as gateways
from connectors.models import Connection
from connectors.services import connections
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, Topic
from orders.models import OutboxMessage
from orders.services import decisions
from orders.world import World
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeClock

pytestmark = pytest.mark.django_db
NEW, OLD = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def column(row: Connection, name: str = "credentials") -> str:
    """What the database itself holds."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM connectors_connection WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def with_lost_key(settings, **fields) -> Connection:
    settings.CREDENTIAL_KEYS = [OLD]
    row = make_connection(**fields)
    settings.CREDENTIAL_KEYS = [NEW]
    return Connection.objects.get(pk=row.pk)


def test_the_column_does_not_hold_the_secret():
    row = make_connection(credentials={"access_token": "shpat_canary"}, webhook_secret={"secrets": ["canary"]})

    assert "canary" not in column(row) + column(row, "webhook_secret")
    assert Connection.objects.get(pk=row.pk).credentials["access_token"] == "shpat_canary"


def test_the_same_secret_twice_is_not_the_same_text():
    first, second = (make_connection(credentials={"access_token": "same"}) for _ in range(2))

    assert column(first) != column(second)


def test_an_empty_object_stores_nothing():
    row = make_connection(credentials={})

    assert column(row) == ""
    assert dict(Connection.objects.get(pk=row.pk).credentials) == {}


def test_what_was_read_tells_nothing_when_printed_or_dumped():
    row = Connection.objects.get(pk=make_connection(credentials={"access_token": "canary"}).pk)

    dumped = serializers.serialize("json", [row])

    assert "canary" not in f"{row.credentials!r} {row.credentials} {vars(row)} {dumped}"
    assert row.credentials.token not in f"{row.credentials!r} {dumped}"


def test_an_older_key_still_reads(settings):
    settings.CREDENTIAL_KEYS = [OLD]
    row = make_connection(credentials={"access_token": "a"})
    settings.CREDENTIAL_KEYS = [NEW, OLD]

    assert Connection.objects.get(pk=row.pk).credentials["access_token"] == "a"


def test_a_row_whose_key_is_lost_is_loaded_and_says_so_when_looked_into(settings):
    row = with_lost_key(settings)

    assert not readable(row.credentials)
    with pytest.raises(CredentialsUnreadableError, match="Reconnect the store"):
        row.credentials["access_token"]


def test_a_lost_key_is_for_the_merchant_to_mend():
    assert issubclass(CredentialsUnreadableError, CredentialsError)


def test_saving_a_row_whose_key_is_lost_keeps_its_ciphertext(settings):
    row = with_lost_key(settings)
    before = column(row)

    row.name = "Renamed"
    row.save()

    assert (column(row), Connection.objects.get(pk=row.pk).name) == (before, "Renamed")


def test_reading_is_no_query(settings, django_assert_num_queries: DjangoAssertNumQueries):
    row = with_lost_key(settings)

    with django_assert_num_queries(0):
        readable(row.credentials)


def real_drivers() -> World:
    return World(FakeClock(), World.real().connector_for, gateways.get)


def test_a_payment_for_a_store_whose_key_is_lost_waits_for_a_reconnect(settings):
    row = with_lost_key(settings)
    order = make_order(row.merchant, connections=[row])
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    outbox.drain(at=NOON, world=real_drivers())

    row.refresh_from_db()
    assert (row.state, row.state_reason) == ("auth_lost", "The stored credentials cannot be read. Reconnect the store.")
    assert OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT).wait_for == conditions.token_renewed(row.pk)
    assert [blocker["code"] for blocker in order.pushes.get().blockers] == ["credentials_expired"]


def test_a_push_through_a_store_whose_key_is_lost_waits_for_a_reconnect(settings):
    row = with_lost_key(settings)
    captured = {"status": OrderStatus.CONFIRMED, "payment_status": PaymentStatus.CAPTURED}
    order = make_order(row.merchant, connections=[row], payment={"captured": 1, "captured_at": NOON}, **captured)
    push = order.pushes.get()
    outbox.post(Topic.PUSH_ORDER, order=order, push=push, connection=row, key=f"push:{push.public_id}", at=NOON)

    outbox.drain(at=NOON, world=real_drivers())

    message = OutboxMessage.objects.get(topic=Topic.PUSH_ORDER)
    assert (message.status, message.wait_for) == ("waiting", conditions.token_renewed(row.pk))
    assert message.maybe_sent_at is None


def test_a_reconnect_mends_it(settings):
    row = with_lost_key(settings)

    connections.reconnect(
        connection_id=row.pk, credentials={"access_token": "b"}, webhook_secrets=["new"], by="ana", at=NOON
    )

    row.refresh_from_db()
    assert (row.credentials["access_token"], row.webhook_secret["secrets"]) == ("b", ["new"])
