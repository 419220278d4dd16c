"""A draft as people complete it: from the pencil in the list to the store; and an order put away."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from orders.management import sample_orders
from tests.browser.steps import reload_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]


def place_draft(running, suffix: str) -> dict:
    """A sample order that came without its city and with no postcode."""
    body = sample_orders.load("nzd_gst_inside", at=timezone.now(), suffix=suffix)
    body["shipping_address"] |= {"city": "", "postcode": ""}
    order = running.portal.place(body)
    assert order["status"] == "draft"
    return order


def test_a_draft_is_completed_from_the_list_and_goes_on(running, visit):
    order = place_draft(running, "-D1")
    page = visit()

    page.goto(f"/orders/?tab=drafts&q={order['number']}")
    page.get_by_role("link", name=f"Complete {order['number']}").click()
    city, postcode = page.get_by_label("City"), page.get_by_label("Postcode")
    city.focus()
    page.keyboard.type("Auckland")
    expect(page.locator("#state-shipping_address-city")).to_be_empty()
    expect(city).to_be_focused()
    postcode.fill("10111")
    expect(page.locator("#state-shipping_address-postcode")).to_contain_text("does not look like this")
    postcode.fill("1011")
    expect(page.locator("#draft-left")).to_contain_text("Nothing is missing")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("is complete")).to_be_visible()
    reload_until(page, page.locator(".badge", has_text="Needs confirmation"))
    expect(page.get_by_text("City: empty → Auckland")).to_be_visible()


def test_a_draft_is_completed_without_javascript(running, visit):
    order = place_draft(running, "-D2")
    page = visit(java_script_enabled=False)

    page.goto(f"/orders/{order['id']}/draft/")
    page.get_by_label("City").fill("Auckland")
    page.get_by_label("Postcode").fill("ten")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("does not look like this")).to_be_visible()
    expect(page.get_by_label("City")).to_have_value("Auckland")
    page.get_by_label("Postcode").fill("1011")
    page.get_by_role("button", name="Save").click()

    reload_until(page, page.locator(".badge", has_text="Needs confirmation"))


def test_the_second_of_two_people_is_told_and_loses_nothing(running, visit):
    order = place_draft(running, "-D3")
    first, second = visit(), visit()
    for page in (first, second):
        page.goto(f"/orders/{order['id']}/draft/")
    first.get_by_label("City").fill("Auckland")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("One thing is still missing")).to_be_visible()

    second.get_by_label("City").fill("Hamilton")
    second.get_by_label("Postcode").fill("3204")
    second.get_by_role("button", name="Save").click()

    expect(second.get_by_text("while you were at it")).to_be_visible()
    expect(second.get_by_text("Saved by somebody else meanwhile: Auckland")).to_be_visible()
    expect(second.get_by_label("City")).to_have_value("Hamilton")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_text("is complete")).to_be_visible()


def test_an_order_is_archived_after_a_question_and_brought_back(running, visit):
    order = place_draft(running, "-D4")
    page = visit()

    page.goto(f"/orders/?tab=drafts&q={order['number']}")
    page.get_by_label(f"Select {order['number']}").check()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("authorization is released")).to_be_visible()
    page.get_by_role("button", name="Archive 1").click()
    expect(page.get_by_text("1 archived.")).to_be_visible()

    page.goto(f"/orders/?tab=archived&q={order['number']}")
    page.get_by_label(f"Select {order['number']}").check()
    page.get_by_role("button", name="Bring back").click()
    page.goto(f"/orders/?tab=drafts&q={order['number']}")
    expect(page.get_by_role("link", name=order["number"], exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_fit_their_screen(running, visit, width: int):
    page = visit()
    order = place_draft(running, f"-D5-{width}")
    page.set_viewport_size({"width": width, "height": 900})

    for url in (f"/orders/{order['id']}/draft/?all=1", "/orders/?tab=drafts", "/settings/requirements/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
