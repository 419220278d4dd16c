"""The real Shopify driver against a practice store, over HTTP."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, BlockerCode, Parcel
from connectors.errors import (
    ConnectionGoneError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from connectors.practice import dials, services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.shopify.connector import ShopifyConnector
from tests.connectors.neutral import tax
from tests.connectors.practice.shop import make_shop, variant_id
from tests.connectors.shopify.orders import line, order
from tests.server import let_go

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop() -> PracticeShop:
    return make_shop()


@pytest.fixture
def driver(live_server, shop):
    account = Account(
        base_url=f"{live_server.url}/practice/shopify/{shop.slug}",
        credentials={"access_token": shop.access_token},
        currency="NZD",
        shop_domain=shop.domain,
    )
    with closing(HttpClient(allow_loopback=True, deadline_s=5)) as http:
        yield ShopifyConnector(account, http)
    let_go()


@pytest.fixture
def outbound(shop):
    """An order of two stools, placed a minute ago."""
    stools = line(1, variant_id=variant_id(shop), taxes=(tax("13.04"),))
    return order(replace(stools, sku="STOOL"), placed_at=timezone.now() - timedelta(minutes=1))


def since():
    return timezone.now() - timedelta(hours=1)


def test_the_driver_finds_the_shop_in_order(driver):
    info = driver.check()

    assert (info.currency, info.domain, info.missing_scopes) == ("NZD", "kauri.myshopify.com", ())


def test_the_driver_finds_variants_by_exact_sku(driver, shop):
    found = driver.find_variants(["STOOL", "STOO", "NONE"])

    assert [len(found[sku]) for sku in ("STOOL", "STOO", "NONE")] == [1, 0, 0]
    assert driver.read_variants([variant_id(shop)])[variant_id(shop)].stock == 5


def test_the_driver_reads_the_whole_catalog_page_by_page(driver, shop, monkeypatch):
    monkeypatch.setattr("connectors.shopify.connector._CATALOG_PAGE", 1)

    first = driver.catalog_pages("")
    second = driver.catalog_pages(first.next_cursor)

    assert [(v.sku, v.price, v.stock) for page in (first, second) for v in page.variants] == [
        ("STOOL", Decimal("50.00"), 5),
        ("LAMP", Decimal("15.00"), 5),
    ]
    assert (first.total, second.total, second.next_cursor) == (2, None, "")


def test_a_cursor_that_is_none_is_no_page(driver):
    with pytest.raises(RetryableError):
        driver.catalog_pages("!")


def test_the_driver_registers_its_webhooks_once(driver):
    first = driver.register_webhooks("https://portal.example/webhooks/")
    again = driver.register_webhooks("https://portal.example/webhooks/")

    assert first.missing == again.missing == ()
    assert driver.find("SW-1", since=since()) == ()  # the definition is there: no NOT_FOUND


def test_an_order_is_created_found_and_read_back(driver, outbound):
    driver.register_webhooks("https://portal.example/webhooks/")
    ref = driver.create(outbound)

    assert driver.find("SW-1", since=since()) == (ref,)
    seen = driver.read(ref.remote_id)
    assert (seen.total, seen.outstanding, seen.reference, ref.name) == (Decimal(100), Decimal(0), "SW-1", "#1001")
    assert [one.ref for one in driver.changed_since(since())] == [ref]


@pytest.mark.parametrize("is_unique", [False, True])
def test_the_same_id_again_is_a_second_order_or_is_refused_and_found(driver, outbound, shop, is_unique):
    driver.register_webhooks("https://portal.example/webhooks/")
    dials.turn(shop.pk, "unique_ids", left=int(is_unique))
    first = driver.create(outbound)

    if is_unique:
        with pytest.raises(RejectedError, match="already been taken") as caught:
            driver.create(outbound)
        assert [blocker.code for blocker in caught.value.blockers] == [BlockerCode.ALREADY_AT_DESTINATION]
    else:
        driver.create(outbound)

    found = driver.find("SW-1", since=since())
    assert (found[0], len(found)) == (first, 1 if is_unique else 2)
    assert PracticeShop.objects.get().dials["unique_ids"]["left"] == 0


def test_the_order_page_is_where_the_reference_says(driver, outbound, client):
    ref = driver.create(outbound)

    assert client.get(ref.url, follow=True).status_code == 200


def test_two_parcels_come_back_as_one_shipment(driver, outbound):
    ref = driver.create(outbound)
    services.fulfill(
        order_id=int(ref.remote_id.rsplit("/", 1)[1]),
        quantities=None,
        parcels=[
            {"number": "NZ1", "company": "NZ Post", "url": "https://track.example/NZ1"},
            {"number": "NZ2", "company": "NZ Post", "url": ""},
        ],
    )

    (shipment,) = driver.read(ref.remote_id).shipments

    assert shipment.parcels == (Parcel("NZ Post", "NZ1", "https://track.example/NZ1"), Parcel("NZ Post", "NZ2", ""))
    assert [(sent.sku, sent.quantity, sent.line_id) for sent in shipment.lines] == [("STOOL", 2, "line-1")]


def test_an_order_is_cancelled_and_cancelling_again_is_no_error(driver, outbound, shop):
    ref = driver.create(outbound)

    driver.cancel(ref.remote_id, note="Cancelled in Storeward")
    driver.cancel(ref.remote_id, note="Cancelled in Storeward")

    assert driver.read(ref.remote_id).cancelled
    assert shop.variants.get(sku="STOOL").stock == 5


def test_a_lost_answer_leaves_an_order_that_can_be_found(driver, outbound, shop):
    driver.register_webhooks("https://portal.example/webhooks/")
    dials.turn(shop.pk, "lost_answer", left=1)

    with pytest.raises(OutcomeUnknownError):
        driver.create(outbound)

    assert len(driver.find("SW-1", since=since())) == 1


@pytest.mark.parametrize(
    ("dial", "error", "orders"),
    [
        ("down", OutcomeUnknownError, 0),
        ("too_many", RetryableError, 0),
        ("throttled", RetryableError, 0),
        ("dead_token", CredentialsError, 0),
        ("frozen", ConnectionGoneError, 0),
        ("denied", CredentialsError, 0),
        ("locked", ConnectionGoneError, 0),
        ("suspected", RetryableError, 0),
        ("internal", OutcomeUnknownError, 1),
        ("dormant", ConnectionGoneError, 0),
        ("html", OutcomeUnknownError, 0),
        ("torn", OutcomeUnknownError, 1),
    ],
)
def test_each_fault_is_what_the_driver_takes_it_for(driver, outbound, dial, error, orders):
    dials.turn(PracticeShop.objects.get().pk, dial, left=1)

    with pytest.raises(error) as caught:
        driver.create(outbound)

    assert type(caught.value) is error
    assert PracticeOrder.objects.count() == orders


def test_a_cancellation_that_is_in_progress_is_asked_for_again(driver, outbound, shop):
    ref = driver.create(outbound)
    dials.turn(shop.pk, "cancelling", left=1)

    with pytest.raises(RetryableError) as caught:
        driver.cancel(ref.remote_id, note="Cancelled in Storeward")
    assert not driver.read(ref.remote_id).cancelled
    driver.cancel(ref.remote_id, note="Cancelled in Storeward")

    assert caught.value.after_s == 10
    assert driver.read(ref.remote_id).cancelled


def test_a_store_that_hangs_after_the_order_is_a_lost_answer(driver, outbound, shop, live_server):
    dials.turn(shop.pk, "hang", left=1, seconds=2)

    with closing(HttpClient(allow_loopback=True, deadline_s=1)) as http, pytest.raises(OutcomeUnknownError):
        ShopifyConnector(driver.account, http).create(outbound)

    assert PracticeOrder.objects.count() == 1


def test_too_little_stock_is_a_blocker(driver, outbound, shop):
    shop.variants.update(stock=1)

    with pytest.raises(RejectedError) as caught:
        driver.create(outbound)

    assert [blocker.code for blocker in caught.value.blockers] == ["out_of_stock"]


def test_the_index_can_lag_behind_the_orders(driver, outbound, shop):
    ref = driver.create(outbound)
    dials.turn(shop.pk, "index_lag", left=2, seconds=60)

    assert driver.find("SW-1", since=since()) == ()
    assert driver.find("SW-1", since=since()) == (ref,)


def test_the_budget_of_the_last_answer_is_known(driver):
    driver.check()

    assert driver.budget.maximum == 2000
    assert driver.budget.available < 2000
