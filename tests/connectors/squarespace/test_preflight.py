"""What Squarespace would refuse is found before any money moves."""

from __future__ import annotations

from decimal import Decimal

from tests.connectors.preflight_contract import PreflightContract
from tests.connectors.squarespace import orders
from tests.connectors.squarespace.orders import line, order, variant
from tests.connectors.squarespace.site import connector


class TestSquarespace(PreflightContract):
    orders = orders

    def driver(self):
        return connector()


def found(one, *variants) -> list[tuple[str, str, str]]:
    known = {each.variant_id: each for each in variants or (variant(),)}
    return [(each.code.value, each.field, each.value) for each in connector().preflight(one, known)]


def test_a_price_finer_than_the_currency_is_a_wrong_total():
    assert [code for code, _, _ in found(order(line(unit_price=Decimal("33.333"))))] == ["total_mismatch"]


def test_a_reference_that_is_too_long_is_refused():
    assert found(order(reference="x" * 201)) == [("text_too_long", "reference", "201")]
