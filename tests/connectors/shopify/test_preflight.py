"""What Shopify would refuse is found before any money moves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.base import Address, PickupPlace
from tests.connectors.shopify.orders import HOME, SHOWROOM, VARIANT, line, order, tax, variant, with_options
from tests.connectors.shopify.shop import connector


def found(one, *variants) -> list[tuple[str, str, str]]:
    known = {each.variant_id: each for each in variants or (variant(),)}
    return [(each.code.value, each.field, each.value) for each in connector().preflight(one, known)]


def test_a_good_order_has_no_blockers():
    assert found(order()) == []


def test_another_currency_than_the_shops_is_refused():
    assert found(order(currency="USD")) == [("currency_unsupported", "currency", "USD")]


def test_an_order_without_value_is_refused():
    assert found(order(line(unit_price=Decimal(0)))) == [("zero_total", "total", "0")]


def test_both_figures_of_a_wrong_total_are_told():
    (blocker,) = connector().preflight(order(total=Decimal("100.01")), {VARIANT.format(1): variant()})

    assert (blocker.code, blocker.value) == ("total_mismatch", "100.00")
    assert "100.00 NZD" in blocker.message
    assert "100.01 NZD" in blocker.message


def test_tax_on_top_that_no_line_tells_is_a_wrong_total():
    one = order(prices_include_tax=False, tax=Decimal("15.00"), total=Decimal("115.00"))

    assert [code for code, _, _ in found(one)] == ["total_mismatch"]


def test_a_price_finer_than_the_currency_is_a_wrong_total():
    assert [code for code, _, _ in found(order(line(unit_price=Decimal("33.333"))))] == ["total_mismatch"]


def test_lines_without_a_product_are_named():
    one = order(line(1), line(2, variant_id=""), replace(line(3, variant_id=""), sku=""), line(4))

    assert found(one) == [
        ("unmapped_sku", "lines[1].sku", "SKU-2"),
        ("custom_line", "lines[2].sku", ""),
        ("sku_gone", "lines[3].sku", "SKU-4"),
    ]


def test_an_archived_product_is_not_sellable():
    assert found(order(), variant(sellable=False)) == [("not_sellable", "lines[0].sku", "SKU-1")]


def test_stock_is_compared_with_the_sum_of_all_lines_of_a_variant():
    one = order(line(1, quantity=3), replace(line(2, quantity=3), variant_id=VARIANT.format(1)))

    assert found(one, variant(1, stock=5)) == [("out_of_stock", "lines[0].sku", "SKU-1")]
    assert found(one, variant(1, stock=6)) == []


def test_stock_that_is_not_counted_is_enough():
    assert found(order(line(quantity=900)), variant(stock=None)) == []


def test_the_stock_check_can_be_bypassed():
    assert found(order(line(quantity=900), options=with_options(bypass_stock_check=True))) == []


@pytest.mark.parametrize(
    ("missing", "part"),
    [
        ({"first_name": "", "last_name": ""}, "name"),
        ({"address1": ""}, "address1"),
        ({"city": ""}, "city"),
        ({"country_code": ""}, "country"),
    ],
)
def test_an_incomplete_address_names_what_is_missing(missing, part):
    one = order(shipping_address=replace(HOME, **missing))

    assert found(one) == [("address_incomplete", f"shipping_address.{part}", "")]


def test_a_delivery_without_address_is_refused():
    assert {code for code, _, _ in found(order(shipping_address=None))} == {"address_incomplete"}


def test_a_pickup_needs_no_address():
    assert found(order(shipping_address=None, billing=Address(), pickup=SHOWROOM)) == []


def test_a_country_that_shopify_does_not_know_is_refused():
    one = order(shipping_address=replace(HOME, country_code="AQ"))

    assert found(one) == [("country_unsupported", "shipping_address.country", "AQ")]


def test_texts_beyond_shopifys_limits_are_refused():
    place = PickupPlace("Showroom", "Quay", "x" * 5000)
    one = order(shipping_address=None, pickup=place, options=with_options(tag="y" * 41))

    assert [(code, field) for code, field, _ in found(one)] == [("text_too_long", "note"), ("text_too_long", "tags")]


def test_more_lines_than_an_argument_takes_are_refused():
    one = order(*[replace(line(1, quantity=1), taxes=(tax("1.00"),)) for _ in range(251)])

    assert found(one, variant(stock=None)) == [("internal_error", "lines", "251")]


def test_every_message_says_what_to_do_in_a_sentence():
    one = order(line(1, variant_id=""), line(2, quantity=9), currency="USD", total=Decimal(0))
    messages = [each.message for each in connector().preflight(one, {VARIANT.format(2): variant(2)})]

    assert len(messages) == 5
    assert all(message.endswith(".") for message in messages)
