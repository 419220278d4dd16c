"""Access that could not be renewed: who is told, and when nobody is."""

from __future__ import annotations

import pytest

from connectors.errors import ConnectionGoneError, ConnectorError, OutcomeUnknownError
from connectors.grants import GrantLostError
from connectors.models import Connection, ConnectionState
from connectors.services.oauth import Failure
from orders.models import OutboxMessage
from orders.services import access
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db


def settled(error: ConnectorError, *, is_final: bool) -> tuple[str, str, int]:
    """State and reason of the connection, and how many mails were promised."""
    row = make_connection()
    access.settle([Failure(row, error, is_final)], at=NOON)
    row = Connection.objects.get(pk=row.pk)
    return row.state, row.state_reason, OutboxMessage.objects.count()


def test_a_lost_grant_asks_the_merchant_to_reconnect_in_one_mail():
    assert settled(GrantLostError("Reconnect."), is_final=True) == (ConnectionState.AUTH_LOST, "Reconnect.", 1)


def test_a_shop_that_is_gone_is_paused():
    assert settled(ConnectionGoneError("Frozen."), is_final=True)[:2] == (ConnectionState.PAUSED, "Frozen.")


def test_what_is_tried_again_changes_nothing():
    assert settled(OutcomeUnknownError("Lost."), is_final=False) == (ConnectionState.ACTIVE, "", 0)


def test_access_that_was_replaced_meanwhile_is_not_lost():
    row = make_connection()
    Connection.objects.filter(pk=row.pk).update(credential_version=2)

    access.settle([Failure(row, GrantLostError("Reconnect."), True)], at=NOON)

    assert Connection.objects.get(pk=row.pk).state == ConnectionState.ACTIVE
