"""A supplier by SFTP is connected on a phone: typed, its server's key compared and confirmed, set up, and tested."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import fits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

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


def test_a_password_that_the_server_refuses_is_said_beside_it_and_the_rest_stays(running, visit):
    _, fingerprint = json.loads(running.machine.run(LOOK))
    page = visit()
    page.goto("/connections/new/filedrop_sftp/")
    typed = type_all(page, running, "not the password")

    page.get_by_role("button", name="Test and connect").click()
    expect(page.get_by_text(fingerprint)).to_be_visible()
    page.get_by_role("button", name="It is the same: confirm").click()

    beside = page.locator(".field", has=page.get_by_label("Password")).locator(".errorlist")
    expect(beside).to_have_count(1)
    for label, text in typed.items():
        expect(page.get_by_label(label)).to_have_value("" if label == "Password" else text)
    assert "not the password" not in page.content()


def type_all(page: Page, running, password: str) -> dict[str, str]:
    """What was typed into the form, by its label."""
    typed = {
        "Server": "127.0.0.1", "Port": str(running.machine.sftp_port), "User": "kauri-mill", "Password": password,
        "Folder for purchase orders": "/orders", "Folder for tracking": "/tracking", "Currency": "NZD",
    }  # fmt: skip
    for label, text in typed.items():
        page.get_by_label(label).fill(text)
    return typed


def test_a_supplier_is_connected_on_a_phone(running, visit):
    password, fingerprint = json.loads(running.machine.run(LOOK))
    page = visit(viewport={"width": 390, "height": 844})
    page.goto("/connections/new/")
    page.locator('a[href="/connections/new/filedrop_sftp/"]').click()
    expect(page.get_by_role("heading", name="Connect Supplier by SFTP")).to_be_visible()
    assert fits(page), page.url

    type_all(page, running, password)
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
