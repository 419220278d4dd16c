"""The main pages by the keyboard alone: every step is reached by Tab, seen where it is, and done by Enter or Space."""

from __future__ import annotations

import json
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from orders.management import sample_orders
from tests.browser.steps import reload_until
from tests.browser.test_accessibility import FOCUS_IS_SEEN

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]
MOST_STEPS = 60
OPEN = """
import json
from connectors.practice import platforms, services
shop = services.open_shop(
    slug="keyed", name="Keyed store", currency="NZD", taxes_included=True, platform="woocommerce",
    variants=[{"sku": "KEYED-1", "title": "Thing", "price": "10.00"}],
)
print(json.dumps({typed.label: typed.value for typed in platforms.of(shop).typed(shop)}))
"""
IS_FOCUSED = "element => element === document.activeElement"
IS_COVERED = """() => {
  const now = document.activeElement, box = now.getBoundingClientRect();
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 15));
  return !(top && (now.contains(top) || top.contains(now) || top.closest("label")?.contains(now)));
}"""


def reach(page: Page, wanted: Locator) -> None:
    """By Tab alone; wherever it goes the focus is seen and nothing lies above it."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # once around, by the browser's own buttons
        assert page.evaluate(FOCUS_IS_SEEN) is True
        assert not page.evaluate(IS_COVERED), page.evaluate("document.activeElement.outerHTML")
        if wanted.evaluate(IS_FOCUSED):
            return
    raise AssertionError(f"{wanted} is not reached on {page.url}")


def use(page: Page, wanted: Locator) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


def write(page: Page, label: str, text: str) -> None:
    reach(page, page.get_by_label(label, exact=True))
    page.keyboard.type(text)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_on_the_way_holds_the_keyboard(running, visit, width: int):
    order = running.place("order_discount", suffix=f"-KEYS{width}")
    page = visit(viewport={"width": width, "height": 844})

    for path in (f"/orders/{order['id']}/", "/connections/new/filedrop_sftp/", "/links/"):
        page.goto(path)
        last = page.locator("#main :is(a[href], button):visible").last
        reach(page, last)
        page.keyboard.press("Tab")
        assert not last.evaluate(IS_FOCUSED), path


def test_a_store_is_connected(running, visit):
    shown = json.loads(running.machine.run(OPEN).splitlines()[-1])
    page = visit()
    page.goto("/connections/new/")

    use(page, page.locator('a[href="/connections/new/woocommerce/"]'))
    page.wait_for_url("**/new/woocommerce/")
    write(page, "Store address", f"{running.machine.url}/practice/woocommerce/keyed")
    for label, value in shown.items():
        write(page, label, value)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keyed store")).to_be_visible()
    use(page, page.get_by_role("link", name="Begin"))
    for step in ("Test, save & next", "Save & next", "Save & finish"):
        use(page, page.get_by_role("button", name=step, exact=True))

    expect(page.get_by_text("Keyed store is set up.")).to_be_visible()


def test_a_product_is_linked_and_its_order_confirmed(running, visit):
    body = sample_orders.load("order_discount", at=timezone.now(), suffix="-KEYS")
    body["lines"][0]["sku"] = "MARKET-KEYS"
    order = running.portal.place(body)
    page = visit()
    page.goto("/links/")
    reload_until(page, page.get_by_role("link", name="MARKET-KEYS", exact=True))

    use(page, page.get_by_role("link", name="MARKET-KEYS", exact=True))
    page.wait_for_url(re.compile("/links/[0-9a-f]"))
    write(page, "Ask Kauri & Clay Shopify for the SKU", "STOOL-OAK")
    page.keyboard.press("Enter")
    use(page, page.locator(".choice", has_text="STOOL-OAK").get_by_role("button", name=re.compile("^Link")))
    page.wait_for_url(re.compile("/links/$"))
    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.get_by_text("Needs confirmation"))
    confirm = page.get_by_role("button", name=re.compile("Confirm and capture"))
    use(page, confirm)
    expect(confirm).to_have_count(0)  # a reload before the answer would take it back

    reload_until(page, page.get_by_text("Awaiting fulfillment"))


def test_what_has_the_focus_keeps_it_when_the_order_is_shown_anew(running, visit):
    order = running.place("order_discount", suffix="-KEPT")
    page = visit()
    page.goto(f"/orders/{order['id']}/")
    decline = page.get_by_role("link", name="Decline")
    decline.focus()
    decline.evaluate("element => { element.dataset.old = 'yes' }")

    page.evaluate("htmx.ajax('GET', location.pathname, {target: '#order-body'})")

    expect(page.locator("[data-old]")).to_have_count(0)
    expect(page.get_by_role("link", name="Decline")).to_be_focused()
