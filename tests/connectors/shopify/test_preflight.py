"""What Shopify would refuse is found before any money moves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from connectors.base import PickupPlace
from tests.connectors.neutral import HOME, tax, with_options
from tests.connectors.preflight_contract import PreflightContract
from tests.connectors.shopify import orders
from tests.connectors.shopify.orders import line, order, variant
from tests.connectors.shopify.shop import connector


class TestShopify(PreflightContract):
    orders = orders

    def driver(self):
        return connector()


def found(one, *variants) -> list[tuple[str, str, str]]:
    known = {each.variant_id: each for each in variants or (variant(),)}
    return [(each.code.value, each.field, each.value) for each in connector().preflight(one, known)]


def test_tax_on_top_that_no_line_tells_is_a_wrong_total():
    one = order(prices_include_tax=False, tax=Decimal("15.00"), total=Decimal("115.00"))

    assert [code for code, _, _ in found(one)] == ["total_mismatch"]


def test_a_price_finer_than_the_currency_is_a_wrong_total():
    assert [code for code, _, _ in found(order(line(unit_price=Decimal("33.333"))))] == ["total_mismatch"]


def test_an_archived_product_is_not_sellable():
    assert found(order(), variant(sellable=False)) == [("not_sellable", "lines[0].sku", "SKU-1")]


def test_a_country_that_shopify_does_not_know_is_refused():
    one = order(shipping_address=replace(HOME, country_code="AQ"))

    assert found(one) == [("country_unsupported", "shipping_address.country", "AQ")]


def test_texts_beyond_shopifys_limits_are_refused():
    place = PickupPlace("Showroom", "Quay", "x" * 5000)
    one = order(shipping_address=None, pickup=place, options=with_options(tag="y" * 41))

    assert [(code, field) for code, field, _ in found(one)] == [("text_too_long", "note"), ("text_too_long", "tags")]


def test_a_customer_needs_a_permission_of_its_own():
    sharing = order(options=with_options(share_customer_email=True, create_customer=True))
    lacking = connector(replace(orders.ACCOUNT, missing_scopes=("write_customers",)))
    known = {variant().variant_id: variant()}

    (found_then,) = lacking.preflight(sharing, known)

    assert (found_then.code, found_then.value) == ("scope_missing", "write_customers")
    assert lacking.preflight(replace(sharing, options=with_options(share_customer_email=False)), known) == ()
    assert found(sharing) == []


def test_more_lines_than_an_argument_takes_are_refused():
    one = order(*[replace(line(1, quantity=1), taxes=(tax("1.00"),)) for _ in range(251)])

    assert found(one, variant(stock=None)) == [("internal_error", "lines", "251")]
