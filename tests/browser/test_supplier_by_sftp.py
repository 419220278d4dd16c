"""A supplier by SFTP is connected on a phone: typed, its server's key compared and confirmed, set up, and tested."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import fits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

LOOK = """
import json
from connectors.practice.filedrop_sftp.server import server_key
from connectors.practice.models import PracticeShop
from connectors.sftp import fingerprint
print(json.dumps([PracticeShop.objects.get(slug="kauri-mill").access_token, fingerprint(server_key().asbytes())]))
"""
LEAVE = """
from django.utils import timezone
from connectors.models import Connection
Connection.objects.get(platform="filedrop_sftp", merchant__slug="kauri-and-clay").tracking_files.create(
    name="tracking-2026-11-21-final-corrected.csv", size=1, modified_at=1, seen_at=timezone.now(), read_at=timezone.now(),
    rows=3, faults=["Row 4: this supplier has no PO SW-000000000099.", "Row 7: the quantity must be a whole number from 1 on."],
)
"""
STEPS = ["Test, save & next", "Save & next", "Save & next", "Save & finish"]


def test_a_supplier_is_connected_on_a_phone(running, visit):
    password, fingerprint = json.loads(running.machine.run(LOOK))
    page = visit(viewport={"width": 390, "height": 844})
    page.set_default_timeout(8000)
    page.goto("/connections/new/")
    page.locator('a[href="/connections/new/filedrop_sftp/"]').click()
    expect(page.get_by_role("heading", name="Connect Supplier by SFTP")).to_be_visible()
    assert fits(page), page.url

    page.get_by_label("Server").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(running.machine.sftp_port))
    page.get_by_label("User").fill("kauri-mill")
    page.get_by_label("Password").fill(password)
    page.get_by_label("Folder for purchase orders").fill("/orders")
    page.get_by_label("Folder for tracking").fill("/tracking")
    page.get_by_label("Currency").fill("NZD")
    page.get_by_role("button", name="Test and connect").click()

    expect(page.get_by_text(fingerprint)).to_be_visible()
    assert password not in page.content()
    assert fits(page), page.url
    page.get_by_role("button", name="It is the same: confirm").focus()
    page.keyboard.press("Enter")
    for step in STEPS:
        page.get_by_role("button", name=step, exact=True).click()
    expect(page).to_have_url(re.compile(r"/connections/[0-9a-f-]+/$"))
    page.get_by_role("button", name="Test connection").click()

    expect(page.get_by_text("127.0.0.1 answered")).to_be_visible()
    expect(page.get_by_text(fingerprint)).to_be_visible()
    running.machine.run(LEAVE)
    page.reload()
    expect(page.get_by_text("Row 7: the quantity must be")).to_be_visible()
    assert fits(page), page.url
