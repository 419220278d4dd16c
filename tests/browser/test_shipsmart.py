"""Shipping a store's orders by the pages: pulled, completed, documented, collected, sent; and a session that expired."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser import pictures
from tests.browser.steps import connect_practice, reload_until, take_orders_from
from tests.orders.services.printed import pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]
CARRIER = {
    "name": "Harbor Couriers", "email": "desk@couriers.example", "company": "Matai Joinery", "contact": "Ana",
    "phone": "+6493001234", "address1": "1 Karangahape Road", "city": "Auckland", "postcode": "1010",
    "country_code": "NZ",
}  # fmt: skip
HOME = {"address1": "1 Karangahape Road", "city": "Auckland", "postcode": "1010"}


def joinery(running, visit, slug: str, name: str) -> tuple[Page, str]:
    """A joinery whose store is connected and read: its page, and the connection."""
    (made,) = running.businesses({"slug": slug, "name": name, "products": {"BENCH": "Matai bench"}})
    page = visit(made.owner)
    store = connect_practice(page, "shopify", f"{name} store")
    take_orders_from(page, store)
    return page, store


def test_a_pulled_order_is_completed_documented_collected_and_sent(running, visit):
    page, store = joinery(running, visit, "matai", "Matai Joinery")
    ask_for_customs_data(page)
    fill(page, "/settings/business/", HOME, button="Save")
    fill(page, "/settings/carriers/new/mail/", CARRIER, button="Test and connect")

    page.goto(f"/connections/{store}/orders/")
    pictures.take(page, "orders-from-store")
    number = buy(page, "matai", countryCode="AU", provinceCode="NSW", city="Sydney", zip="")
    sync(page)
    open_order(page, number, tab="drafts")
    complete(page)
    reload_until(page, page.get_by_role("button", name=re.compile("^Confirm")))
    page.get_by_role("button", name=re.compile("^Confirm")).click()

    page.get_by_role("link", name="Schedule a pickup").click()
    page.get_by_label("day").fill(f"{timezone.localdate() + timedelta(days=2):%Y-%m-%d}")
    page.get_by_label(re.compile("^Weight of")).fill("12")
    pictures.take(page, "pickup-new")
    page.get_by_role("button", name="Schedule").click()
    reload_until(page, page.locator(".badge", has_text="Scheduled"))

    open_order(page, number)
    page.get_by_role("link", name="Documents").click()
    pictures.take(page, "documents")
    with page.expect_download() as invoice:
        page.get_by_role("button", name="Download commercial invoice").click()
    assert "INV-7" in pages(invoice.value.path().read_bytes())[0]

    page.get_by_role("link", name="Back to the order").click()
    page.get_by_role("link", name="Ship", exact=True).click()
    page.get_by_label("Carrier").first.select_option("auspost")
    page.get_by_label("Tracking number").first.fill("AP77001")
    pictures.take(page, "ship")
    page.get_by_role("button", name="Ship").click()
    expect(page.locator("#headline")).to_have_text("Completed")


def test_after_a_session_that_expired_one_link_reconnects_and_the_order_comes_in(running, visit):
    page, store = joinery(running, visit, "matai-north", "North Joinery")
    page.goto("/practice/stores/matai-north/")
    page.get_by_text("How to connect this store").click()
    token = page.locator("dt", has_text="access token").locator("+ dd").inner_text()
    number = buy(page, "matai-north")
    page.goto("/practice/stores/matai-north/dials/")
    page.get_by_label("How many: Dead token").fill("1")
    page.locator("tr", has_text="Dead token").get_by_role("button", name="Set").click()
    sync(page)

    page.goto(f"/connections/{store}/")
    reload_until(page, page.get_by_text("Needs reconnecting").first)
    pictures.take(page, "needs-reconnecting")
    page.get_by_role("link", name="Reconnect").first.click()
    page.get_by_label(re.compile("access token")).fill(token)
    page.get_by_role("button", name="Test and reconnect").click()

    sync(page)
    open_order(page, number)


def ask_for_customs_data(page: Page) -> None:
    page.goto("/settings/requirements/")
    page.get_by_label("An invoice").first.check()
    page.get_by_label("Customs data").first.check()
    page.get_by_role("button", name="Save").first.click()


def fill(page: Page, url: str, values: dict[str, str], *, button: str) -> None:
    page.goto(url)
    for name, value in values.items():
        page.locator(f"#main [name={name}]").fill(value)
    page.get_by_role("button", name=button, exact=True).click()


def buy(page: Page, slug: str, **changes: str) -> str:
    """As a customer of the store does. The order's number."""
    page.goto(f"/practice/stores/{slug}/buy/")
    page.get_by_label("Product").select_option(index=0)
    for name, value in changes.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Place the order").click()
    return page.locator("h1").inner_text()


def sync(page: Page) -> None:
    """As a person asks for it; it would come in by itself too."""
    page.goto("/orders/")
    page.get_by_role("button", name="Sync orders").click()


def open_order(page: Page, number: str, tab: str = "all") -> None:
    page.goto(f"/orders/?tab={tab}")
    link = page.get_by_role("link", name=number, exact=True)
    reload_until(page, link)
    if tab == "drafts":
        pictures.take(page, "drafts")
        link = page.get_by_role("link", name=f"Complete {number}")
    link.click()


def complete(page: Page) -> None:
    """All that the draft's page asks for."""
    for name, value in {
        "shipping_address-postcode": "2000", "invoice_number": "INV-7", "lines-0-hs_code": "940360",
        "lines-0-origin_country": "NZ", "lines-0-customs_value": "30",
    }.items():  # fmt: skip
        page.locator(f"[name='{name}']").fill(value)
    expect(page.locator("#draft-left")).to_contain_text("Nothing is missing")
    pictures.take(page, "draft")
    page.get_by_role("button", name="Save").click()
