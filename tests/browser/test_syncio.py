"""Selling what other merchants own, by the pages: the add-on, partners, a push per source store, and the way back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import pictures
from tests.browser.steps import connect_practice, fits, reload_until, take_orders_from

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]


def work_together(seller: Page, source: Page, *, slug: str, name: str, sku: str) -> None:
    """The seller asks, the source chooses its store and shares a product."""
    connect_practice(source, "shopify", f"{name} store")
    seller.goto("/settings/partners/")
    seller.get_by_label("Whom do you ask?").fill(slug)
    seller.get_by_role("button", name="Ask", exact=True).click()
    expect(seller.get_by_role("link", name=name)).to_be_visible()

    source.goto("/settings/partners/")
    source.get_by_label("Store for Moana Home").select_option(label=f"{name} store")
    source.get_by_role("button", name="Accept").click()
    source.goto("/settings/partners/")
    source.get_by_role("link", name="Moana Home").click()
    source.get_by_label("SKUs").fill(sku)
    source.get_by_role("button", name="Share").click()
    expect(source.locator("#products")).to_contain_text(sku)


@pytest.fixture
def trade(running, visit) -> tuple[Page, Page, Page]:
    """Moana Home sells a bowl that Atua Ceramics owns and a rug that Rimu Works owns."""
    moana, atua, rimu = running.businesses(
        {"slug": "moana", "name": "Moana Home", "products": {"BOWL": "Clay bowl", "RUG": "Wool rug"}},
        {"slug": "atua-ceramics", "name": "Atua Ceramics", "products": {"BOWL": "Clay bowl"}},
        {"slug": "rimu-works", "name": "Rimu Works", "products": {"RUG": "Wool rug"}},
    )
    seller, potter, weaver = visit(moana.owner), visit(atua.owner), visit(rimu.owner)
    take_orders_from(seller, connect_practice(seller, "shopify", "Moana Home store"))
    work_together(seller, potter, slug="atua-ceramics", name="Atua Ceramics", sku="BOWL")
    work_together(seller, weaver, slug="rimu-works", name="Rimu Works", sku="RUG")
    return seller, potter, weaver


def test_an_order_is_pushed_to_each_source_store_by_itself_and_its_tracking_comes_back(running, trade):
    seller, potter, _ = trade
    switch_the_add_on(seller)
    set_shipping(seller)
    order = bring_in(running, seller)

    seller.goto("/orders/partners/")
    row = seller.locator("tr.is-row").filter(has_text=order)
    cost = row.get_by_label("Shipping cost for Atua Ceramics")
    reload_until(seller, cost)
    expect(row.get_by_text("Not pushed")).to_be_visible()
    assert_fits_a_phone(seller)
    pictures.take(seller, "partner-orders")
    cost.fill("4.50")
    row.get_by_role("button", name="Push to Atua Ceramics").click()
    reload_until(seller, row.get_by_text("Partially pushed"))
    row.get_by_role("button", name="Push to Rimu Works").click()
    reload_until(seller, row.get_by_text("Pushed", exact=True))

    potter.goto("/orders/to-ship/")
    expect(potter.get_by_text(f"Tag: Moana Home {order}")).to_be_visible()
    expect(potter.get_by_text("$64.50")).to_be_visible()
    assert_fits_a_phone(potter)
    pictures.take(potter, "to-ship-for-partners")
    potter.goto("/practice/stores/atua-ceramics/")
    potter.locator("a.order-link").first.click()
    potter.locator("[name=parcel-0-company]").fill("NZ Post")
    potter.locator("[name=parcel-0-number]").fill("NZ77001")
    potter.get_by_role("button", name="Fulfill items").click()

    seller.goto("/orders/")
    seller.get_by_role("link", name=order, exact=True).click()
    reload_until(seller, seller.get_by_text("NZ77001"))
    reload_until(seller, seller.get_by_text("Moana Home store: told"))
    pictures.take(seller, "partner-tracking", of=seller.locator("#fulfillments"))


def switch_the_add_on(seller: Page) -> None:
    seller.goto("/settings/plan/")
    pictures.take(seller, "plan")
    seller.get_by_role("switch", name="Orders add-on").click()
    expect(seller.get_by_role("switch", name="Orders add-on")).to_have_attribute("aria-checked", "true")


def set_shipping(seller: Page) -> None:
    """Rules of a partner; a cost that is typed goes before them."""
    seller.goto("/settings/partners/")
    pictures.take(seller, "partners")
    seller.get_by_role("link", name="Atua Ceramics").click()
    seller.get_by_label("Items total from").first.fill("50")
    seller.get_by_label("Shipping costs").first.fill("12")
    seller.locator("#shipping-rules").get_by_role("button", name="Save").click()
    expect(seller.get_by_label("Shipping costs").first).to_have_value("12.00")
    assert_fits_a_phone(seller)
    pictures.take(seller, "partner")


def bring_in(running, seller: Page) -> str:
    """A customer buys both; the order is read from the store and confirmed. Its number."""
    number = running.buy("moana", "BOWL", "RUG")
    seller.goto("/orders/")
    seller.get_by_role("button", name="Sync orders").click()
    seller.goto("/orders/")
    reload_until(seller, seller.get_by_role("link", name=number, exact=True))
    seller.locator("tr.is-row").filter(has_text=number).get_by_role("button", name="Confirm").click()
    return number


def assert_fits_a_phone(page: Page) -> None:
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    assert fits(page), page.url
    page.set_viewport_size(before)
