"""An order that is exported again, as a person does it on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.steps import fits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

PHONE = {"viewport": {"width": 390, "height": 844}}


def test_an_edited_order_is_cancelled_there_and_created_anew(running, visit):
    order = running.place("nzd_gst_inside", suffix="-R")
    running.portal.act(order, "confirm")
    exported = running.portal.until(order, "export", lambda found: found["export_status"] == "success")
    address = {key: value for key, value in exported["addresses"][0].items() if value and key != "kind"}
    edited = {"revision": exported["revision"], "shipping_address": address | {"address1": "1 Queen Street"}}
    running.portal.call("PATCH", f"orders/{order['id']}/", running.portal.marketplace_key, edited)
    page = visit(**PHONE)
    page.goto("/orders/?export=modified")
    page.get_by_role("link", name=order["number"], exact=True).first.click()
    page.get_by_role("link", name="See before and after").click()
    expect(page.locator("#changes")).to_contain_text("1 Queen Street")
    assert fits(page), page.url

    page.get_by_role("button", name="Set to re-export").click()
    expect(page.get_by_text("It stands there and has not been sent.")).to_be_visible()
    expect(page.get_by_label("Create a new one", exact=True)).to_be_disabled()
    page.get_by_label("Cancel it and create a new one").check()
    pictures.take(page, "re-export")
    assert fits(page), page.url
    page.get_by_role("button", name="Go on").click()

    expect(page.locator("#reexport-status")).to_have_text("Done")
    done = running.portal.until(order, "new export", lambda found: found["export_status"] == "success")
    assert [push["generation"] for push in done["pushes"]] == [1, 2]
    assert fits(page), page.url
