"""The copy of a catalog: read page by page, resumed after anything, searched by people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditEvent
from connectors.base import Blocker, BlockerCode, Capabilities, CatalogPage, RemoteVariant
from connectors.models import (
    CatalogReading,
    CatalogVariant,
    ClearedCondition,
    Connection,
    ConnectionState,
    ReadingState,
)
from connectors.services import catalog, links
from connectors.services.catalog import ReadingRefused
from connectors.shopify.connector import ShopifyConnector
from orders import tasks
from tests.connectors.wire import ShopOnTheWire
from tests.factories import NOON, make_connection, make_variant

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(store: ShopOnTheWire) -> Connection:
    """A shop of five products, two on a page."""
    store.variants = [(f"SKU-{n}", f"Stool {n}") for n in range(1, 6)]
    store.page_size = 2
    return make_connection(name="Kauri Shopify")


def start(shop: Connection, at=NOON) -> CatalogReading:
    return catalog.start(connection_id=shop.pk, by="ana", at=at)


def read(shop: Connection, at=NOON) -> bool:
    return catalog.read_on(connection_id=shop.pk, at=at)


def row(shop: Connection) -> CatalogReading:
    return CatalogReading.objects.get(connection=shop)


def skus(shop: Connection) -> list[str]:
    return list(shop.catalog.order_by("sku").values_list("sku", flat=True))


def test_a_catalog_is_read_page_by_page_to_its_end(shop: Connection):
    start(shop)

    assert [read(shop), read(shop), read(shop), read(shop)] == [True, True, False, False]

    done = row(shop)
    assert (done.state, done.pages, done.variants, done.total) == (ReadingState.DONE, 3, 5, 5)
    assert (done.completed_at, skus(shop)) == (NOON, ["SKU-1", "SKU-2", "SKU-3", "SKU-4", "SKU-5"])


def test_progress_stands_after_each_page(shop: Connection):
    start(shop)
    read(shop)

    reading = catalog.reading_of(shop)

    assert (reading.row.variants, reading.row.total, reading.percent, reading.is_running) == (2, 5, 40, True)


def test_a_variant_is_kept_with_what_one_looks_for(shop: Connection, store: ShopOnTheWire):
    store.variants = [("Stool-Oak 01", "Oak stool", "012345678905")]
    start(shop)
    read(shop)

    kept = CatalogVariant.objects.get()
    assert (kept.normalized_sku, kept.barcode_key, kept.title) == ("stooloak01", "00012345678905", "Oak stool")
    assert (kept.price, kept.stock, kept.sellable, kept.seen_at) == (Decimal("50"), 4, True, NOON)


def test_a_reading_goes_on_where_another_stopped(shop: Connection, store: ShopOnTheWire):
    start(shop)
    read(shop)
    store.status = 503
    assert read(shop) is False
    assert "503" not in skus(shop)
    store.status = 200

    later = NOON + catalog.AGAIN_AFTER
    assert [read(shop, later), read(shop, later)] == [True, False]

    assert (row(shop).state, row(shop).pages, len(skus(shop))) == (ReadingState.DONE, 3, 5)


def test_a_reader_that_died_is_replaced_after_its_lease(shop: Connection):
    start(shop)
    assert catalog._claim(shop.pk, NOON) is not None  # and dies

    assert read(shop, NOON + catalog.LEASE / 2) is False
    assert read(shop, NOON + catalog.LEASE) is True


def test_a_reader_that_was_replaced_writes_nothing(shop: Connection, store: ShopOnTheWire):
    start(shop)
    slow = catalog._claim(shop.pk, NOON)
    read(shop, NOON + catalog.LEASE)

    page = ShopifyConnector.catalog_pages(catalog.connector_for(shop), "")

    assert catalog._keep(slow, page, wait_s=0, at=NOON + catalog.LEASE * 2) is False
    assert row(shop).pages == 1


def test_what_is_not_sold_any_more_leaves_the_copy_at_the_end_only(shop: Connection):
    make_variant(shop, "GONE")
    start(shop, NOON + timedelta(days=1))

    read(shop, NOON + timedelta(days=1))
    assert "GONE" in skus(shop)
    while read(shop, NOON + timedelta(days=1)):
        pass

    assert "GONE" not in skus(shop)


def test_a_complete_copy_releases_what_fits_one_product_of_it(shop: Connection, store: ShopOnTheWire):
    store.variants = [("sku 1", "Stool"), ("sku/2", "Lamp"), ("SKU_2", "Lamp"), ("x", "Vase", "012345678905")]
    for sku in ("SKU-1", "SKU-2", "0012345678905", "NONE"):
        links.ask(shop.pk, [Blocker(BlockerCode.UNMAPPED_SKU, "", value=sku)], at=NOON)
    start(shop)
    while read(shop):
        pass

    keys = ClearedCondition.objects.order_by("key").values_list("key", flat=True)
    assert list(keys) == [f"sku:{shop.pk}:0012345678905", f"sku:{shop.pk}:SKU-1"]


def test_a_fault_that_passes_is_tried_again_and_in_the_end_given_up(shop: Connection, store: ShopOnTheWire):
    start(shop)
    store.status = 503
    for n in range(catalog.FAILURES_ALLOWED):
        assert row(shop).state == ReadingState.RUNNING
        Connection.objects.update(open_until=None, breaker_opened=0)
        read(shop, NOON + timedelta(hours=n))

    assert (row(shop).state, bool(row(shop).error)) == (ReadingState.FAILED, True)


def test_a_reader_that_dies_each_time_ends_too(shop: Connection):
    start(shop)
    for n in range(catalog.FAILURES_ALLOWED):
        assert catalog._claim(shop.pk, NOON + n * catalog.LEASE) is not None

    assert read(shop, NOON + catalog.FAILURES_ALLOWED * catalog.LEASE) is False
    assert (row(shop).state, row(shop).error) == (ReadingState.FAILED, "The reading stopped again and again.")


def test_a_shop_that_sends_one_page_for_ever_is_not_read_for_ever(shop: Connection, monkeypatch):
    monkeypatch.setattr(ShopifyConnector, "catalog_pages", lambda self, cursor: CatalogPage((), "same", None))
    start(shop)

    assert [read(shop), read(shop)] == [True, False]

    assert (row(shop).pages, row(shop).error) == (1, "The store sent the same page of its catalog again.")


def test_a_dead_token_ends_the_reading_and_asks_for_a_new_one(shop: Connection, store: ShopOnTheWire):
    start(shop)
    store.status = 401

    read(shop)

    shop.refresh_from_db()
    assert (row(shop).state, shop.state) == (ReadingState.FAILED, ConnectionState.AUTH_LOST)


def test_a_shop_that_is_frozen_ends_the_reading(shop: Connection, store: ShopOnTheWire):
    start(shop)
    store.status = 402

    read(shop)

    shop.refresh_from_db()
    assert (row(shop).state, shop.state) == (ReadingState.FAILED, ConnectionState.PAUSED)


def test_a_shop_that_is_left_alone_is_not_read(shop: Connection, store: ShopOnTheWire):
    start(shop)
    Connection.objects.update(open_until=NOON + timedelta(minutes=1))

    assert read(shop) is False

    assert (store.operations, row(shop).due_at) == ([], NOON + catalog.AGAIN_AFTER)


def test_orders_always_find_half_of_the_rate_budget(shop: Connection, store: ShopOnTheWire):
    store.budget = {"maximumAvailable": 2000, "currentlyAvailable": 500, "restoreRate": 100}
    start(shop)

    assert read(shop) is False

    assert row(shop).due_at == NOON + timedelta(seconds=5)
    assert read(shop, NOON + timedelta(seconds=5)) is False  # read, and again too little is left
    assert row(shop).pages == 2


def test_starting_twice_is_one_reading(shop: Connection):
    start(shop)
    read(shop)
    start(shop)

    assert (row(shop).pages, AuditEvent.objects.filter(kind="catalog.reading").count()) == (1, 1)


def test_starting_anew_begins_at_the_beginning_with_a_new_token(shop: Connection):
    start(shop)
    while read(shop):
        pass
    before = row(shop)

    begun = start(shop, NOON + timedelta(days=1))

    assert (begun.state, begun.cursor, begun.pages, begun.completed_at) == (ReadingState.RUNNING, "", 0, NOON)
    assert begun.attempts > before.attempts


def test_a_platform_without_a_catalog_is_refused(shop: Connection, monkeypatch):
    monkeypatch.setattr(ShopifyConnector, "capabilities", Capabilities())

    with pytest.raises(ReadingRefused, match="does not let its whole catalog be read"):
        start(shop)

    assert not CatalogReading.objects.exists()


def test_a_paused_connection_is_refused(shop: Connection):
    Connection.objects.update(state=ConnectionState.PAUSED)

    with pytest.raises(ReadingRefused, match="paused"):
        start(shop)


def test_every_night_old_copies_are_begun_anew(shop: Connection):
    paused = make_connection(state=ConnectionState.PAUSED)
    fresh = make_connection()
    catalog.start(connection_id=fresh.pk, by="ana", at=NOON)
    CatalogReading.objects.update(state=ReadingState.DONE, due_at=None, finished_at=NOON)

    assert catalog.start_due(at=NOON + timedelta(hours=1)) == 1

    assert row(shop).state == ReadingState.RUNNING
    assert not CatalogReading.objects.filter(connection=paused).exists()
    assert row(fresh).state == ReadingState.DONE


def test_the_sweep_calls_a_reader_whose_task_was_lost(shop: Connection):
    start(shop)
    assert OrmQ.objects.count() == 0  # the test's transaction never commits: the call is lost

    assert catalog.call_due(at=NOON) == 1

    assert OrmQ.objects.count() == 1


def test_the_task_reads_to_the_end(shop: Connection):
    start(shop, timezone.now())

    tasks.read_catalog(shop.pk)

    assert row(shop).state == ReadingState.DONE


def test_the_task_hands_on_when_its_time_is_over(shop: Connection, settings):
    settings.PUMP_BUDGET_S = -1
    start(shop, timezone.now())

    tasks.read_catalog(shop.pk)

    assert (row(shop).pages, OrmQ.objects.count()) == (1, 1)


def test_hostile_and_endless_texts_are_kept_as_far_as_there_is_room(shop: Connection):
    hostile = RemoteVariant(
        "v1", "A\x00B" * 200, "<b>\x00" * 200, barcode="9" * 500, stock=2**40, price=Decimal("1e30")
    )

    catalog.remember(shop, [hostile, RemoteVariant("x" * 201, "A", "no such id")], at=NOON)

    kept = CatalogVariant.objects.get()
    assert (len(kept.sku), len(kept.title), len(kept.barcode)) == (255, 300, 120)
    assert ("\x00" in kept.sku + kept.title, kept.stock, kept.price) == (False, 2**31 - 1, None)


def test_search_finds_every_word_anywhere(shop: Connection):
    oak = make_variant(shop, "STOOL-1", title="Oak stool", barcode="94123")
    make_variant(shop, "STOOL-2", title="Elm stool")
    make_variant(make_connection(), "STOOL-1", title="Foreign oak stool")

    assert catalog.search(shop, "stool OAK") == catalog.search(shop, "94123") == [oak]
    assert catalog.search(shop, "stool\x00 steel") == []


@pytest.mark.parametrize("text", ["%", "_", "'", '"; DROP TABLE', "\\"])
def test_search_takes_no_sign_for_a_pattern(shop: Connection, text: str):
    make_variant(shop, "STOOL-1", title="Oak stool")

    assert catalog.search(shop, text) == []


def test_what_resembles_a_line_most_stands_first(shop: Connection):
    some = make_variant(shop, "S2", title="Elm stool")
    most = make_variant(shop, "S1", title="Oak stool, round")

    assert catalog.resembling(shop, "Round stool of oak") == [most, some]
    assert catalog.resembling(shop, "- ! -") == []
