"""Fixtures of the connection pages' tests."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Merchant, User
from connectors.models import Connection
from tests.factories import make_connection


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def row(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri Shopify", remote_id="gid://shopify/Shop/1")
