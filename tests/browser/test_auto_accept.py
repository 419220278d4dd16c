"""Auto-accept rules as a person writes them on a phone: a look back, shadow mode, then orders go through by themselves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.steps import fits, reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}
RULES = "/settings/auto-accept/"


def test_rules_are_tried_in_shadow_and_then_accept_by_themselves(running, visit):
    page = visit(**PHONE)
    page.goto("/settings/opening-hours/")
    page.get_by_label("Saturday").fill("10:00-14:00")
    page.get_by_label("Ships within").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#sample")).to_contain_text("shipped by")
    pictures.take(page, "opening-hours")
    assert fits(page), page.url

    page.goto(RULES)
    page.get_by_label("Total to").fill("5000")
    page.get_by_label("Products").select_option(label="No line does")
    page.get_by_label("SKUs").fill("LAMP-")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".rules")).to_contain_text("Total at most 5000.00 NZD; no SKU begins with LAMP-")
    pictures.take(page, "auto-accept")
    page.get_by_label("Shadow mode").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#shadow")).to_be_visible()

    in_shadow = running.place("two_parcels", suffix="-A1")
    page.goto(f"/orders/{in_shadow['id']}/")
    reload_until(page, page.locator("#headline", has_text="Needs confirmation"))
    pictures.take(page, "auto-accept-why")
    expect(page.locator("#why")).to_contain_text("Shadow mode: Rule 1 accepts it")
    expect(page.locator("#deadlines")).to_contain_text("Ship by")
    assert fits(page), page.url

    page.goto(RULES)
    page.get_by_role("link", name=re.compile("Run on my last 90 days")).click()
    expect(page.locator("#would-accept")).to_be_visible()
    assert fits(page), page.url
    page.get_by_label("Shadow mode").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#shadow")).to_have_count(0)

    accepted = running.place("two_parcels", suffix="-A2")
    page.goto(f"/orders/{accepted['id']}/")
    reload_until(page, page.locator("#headline", has_text="Awaiting fulfillment"))
    expect(page.get_by_text("Confirmed by auto-accept.")).to_be_visible()
    page.goto("/orders/?sort=due&due=ship")
    expect(page.get_by_role("link", name=accepted["number"], exact=True)).to_be_visible()
    assert fits(page), page.url


@pytest.fixture(autouse=True)
def _leave_no_rules(running):
    """The other tests of this portal know of none."""
    yield
    running.machine.run(
        "from orders.models import AcceptRule, BusinessHours\n"
        "AcceptRule.objects.all().delete()\nBusinessHours.objects.all().delete()"
    )
