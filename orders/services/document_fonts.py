"""The letters of documents: Inter, embedded, for Latin, Greek and Cyrillic; for Chinese, Japanese and Korean the fonts
that every PDF reader brings along, not embedded. What neither has is written as a question mark.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path

import fontpkg_inter
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

LATIN = "Inter"
CHINESE, TRADITIONAL, JAPANESE, KOREAN = "STSong-Light", "MSung-Light", "HeiseiKakuGo-W5", "HYSMyeongJo-Medium"
_BY_COUNTRY = {"JP": JAPANESE, "KR": KOREAN, "TW": TRADITIONAL, "HK": TRADITIONAL, "MO": TRADITIONAL}
_FILE = Path(fontpkg_inter.__file__).parent / "files" / "Inter[opsz,wght].ttf"
_UNKNOWN = "?"

Run = tuple[str, str]  # font, text


def runs(text: str, *, country: str = "") -> list[Run]:
    """One line of text in pieces of one font each. `country` decides how Han characters are drawn without other signs."""
    line = clean(text)
    han = _han(line, country)
    drawn = ((_font(character, han), character) for character in line)
    known = ((font or LATIN, character if font else _UNKNOWN) for font, character in drawn)
    return [(font, "".join(each[1] for each in group)) for font, group in groupby(known, key=lambda each: each[0])]


def width(text: str, size: float, *, country: str = "") -> float:
    """In points."""
    return float(sum(pdfmetrics.stringWidth(part, font, size) for font, part in runs(text, country=country)))


def clean(text: str) -> str:
    """In one line, composed, without what cannot be seen."""
    plain = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    visible = "".join(each for each in unicodedata.normalize("NFC", plain) if unicodedata.category(each) != "Cf")
    return " ".join(visible.split())


def is_wide(character: str) -> bool:
    """Whether a line may end at it without a space."""
    return unicodedata.east_asian_width(character) in ("W", "F")


def _han(line: str, country: str) -> str:
    for character in line:
        name = unicodedata.name(character, "")
        if name.startswith(("HIRAGANA", "KATAKANA")):
            return JAPANESE
        if name.startswith("HANGUL"):
            return KOREAN
    return _BY_COUNTRY.get(country, CHINESE)


def _font(character: str, han: str) -> str:
    """Empty for a sign that none has."""
    if ord(character) in _letters():
        return LATIN
    return han if is_wide(character) and ord(character) < 0x10000 else ""


@cache
def _letters() -> frozenset[int]:
    """What Inter can draw; with it, all fonts are made known to reportlab once per process."""
    font = TTFont(LATIN, str(_FILE))
    pdfmetrics.registerFont(font)
    for name in (CHINESE, TRADITIONAL, JAPANESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return frozenset(font.face.charToGlyph)
