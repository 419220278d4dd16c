"""Pictures that strangers send: what is refused, and that only pixels survive."""

from __future__ import annotations

import zlib
from io import BytesIO
from struct import pack
from typing import Any

import pytest
from PIL import Image

from orders.services import pictures
from orders.services.pictures import PictureRefused, clean

CANARY = b"CANARY-36.8485S-174.7633E"


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    Image.new(mode, size, "red").save(out, kind, **options)
    return out.getvalue()


def cleaned(content: bytes) -> bytes:
    return clean(BytesIO(content), size=len(content))


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(cleaned(content)))


def with_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = CANARY.decode()
    exif.get_ifd(0x8825)[1] = "S"
    return picture(exif=exif, comment=CANARY)


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
)
def test_a_picture_becomes_a_jpeg(kind: str, mode: str):
    found = opened(picture(kind, mode=mode))

    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (40, 30))


def test_a_large_picture_is_made_smaller_in_its_proportions():
    assert opened(picture(size=(4000, 1000))).size == (1600, 400)


def test_nothing_of_the_metadata_survives():
    content = with_exif()
    assert CANARY in content

    kept = cleaned(content)

    assert CANARY not in kept
    assert not Image.open(BytesIO(kept)).getexif()


def test_a_picture_that_was_taken_sideways_stands_upright():
    assert opened(with_exif(orientation=6)).size == (30, 40)


@pytest.mark.parametrize(
    "payload", [b"PK\x03\x04" + CANARY, b"<script>alert(1)</script>" + CANARY, b"%PDF-1.7 " + CANARY]
)
def test_what_hangs_behind_the_picture_is_cut_off(payload: bytes):
    assert CANARY not in cleaned(picture() + payload)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + b"\0" * 30,
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"%PDF-1.7",
        picture()[:200],
        picture("PNG")[:60],
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        picture("GIF"),
        picture("TIFF"),
        picture("BMP"),
        bomb(10_000, 10_000),
        bomb(30_000, 30_000),
        picture("PNG", size=(6_000, 5_000), mode="1"),
        bomb(0, 0),
    ],
    ids=[
        "empty", "gif head", "svg", "html", "pdf", "half a jpeg", "half a png", "jpeg head", "gif", "tiff", "bmp",
        "bomb", "larger bomb", "too many pixels", "no pixels",
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(content: bytes):
    with pytest.raises(PictureRefused, match="not a picture that can be read"):
        cleaned(content)


def test_a_file_that_is_too_large_is_not_even_read():
    class Unread(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("read")

    with pytest.raises(PictureRefused, match="larger than 8 MB"):
        clean(Unread(), size=pictures.MOST_BYTES + 1)
