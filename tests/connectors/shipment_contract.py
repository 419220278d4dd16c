"""What a practice store tells of what was sent. A part of PracticeContract, and all that fulfillments of another kind change.

Tests inherit ShipmentContract and bring `opened`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.base import RemoteRef
from connectors.practice import platforms
from connectors.practice.services import PracticeError
from tests.connectors.practice_store import FIRST, PracticeStore, at_work


@pytest.mark.django_db(transaction=True)
class ShipmentContract:
    @pytest.fixture
    def store(self, live_server: Any, settings: Any) -> Iterator[PracticeStore]:
        settings.BASE_URL = live_server.url
        with at_work(self.opened(live_server.url)) as store:
            yield store

    def opened(self, url: str) -> PracticeStore:
        raise NotImplementedError

    def test_all_that_was_sent_comes_back(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref, parcels=[FIRST])

        (shipment,) = store.read(ref).shipments

        assert (shipment.status, sum(line.quantity for line in shipment.lines)) == ("success", 2)
        assert [(parcel.carrier, parcel.number) for parcel in shipment.parcels] == [("NZ Post", "NZ1")]
        assert [parcel.url for parcel in shipment.parcels] == [FIRST["url"] if store.tells_urls else ""]

    def test_what_was_sent_names_the_line_that_was_ordered(self, store: PracticeStore):
        order = store.order()
        ref = store.driver.create(order)
        store.ship(ref)

        (line,) = store.read(ref).shipments[0].lines

        assert line.line_id == "line-1" or line.variant_id == order.lines[0].variant_id
        assert line.remote_line_id

    def test_two_parcels_come_back(self, store: PracticeStore):
        ref = store.create()
        store.ship_in_two(ref)

        shipments = store.read(ref).shipments

        parcels = [(parcel.carrier, parcel.number) for shipment in shipments for parcel in shipment.parcels]
        assert parcels == [("NZ Post", "NZ1"), ("NZ Post", "NZ2")]
        assert [line.quantity for shipment in shipments for line in shipment.lines] == store.units_of_two_parcels

    def test_a_part_that_was_sent_comes_back_where_the_platform_tells(self, store: PracticeStore):
        ref = store.create()
        if platforms.of(store.shop).sends_parts:
            store.ship(ref, units=1, parcels=[FIRST])
        else:
            with pytest.raises(PracticeError):
                store.ship(ref, units=1)

        units = [line.quantity for shipment in store.read(ref).shipments for line in shipment.lines]

        assert units == ([1] if store.tells_parts else [])

    def test_tracking_that_comes_late_belongs_to_the_same_shipment(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref)
        before = store.read(ref)

        store.track(ref)

        after = store.read(ref)
        assert [one.remote_id for one in after.shipments] == [one.remote_id for one in before.shipments]
        assert (before.shipments[0].parcels, after.shipments[0].parcels[0].number) == ((), "NZ1")

    def test_a_shipment_that_was_taken_back_is_not_there_any_more(self, store: PracticeStore):
        ref = store.create()
        store.ship(ref)

        store.take_back(ref)

        assert [one.status for one in store.read(ref).shipments if one.status != "cancelled"] == []

    @pytest.mark.parametrize("change", ["ship", "track", "take_back", "cancel", "refund", "edit"])
    def test_a_poll_finds_each_change_under_the_version_of_a_read(self, store: PracticeStore, change: str):
        order = store.order()
        ref = store.driver.create(order)
        if change in ("track", "take_back"):
            store.ship(ref)
        before, read_before = store.changed()[order.reference], store.read(ref)

        happened = self._done(getattr(store, change), ref)

        after, read_after = store.changed(before.updated_at)[order.reference], store.read(ref)
        assert (read_after.remote_version != read_before.remote_version) is happened
        if after.remote_version:
            assert after.remote_version == read_after.remote_version
            assert (after.cancelled, after.refunded) == (read_after.cancelled, read_after.refunded)
        else:
            assert after.updated_at == read_after.updated_at

    @staticmethod
    def _done(change: Callable[[RemoteRef], None], ref: RemoteRef) -> bool:
        """Whether the store let it happen."""
        try:
            change(ref)
        except PracticeError:
            return False
        return True
