"""The contract as suppliers keep it that get a file and send one back, by e-mail or SFTP: what holds without a service to ask."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.base import BlockerCode, RemoteRef, SupplierOptions
from connectors.practice.models import PracticeOrder
from tests.connectors.practice_contract import PracticeContract
from tests.connectors.practice_store import FIRST, SECOND, PracticeStore

COURIER = SupplierOptions(shipping_method="Courier")


@dataclass
class FileStore(PracticeStore):
    """Its book is kept by our desk; what it sends is seen once its files are here."""

    tells_refunds = False
    found_at_once = True
    units_of_two_parcels = [1, 1]

    def fetch(self) -> None:
        """Take in what it has sent by now."""
        raise NotImplementedError

    def order(self, **fields: Any):
        base = super().order(**fields)
        return replace(base, options=replace(base.options, supplier=COURIER))

    def read(self, ref: RemoteRef):
        self.fetch()
        return super().read(ref)

    def changed(self, since=None):
        self.fetch()
        return super().changed(since)

    def ship_in_two(self, ref: RemoteRef) -> None:
        self.ship(ref, units=1, parcels=[FIRST])
        self.ship(ref, units=1, parcels=[SECOND])

    def row(self, ref: RemoteRef) -> PracticeOrder:
        return PracticeOrder.objects.get(source_identifier=ref.remote_id)


class FileContract(PracticeContract):
    # --- there is no catalog: a SKU stands for itself ---

    def test_a_product_is_found_by_its_exact_sku(self, store: FileStore):
        assert [each.sku for each in store.driver.find_variants(["A-1"])["A-1"]] == ["A-1"]

    def test_a_product_is_read_by_its_id_and_one_that_is_gone_left_out(self, store: FileStore):
        assert list(store.driver.read_variants(["A-1", "A-2"])) == ["A-1", "A-2"]

    def test_a_product_that_is_gone_is_a_blocker(self, store: FileStore):
        assert store.driver.preflight(store.order(), {}) == ()

    def test_a_product_that_is_not_linked_is_a_blocker(self, store: FileStore):
        order = store.order()
        nameless = replace(order, lines=(replace(order.lines[0], variant_id="", sku=""),))

        assert store.blockers(nameless) == [BlockerCode.CUSTOM_LINE]

    # --- exactly once ---

    def test_the_same_order_again_is_the_same_order_where_there_is_a_key(self, store: FileStore):
        """There is none; the book and the name of the file are as good."""
        order = store.order()

        assert store.driver.create(order) == store.driver.create(order)
        assert store.orders() == 1

    # --- what comes back: what was sent, and nothing else ---

    def test_what_stands_there_is_read_and_not_what_was_sent(self, store: FileStore):
        assert store.read(store.create()).total == 0

    def test_what_was_sent_names_the_line_that_was_ordered(self, store: FileStore):
        order = store.order()
        ref = store.driver.create(order)
        store.ship(ref)

        (line,) = store.read(ref).shipments[0].lines

        assert (line.sku, line.variant_id) == ("STOOL", order.lines[0].variant_id)

    def test_tracking_that_comes_late_belongs_to_the_same_shipment(self, store: FileStore):
        """It takes the place of the row that had no number."""
        ref = store.create()
        store.ship(ref)
        before = store.read(ref).shipments

        store.track(ref)

        (after,) = store.read(ref).shipments
        assert (before[0].parcels, after.parcels[0].number, after.lines[0].quantity) == ((), "NZ1", 2)

    @pytest.mark.parametrize("change", ["ship", "track"])
    def test_a_poll_finds_each_change_under_the_version_of_a_read(self, store: FileStore, change: str):
        super().test_a_poll_finds_each_change_under_the_version_of_a_read(store, change)

    @pytest.mark.parametrize("change", ["take_back", "cancel", "edit", "delete"])
    def test_what_no_file_tells_changes_nothing(self, store: FileStore, change: str):
        ref = store.create()
        if change == "take_back":
            store.ship(ref)
        before = store.read(ref)

        getattr(store, change)(ref)

        assert store.read(ref) == before

    test_a_shipment_that_was_taken_back_is_not_there_any_more = None
    test_an_order_that_staff_cancelled_is_cancelled_and_not_fulfilled = None
    test_an_order_with_a_line_that_cannot_be_taken_is_refused_whole = None  # it knows no product: people read the file
    test_an_edited_order_comes_to_another_total = None
    test_an_order_that_was_deleted_is_gone = None
