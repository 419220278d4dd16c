"""Money is exact in the minor units of its currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import Money, MoneyError, from_minor, named, plain, round_half_up, to_minor
from orders.money import money
from tests.examples import tried

CURRENCIES = st.sampled_from(["NZD", "USD", "JPY", "KWD", "CLF"])


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("12.30", "NZD", 1230), ("1200", "JPY", 1200), ("1.005", "KWD", 1005), ("0", "USD", 0)],
)
def test_minor_units_follow_the_currency(amount: str, currency: str, units: int):
    assert Money(Decimal(amount), currency).minor_units() == units


@pytest.mark.parametrize(("amount", "currency"), [("1.001", "NZD"), ("1.5", "JPY"), ("1.0001", "KWD"), ("NaN", "NZD")])
def test_an_amount_that_the_currency_cannot_hold_is_refused(amount: str, currency: str):
    with pytest.raises(MoneyError):
        Money(Decimal(amount), currency)


def test_two_currencies_are_never_added():
    with pytest.raises(MoneyError):
        Money(Decimal(1), "NZD") + Money(Decimal(1), "USD")


def test_a_float_is_not_money():
    with pytest.raises(MoneyError):
        Money(1.5, "NZD")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["nzd", "ZZZ", "", "NZ", "NZDD"])
def test_what_is_no_currency_is_refused(code: str):
    with pytest.raises(MoneyError):
        to_minor(Decimal(1), code)


def test_halves_go_away_from_zero():
    assert round_half_up(Decimal("0.125"), "NZD") == Decimal("0.13")


@tried(100)
@given(units=st.integers(0, 10**12), currency=CURRENCIES)
def test_minor_units_come_back_as_they_went(units: int, currency: str):
    assert to_minor(Decimal(plain(from_minor(units, currency), currency)), currency) == units


def test_an_amount_of_too_many_digits_is_refused():
    with pytest.raises(MoneyError, match="more digits"):
        to_minor(Decimal("1E+30"), "NZD")


def test_dollars_name_their_country_to_everybody_but_those_at_home():
    written = [money(Decimal("12.5"), currency, home="NZD") for currency in ("NZD", "AUD", "USD", "JPY", "KWD")]

    assert [text.replace("\xa0", " ") for text in written] == ["$12.50", "A$12.50", "US$12.50", "JP¥13", "KWD 12.500"]
    assert money(Decimal("-12.5"), "NZD") == "-NZ$12.50"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.5", "NZD", "12.50 NZD"),
        ("12.500", "KWD", "12.500 KWD"),
        ("1200.00", "JPY", "1200 JPY"),
        ("12.505", "NZD", "12.505 NZD"),
        ("12.50", "???", "12.5 ???"),
    ],
)
def test_an_amount_that_somebody_else_names_is_told_to_its_last_digit(amount: str, currency: str, text: str):
    assert named(Decimal(amount), currency) == text
