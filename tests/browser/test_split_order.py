"""One order for two stores, as a person splits it on a phone without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import fits, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

SECOND_STORE = """
from django.utils import timezone
from accounts.models import Merchant
from connectors.practice import services
from orders.management import demo_data
here = demo_data.SHOPS[0]
shop = services.open_shop(
    slug="kauri-seconds", name="Kauri Seconds", currency="NZD", taxes_included=True, variants=here.variants
)
demo_data._connect(shop, Merchant.objects.get(slug=here.slug), at=timezone.now())
"""
PHONE = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}


@pytest.fixture(scope="module")
def second_store(running) -> None:
    running.machine.run(SECOND_STORE)


def test_an_order_is_split_and_each_store_holds_its_part(running, second_store, visit):
    order = running.place("two_parcels", suffix="-S")
    page = visit(**PHONE)
    page.goto(f"/orders/{order['id']}/")

    page.locator("#destinations input[name=lines]").first.check()
    page.get_by_label("Move the chosen lines to").select_option(label="Kauri Seconds")
    page.get_by_role("button", name="Move").click()
    expect(page.get_by_text(re.compile("moved .* to Kauri Seconds"))).to_be_visible()
    reload_until(page, page.locator("#headline", has_text="Needs confirmation"))
    page.get_by_role("button", name="Confirm and capture").click()

    reload_until(page, page.locator("#headline", has_text="Awaiting fulfillment"))
    reload_until(page, page.get_by_text("equal to what was paid").nth(3))
    expect(page.get_by_text("equal to what was paid")).to_have_count(4)  # each card, and each line of the history
    assert fits(page), page.url


def test_a_preview_reads_on_a_phone(running, second_store, visit):
    order = running.place("two_parcels", suffix="-T")
    page = visit(**PHONE)
    page.goto(f"/orders/{order['id']}/")

    page.get_by_role("link", name="Preview").first.click()

    expect(page.get_by_text("variables.order.lineItems")).to_be_visible()
    assert fits(page), page.url


def test_a_rule_is_written_and_used(running, second_store, visit):
    page = visit(**PHONE)
    page.goto("/settings/routing/")
    page.get_by_label("When").select_option(label="Order has the tag")
    page.get_by_label("Value").fill("seconds")
    page.get_by_label("Goes to").select_option(label="Kauri Seconds")
    page.get_by_role("button", name="Add").click()

    expect(page.locator(".rules")).to_contain_text("seconds")
    assert fits(page), page.url
