"""Pictures that strangers send: looked at with suspicion, kept only as a JPEG that we made from their pixels.

Nothing but pixels survives: no metadata (where it was taken), no comments, nothing behind the picture's end.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps

MOST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 25_000_000  # decoded at once; larger JPEGs are scaled down while they are decoded
SIDE = 1600  # pixels of the longer side that is kept
FORMATS = ("JPEG", "PNG", "WEBP")
CONTENT_TYPE = "image/jpeg"

# What Pillow raises for files that are broken or made to break it; its own warning of a bomb counts as one.
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, MemoryError,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


class PictureRefused(ValueError):
    """In words for the person who sent it."""


def clean(file: IO[bytes], *, size: int) -> bytes:
    """The picture as a plain JPEG of at most SIDE pixels. `size` in bytes. Raises PictureRefused."""
    if size > MOST_BYTES:
        raise PictureRefused(f"The picture is larger than {MOST_BYTES // 1024 // 1024} MB.")
    try:
        return _encoded(_decoded(file))
    except _BROKEN as error:
        raise PictureRefused("This is not a picture that can be read. Send a JPEG, PNG or WebP.") from error


def _decoded(file: IO[bytes]) -> Image.Image:
    """Upright pixels on white."""
    with Image.open(file, formats=FORMATS) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError("more pixels than are decoded here")
        picture.thumbnail((SIDE, SIDE))
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    pixels = Image.new("RGB", upright.size, "white")  # a new picture: it inherits no metadata
    pixels.paste(upright, mask=upright)
    return pixels


def _encoded(pixels: Image.Image) -> bytes:
    out = BytesIO()
    pixels.save(out, "JPEG", quality=85)
    return out.getvalue()
