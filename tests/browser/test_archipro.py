"""A marketplace's order in a store that has order notes: collected by its customer, and kept here when settings say so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import bodies
from tests.browser.steps import connect_practice, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]
SHOWROOM = {
    "name": "Rata showroom", "address": "31 Great North Road, Auckland 1021", "instructions": "Ring the bell.",
}  # fmt: skip


@pytest.fixture
def rata(running):
    (made,) = running.businesses(
        {
            "slug": "rata", "name": "Rata Studio", "marketplace": "ArchiPro", "platform": "woocommerce",
            "products": {"STOOL": "Oak stool"},
        }
    )  # fmt: skip
    return made


def test_a_collected_order_is_in_the_store_without_its_email_and_its_customer_is_told_where(running, rata, visit):
    page = visit(rata.owner)
    store = connect_practice(page, "woocommerce", "Rata Studio store")
    collected = {"delivery": {"method": "pickup", "place": SHOWROOM}, "shipping_address": None}
    order = place(running, rata, "AP-70001", **collected)

    confirm(page, order)
    reload_until(page, page.locator("#headline", has_text="Awaiting fulfillment"))
    there = page.get_by_role("link", name="Open in the store").get_attribute("href")
    page.goto(there)
    expect(page.locator(".badge", has_text="Processing")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("Click & Collect from: Rata showroom")
    expect(page.get_by_role("link", name=re.compile(order["id"]))).to_be_visible()
    expect(page.get_by_text("No e-mail address was sent")).to_be_visible()
    page.get_by_role("button", name="Fulfill items").click()

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Completed"))
    read_mail(page, "AP-70001")
    expect(page.locator("#text")).to_contain_text("31 Great North Road")

    keep_order_data(page, store)
    kept = place(running, rata, "AP-70002")
    confirm(page, kept)
    reload_until(page, page.get_by_text("Captured"))
    page.goto("/practice/stores/rata/")
    expect(page.locator("a.order-link")).to_have_count(1)


def place(running, rata, number: str, **parts) -> dict:
    body = bodies.order("rata", number, sku="STOOL", title="Oak stool", quantity=2, **parts)
    return running.portal.call("POST", "orders/", rata.marketplace_key, body)


def confirm(page: Page, order: dict) -> None:
    """On its page, unpaid until then."""
    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Needs confirmation"))
    expect(page.get_by_text("Captured")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Confirm and capture")).click()


def keep_order_data(page: Page, store: str) -> None:
    page.goto(f"/connections/{store}/settings/")
    page.get_by_label("Sync orders").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. It counts for orders that have not been sent yet.")).to_be_visible()


def read_mail(page: Page, number: str) -> None:
    page.goto("/practice/mail/")
    letter = page.get_by_role("link").filter(has_text=number)
    reload_until(page, letter)
    letter.first.click()
