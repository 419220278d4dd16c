"""What an order does to the books of a practice store that has a service to ask, and what its pages show.

A platform's tests inherit BooksContract beside PracticeContract; suppliers that get a file have no such books.
"""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.base import BlockerCode
from connectors.errors import RejectedError
from tests.connectors.practice_store import PracticeStore


class BooksContract:
    def test_connecting_tells_the_currency_and_the_domain_of_the_store(self, store: PracticeStore):
        info = store.driver.check()

        assert (info.currency, bool(info.domain)) == (store.shop.currency, True)
        assert (info.domain == store.shop.domain) is store.tells_its_domain

    def test_a_sku_that_only_begins_alike_is_another(self, store: PracticeStore):
        longer, shorter, other = f"{store.sku}X", store.sku[:-1], store.sku.swapcase()

        found = store.driver.find_variants([longer, shorter, other, store.sku])

        assert [len(found[sku]) for sku in (longer, shorter, other, store.sku)] == [0, 0, 0, 1]

    def test_the_link_of_an_order_opens_where_there_is_one(self, store: PracticeStore, client: Client):
        ref = store.create()

        assert bool(ref.url) is store.links_to_orders
        assert not ref.url or client.get(ref.url, follow=True).status_code == 200

    def test_a_paid_order_has_nothing_outstanding(self, store: PracticeStore):
        assert not store.read(store.create()).outstanding

    def test_an_order_takes_its_units_from_stock_and_a_cancelled_one_gives_them_back(self, store: PracticeStore):
        before = store.left()
        ref = store.create()
        taken = store.left()

        store.cancel(ref)

        assert (taken, store.left()) == (before - 2, before)

    def test_more_units_than_there_are_is_a_blocker_before_and_after(self, store: PracticeStore):
        order, lacks = store.order(quantity=store.left() + 1), (BlockerCode.OUT_OF_STOCK, store.sku)

        before = store.driver.preflight(order, store.driver.read_variants([order.lines[0].variant_id]))

        assert [(blocker.code, blocker.value) for blocker in before] == [lacks]
        if not store.refuses_what_it_lacks:
            assert store.driver.create(order)
            return
        with pytest.raises(RejectedError) as caught:
            store.driver.create(order)
        assert [(blocker.code, blocker.value) for blocker in caught.value.blockers] == [lacks]
        assert store.orders() == 0

    def test_a_product_that_vanished_is_a_blocker_of_the_order_too(self, store: PracticeStore):
        order = store.order()
        store.discontinue()

        with pytest.raises(RejectedError) as caught:
            store.driver.create(order)

        assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.SKU_GONE]
        assert store.driver.read_variants([order.lines[0].variant_id]) == {}
