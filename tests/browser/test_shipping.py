"""Shipping as people do it: an order kept here is packed, its slip printed, its parcel handed over."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import reload_until
from tests.orders.services.printed import pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

KEEP_HERE = """
from django.utils import timezone
from orders.models import OrderPush
from orders.services import pushes
push = OrderPush.objects.get(order__public_id={id!r})
pushes.skip(push_id=push.pk, by="tests", at=timezone.now())
"""


def kept_here(running, page: Page, suffix: str) -> dict:
    """Confirmed and paid, and for no store."""
    order = running.place("nzd_gst_inside", suffix=suffix)
    running.machine.run(KEEP_HERE.format(id=order["id"]))
    page.goto(f"/orders/{order['id']}/")
    page.get_by_role("button", name=re.compile("Confirm and capture")).click()
    reload_until(page, page.get_by_text("Captured"))
    return order


def test_an_order_is_printed_and_shipped(running, visit):
    page = visit()
    order = kept_here(running, page, "-SHIP1")

    page.get_by_role("link", name="Documents").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download packing slip").click()
    assert order["number"] in pages(download.value.path().read_bytes())[0]

    page.get_by_role("link", name="Back to the order").click()
    page.get_by_role("link", name="Ship", exact=True).click()
    page.get_by_label("Carrier").first.select_option("nzpost")
    page.get_by_label("Tracking number").first.fill("NZ123")
    page.get_by_role("button", name="Ship").click()

    expect(page.get_by_text("Shipped. The customer is told by e-mail.")).to_be_visible()
    expect(page.get_by_role("link", name="NZ123")).to_be_visible()
    expect(page.locator("#headline")).to_have_text("Completed")


def test_a_parcel_is_shipped_without_javascript(running, visit):
    page = visit(java_script_enabled=False)
    order = kept_here(running, page, "-SHIP2")

    page.goto(f"/orders/{order['id']}/ship/")
    page.get_by_text("Another parcel").first.click()
    page.locator("[name=parcel-1-number]").fill("X1")
    page.get_by_role("button", name="Ship").click()
    expect(page.get_by_text("Say which carrier")).to_be_visible()
    page.locator("[name=parcel-1-carrier]").select_option("dhl")
    page.get_by_role("button", name="Ship").click()

    expect(page.get_by_role("link", name="X1")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit_their_screen(running, visit, width: int):
    page = visit()
    order = kept_here(running, page, f"-SHIP3-{width}")
    page.set_viewport_size({"width": width, "height": 900})

    for path in ("ship/", "documents/", ""):
        page.goto(f"/orders/{order['id']}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    for path in (
        "/pickups/",
        f"/pickups/new/?order={order['id']}",
        "/settings/carriers/",
        "/settings/carriers/new/ups/",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
