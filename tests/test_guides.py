"""The guides: their pictures and links lead somewhere, and a picture is small enough for a page."""

from __future__ import annotations

import re

import pytest

from tests.machine import ROOT

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PICTURES = sorted((ROOT / "docs" / "img" / "guides").glob("*.png"))
LARGEST = 150 * 1024
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_shows_and_links_to_exists(guide):
    named = LINK.findall(guide.read_text(encoding="utf-8"))

    assert [path for path in named if not (guide.parent / path).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_overview_names_every_guide_and_every_guide_has_a_picture(guide):
    overview = (guide.parent / "README.md").read_text(encoding="utf-8")

    assert guide.name == "README.md" or f"({guide.name})" in overview
    assert guide.name == "README.md" or "](../img/" in guide.read_text(encoding="utf-8")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_shown_by_a_guide_and_small(picture):
    assert any(f"({'../img/guides/' + picture.name})" in guide.read_text(encoding="utf-8") for guide in GUIDES)
    assert picture.stat().st_size < LARGEST
