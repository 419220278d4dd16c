"""A supplier by the pages: each choice of its set-up, then an order that goes there when it is marked."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import bodies, pictures
from tests.browser.steps import connect_practice, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]
ADDRESS = {
    "company": "Kauri Prints", "address1": "9 Customs Street", "city": "Bolingbrook", "province_code": "IL",
    "postcode": "60440", "country_code": "US",
}  # fmt: skip


@pytest.fixture
def prints(running):
    (made,) = running.businesses(
        {
            "slug": "kauri-prints", "name": "Kauri Prints", "marketplace": "ArchiPro", "currency": "USD",
            "country_code": "US", "time_zone": "America/Chicago", "platform": "ssactivewear",
            "products": {"B00760003": "Gildan 2000, white, M"},
            "details": {"warehouses": {"IL": 10}, "your_sku": "TEE-WHITE-M"},
        }
    )  # fmt: skip
    return made


def test_a_supplier_is_set_up_step_by_step_and_gets_an_order_once_it_is_marked(running, prints, visit):
    page = visit(prints.owner)
    supplier = connect_practice(page, "ssactivewear", "Kauri Prints store")
    set_up(page)
    body = bodies.order(
        "kauri-prints", "AP-61001", sku="TEE-WHITE-M", title="Tee, white, M", quantity=6, currency="USD"
    )
    order = running.portal.call("POST", "orders/", prints.marketplace_key, body)

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Needs confirmation"))
    page.get_by_role("button", name=re.compile("Confirm and capture")).click()
    mark = page.get_by_role("button", name="Mark for fulfillment")
    reload_until(page, mark)
    pictures.take(page, "supplier-order")
    mark.click()
    reload_until(page, page.get_by_text("In the store", exact=True))

    page.get_by_role("link", name="Preview").click()
    expect(page.locator("main")).to_contain_text("Bolingbrook")
    expect(page.locator("main")).not_to_contain_text("Portland")
    page.goto(f"/connections/{supplier}/")
    expect(page.locator("#supplier")).to_contain_text("Practice Bank")


def set_up(page: Page) -> None:
    """By hand, paid by a saved card, and to the shop's own address."""
    go_on = page.get_by_role("button", name="Save & next", exact=True)
    page.get_by_role("button", name="Test, save & next").click()
    page.get_by_label("Send orders to this supplier").check()
    go_on.click()
    page.get_by_label("Auto fulfillment").uncheck()
    pictures.take(page, "supplier-set-up")
    go_on.click()

    page.get_by_label("SKU at the supplier").fill("B00760003")
    for name, value in ADDRESS.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Send a test order").click()
    expect(page.locator(".badge.ok")).to_be_visible()
    pictures.take(page, "supplier-test-order")
    go_on.click()

    page.get_by_label("With a saved card or bank account").check()
    page.get_by_label("E-mail address of the website user").fill("ana@example.com")
    page.get_by_role("button", name="Fetch profiles").click()
    page.get_by_label(re.compile("Practice Bank")).check()
    pictures.take(page, "supplier-payment")
    go_on.click()

    page.get_by_label("Disable dropshipping").check()
    page.get_by_label(re.compile("Kauri Prints|9 Customs")).first.check()
    page.get_by_role("button", name="Save & finish").click()
