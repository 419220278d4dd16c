"""A label as people buy it: UPS connected, rates compared, one bought, printed, shipped with."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import fits
from tests.browser.test_shipping import kept_here
from tests.orders.services.printed import pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]


def connect_ups(running, page: Page) -> None:
    """The merchant's practice UPS, with the keys that its own page tells."""
    page.goto("/settings/carriers/")
    if page.locator("#carriers li").count():
        return
    page.goto("/practice/carriers/ups-kauri-and-clay/")
    secret = page.locator("dt:has-text('Client secret') + dd").inner_text()
    page.goto("/settings/carriers/new/ups/?practice=ups-kauri-and-clay")
    for label, text in {
        "Whom the driver asks for": "Ana", "Phone": "+6491234567", "Street": "1 Karangahape Road",
        "City": "Auckland", "Postcode": "1010", "Client secret": secret,
    }.items():  # fmt: skip
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("is connected.")).to_be_visible()


def test_a_label_is_chosen_bought_printed_and_shipped_with(running, visit):
    page = visit()
    connect_ups(running, page)
    order = kept_here(running, page, "-LABEL1")

    page.get_by_role("link", name="Ship", exact=True).click()
    page.get_by_role("link", name="Buy a label first").click()
    page.get_by_label("Weight, kg").first.fill("2.4")
    page.get_by_role("button", name="Get rates").click()
    expect(page.get_by_text("UPS Worldwide Saver")).to_be_visible()
    page.get_by_label(re.compile("UPS Standard")).check()
    page.get_by_role("button", name="Buy label").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Print").click()
    assert len(pages(download.value.path().read_bytes())) == 1
    page.get_by_role("button", name="Ship with it").click()

    expect(page.get_by_text("Shipped. The customer is told by e-mail.")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^1Z"))).to_be_visible()
    assert order["id"] in page.url


def test_a_label_is_bought_without_javascript_and_fits_a_phone(running, visit):
    page = visit(java_script_enabled=False)
    connect_ups(running, page)
    order = kept_here(running, page, "-LABEL2")
    page.set_viewport_size({"width": 390, "height": 900})

    page.goto(f"/orders/{order['id']}/labels/new/")
    page.get_by_label("Weight, kg").first.fill("2.4")
    page.get_by_role("button", name="Get rates").click()
    until(page, page.get_by_role("button", name="Buy label"))
    assert fits(page), page.url
    page.get_by_role("button", name="Buy label").click()
    until(page, page.get_by_role("button", name="Void"))
    assert fits(page), page.url
    page.goto("/labels/")
    assert fits(page), page.url
    assert page.locator(".table-scroll").evaluate("table => table.scrollWidth <= table.clientWidth")


def until(page: Page, found) -> None:
    """Read the page again until the worker is done."""
    for _ in range(120):
        if found.count():
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(found).to_be_visible()
