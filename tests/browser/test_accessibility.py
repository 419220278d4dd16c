"""What everybody needs of a page: names for what can be used, text that can be read, a focus that can be seen."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400, func_only=True)]

PAGES = [
    "/orders/?days=7", "/refund-requests/?all=1", "/pickups/", "/links/", "/connections/", "/connections/new/",
    "/settings/orders/", "/settings/routing/", "/settings/auto-accept/", "/settings/opening-hours/",
    "/settings/requirements/", "/settings/partners/", "/settings/plan/", "/settings/carriers/", "/settings/business/",
    "/settings/team/", "/settings/keys/",
]  # fmt: skip
NAMELESS = """() => {
  const named = e => e.textContent.trim() || e.ariaLabel || e.labels?.length || e.querySelector("img[alt]:not([alt=''])");
  return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .filter(e => !named(e)).map(e => e.outerHTML.slice(0, 120));
}"""
HEADINGS_THAT_SKIP = """() => {
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map(e => Number(e.tagName[1]));
  const skips = levels.filter((level, at) => level > (at ? levels[at - 1] : 0) + 1);
  return levels.filter(level => level === 1).length === 1 ? skips : ["not one h1"];
}"""
FAINT = """() => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => color.slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = numbers(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const contrast = e => {
    const pair = [light(numbers(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter(e => e.offsetParent && !e.disabled
    && [...e.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  return texts.filter(e => contrast(e) < 4.5).map(e => e.outerHTML.slice(0, 120));
}"""
FOCUS_IS_SEEN = """() => {
  const seen = e => e && (getComputedStyle(e).boxShadow !== "none" || getComputedStyle(e).outlineStyle !== "none");
  const now = document.activeElement;
  return seen(now) || seen(now.closest(".search")) || now.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_names_for_all_that_can_be_used_headings_in_order_and_text_with_contrast(visit, scheme: str):
    page = visit(color_scheme=scheme)

    for path in PAGES:
        page.goto(path)
        found = {check: page.evaluate(code) for check, code in
                 {"nameless": NAMELESS, "headings": HEADINGS_THAT_SKIP, "faint": FAINT}.items()}  # fmt: skip
        assert found == {"nameless": [], "headings": [], "faint": []}, path


@pytest.mark.parametrize("path", ["/orders/", "/settings/partners/"])
def test_the_focus_is_seen_wherever_the_keyboard_goes(visit, path: str):
    page = visit()
    page.goto(path)

    for _ in range(24):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_IS_SEEN) is True


def test_the_first_thing_that_the_keyboard_reaches_leads_past_the_navigation(visit):
    page = visit()
    page.goto("/orders/")

    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
