"""Every platform is connected through its own pages, and an order that waits for a product goes once it is linked."""

from __future__ import annotations

import json
import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders.management import sample_orders
from tests.browser import pictures
from tests.browser.steps import reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

OPEN = """
import json
from connectors.practice import platforms, services
shown = {}
for platform, currency in (
    ("shopify", "NZD"), ("woocommerce", "NZD"), ("squarespace", "NZD"), ("ssactivewear", "USD"), ("filedrop", "NZD")
):
    product = {"sku": f"{platform.upper()}-1", "title": "Thing", "price": "10.00"}
    for way in ("wizard", "typed", "asked", "wrong"):
        shop = services.open_shop(
            slug=f"{way}-{platform}", name=f"{way.title()} {platform}", currency=currency, taxes_included=True,
            platform=platform, variants=[product],
        )
        shown[shop.slug] = {typed.label: typed.value for typed in platforms.of(shop).typed(shop)}
print(json.dumps(shown))
"""
STEPS = {
    "ssactivewear": ["Test, save & next", "Save & next", "Save & next", "Save & next", "Save & next", "Save & finish"],
    "filedrop": ["Save & next", "Save & next", "Save & next", "Save & finish"],
}
OF_A_STORE = ["Test, save & next", "Save & next", "Save & finish"]
REFUSED = {
    "shopify": ("Admin API access token", f"shpat_{'0' * 32}"),
    "woocommerce": ("Consumer secret", f"cs_{'0' * 40}"),
    "squarespace": ("API key", "11111111-1111-4111-8111-111111111111"),
    "ssactivewear": ("API key", "11111111-1111-4111-8111-111111111111"),
}
YES = {"shopify": "Install", "woocommerce": "Approve", "squarespace": "Allow"}


@pytest.fixture(scope="module")
def practice_shops(running) -> dict[str, dict[str, str]]:
    """What each shop's page shows to be typed, by its slug."""
    return json.loads(running.machine.run(OPEN).splitlines()[-1])


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace", "ssactivewear", "filedrop"])
def test_a_platform_is_connected_from_the_gallery_on(practice_shops, visit, platform: str):
    page = visit()
    page.goto("/connections/new/")
    if platform == "shopify":
        pictures.take(page, "connect")
    page.locator(f'a[href="/connections/new/{platform}/"]').first.click()

    page.get_by_role("button", name=f"Connect Wizard {platform}").click()
    for step in STEPS.get(platform, ()):
        page.get_by_role("button", name=step, exact=True).click()

    is_connected(page, f"Wizard {platform}")


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace", "ssactivewear", "filedrop"])
def test_a_platform_is_connected_with_what_its_page_shows(running, practice_shops, visit, platform: str):
    page = visit()
    page.goto(f"/connections/new/{platform}/")

    type_what_is_shown(page, practice_shops[f"typed-{platform}"], address(running, platform, "typed"))
    page.get_by_role("button", name="Test and connect").click()
    if platform not in STEPS:
        page.get_by_role("link", name="Begin").click()
    for step in STEPS.get(platform, OF_A_STORE):
        page.get_by_role("button", name=step, exact=True).click()

    number = practice_shops["typed-ssactivewear"]["Account number"]
    named = {"filedrop": "orders@typed-filedrop.example", "ssactivewear": f"S&S Activewear {number}"}
    is_connected(page, named.get(platform, f"Typed {platform}"))


@pytest.mark.parametrize("platform", sorted(REFUSED))
def test_a_key_that_is_refused_is_said_beside_it_and_the_rest_stays(running, practice_shops, visit, platform: str):
    label, refused = REFUSED[platform]
    page = visit()
    page.goto(f"/connections/new/{platform}/")

    type_what_is_shown(page, practice_shops[f"wrong-{platform}"], address(running, platform, "wrong"))
    page.get_by_label(label, exact=True).fill(refused)
    page.get_by_label("Name in Storeward").fill("My own name for it")
    page.get_by_role("button", name="Test and connect").click()

    beside = page.locator(".field", has=page.locator("[type=password]")).locator(".errorlist")
    expect(beside).to_have_count(1)
    expect(page.get_by_label("Name in Storeward")).to_have_value("My own name for it")
    assert refused not in page.content()
    type_what_is_shown(page, practice_shops[f"wrong-{platform}"], again=True)
    page.get_by_role("button", name="Test and connect").click()
    if platform == "ssactivewear":
        page.get_by_role("link", name="Leave").click()
    is_connected(page, "My own name for it")


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "squarespace"])
def test_a_platform_is_connected_on_its_own_page(practice_shops, visit, platform: str):
    page = visit()
    page.goto(f"/connections/new/{platform}/")

    page.get_by_role("link", name=re.compile("^Connect with")).click()
    page.get_by_role("button", name=f"Go to Asked {platform}").click()
    page.get_by_role("button", name=YES[platform], exact=True).click()

    is_connected(page, f"Asked {platform}")


def address(running, platform: str, way: str) -> str:
    return f"{running.machine.url}/practice/{platform}/{way}-{platform}"


def type_what_is_shown(page: Page, shown: dict[str, str], where: str = "", *, again: bool = False) -> None:
    """As a person does who copies it out of the store; a form that was refused has forgotten the secrets alone."""
    for label, value in shown.items():
        field = page.get_by_label(label, exact=True)
        if not again or field.get_attribute("type") == "password":
            field.fill(value)
    if again:
        return
    if page.get_by_label("Region").count():
        page.get_by_label("Region").select_option(where)
    for label in ("Store address", "API address"):
        if page.get_by_label(label).count():
            page.get_by_label(label).fill(where)


def is_connected(page: Page, name: str) -> None:
    expect(page).to_have_url(re.compile(r"/connections/[0-9a-f-]+/$"))
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()


def test_what_was_typed_stands_beside_what_is_wrong_with_it(running, practice_shops, visit):
    page = visit()
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
