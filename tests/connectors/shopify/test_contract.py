"""The contract of all platforms, kept by Shopify."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from connectors.base import OutboundOrder, OutboundShipment, Parcel, PutBack, RemoteRef, ShipmentLine
from connectors.errors import NotVisibleError, RejectedError
from connectors.practice import deliveries
from connectors.practice.models import PracticeCustomer, PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.shopify import mapping
from connectors.shopify.connector import ShopifyConnector
from tests.connectors import live
from tests.connectors.books_contract import BooksContract
from tests.connectors.contract import StoreContract
from tests.connectors.neutral import with_options
from tests.connectors.polling_contract import PollingContract
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
    gone = NotVisibleError  # or too old to be shown: the driver cannot tell

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(pk=ref.remote_id.rsplit("/", 1)[1])


class TestPractice(BooksContract, PollingContract, PracticeContract):
    def opened(self, url: str) -> PracticeStore:
        return ShopifyStore.opened(make_shop(), url, sku="STOOL")

    @pytest.mark.parametrize("places", [1, 25])
    def test_a_large_order_is_sent_and_its_last_line_put_back(self, store: PracticeStore, places: int):
        ref = store.create()
        row = store.row(ref)
        PracticeShop.objects.update(settings={"locations": [f"Place {n}" for n in range(places)]})
        variants = [
            PracticeVariant.objects.create(
                shop=store.shop, sku=f"S{n}", title=f"S{n}", price=1, details={"location": n % places}
            )
            for n in range(120)
        ]
        PracticeLine.objects.bulk_create(
            PracticeLine(
                order=row, variant=each, sku=each.sku, title=each.sku, quantity=1, price=1,
                properties=[{"key": "_storeward_line", "value": each.sku}],
            )
            for each in variants
        )  # fmt: skip
        store.refill()

        last = OutboundShipment(
            (ShipmentLine("S119", 1),), (Parcel("NZ Post", "NZ1"),), timezone.now(), completes=False
        )
        store.driver.fulfill(ref.remote_id, last)
        store.refill()
        store.driver.put_back(ref.remote_id, PutBack("SW-back", {"S119": 1}, Decimal(1), "Damaged"))

        line = row.lines.get(sku="S119")
        assert (line.fulfilled, line.refunded) == (1, 1)

    def test_two_people_with_one_phone_are_two_customers_and_one_address_is_one(self, store: PracticeStore):
        shares = with_options(share_customer_email=True, create_customer=True, bypass_stock_check=True)
        for email in ("mere@example.com", "hone@example.com", "mere@example.com"):
            store.create(options=shares, customer_email=email)

        assert sorted(PracticeCustomer.objects.values_list("email", "phone")) == [
            ("hone@example.com", ""),
            ("mere@example.com", ""),
        ]

    def test_a_customers_phone_that_is_taken_refuses_the_order_and_says_what_to_do(
        self, store: PracticeStore, monkeypatch: pytest.MonkeyPatch
    ):
        """The driver sends none; this one does."""
        plain = mapping._customer

        def with_phone(order: OutboundOrder) -> dict[str, Any] | None:
            made = plain(order)
            return made and {"toUpsert": {**made["toUpsert"], "phone": "+64211112222"}}

        monkeypatch.setattr(mapping, "_customer", with_phone)
        shares = with_options(share_customer_email=True, create_customer=True, bypass_stock_check=True)
        store.create(options=shares, customer_email="mere@example.com")

        with store.told.refusal(RejectedError) as caught:
            store.create(options=shares, customer_email="hone@example.com")

        assert "Another customer of the shop has this phone number" in str(caught.value)
        assert store.orders() == 1

    def test_webhooks_of_another_version_say_so(self, store: PracticeStore):
        account, secrets = store.listen()
        store.turn("webhooks_version")
        for _ in range(2):
            store.ship(store.create())

        told = [deliveries.of(delivery) for delivery in store.delivered()]
        read = [
            store.driver.parse_webhook(headers=each.headers, body=each.body, secrets=secrets, account=account)
            for each in told
        ]

        assert [notice.api_version for notice in read if notice.topic == "fulfillments/create"] == [
            "2026-07",
            "2026-10",
        ]

    def test_an_order_that_is_too_old_is_hidden_until_all_orders_may_be_seen(self, store: PracticeStore):
        order = store.order()
        ref = store.driver.create(order)
        made_at = timezone.now() - timedelta(days=61)
        PracticeOrder.objects.update(created_at=made_at)

        with store.told.refusal(NotVisibleError):
            store.driver.read(ref.remote_id)
        assert store.driver.find(order.reference, since=made_at) == ()

        store.turn("all_orders", left=2)
        assert (store.driver.read(ref.remote_id).reference, store.driver.shows_all()) == (order.reference, True)
        with store.told.refusal(NotVisibleError):
            store.driver.read(ref.remote_id)

        PracticeShop.objects.update(scopes=[*store.shop.scopes, "read_all_orders"])
        assert store.driver.read(ref.remote_id).reference == order.reference
        assert len(store.driver.find(order.reference, since=made_at)) == 1


if live.is_asked_for("shopify"):

    class TestLive(StoreContract):
        @pytest.fixture(scope="class")
        @classmethod
        def store(cls) -> Iterator[live.LiveStore]:
            with live.store_of("shopify") as store:
                yield store
