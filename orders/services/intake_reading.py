"""Reads a JSON body field by field and collects what is wrong with each, so that one answer names every problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import phonenumbers
import pycountry
from django.utils.dateparse import parse_datetime

from accounts.services.addresses import is_address
from connectors import money, times
from orders.errors import FieldProblem

MAX_AMOUNT = Decimal(10) ** 11
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?")
_RATE = re.compile(r"[0-9](\.[0-9]{1,6})?")
_BAD_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Problems:
    """The list of problems found so far."""

    def __init__(self) -> None:
        self.found: list[FieldProblem] = []

    def add(self, field: str, code: str, message: str) -> None:
        self.found.append(FieldProblem(field, code, message))

    def about(self, field: str) -> bool:
        """Whether something is wrong with this field already."""
        return any(problem.field == field for problem in self.found)


class Reader:
    """One JSON object of the body. Each method reads one field, notes what is wrong, and returns a usable value."""

    def __init__(self, data: Any, problems: Problems, path: str = "") -> None:
        self.problems = problems
        self.path = path
        self._read: set[str] = set()
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.note("", "wrong_type", "This must be an object.")

    def note(self, name: str, code: str, message: str) -> None:
        self.problems.add(self.at(name), code, message)

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else (self.path or name)

    def text(self, name: str, *, most: int, required: bool = False) -> str:
        value = self._value(name, required=required)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.note(name, "wrong_type", "This must be text.")
            return ""
        value = value.strip()
        if _BAD_CHARACTERS.search(value):
            self.note(name, "bad_characters", "This holds characters that cannot be stored.")
            return ""
        if len(value) > most:
            self.note(name, "too_long", f"This may have {most} characters at the most.")
            return ""
        if required and not value:
            self.note(name, "required", "This may not be empty.")
        return str(value)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._value(name, required=default is None)
        if value is None:
            return bool(default)
        if not isinstance(value, bool):
            self.note(name, "wrong_type", "This must be true or false.")
            return False
        return value

    def whole(self, name: str, *, least: int, most: int) -> int:
        value = self._value(name, required=True)
        if value is None:
            return least
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(name, "wrong_type", "This must be a whole number.")
        elif not least <= value <= most:
            self.note(name, "out_of_range", f"This must be between {least} and {most}.")
        else:
            return value
        return least

    def amount(self, name: str, currency: str, *, default: str | None = None) -> Decimal:
        """A non-negative amount with no more decimals than the currency has."""
        value = self._value(name, required=default is None)
        if value is None:
            return Decimal(default or 0)
        number = self._decimal(name, value, _NUMBER)
        if number is None:
            return Decimal(0)
        if number < 0 or number > MAX_AMOUNT:
            self.note(name, "out_of_range", "This must be zero or more, and a sum that exists.")
        elif currency and not money.fits(number, currency):
            self.note(name, "too_precise", f"{currency} has {money.exponent(currency)} decimals.")
        else:
            return number
        return Decimal(0)

    def rate(self, name: str) -> Decimal:
        value = self._value(name, required=True)
        number = None if value is None else self._decimal(name, value, _RATE)
        if number is not None and number > 1:
            self.note(name, "out_of_range", "A rate is a fraction: 0.15 stands for 15 %.")
            return Decimal(0)
        return number or Decimal(0)

    def moment(self, name: str, *, required: bool = True) -> datetime | None:
        value = self._value(name, required=required)
        if value is None:
            return None
        try:
            moment = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.note(name, "not_a_time", "This must be a time with its offset, as 2026-11-23T09:41:00+13:00.")
            return None
        if not times.is_usable(moment):
            self.note(name, "out_of_range", f"This must be a time {times.RANGE}.")
            return None
        return moment.astimezone(UTC)

    def choice(self, name: str, known: Callable[[str], bool], *, code: str, message: str) -> str:
        value = self.text(name, most=100, required=True)
        if value and not known(value):
            self.note(name, code, message)
            return ""
        return value

    def email(self, name: str) -> str:
        value = self.text(name, most=254)
        if value and not is_address(value):
            self.note(name, "not_an_email", "This is not an e-mail address.")
            return ""
        return value

    def phone(self, name: str, country_code: str) -> str:
        """E.164; a local number is read in its country."""
        value = self.text(name, most=40)
        if not value:
            return ""
        try:
            number = phonenumbers.parse(value, country_code or None)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            self.note(name, "not_a_phone_number", "This is not a phone number; write it as +6421123456.")
            return ""
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

    def given(self, name: str) -> bool:
        """Neither left out nor null."""
        self._read.add(name)
        return self.data.get(name) is not None

    def part(self, name: str) -> Reader | None:
        """An object inside this one; None when it is left out."""
        value = self._value(name, required=False)
        return None if value is None else Reader(value, self.problems, self.at(name))

    def parts(self, name: str, *, least: int, most: int) -> Iterator[Reader]:
        value = self._value(name, required=least > 0)
        if value is None:
            return
        if not isinstance(value, list):
            self.note(name, "wrong_type", "This must be a list.")
            return
        if not least <= len(value) <= most:
            self.note(name, "wrong_length", f"This must have {least} to {most} entries.")
            return
        for index, item in enumerate(value):
            yield Reader(item, self.problems, f"{self.at(name)}[{index}]")

    def texts(self, name: str, *, most: int) -> dict[str, str]:
        """A flat object of texts."""
        inner = self.part(name)
        if inner is None:
            return {}
        if len(inner.data) > most:
            inner.note("", "wrong_length", f"This may have {most} entries at the most.")
            return {}
        for key in inner.data:
            if not isinstance(key, str) or not 0 < len(key) <= 60 or _BAD_CHARACTERS.search(key):
                inner.note("", "bad_name", "A name has 1 to 60 plain characters.")
                return {}
        return {key: inner.text(key, most=500) for key in inner.data}

    def skip(self, name: str) -> None:
        """The field is known, and left empty."""
        self._read.add(name)

    def end(self) -> None:
        """Whatever was not read is not known: a typing error must not pass as a missing field."""
        for name in self.data:
            if name not in self._read:
                self.note(str(name)[:60], "unknown_field", "This field is not known.")

    def _value(self, name: str, *, required: bool) -> Any:
        self._read.add(name)
        value = self.data.get(name)
        if value is None and required and isinstance(self.data, dict):
            self.note(name, "required", "This field is required.")
        return value

    def _decimal(self, name: str, value: Any, shape: re.Pattern[str]) -> Decimal | None:
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.note(name, "wrong_type", 'This must be an amount in text, as "12.50".')
            return None
        text = str(value) if isinstance(value, str) or abs(value) < 10**15 else ""
        if not shape.fullmatch(text):
            self.note(name, "not_a_number", 'This must be an amount in text, as "12.50".')
            return None
        try:
            return Decimal(text)
        except InvalidOperation:
            self.note(name, "not_a_number", "This is not a number.")
            return None


@cache
def is_country(code: str) -> bool:
    """Whether `code` is an ISO 3166-1 alpha-2 code in upper case."""
    return len(code) == 2 and code.isupper() and pycountry.countries.get(alpha_2=code) is not None


@cache
def province_codes(country_code: str) -> frozenset[str]:
    """ISO 3166-2 subdivisions of a country, without its prefix."""
    found = pycountry.subdivisions.get(country_code=country_code) or []  # type: ignore[no-untyped-call]
    return frozenset(item.code.partition("-")[2] for item in found)
