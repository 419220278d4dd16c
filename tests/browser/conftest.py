"""A running portal (web and worker) with one merchant and its practice store, and a browser that reports violations."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from orders.management import sample_orders
from orders.management.journey import Portal
from orders.processes import spawn, stop
from tests import migrated
from tests.machine import ROOT, Machine, answers, free_port, wait_until

SET_UP = """
import json
from django.utils import timezone
from orders.management import demo_data
password, portal = demo_data.make_people(at=timezone.now())
demo_data.open_shops(at=timezone.now())
print(json.dumps([demo_data.OWNER, password, portal.marketplace_key, portal.merchant_keys]))
"""
STARTS_WITHIN_S = 240.0
SIGN_INS, IN_S = 25, 61.0  # the portal takes 30 a minute from one address
TELL_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
)


@dataclass(frozen=True)
class Business:
    owner: str
    merchant_key: str
    marketplace_key: str


@dataclass(frozen=True)
class Running:
    machine: Machine
    owner: str
    password: str
    portal: Portal
    signed_in: deque[float] = field(default_factory=lambda: deque(maxlen=SIGN_INS))  # when

    def businesses(self, *wanted: dict[str, Any]) -> list[Business]:
        """Merchants of a test's own, each with a practice store that is not connected yet."""
        code = (
            "import json\nfrom tests.browser import businesses\n"
            f"print(json.dumps([businesses.open_business(password={self.password!r}, **each) for each in {wanted!r}]))"
        )
        return [Business(**made) for made in json.loads(self.machine.run(code).splitlines()[-1])]

    def buy(self, slug: str, *skus: str, **address: str) -> str:
        """As a customer of a practice store; the order's number there."""
        code = f"from tests.browser import businesses\nprint(businesses.buy({slug!r}, *{skus!r}, **{address!r}))"
        return self.machine.run(code).splitlines()[-1]

    def place(self, name: str, suffix: str = "") -> dict:
        """A sample order over the API, checked by its store."""
        order = self.portal.place(sample_orders.load(name, at=timezone.now(), suffix=suffix))
        return self.portal.until(order, "preflight", lambda found: found["pushes"][0]["checked_at"] is not None)


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("portal") / "browser.sqlite3", port=free_port(), sftp_port=free_port())
    migrated.set_up(machine)
    commands = (["portal", "--bind", f"127.0.0.1:{machine.port}"], ["practice_sftp"])
    here = Path.cwd()
    os.chdir(ROOT)
    processes = [spawn([sys.executable, "manage.py", *command], env=machine.env) for command in commands]
    os.chdir(here)
    try:
        wait_until(lambda: answers(f"{machine.url}/healthz"), seconds=STARTS_WITHIN_S, what="the portal answers")
        wait_until(lambda: _listens(machine.sftp_port), seconds=STARTS_WITHIN_S, what="the practice supplier listens")
        owner, password, key, keys = json.loads(machine.run(SET_UP).splitlines()[-1])
        yield Running(machine, owner, password, Portal(machine.url, key, keys))
    finally:
        for process in processes:
            stop(process, after_s=25)


PATIENCE_MS = 90_000  # a machine with much to do is slow


@pytest.fixture(scope="session")
def chromium():
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
    assert path, "No chromium: install it, or name it in CHROMIUM."
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"], timeout=STARTS_WITHIN_S * 1000
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, running: Running):
    """Opens a signed-in page; at the end nothing that it showed may have broken the content security policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(owner: str = "", **options) -> Page:
        context = chromium.new_context(
            **{"base_url": running.machine.url, "viewport": {"width": 1440, "height": 1000}} | options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(TELL_VIOLATIONS)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(f"{page.url}: {said.text}") if _is_complaint(said) else None)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        if len(running.signed_in) == SIGN_INS:
            time.sleep(max(0.0, running.signed_in[0] + IN_S - time.monotonic()))
        page.goto("/")
        page.get_by_label("Email").fill(owner or running.owner)
        page.locator("[name=password]").fill(running.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/orders/**")
        running.signed_in.append(time.monotonic())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(said) -> bool:
    return said.type == "error" and ("CSP" in said.text or "Content Security Policy" in said.text)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
