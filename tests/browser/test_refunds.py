"""A refund as people do it: the customer asks by the link, the merchant sees what it comes to and gives it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import pictures
from tests.browser.steps import reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

LINK = """
from orders.models import Order
from orders.services import refund_links
print(refund_links.url_for(Order.objects.get(public_id={id!r})))
"""


def paid(running, page: Page, suffix: str) -> dict:
    order = running.place("nzd_gst_inside", suffix=suffix)
    page.goto(f"/orders/{order['id']}/")
    page.get_by_role("button", name=re.compile("Confirm and capture")).click()
    reload_until(page, page.get_by_text("Captured"))
    done = page.locator("#headline", has_text="Awaiting fulfillment")
    reload_until(page, done)  # until then the page changes by itself
    return order


def link_of(running, order: dict) -> str:
    return running.machine.run(LINK.format(id=order["id"])).splitlines()[-1]


def test_a_customer_asks_and_the_merchant_gives_the_money_back(running, visit, tmp_path: Path):
    page = visit()
    order = paid(running, page, "-R1")
    Image.new("RGB", (300, 200), "peru").save(tmp_path / "stool.png")

    page.goto(link_of(running, order))
    page.get_by_label(re.compile("^How many of")).first.fill("1")
    page.get_by_label(re.compile("^A picture")).first.set_input_files(tmp_path / "stool.png")
    page.get_by_label("What is wrong?").select_option("damaged")
    pictures.take(page, "refund-request")
    page.get_by_role("button", name=re.compile("^Send to")).click()
    expect(page.get_by_text("answers by e-mail")).to_be_visible()

    page.goto("/refund-requests/")
    page.get_by_role("link", name=order["number"]).click()
    picture = page.get_by_role("img", name=re.compile("The customer's picture"))
    expect(picture).to_be_visible()
    assert picture.evaluate(
        "image => image.complete ? image.naturalWidth : image.decode().then(() => image.naturalWidth)"
    )
    pictures.take(page, "refund-answer", of=page.locator("#requests"))
    page.get_by_role("link", name="Issue a refund").click()
    page.get_by_label("Note").fill("Two legs broken")
    page.get_by_label("Note").blur()
    expect(page.get_by_role("button", name=re.compile(r"^Refund \$"))).to_be_visible()
    pictures.take(page, "refund")
    page.get_by_role("button", name=re.compile(r"^Refund \$")).click()

    expect(page.get_by_text("is on its way back to the customer")).to_be_visible()
    reload_until(page, page.get_by_text("Partly refunded"))


def test_a_refund_is_computed_and_given_without_javascript(running, visit):
    page = visit(java_script_enabled=False)
    order = paid(running, page, "-R2")

    page.goto(f"/orders/{order['id']}/refund/")
    page.locator("[name=line-0]").fill("1")
    page.get_by_label("Reason").select_option("goodwill")
    page.get_by_role("button", name="Compute").click()
    page.get_by_role("button", name=re.compile(r"^Refund \$")).click()

    reload_until(page, page.get_by_text("Partly refunded"))


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_fit_their_screen(running, visit, width: int):
    page = visit()
    order = paid(running, page, f"-R3-{width}")
    page.set_viewport_size({"width": width, "height": 900})

    for url in (f"/orders/{order['id']}/refund/", link_of(running, order), "/refund-requests/?all=1"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url


def test_the_customers_link_is_copied_from_the_orders_page(running, visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    paid(running, page, "-R4")

    page.get_by_role("button", name="Refund link for the customer").click()
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.get_by_role("button", name=re.compile("^Send to"))).to_be_visible()
