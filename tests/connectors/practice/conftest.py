"""Fixtures of the practice stores' tests."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeShop
from tests.connectors.browser import Browser
from tests.connectors.practice.shop import make_shop
from tests.server import close_kept, let_go


@pytest.fixture
def shop(db: None) -> PracticeShop:
    return make_shop()


@pytest.fixture
def browser(live_server, settings, owner, client):
    settings.BASE_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    close_kept()
    client.force_login(owner)
    yield Browser(client)
    let_go()
