"""How amounts are written for people."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from babel.numbers import format_currency

from connectors.money import round_half_up

NO_BREAK = "\N{NO-BREAK SPACE}"
_LOCALES = {"NZD": "en_NZ", "AUD": "en_AU", "USD": "en_US", "CAD": "en_CA", "GBP": "en_GB"}  # where "$" is theirs


def money(amount: Decimal, currency: str, *, home: str = "") -> str:
    """NZ$1,284.50, KWD 358.250, JP¥12,800; and $1,284.50 where the reader's `home` is that currency's."""
    rounded = round_half_up(amount, currency)
    return f"{'-' if rounded < 0 else ''}{_sign(currency, at_home=currency == home)}{abs(rounded):,f}"


@cache
def _sign(currency: str, *, at_home: bool) -> str:
    """What stands before the digits, with its space where one belongs. Asked once: a list writes many amounts."""
    locale = _LOCALES.get(currency, "en") if at_home else "en_001"
    sign = str(format_currency(1, currency, locale=locale, currency_digits=False, format="¤#,##0")).removesuffix("1")
    return f"{sign}{NO_BREAK}" if sign[-1:].isalpha() else sign
