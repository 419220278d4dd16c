"""What an invoice and customs ask of an order: how each value is written, checked and kept."""

from __future__ import annotations

import re
from decimal import Decimal

from orders.services.intake_reading import Reader, is_country

_SEPARATORS = re.compile(r"[\s.\-]")
_HS_CODE = re.compile(r"[0-9]{6,12}")
_FISCAL_KEY = re.compile(r"[0-9]{44}")


def hs_code(reader: Reader, name: str) -> str:
    """6 digits of the Harmonized System and up to 6 more of a country's own; dots and spaces are left out."""
    code = _SEPARATORS.sub("", reader.text(name, most=20))
    if code and not _HS_CODE.fullmatch(code):
        reader.note(name, "not_an_hs_code", "An HS code has 6 to 12 digits, as 9403.60.")
        return ""
    return code


def country(reader: Reader, name: str) -> str:
    code = reader.text(name, most=2).upper()
    if code and not is_country(code):
        reader.note(name, "unknown_country", "This is not an ISO 3166-1 country code, as NZ.")
        return ""
    return code


def value(reader: Reader, name: str, currency: str) -> Decimal | None:
    """What the whole line is declared at; None when it is not said."""
    if reader.data.get(name) in (None, ""):
        reader.skip(name)
        return None
    amount = reader.amount(name, currency)
    if not amount and not reader.problems.about(reader.at(name)):
        reader.note(name, "out_of_range", "Customs wants a value above zero, also for a gift.")
    return amount or None


def invoice_key(reader: Reader, name: str) -> str:
    """Any key of up to 60 characters; one of 44 digits is a Brazilian NF-e's, whose last digit checks the others."""
    key = reader.text(name, most=60)
    digits = _SEPARATORS.sub("", key)
    if not _FISCAL_KEY.fullmatch(digits):
        return key
    if int(digits[-1]) != _check_digit(digits[:-1]):
        reader.note(
            name, "wrong_check_digit", "One of the key's 44 digits is wrong: the last one does not fit the others."
        )
        return ""
    return digits


def _check_digit(digits: str) -> int:
    """Modulo 11 with the weights 2 to 9 from the right (Manual de Orientação do Contribuinte of the NF-e, 7.0)."""
    weighted = sum(int(digit) * (2 + index % 8) for index, digit in enumerate(reversed(digits)))
    rest = weighted % 11
    return 0 if rest < 2 else 11 - rest
