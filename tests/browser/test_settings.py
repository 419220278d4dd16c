"""Order data settings as people do it: change them with the preview, then push an order by hand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

SETTINGS = """
from connectors.models import Connection
from orders.models import Order
push = Order.objects.get(public_id={id!r}).pushes.select_related("connection").get()
print(push.connection.public_id)
"""


def test_texts_are_tried_while_typing_settings_saved_and_an_order_pushed_by_hand(running, visit):
    order = running.place("nzd_gst_inside", suffix="-S1")
    store = running.machine.run(SETTINGS.format(id=order["id"])).splitlines()[-1]
    page = visit()
    page.goto(f"/connections/{store}/")
    page.get_by_role("link", name="Order data settings").click()

    page.get_by_label("Try them on").select_option(order["id"])
    page.get_by_label("Tag").fill("Portal {order_number}")
    expect(page.locator("#trial")).to_contain_text(f"Portal {order['number']}")
    page.get_by_label("Tag").fill("Portal {no_such}")
    expect(page.locator("#trial")).to_contain_text("No order has a field {no_such}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist").first).to_contain_text("No order has a field {no_such}")
    page.get_by_label("Tag").fill("Portal {order_number}")
    page.get_by_label("Push by hand").check()
    page.get_by_label("Push by hand").press("Enter")
    expect(page.get_by_text("Saved. It counts for orders that have not been sent yet.")).to_be_visible()

    try:
        page.goto(f"/orders/{order['id']}/")
        page.get_by_role("button", name=re.compile("Confirm and capture")).click()
        reload_until(page, page.get_by_text("Waiting until you push it."))
        page.get_by_role("button", name="Push now").click()
        reload_until(page, page.get_by_text("equal to what was paid"))
    finally:
        page.goto(f"/connections/{store}/settings/")
        page.get_by_label("Push by hand").uncheck()
        page.get_by_label("Tag").fill("{channel} Order")
        page.get_by_role("button", name="Save", exact=True).click()


def test_settings_are_tried_and_saved_without_javascript(running, visit):
    order = running.place("nzd_gst_inside", suffix="-S2")
    store = running.machine.run(SETTINGS.format(id=order["id"])).splitlines()[-1]
    page = visit(java_script_enabled=False)
    page.goto(f"/connections/{store}/settings/")

    page.get_by_label("Try them on").select_option(order["id"])
    page.get_by_label("Note", exact=True).fill("Order {order_number}")
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#trial")).to_contain_text(f"Order {order['number']}")
    page.get_by_label("Minutes between two times").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text(re.compile("Choose 5 to 1440, or at once"))).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_screen(running, visit, width: int):
    order = running.place("nzd_gst_inside", suffix=f"-S3-{width}")
    store = running.machine.run(SETTINGS.format(id=order["id"])).splitlines()[-1]
    page = visit()
    page.set_viewport_size({"width": width, "height": 900})

    for url in (f"/connections/{store}/settings/", f"/connections/{store}/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
