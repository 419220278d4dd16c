"""Money: a decimal amount together with its currency, exact in the currency's own minor units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

import pycountry

# ISO 4217:2015 with amendments, read November 2026: every currency not listed here has two decimals.
_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


class MoneyError(ValueError):
    """An amount or a currency that cannot be money."""


@cache
def is_currency(code: str) -> bool:
    """Whether `code` is an ISO 4217 code in upper case."""
    return len(code) == 3 and code.isupper() and pycountry.currencies.get(alpha_3=code) is not None


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit: JPY 0, NZD 2, KWD 3."""
    if not is_currency(currency):
        raise MoneyError(f"{currency!r} is not a currency code.")
    return _EXPONENTS.get(currency, 2)


def round_half_up(amount: Decimal, currency: str) -> Decimal:
    """The nearest amount the currency can hold; halves go away from zero, as the platforms round."""
    try:
        return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)
    except InvalidOperation as error:
        raise MoneyError(f"{amount} has more digits than money can have.") from error


def fits(amount: Decimal, currency: str) -> bool:
    """Whether the amount has no more decimals than the currency."""
    return amount == round_half_up(amount, currency)


def to_minor(amount: Decimal, currency: str) -> int:
    """Whole minor units (cents). Refuses an amount with more decimals than the currency has."""
    if not amount.is_finite() or not fits(amount, currency):
        raise MoneyError(f"{amount} has more decimals than {currency} has.")
    return int(amount.scaleb(exponent(currency)))


def from_minor(units: int, currency: str) -> Decimal:
    """The decimal amount of whole minor units."""
    return Decimal(units).scaleb(-exponent(currency))


def plain(amount: Decimal, currency: str) -> str:
    """The amount as platforms and our API write it: "1284.50", "1200", "3.250"."""
    return f"{round_half_up(amount, currency):f}"


def named(amount: Decimal, currency: str) -> str:
    """An amount that somebody else names: "12.50 NZD", and as it is when the currency cannot hold it, "12.505 NZD"."""
    if is_currency(currency) and fits(amount, currency):
        return f"{plain(amount, currency)} {currency}"
    return f"{amount.normalize():f} {currency}"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units of one currency. Adding or comparing two currencies raises MoneyError."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise MoneyError(f"Money needs a Decimal, not {type(self.amount).__name__}.")
        if not self.amount.is_finite() or not fits(self.amount, self.currency):
            raise MoneyError(f"{self.amount} has more decimals than {self.currency} has.")

    def minor_units(self) -> int:
        return to_minor(self.amount, self.currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount <= other.amount

    def __str__(self) -> str:
        return f"{plain(self.amount, self.currency)} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be combined.")


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Sum that is a Decimal even when there is nothing to add."""
    return sum(amounts, Decimal(0))


def apportion(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The amount in parts that are in proportion to the weights and add up to it exactly, by largest remainder.

    Neither the amount nor a weight may be negative. Equal remainders favour the earlier part; when every weight is
    zero the first part takes all. A part never exceeds its weight when the amount does not exceed their sum.
    """
    units, sizes = to_minor(amount, currency), [to_minor(weight, currency) for weight in weights]
    if units < 0 or any(size < 0 for size in sizes):
        raise MoneyError("A negative amount cannot be shared out.")
    if not sum(sizes):
        sizes = [1] + [0] * (len(sizes) - 1)
    shares = [divmod(units * size, sum(sizes)) for size in sizes]
    left = units - sum(share for share, _ in shares)
    first = sorted(range(len(shares)), key=lambda index: (-shares[index][1], index))[:left]
    return [from_minor(share + (index in first), currency) for index, (share, _) in enumerate(shares)]
