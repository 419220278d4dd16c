"""The contract of all platforms, kept by Shopify."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import RemoteRef
from connectors.practice.models import PracticeOrder
from connectors.shopify.connector import ShopifyConnector
from tests.connectors import live
from tests.connectors.contract import StoreContract
from tests.connectors.practice.shop import make_shop
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import PracticeStore
from tests.connectors.shopify.orders import ACCOUNT, VARIANT, order
from tests.connectors.wire_contract import WireContract, Wired

WIRED = Wired(
    connector=ShopifyConnector,
    account=ACCOUNT,
    order=order(),
    remote_id="gid://shopify/Order/1",
    variant_id=VARIANT.format(1),
    words={
        401: {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"},
        403: {"errors": "[API] This action requires merchant approval for write_orders scope."},
        404: {"errors": "Not Found"},
        422: {"errors": {"order": ["is invalid"]}},
        429: {"errors": "Exceeded request limit. Reduce request rates."},
    },
)


class TestOnTheWire(WireContract):
    @pytest.fixture
    def wired(self) -> Wired:
        return WIRED


class ShopifyStore(PracticeStore):
    found_at_once = True  # by the metafield, which needs no index
    books_what_is_put_back = False

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(pk=ref.remote_id.rsplit("/", 1)[1])


class TestPractice(PracticeContract):
    def opened(self, url: str) -> PracticeStore:
        return ShopifyStore.opened(make_shop(), url, sku="STOOL")


if live.is_asked_for("shopify"):

    class TestLive(StoreContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[live.LiveStore]:
            with live.store_of("shopify") as store:
                yield store
