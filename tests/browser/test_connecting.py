"""Every platform is connected through its own pages, and an order that waits for a product goes once it is linked."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from orders.management import sample_orders
from tests.browser import pictures
from tests.browser.steps import reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

OPEN = """
from connectors.practice import services
for platform, currency in (
    ("shopify", "NZD"), ("woocommerce", "NZD"), ("squarespace", "NZD"), ("ssactivewear", "USD"), ("filedrop", "NZD")
):
    product = {"sku": f"{platform.upper()}-1", "title": "Thing", "price": "10.00"}
    services.open_shop(
        slug=f"wizard-{platform}", name=f"Wizard {platform}", currency=currency, taxes_included=True, platform=platform,
        variants=[product],
    )
"""
STEPS = {
    "ssactivewear": ["Test, save & next", "Save & next", "Save & next", "Save & next", "Save & next", "Save & finish"],
    "filedrop": ["Save & next", "Save & next", "Save & next", "Save & finish"],
}


@pytest.fixture(scope="module")
def practice_shops(running) -> None:
    running.machine.run(OPEN)


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace", "ssactivewear", "filedrop"])
def test_a_platform_is_connected_from_the_gallery_on(practice_shops, visit, platform: str):
    page = visit()
    page.set_default_timeout(8000)
    page.goto("/connections/new/")
    if platform == "shopify":
        pictures.take(page, "connect")
    page.locator(f'a[href="/connections/new/{platform}/"]').first.click()

    page.get_by_role("button", name=f"Connect Wizard {platform}").click()
    for step in STEPS.get(platform, ()):
        page.get_by_role("button", name=step, exact=True).click()

    expect(page).to_have_url(re.compile(r"/connections/[0-9a-f-]+/$"))
    expect(page.get_by_role("heading", name=f"Wizard {platform}")).to_be_visible()
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()


def test_what_was_typed_stands_beside_what_is_wrong_with_it(running, practice_shops, visit):
    page = visit()
    page.set_default_timeout(8000)
    page.goto("/connections/new/woocommerce/")

    page.get_by_label("Store address").fill("http://rimu.example")
    page.get_by_label("Consumer key").fill("ck_short")
    page.get_by_label("Consumer secret").fill("cs_short")
    page.get_by_role("button", name="Test and connect").click()

    expect(page.get_by_text("Only https addresses can be connected")).to_be_visible()
    expect(page.get_by_label("Store address")).to_have_value("http://rimu.example")


def test_an_order_goes_when_its_product_is_linked_in_the_workbench(running, visit):
    body = sample_orders.load("order_discount", at=timezone.now(), suffix="-L")
    body["lines"][0]["sku"] = "MARKET-77"
    order = running.portal.place(body)
    page = visit()
    page.set_default_timeout(8000)
    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.get_by_text("MARKET-77"))

    page.goto("/links/")
    pictures.take(page, "product-links")
    page.get_by_role("link", name="MARKET-77", exact=True).click()
    page.get_by_label("for the SKU").fill("STOOL-OAK")
    page.get_by_role("button", name="Look it up").click()
    pictures.take(page, "product-link")
    page.locator(".choice", has_text="STOOL-OAK").get_by_role("button", name=re.compile("^Link")).click()

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.get_by_text("Needs confirmation"))
    page.get_by_role("button", name="Confirm and capture").click()
    reload_until(page, page.get_by_text("Awaiting fulfillment"))
    expect(page.get_by_text("equal to what was paid").first).to_be_visible()
