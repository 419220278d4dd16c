"""How amounts are written for people."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency

from connectors.money import round_half_up

_LOCALES = {"NZD": "en_NZ", "AUD": "en_AU", "USD": "en_US", "CAD": "en_CA", "GBP": "en_GB"}  # where "$" is theirs


def money(amount: Decimal, currency: str) -> str:
    """$1,284.50 for dollars where they are at home, KWD 358.250 and ¥12,800 elsewhere."""
    rounded = round_half_up(amount, currency)
    return str(
        format_currency(
            rounded, currency, locale=_LOCALES.get(currency, "en"), currency_digits=False, format=_pattern(rounded)
        )
    )


def _pattern(rounded: Decimal) -> str:
    digits = -int(rounded.as_tuple().exponent)
    return "¤#,##0" + (f".{'0' * digits}" if digits else "")
