"""The real Shopify driver against a practice store, over HTTP: what is its own. What all platforms do is in the contracts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.base import Account, BlockerCode
from connectors.errors import (
    RejectedError,
    RetryableError,
)
from connectors.http import HttpClient
from connectors.practice import dials
from connectors.practice.models import PracticeShop
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
    with closing(HttpClient(allow_loopback=True, deadline_s=30)) as http:
        yield ShopifyConnector(account, http)
    let_go()


@pytest.fixture
def outbound(shop):
    """An order of two stools, placed a minute ago."""
    stools = line(1, variant_id=variant_id(shop), taxes=(tax("13.04"),))
    return order(replace(stools, sku="STOOL"), placed_at=timezone.now() - timedelta(minutes=1))


def since():
    return timezone.now() - timedelta(hours=1)


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


@pytest.mark.plants("I1", "a second order of the same id")
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


def test_a_cancellation_that_is_in_progress_is_asked_for_again(driver, outbound, shop):
    ref = driver.create(outbound)
    dials.turn(shop.pk, "cancelling", left=1)

    with pytest.raises(RetryableError) as caught:
        driver.cancel(ref.remote_id, note="Cancelled in Storeward")
    assert not driver.read(ref.remote_id).cancelled
    driver.cancel(ref.remote_id, note="Cancelled in Storeward")

    assert caught.value.after_s == 10
    assert driver.read(ref.remote_id).cancelled


def test_the_index_can_lag_behind_the_orders(driver, outbound, shop):
    ref = driver.create(outbound)
    dials.turn(shop.pk, "index_lag", left=2, seconds=60)

    assert driver.find("SW-1", since=since()) == ()
    assert driver.find("SW-1", since=since()) == (ref,)


def test_the_budget_of_the_last_answer_is_known(driver):
    driver.check()

    assert driver.budget.maximum == 2000
    assert driver.budget.available < 2000
