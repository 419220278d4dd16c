"""Which postcodes a tax rate means, by WooCommerce's rules, read in its source in November 2026:

wc_postcode_location_matcher, wc_get_wildcard_postcodes, wc_make_numeric_postcode, wc_format_postcode,
WC_Tax::_update_tax_rate_postcodes (which keeps them as they were typed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# How a postcode is written in these countries; a beginning ("SW1A 1*") is held against that.
_WRITTEN: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("CA", "GB"), lambda code: f"{code[:-3]} {code[-3:]}"),
    "IE": lambda code: f"{code[:3]} {code[3:]}",
    **dict.fromkeys(("BR", "PL"), lambda code: f"{code[:-3]}-{code[-3:]}"),
    "JP": lambda code: f"{code[:3]}-{code[3:]}",
    "PT": lambda code: f"{code[:4]}-{code[4:]}",
    **dict.fromkeys(("PR", "US"), lambda code: f"{code[:5]}-{code[5:]}".rstrip("-")),
    "NL": lambda code: f"{code[:4]} {code[4:]}",
    "LV": lambda code: re.sub(r"^(?:LV)?(\d+).*$", r"LV-\1", code),
    "DK": lambda code: re.sub(r"^DK(.+)$", r"DK-\1", code),
}


def fits(pattern: str, postcode: str, *, country: str) -> bool:
    """`pattern` is a postcode, the beginning of some ("SW1A 1*"), or a range ("1010...1099", "SW1...SW9")."""
    given, wanted = re.sub(r"[\s-]", "", postcode.upper()), pattern.strip().upper().replace("…", "...")
    if "..." in wanted:
        ends = [end.strip() for end in wanted.split("...")]
        return len(ends) == 2 and _is_between(given, *ends)
    written = _WRITTEN.get(country, str)(given).strip()
    beginning, star, rest = wanted.partition("*")
    return wanted in (given, written) if not star else not rest and written.startswith(beginning)


def _is_between(given: str, first: str, last: str) -> bool:
    """Numbers as numbers; a postcode with letters between two numbers as text; between letters, each letter by its place."""
    if not (first.isdecimal() and last.isdecimal()):
        compared = _as_number(given)
        return bool(compared) and _filled(first, compared) <= int(compared) <= _filled(last, compared)
    if given.isdecimal():
        return int(first) <= int(given) <= int(last)
    return first <= given <= last


def _filled(end: str, like: str) -> int:
    """Short ends begin where they begin: "SW9" is SW9 and nothing behind it."""
    return int(_as_number(end).ljust(len(like), "0") or 0)


def _as_number(code: str) -> str:
    """Two digits for each character: 09 for "9", 16 for "P"."""
    return "".join(
        f"{ord(each) - ord('A') + 1:02}" if "A" <= each <= "Z" else f"0{each}" if each.isdecimal() else "00"
        for each in re.sub(r"[ -]", "", code)
    )
