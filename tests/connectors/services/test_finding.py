"""SKUs at a shop that can be asked for one only by reading all that it sells."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event

import pytest
from django.db import connection as database

from connectors import conditions
from connectors.base import Blocker, BlockerCode, CatalogPage, RemoteVariant
from connectors.errors import RetryableError
from connectors.models import CatalogReading, CatalogVariant, ClearedCondition, Connection, ReadingState
from connectors.services import finding, link_files, links
from tests.factories import NOON, make_connection
from tests.fakes import FakeStore

pytestmark = pytest.mark.django_db


class PagedStore(FakeStore):
    """Two variants a page."""

    finds_by_reading_all = True

    def catalog_pages(self, cursor: str) -> CatalogPage:
        self._call("catalog_pages")
        start, rows = int(cursor or 0), list(self.variants.values())
        following = str(start + 2) if start + 2 < len(rows) else ""
        return CatalogPage(tuple(rows[start : start + 2]), following, None)


@pytest.fixture
def site() -> Connection:
    return make_connection(platform="squarespace")


@pytest.fixture
def store() -> PagedStore:
    store = PagedStore()
    store.stock_up("A", "B", "C")
    return store


def look(site: Connection, store: FakeStore, *skus: str, at: datetime = NOON) -> list[str]:
    store.calls.clear()
    return sorted(links.look_up(site, store, skus, at=at).variants)


def test_a_sku_that_the_copy_does_not_know_is_found_by_reading_all_once(site, store):
    assert look(site, store, "A", "C") == ["A", "C"]

    assert store.calls == ["catalog_pages", "catalog_pages"]
    assert CatalogReading.objects.get().state == ReadingState.DONE


def test_the_next_sku_is_found_in_the_copy_and_read_afresh(site, store):
    look(site, store, "A")

    assert look(site, store, "B") == ["B"]
    assert store.calls == ["read_variants"]


def test_what_the_shop_has_changed_since_is_looked_for_again(site, store):
    look(site, store, "A")
    store.variants["B"] = replace(store.variants["B"], sku="B2")

    assert look(site, store, "B") == []
    assert store.calls == ["read_variants", "catalog_pages", "catalog_pages"]


def test_a_product_that_is_newer_than_the_copy_is_found(site, store):
    look(site, store, "A")
    store.stock_up("NEW")

    assert look(site, store, "NEW") == ["NEW"]


def test_two_products_with_one_sku_are_asked_out_of_the_copy_too(site, store):
    look(site, store, "A")
    store.variants["twin"] = RemoteVariant("twin", "B", "Stool")
    CatalogVariant.objects.create(connection=site, variant_id="twin", sku="B", seen_at=NOON)

    assert look(site, store, "B") == []
    assert store.calls == ["read_variants"]


def test_a_copy_of_the_day_before_yesterday_is_not_asked(site, store):
    look(site, store, "A")

    look(site, store, "B", at=NOON + finding.COPY_HOLDS + timedelta(seconds=1))

    assert store.calls == ["catalog_pages", "catalog_pages"]


def test_what_is_no_longer_sold_leaves_the_copy(site, store):
    look(site, store, "A")
    del store.variants["C"]

    look(site, store, "NONE", at=NOON + timedelta(hours=1))

    assert sorted(CatalogVariant.objects.values_list("sku", flat=True)) == ["A", "B"]


def test_orders_that_wait_for_a_product_go_on_once_another_one_had_all_read(site, store):
    links.ask(site.pk, [Blocker(BlockerCode.UNMAPPED_SKU, "", value=sku) for sku in ("OURS", "NONE")], at=NOON)
    store.stock_up("OURS")

    look(site, store, "A", at=NOON + timedelta(hours=14))

    cleared = ClearedCondition.objects.values_list("key", flat=True)
    assert list(cleared) == [conditions.sku_linked(site.pk, "OURS")]


def test_a_reading_that_a_worker_is_at_goes_on(site, store):
    CatalogReading.objects.create(connection=site, state=ReadingState.RUNNING, cursor="4", started_at=NOON, due_at=NOON)

    assert look(site, store, "A") == ["A"]
    assert CatalogReading.objects.get().cursor == "4"


def test_a_shop_that_can_be_asked_for_a_sku_is_asked(store):
    store.finds_by_reading_all = False

    assert look(make_connection(), store, "A") == ["A"]
    assert store.calls == ["find_variants"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_that_miss_at_once_read_the_catalog_once(site, store, monkeypatch):
    """The second begins while the first is at the first page, and has looked into the copy in vain by then."""
    assert database.vendor == "postgresql", "run by `make test-postgres`"
    second_missed, looked = Event(), finding._in_copy
    pages = store.catalog_pages

    def in_copy(*args, **named):
        found = looked(*args, **named)
        if first_reads.is_set():
            second_missed.set()
        return found

    def slowly(cursor: str) -> CatalogPage:
        first_reads.set()
        assert second_missed.wait(60)
        return pages(cursor)

    def found(sku: str) -> list[str]:
        try:
            return [hit.sku for hit in finding.find_variants(site, store, [sku], at=NOON)[sku]]
        finally:
            database.close()

    first_reads = Event()
    monkeypatch.setattr(finding, "_in_copy", in_copy)
    monkeypatch.setattr(store, "catalog_pages", slowly)
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(found, "A")
        assert first_reads.wait(60)
        other = threads.submit(found, "C")
        assert (one.result(), other.result()) == (["A"], ["C"])

    assert store.calls.count("catalog_pages") == 2


def test_a_reading_that_another_process_is_at_is_waited_for_and_not_repeated(site, store, monkeypatch):
    """What the other process writes meanwhile: the copy, and that it has read it."""
    Connection.objects.update(whole_read_until=NOON + timedelta(minutes=1))

    def other_ends(seconds: float) -> None:
        CatalogReading.objects.create(
            connection=site, state=ReadingState.DONE, started_at=NOON, completed_at=NOON, finished_at=NOON
        )
        CatalogVariant.objects.create(connection=site, variant_id="variant-A", sku="A", seen_at=NOON)
        Connection.objects.update(whole_read_until=None, whole_reads=1)

    monkeypatch.setattr(finding.time, "sleep", other_ends)

    assert look(site, store, "A") == ["A"]
    assert store.calls == ["read_variants"]


def test_a_reader_that_failed_leaves_its_turn_to_the_next(site, store):
    store.next_fault = "down"
    with pytest.raises(RetryableError):
        look(site, store, "A")

    assert look(site, store, "A") == ["A"]


def test_a_reader_that_died_is_replaced(site, store):
    Connection.objects.update(whole_read_until=NOON)

    assert look(site, store, "A") == ["A"]
    assert list(Connection.objects.values_list("whole_reads", "whole_read_until")) == [(1, None)]


def test_a_reading_that_does_not_end_is_not_waited_for_for_ever(site, store):
    Connection.objects.update(whole_read_until=NOON + timedelta(hours=1))

    with pytest.raises(RetryableError, match="being read"):
        finding.find_variants(site, store, ["A"], at=NOON, waits_s=-1.0)


def test_a_person_who_asks_for_a_sku_is_answered_out_of_the_copy(site, store, monkeypatch):
    look(site, store, "A")
    store.calls.clear()
    monkeypatch.setattr(finding, "connector_for", lambda connection, deadline_s: store)

    (hit,) = finding.ask_by_sku(site, "B", at=NOON)

    assert (hit, store.calls) == (store.variants["B"], ["read_variants"])


def test_a_file_of_links_has_all_read_once_and_kept(site, store, monkeypatch):
    monkeypatch.setattr(link_files, "connector_for", lambda connection, deadline_s: store)
    rows = [link_files.Row(number, sku, store_sku=sku) for number, sku in enumerate(("A", "NONE"), 1)]

    assert link_files.ask_for_missing(site, rows, at=NOON) == 2

    assert store.calls == ["catalog_pages", "catalog_pages"]
    assert sorted(CatalogVariant.objects.values_list("sku", flat=True)) == ["A", "B", "C"]
