"""The taxes that a store will compute, by WooCommerce's rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.woocommerce import taxes
from tests.connectors.woocommerce.orders import rate, settings

AUCKLAND = {"country": "NZ", "state": "AUK", "postcode": "1011", "city": "Auckland"}


def applied(*table, at=AUCKLAND, tax_class="standard") -> list[str]:
    return [each["percent"] for each in taxes.rates(settings(rates=list(table)), at, tax_class)]


def place(**given):
    body = {"shipping": {"country": "AU"}, "billing": {"country": "GB"}, "shipping_lines": [{"method_id": "flat_rate"}]}
    known = settings(tax_based_on=given.pop("tax_based_on", "shipping"))
    return taxes.place({**body, **given}, known)["country"]


def test_the_more_particular_rate_of_a_priority_applies():
    assert applied(rate("10", country=""), rate("15"), rate("12", state="AUK")) == ["12"]


def test_rates_of_different_priorities_add_up():
    assert applied(rate("5"), rate("7", priority=2)) == ["5", "7"]


def test_rates_of_other_classes_and_places_do_not_apply():
    assert applied(rate("0", **{"class": "zero-rate"}), rate("10", country="AU"), rate("9", state="WKO")) == []


def test_goods_that_are_not_taxed_have_no_rates():
    assert applied(rate("15"), tax_class=None) == []


@pytest.mark.parametrize(
    ("pattern", "fits"), [("1011", True), ("10*", True), ("1000...1100", True), ("1012", False), ("2000...2100", False)]
)
def test_postcodes_are_names_patterns_and_ranges(pattern, fits):
    assert applied(rate("15", postcodes=[pattern])) == (["15"] if fits else [])


@pytest.mark.parametrize(
    ("country", "postcode", "pattern", "fits"),
    [
        ("GB", "SW1A 1AA", "SW1A 1AA", True),
        ("GB", "sw1a1aa", "SW1A 1AA", True),
        ("GB", "SW1A 1AA", "SW1A1AA", True),
        ("GB", "SW1A 1AA", "SW1A*", True),
        ("GB", "SW1A 1AA", "SW1A 1*", True),
        ("GB", "SW1A 1AA", "SW1A1*", False),  # a beginning is of how it is written
        ("GB", "SW1A 1AA", "SW1...SW9", True),
        ("GB", "NW1 4NP", "SW1...SW9", False),
        ("GB", "SW9 0AA", "SW1...SW9", False),  # the last is SW9 with nothing behind it
        ("CA", "K1A 0B1", "K1A...K1B", True),
        ("CA", "M5V 3L9", "K1A...K1B", False),
        ("NL", "1012 AB", "1000...1099", True),
        ("NL", "1012AB", "1012 A*", True),
        ("NL", "2011 AB", "1000...1099", False),
        ("US", "90210-1234", "90210*", True),
        ("US", "90210", "90000…90999", True),
        ("PT", "1000205", "1000-2*", True),
        ("GB", "", "SW1...SW9", False),
        ("GB", "SW1A 1AA", "SW1...SW5...SW9", False),
        ("NZ", "1011", "1*1", False),
    ],
)
def test_postcodes_with_letters_are_matched_as_woocommerce_does(country, postcode, pattern, fits):
    at = {"country": country, "state": "", "postcode": postcode, "city": ""}

    assert applied(rate("15", country=country, postcodes=[pattern]), at=at) == (["15"] if fits else [])


def test_a_city_has_to_be_the_one():
    assert applied(rate("15", cities=["AUCKLAND"])) == ["15"]
    assert applied(rate("15", cities=["HAMILTON"])) == []


def test_a_compound_rate_taxes_the_other_tax():
    table = [rate("5"), rate("10", compound=True, priority=2)]

    assert taxes.of(Decimal(100), table) == [Decimal("5.00"), Decimal("10.500")]


def test_taxes_are_those_of_the_shipping_address():
    assert place() == "AU"


def test_taxes_follow_the_billing_address_when_the_store_says_so_or_nothing_else_is_there():
    assert place(tax_based_on="billing") == "GB"
    assert place(shipping={}) == "GB"


def test_taxes_are_the_stores_own_for_what_is_collected_there():
    assert place(tax_based_on="base") == "NZ"
    assert place(shipping={}, billing={}) == "NZ"
    assert place(shipping_lines=[{"method_id": "local_pickup"}]) == "NZ"


def test_shipping_takes_the_class_of_the_goods():
    reduced = rate("5", **{"class": "reduced-rate"})
    known = settings(rates=[rate("15"), reduced])

    percent = [each["percent"] for each in taxes.shipping_rates(known, AUCKLAND, [None, "reduced-rate"])]
    assert percent == ["5"]
    assert taxes.shipping_rates(known, AUCKLAND, [None]) == []


def test_a_rate_that_is_not_for_shipping_leaves_it_alone():
    assert taxes.shipping_rates(settings(rates=[rate("15", shipping=False)]), AUCKLAND, ["standard"]) == []


def test_half_a_cent_of_tax_goes_down_where_prices_include_tax():
    sent = {"line_items": [{"total": "0.10"}], "shipping_lines": [], "meta_data": [], "billing": {}, "shipping": {}}

    inside = taxes.total(sent, settings(rates=[rate("15")]), ["standard"])
    on_top = taxes.total(sent, settings(rates=[rate("15")], prices_include_tax=False), ["standard"])

    assert (inside, on_top) == (Decimal("0.11"), Decimal("0.12"))


def test_a_store_without_decimals_rounds_to_whole_units():
    sent = {"line_items": [{"total": "10.40"}], "shipping_lines": [], "meta_data": [], "billing": {}, "shipping": {}}

    assert taxes.total(sent, settings(decimals=0, taxes_enabled=False), ["standard"]) == Decimal(10)


def test_a_table_that_is_too_long_is_not_known():
    assert not taxes.are_known(settings(rates=None))
    assert not taxes.are_known({})
    assert taxes.are_known(settings(rates=None, taxes_enabled=False))
