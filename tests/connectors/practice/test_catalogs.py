"""The whole catalog of a practice store, read by its driver in pages that are too small for it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.base import Account, RemoteVariant
from connectors.practice import platforms
from connectors.practice.models import PracticeShop
from connectors.registry import connector_class, form_of
from tests.connectors.in_process import ADDRESS, InProcess
from tests.connectors.practice.squarespace.site import make_site
from tests.connectors.practice.ssactivewear.supplier import make_supplier
from tests.connectors.practice.woocommerce.shop import make_shop

pytestmark = pytest.mark.django_db


def driver_to(shop: PracticeShop):
    typed = {item.name: item.value for item in platforms.of(shop).typed(shop)}
    url = f"{ADDRESS}{platforms.address(shop)}"
    entry = form_of(shop.platform).read(typed, base_url=url)
    return connector_class(shop.platform)(Account(entry.base_url, entry.credentials), InProcess())


def read(shop: PracticeShop) -> list[list[RemoteVariant]]:
    driver, pages, cursor = driver_to(shop), [], ""
    while not pages or cursor:
        page = driver.catalog_pages(cursor)
        pages.append(list(page.variants))
        cursor = page.next_cursor
        assert page.total is None
    return pages


def test_a_woocommerce_product_stands_with_its_variations_instead_of_itself(monkeypatch):
    monkeypatch.setattr("connectors.woocommerce.catalog.PRODUCTS", 1)

    pages = read(make_shop())

    assert [[(one.sku, one.title, one.price, one.stock) for one in page] for page in pages] == [
        [("STOOL", "Oak stool", Decimal("50.00"), 5)],
        [("MUG-RED", "Mug - red", Decimal("20.00"), 3)],
    ]


def test_a_product_that_is_deleted_while_its_variations_are_asked_for_has_none(monkeypatch):
    shop = make_shop()
    driver = driver_to(shop)
    page = driver._client.page
    monkeypatch.setattr(
        driver._client, "page", lambda *asked, **named: (page(*asked, **named), _delete(shop, "MUG"))[0]
    )

    assert [one.sku for one in driver.catalog_pages("").variants] == ["STOOL"]


def _delete(shop: PracticeShop, sku: str) -> None:
    shop.variants.filter(sku=sku).delete()


def test_squarespace_tells_its_inventory_by_cursor(monkeypatch):
    monkeypatch.setattr("connectors.practice.squarespace.listing.PAGE", 1)

    pages = read(make_site())

    assert [[(one.sku, one.price, one.stock) for one in page] for page in pages] == [
        [("STOOL", None, 5)],
        [("LAMP", None, 5)],
    ]


def test_a_supplier_is_read_style_by_style(monkeypatch):
    monkeypatch.setattr("connectors.ssactivewear.connector.CATALOG_STYLES", 1)
    supplier = make_supplier()
    supplier.variants.filter(sku="B00760004").update(details={"style": 7})

    pages = read(supplier)

    assert [[(one.sku, one.product_id) for one in page] for page in pages] == [
        [("B00760004", "7")],
        [("B00760003", "39")],
    ]


def test_a_supplier_without_products_has_one_empty_page():
    supplier = make_supplier()
    supplier.variants.all().delete()

    assert read(supplier) == [[]]
