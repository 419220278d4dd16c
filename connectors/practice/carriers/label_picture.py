"""The picture of a practice label: a GIF on its side, of 4 by 6 inches at 200 points each, as UPS' are."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image, ImageDraw, ImageFont

_SIZE = (800, 1200)
_BLACK, _WHITE = 0, 255


def draw(number: str, *, service: str, to: Iterable[str], reference: str) -> bytes:
    picture = Image.new("L", _SIZE, _WHITE)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((10, 10, _SIZE[0] - 10, _SIZE[1] - 10), outline=_BLACK, width=4)
    pen.text((40, 40), "PRACTICE LABEL - NOT FOR SHIPPING", fill=_BLACK, font=ImageFont.load_default(34))
    for index, line in enumerate(("SHIP TO", *to)):
        pen.text((40, 140 + index * 50), line, fill=_BLACK, font=ImageFont.load_default(36))
    pen.text((40, 620), f"SERVICE {service}", fill=_BLACK, font=ImageFont.load_default(60))
    for index, sign in enumerate(number):
        left = 60 + index * 38
        pen.rectangle((left, 760, left + 6 + ord(sign) % 24, 980), fill=_BLACK)
    pen.text((60, 1000), number, fill=_BLACK, font=ImageFont.load_default(48))
    pen.text((60, 1100), f"REF {reference}", fill=_BLACK, font=ImageFont.load_default(36))
    out = io.BytesIO()
    picture.rotate(90, expand=True).convert("P").save(out, "GIF")
    return out.getvalue()
