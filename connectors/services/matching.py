"""When two ways of writing a SKU or a barcode mean the same. Nothing here reads a table."""

from __future__ import annotations

import re
import unicodedata

NORMALIZED_MAX = 255  # a longer one is no key
BARCODE_MAX = 120

_SEPARATORS = re.compile(r"[\s_/\\\-\u2010-\u2015\u2212]+")
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})  # GS1 General Specifications: GTIN-8, -12 (UPC), -13 (EAN), -14


def normalized(sku: str) -> str:
    """The SKU without case, spaces, hyphens, underscores and slashes: "Stool-Oak 01" and "STOOLOAK01" are one.

    A separator between two digits counts, so that "1-15" is not "11-5"; so does every other sign: "1.5" is not "15".
    Empty when nothing is left or it is too long to be a key.
    """
    words = [word for word in _SEPARATORS.split(unicodedata.normalize("NFKC", sku).casefold()) if word]
    joined = ""
    for word in words:
        joined += f"-{word}" if joined[-1:].isdigit() and word[0].isdigit() else word
    return joined if len(joined) <= NORMALIZED_MAX else ""


def barcode_key(text: str) -> str:
    """What barcodes are compared by: GTINs of every length as 14 digits, others without case and outer spaces."""
    plain = text.strip()
    digits = re.sub(r"[\s-]", "", plain)
    if digits.isascii() and digits.isdigit() and len(digits) in _GTIN_LENGTHS:
        return digits.zfill(14)
    return plain.casefold() if len(plain.casefold()) <= BARCODE_MAX else ""


def words(text: str, *, at_most: int = 6) -> list[str]:
    """What to look for, in lower case: the longest words first, none of fewer than two signs."""
    found = dict.fromkeys(re.findall(r"[^\W_]{2,}", text.lower()))
    return sorted(found, key=len, reverse=True)[:at_most]
