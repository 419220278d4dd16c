"""What people do again and again in the browser tests."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Locator, Page

ON_ITS_WAY_S = 60  # in which a worker does what was asked


def reload_until(page: Page, shown: Locator) -> None:
    """Look again until it is there; without JavaScript too."""
    for _ in range(ON_ITS_WAY_S * 3):
        if shown.first.is_visible():
            return
        page.wait_for_timeout(333)
        page.reload()
    raise AssertionError(f"{shown} was never shown: {page.locator('main').inner_text()[:600]}")


def connect_practice(page: Page, platform: str, name: str) -> str:
    """Through the gallery. The connection's public id."""
    page.goto("/connections/new/")
    page.locator(f'a[href="/connections/new/{platform}/"]').first.click()
    page.get_by_role("button", name=f"Connect {name}").click()
    page.wait_for_url(lambda url: "/new/" not in url)
    return page.url.split("/connections/")[1].split("/")[0]


def take_orders_from(page: Page, connection: str) -> None:
    """Turn the store into a channel, and wait until it was read once."""
    page.goto(f"/connections/{connection}/orders/")
    page.get_by_label("Take orders from this store").check()
    page.get_by_label("Orders placed from").fill(f"{timezone.now() - timedelta(days=2):%Y-%m-%d}")
    page.get_by_role("button", name="Save").click()
    reload_until(page, page.get_by_text("New orders come in by themselves"))


def fits(page: Page) -> bool:
    """Nothing makes the page wider than its screen."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
