"""Pictures for the guides, taken from the pages that the tests walk through anyway."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from tests.machine import ROOT

FOLDER = ROOT / "docs" / "img" / "guides"
COLORS = 240
WIDTH, HEIGHT, TALLEST = 1280, 860, 1500
# What differs from run to run: moments, the port, long random ids, and how the worker is.
SETTLE = """
() => {
  document.querySelectorAll("time").forEach(time => {
    time.textContent = time.textContent.trim()
      .replace(/\\b\\d{1,2} [A-Z][a-z]{2}( \\d{4})?/, (_, year) => "23 Nov" + (year ? " 2026" : ""))
      .replace(/\\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\\b/, "Mon")
      .replace(/\\d{2}:\\d{2}(:\\d{2})?/, "09:41");
  });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    walker.currentNode.data = walker.currentNode.data
      .replace(/http:\\/\\/127\\.0\\.0\\.1:\\d+/g, "https://storeward.example")
      .replace(/\\b\\d{1,2} Nov( 2026)?, \\d{2}:\\d{2}(:\\d{2})?/g, (_, year) => "23 Nov" + (year || "") + ", 09:41")
      .replace(/\\b[0-9a-f]{32}\\b/g, "1f9d0c6a2b784e5f93d1a7c0e8b64d25");
  }
  document.querySelector(".side-foot")?.remove();
  if (document.activeElement) document.activeElement.blur();
}
"""


def wanted() -> bool:
    return os.environ.get("STOREWARD_PICTURES", "") == "1"


def take(page: Page, name: str, *, of: Locator | None = None, without: Locator | None = None) -> None:
    """A light picture of the page at one width, or of a part of it; nothing when no pictures are asked for.

    `without`: rows that are left out, as those in letters for which the machine may have no font.
    """
    if not wanted():
        return
    page.wait_for_load_state("networkidle")
    before = page.viewport_size
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(SETTLE)
    if without:
        without.evaluate_all("rows => rows.forEach(row => row.remove())")
    page.evaluate("scrollTo(0, 0)")
    height = min(page.evaluate("document.querySelector('#main, .plain')?.scrollHeight || innerHeight") + 60, TALLEST)
    page.set_viewport_size({"width": WIDTH, "height": max(int(height), 420)})
    _save(of.screenshot() if of else page.screenshot(), FOLDER / f"{name}.png")
    page.set_viewport_size(before or {"width": WIDTH, "height": HEIGHT})


def _save(png: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for color in _commonest(picture) for part in color])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _commonest(picture: Image.Image) -> list[tuple[int, int, int]]:
    """Surfaces keep their exact colors; the edges of letters make do with the nearest."""
    counted = picture.getcolors(picture.width * picture.height) or []
    return [color for _, color in sorted(counted, reverse=True)[:COLORS]]
