"""The contract of all platforms, kept by WooCommerce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import RemoteRef
from connectors.practice.models import PracticeOrder
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors import live
from tests.connectors.books_contract import BooksContract
from tests.connectors.contract import StoreContract
from tests.connectors.polling_contract import PollingContract
from tests.connectors.practice.woocommerce.shop import change, make_shop
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import FIRST, SECOND, PracticeStore
from tests.connectors.shipment_contract import ShipmentContract
from tests.connectors.wire_contract import WireContract, Wired
from tests.connectors.woocommerce.orders import ACCOUNT, order


def refused(status: int, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "data": {"status": status}}


WIRED = Wired(
    connector=WooCommerceConnector,
    account=ACCOUNT,
    order=order(),
    remote_id="1",
    variant_id="1",
    words={
        401: refused(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid."),
        403: refused(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        404: refused(404, "rest_no_route", "No route was found matching the URL and request method."),
        422: refused(422, "rest_invalid_param", "Invalid parameter(s): line_items"),
    },
    public={
        "/wp-json/": {"name": "Rimu", "home": "https://rimu.example", "timezone_string": "", "namespaces": ["wc/v3"]}
    },
)


class TestOnTheWire(WireContract):
    @pytest.fixture
    def wired(self) -> Wired:
        return WIRED


class WooStore(PracticeStore):
    found_at_once = True
    taken_in_part = ["half_made"]
    refuses_what_it_lacks = False  # by its API it sells what is not there
    tells_parts = False  # without its own fulfillments a store knows "completed" alone

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(pk=ref.remote_id)

    def stranger(self, row: PracticeOrder, number: int, reference: str) -> dict[str, Any]:
        known = super().stranger(row, number, reference)
        return {**known, "details": {**row.details, "meta_data": [], "lines": {}}}


class StoreWithFulfillments(WooStore):
    """Each fulfillment has one tracking number."""

    tells_parts = True
    tells_plugin_tracking = False  # its fulfillments have numbers of their own
    units_of_two_parcels = [1, 1]

    def ship_in_two(self, ref: RemoteRef) -> None:
        self.ship(ref, units=1, parcels=[FIRST])
        self.ship(ref, units=1, parcels=[SECOND])


class TestPractice(BooksContract, PollingContract, PracticeContract):
    def opened(self, url: str) -> PracticeStore:
        return WooStore.opened(make_shop(), url, sku="STOOL")


class TestPracticeWithFulfillments(ShipmentContract):
    """The rest does not depend on how what was sent is told."""

    def opened(self, url: str) -> PracticeStore:
        return StoreWithFulfillments.opened(change(make_shop(), fulfillments=True), url, sku="STOOL")


if live.is_asked_for("woocommerce"):

    class TestLive(StoreContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[live.LiveStore]:
            with live.store_of("woocommerce") as store, store.product():
                yield store
