"""What a driver has to remember of its shop: kept with the connection, and fresh when an order is checked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import ShopInfo
from connectors.services import connections
from connectors.services.clients import account_of
from tests.factories import NOON, make_connection, make_merchant
from tests.fakes import FakeStore

pytestmark = pytest.mark.django_db

SHOP = ShopInfo("s1", "Rimu", "rimu.example", "NZD", settings={"rates": ["15"]})


class Store(FakeStore):
    """A store that goes by its settings."""

    capabilities = replace(FakeStore.capabilities, settings=True)
    settings = {"rates": ["20"]}

    def check(self) -> ShopInfo:
        return replace(super().check(), settings=self.settings)


def known(**fields):
    return make_connection(shop_settings={"rates": ["15"]}, shop_settings_at=NOON, **fields)


def test_what_the_shop_told_when_it_was_connected_is_given_to_its_driver():
    connection = connections.connect(
        merchant_id=make_merchant().pk,
        platform="woocommerce",
        name="",
        base_url="https://rimu.example",
        credentials={},
        webhook_secrets=[],
        shop=SHOP,
        by="ana",
        at=NOON,
    )

    assert account_of(connection).settings == {"rates": ["15"]}
    assert connection.shop_settings_at == NOON


def test_settings_that_are_old_are_asked_for_again():
    connection = known()

    fresh = connections.refreshed(connection, Store(), at=NOON + timedelta(minutes=15))

    assert (fresh.shop_settings, fresh.shop_settings_at) == ({"rates": ["20"]}, NOON + timedelta(minutes=15))


def test_settings_that_were_never_told_are_asked_for():
    assert connections.refreshed(make_connection(), Store(), at=NOON).shop_settings == {"rates": ["20"]}


@pytest.mark.parametrize(("store", "minutes"), [(Store(), 14), (FakeStore(), 999)])
def test_fresh_settings_and_those_that_nobody_needs_are_left_alone(store, minutes):
    connection = known()

    assert connections.refreshed(connection, store, at=NOON + timedelta(minutes=minutes)) is connection
    assert store.calls == []
