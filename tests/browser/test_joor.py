"""Wholesale orders by the pages: what a connection's settings do, stock that is short, and a push before its time."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser import bodies, pictures
from tests.browser.steps import connect_practice, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]


@pytest.fixture
def totara(running):
    (made,) = running.businesses(
        {"slug": "totara", "name": "Totara Works", "marketplace": "JOOR", "products": {"STOOL": "Oak stool"}}
    )
    return made


def test_a_wholesale_order_waits_for_stock_and_goes_out_unpaid_with_its_terms(running, totara, visit):
    page = visit(totara.owner)
    store = connect_practice(page, "shopify", "Totara Works store")
    choose(page, store)
    body = bodies.order("totara", "PO-4711", sku="STOOL", title="Oak stool", quantity=12)
    body["attributes"] = {"payment_terms": "Net 30", "line_sheet": "Spring"}
    order = running.portal.call("POST", "orders/", totara.marketplace_key, body)

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.get_by_text("out_of_stock"))
    pictures.take(page, "blocked-order")
    page.goto(f"/connections/{store}/settings/")
    page.get_by_label("Bypass the stock check").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"/orders/{order['id']}/")
    page.get_by_role("button", name="Check again").click()
    reload_until(page, page.locator("#headline", has_text="Needs confirmation"))
    page.get_by_role("button", name=re.compile("Confirm and capture")).click()

    push_now = page.get_by_role("button", name="Push now")
    reload_until(page, push_now)
    push_now.click()
    reload_until(page, page.get_by_text("In the store", exact=True))
    page.goto("/practice/stores/totara/")
    page.locator("a.order-link").first.click()
    expect(page.get_by_text("Payment terms: Net 30, line sheet Spring")).to_be_visible()
    expect(page.get_by_text("PO-4711").first).to_be_visible()
    expect(page.locator(".badge", has_text="Pending")).to_be_visible()
    expect(page.locator(".badge", has_text="Unfulfilled")).to_be_visible()
    expect(page.get_by_text("Harriet Ngata 1 order", exact=True)).to_be_visible()


def choose(page: Page, store: str) -> None:
    """Collected, at a time that is far away, with a note of terms and line sheet, retailers as customers, alerts to the sales desk."""
    page.goto(f"/connections/{store}/settings/")
    page.get_by_label("Minutes between two times").fill(f"{far_apart()}")
    page.get_by_label("Note", exact=True).fill("Payment terms: {payment_terms}, line sheet {line_sheet}")
    page.get_by_label("E-mail address that the store gets").select_option("customer")
    page.get_by_label("Who is told of problems with this connection").fill("sales@totara.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. It counts for orders that have not been sent yet.")).to_be_visible()
    pictures.take(page, "order-data-settings")


def far_apart() -> int:
    """Minutes between two times, which are counted from 1970 on: an hour, or what is better at the end of one."""
    now = int(time.time()) // 60
    return 60 if now % 60 < 40 else max(range(60, 1441), key=lambda every: every - now % every)
