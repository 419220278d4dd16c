"""What a connection keeps of what its platform says when webhooks are set up."""

from __future__ import annotations

import pytest
import responses
from cryptography.fernet import Fernet
from django.test import override_settings

from connectors.models import Connection
from connectors.services import clients, connections
from tests.factories import NOON, make_connection

ROOT = "https://api.squarespace.com/1.0/webhook_subscriptions"

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return make_connection(
        platform="squarespace",
        base_url="https://api.squarespace.com",
        credentials={"access_token": "token-canary"},
        webhook_secret={"secrets": []},
    )


@responses.activate
def test_a_secret_that_the_platform_chose_is_kept_beside_the_one_before(connection):
    connection.webhook_secret = {"secrets": ["b2", "a1"]}
    connection.save()
    responses.add("GET", ROOT, json={"webhookSubscriptions": []})
    responses.add("POST", ROOT, json={"id": "s1", "secret": "c3"})

    assert connections.register_webhooks(connection_id=connection.pk, at=NOON) == ()

    connection.refresh_from_db()
    assert connection.webhook_secret == {"secrets": ["c3", "b2"]}


@responses.activate
def test_the_driver_knows_which_secrets_we_have(connection):
    connection.webhook_secret = {"secrets": ["a1", ""]}
    address = connections.callback_url(connection)
    topics = ["order.update", "extension.uninstall"]
    responses.add("GET", ROOT, json={"webhookSubscriptions": [{"id": "s1", "endpointUrl": address, "topics": topics}]})
    connection.save()

    connections.register_webhooks(connection_id=connection.pk, at=NOON)

    connection.refresh_from_db()
    assert connection.webhook_secret == {"secrets": ["a1", ""]}


def test_a_secret_whose_key_is_lost_stops_nothing_that_does_not_need_it(connection):
    connection.webhook_secret = {"secrets": ["a1"]}
    connection.save()

    with override_settings(CREDENTIAL_KEYS=[Fernet.generate_key().decode()]):
        account = clients.account_of(Connection.objects.get(pk=connection.pk))

    assert account.base_url == "https://api.squarespace.com"
