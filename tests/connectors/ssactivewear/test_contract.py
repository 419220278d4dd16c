"""The contract of all platforms, kept by S&S Activewear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import RemoteRef
from connectors.errors import RetryableError
from connectors.practice.models import PracticeOrder
from connectors.ssactivewear.connector import SsActivewearConnector
from tests.connectors import live
from tests.connectors.books_contract import BooksContract
from tests.connectors.contract import ConnectContract
from tests.connectors.practice.ssactivewear.supplier import make_supplier
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import PracticeStore
from tests.connectors.ssactivewear.orders import ACCOUNT, order
from tests.connectors.wire_contract import WireContract, Wired


def refused(status: int, message: str) -> dict[str, Any]:
    return {"code": status, "message": message, "errors": [{"field": "", "message": message}]}


WIRED = Wired(
    connector=SsActivewearConnector,
    account=ACCOUNT,
    order=order(),
    remote_id="SW-1",
    variant_id="B00760003",
    words={
        401: refused(401, "Authorization has been denied for this request."),
        403: refused(403, "Forbidden"),
        404: refused(404, "No orders were found."),
        422: refused(422, "The order cannot be processed."),
    },
)


class TestOnTheWire(WireContract):
    @pytest.fixture
    def wired(self) -> Wired:
        return WIRED


class SupplierStore(PracticeStore):
    tells_refunds = False
    taken_in_part = ["takes_part"]
    tells_urls = False
    tells_its_domain = False
    links_to_orders = False
    gone = RetryableError  # S&S deletes no order: one that it does not show comes later

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(source_identifier=ref.remote_id)

    def discontinue(self) -> None:
        """S&S shows no more of it; what was ordered stays."""
        self.shop.variants.filter(sku=self.sku).update(is_active=False)


class TestPractice(BooksContract, PracticeContract):
    def opened(self, url: str) -> PracticeStore:
        return SupplierStore.opened(make_supplier(), url, sku="B00760003", home=live.ILLINOIS)


if live.is_asked_for("ssactivewear"):

    class TestLive(ConnectContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[live.LiveStore]:
            with live.store_of("ssactivewear") as store:
                yield store

        def test_a_test_order_is_taken_and_cancelled_at_once(self, store: live.LiveStore):
            assert store.read(store.create()).cancelled
