"""The main job as people do it: in a browser, against a running portal and worker."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders import figures
from orders.management import sample_orders
from tests.browser import pictures
from tests.browser.steps import ON_ITS_WAY_S, fits, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

EVERY_KIND = """
from django.utils import timezone
from orders.management import demo_data
from orders.management.journey import Portal
demo_data.show_every_state({portal!r}, at=timezone.now())
"""


def test_an_order_is_confirmed_pushed_fulfilled_and_told(running, visit):
    order = running.place("two_parcels", suffix="-W")
    page = visit()
    page.goto(f"/orders/{order['id']}/")
    pictures.take(page, "order-to-confirm")

    _row(page, order["number"]).get_by_role("button", name="Confirm").click()
    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Awaiting fulfillment"))
    pictures.take(page, "order-pushed")
    expect(page.get_by_text("equal to what was paid").first).to_be_visible()

    page.goto(page.get_by_role("link", name="Open in the store").get_attribute("href"))
    expect(page.locator("#total")).to_have_text("2310.10 NZD")
    page.locator("[name=parcel-0-company]").fill("Courier Post")
    page.locator("[name=parcel-0-number]").fill("CP-77001")
    page.locator("[name=parcel-0-url]").fill("https://track.example/CP-77001")
    page.get_by_role("button", name="Fulfill items").click()

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Completed"))
    _read_mail(page, order["number"], "https://track.example/CP-77001")
    pictures.take(page, "customer-mail")
    expect(page.locator("#text")).to_contain_text("https://track.example/CP-77001")


def test_an_order_can_be_confirmed_without_javascript(running, visit):
    order = running.place("order_discount", suffix="-X")
    page = visit(java_script_enabled=False)

    _row(page, order["number"]).get_by_role("button", name="Confirm").click()

    page.goto(f"/orders/{order['id']}/")
    reload_until(page, page.locator("#headline", has_text="Awaiting fulfillment"))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_list_is_narrowed_without_javascript_and_keeps_open_what_is_set(visit, width: int):
    page = visit(java_script_enabled=False, viewport={"width": width, "height": 844})
    page.goto("/orders/")
    page.get_by_label("Payment", exact=True).select_option("captured")
    page.get_by_text("More filters").click()
    page.get_by_label("Placed").select_option("7")

    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_label("Payment", exact=True)).to_have_value("captured")
    expect(page.get_by_label("Placed")).to_have_value("7")
    expect(page.get_by_label("Placed")).to_be_visible()
    expect(page.get_by_role("link", name="Clear", exact=True)).to_be_visible()
    assert fits(page)


def test_an_order_is_declined_with_a_reason_that_stays(running, visit):
    order = running.place("non_latin_names", suffix="-Y")
    page = visit()

    _row(page, order["number"]).get_by_role("link", name="Decline").click()
    page.get_by_label("Reason").fill("The kiln is broken.")
    pictures.take(page, "decline")
    page.get_by_role("button", name=re.compile("Decline")).click()

    page.goto(f"/orders/{order['id']}/")
    expect(page.get_by_text("The kiln is broken.").first).to_be_visible()


PAGES = [
    "/orders/", "/connections/", "/connections/new/",
    "/connections/new/shopify/", "/settings/orders/", "/settings/business/", "/settings/team/",
    "/settings/keys/", "/accounts/2fa/", "/accounts/email/", "/accounts/password/change/", "/api/v1/docs/", "/admin/",
    "/practice/", "/practice/mail/", "/practice/stores/kauri-and-clay/", "/practice/stores/kauri-and-clay/products/",
    "/practice/stores/kauri-and-clay/webhooks/", "/practice/stores/kauri-and-clay/dials/",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_within_the_content_security_policy(visit, path):
    page = visit()

    answer = page.goto(path)
    page.wait_for_load_state("networkidle")

    assert answer.status == 200


def test_the_list_shows_orders_of_every_kind(running, visit):
    if pictures.wanted():
        place_over_days(running)
    running.machine.run(EVERY_KIND.format(portal=running.portal))

    page = visit()
    page.goto("/orders/")

    for headline in ("Needs confirmation", "Blocked", "Draft", "Declined", "Payment failed", "Awaiting fulfillment"):
        reload_until(page, page.locator("#order-table .badge", has_text=headline))
    if pictures.wanted():
        _poll(page, lambda: chart_holds_every_order(page), "figures as new as the list", patience_s=figures.KEPT_FOR_S)
    pictures.take(page, "../order-manager", without=page.locator("tr.is-row").filter(has_text="(Māui)"))


def place_over_days(running) -> None:
    """So that the picture's chart has more than one bar."""
    for n, name in enumerate(("order_discount", "nzd_gst_inside", "two_parcels", "click_and_collect") * 5):
        at = timezone.now() - timedelta(hours=12 + 7 * n)
        running.portal.place(sample_orders.load(name, at=at, suffix=f"-P{n}"))


def chart_holds_every_order(page: Page) -> bool:
    """The figures may be a minute older than the list below them."""
    page.reload()
    shown = " ".join(page.locator(".chart title").all_text_contents())
    in_chart = sum(int(number) for number in re.findall(r"(\d+) (?:auto-accepted|by hand)", shown))
    return in_chart == int(page.locator(".tab-count").first.inner_text())


def _row(page: Page, number: str):
    page.goto(f"/orders/?q={number}")
    return page.locator("tr.is-row").filter(has_text=number)


def _read_mail(page: Page, number: str, words: str) -> None:
    """The newest about the order, once it has the words."""

    def there() -> bool:
        page.goto("/practice/mail/")
        letters = page.get_by_role("link").filter(has_text=number)
        if not letters.count():
            return False
        letters.first.click()
        return words in page.locator("#text").inner_text()

    _poll(page, there, f"a mail about {number}")


def _poll(page: Page, there, what: str, *, patience_s: int = ON_ITS_WAY_S) -> None:
    for _ in range(patience_s * 2):
        if there():
            return
        page.wait_for_timeout(500)
    pytest.fail(f"{what}: not within {patience_s} s")
