"""What every store's preflight finds. A platform's tests inherit it and bring their orders and their driver."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from connectors.base import Address, Connector, OutboundOrder, RemoteVariant
from tests.connectors.neutral import HOME, SHOWROOM, with_options


class PreflightContract:
    orders: ModuleType  # line(), order() and variant() as the platform names its variants

    def driver(self) -> Connector:
        raise NotImplementedError

    def found(self, order: OutboundOrder, *variants: RemoteVariant) -> list[tuple[str, str, str]]:
        known = {each.variant_id: each for each in variants or (self.orders.variant(),)}
        return [(each.code.value, each.field, each.value) for each in self.driver().preflight(order, known)]

    def test_a_good_order_has_no_blockers(self):
        assert self.found(self.orders.order()) == []

    def test_another_currency_than_the_stores_is_refused(self):
        assert self.found(self.orders.order(currency="EUR")) == [("currency_unsupported", "currency", "EUR")]

    def test_an_order_without_value_is_refused(self):
        free = self.orders.order(self.orders.line(unit_price=Decimal(0)))

        assert ("zero_total", "total", "0") in self.found(free)

    def test_both_figures_of_a_wrong_total_are_told(self):
        variant = self.orders.variant()
        (blocker,) = self.driver().preflight(self.orders.order(total=Decimal("100.01")), {variant.variant_id: variant})

        assert (blocker.code, blocker.value) == ("total_mismatch", "100.00")
        assert "100.00 NZD" in blocker.message
        assert "100.01 NZD" in blocker.message

    def test_lines_without_a_product_are_named(self):
        line = self.orders.line
        one = self.orders.order(line(1), line(2, variant_id=""), replace(line(3, variant_id=""), sku=""), line(4))

        assert self.found(one) == [
            ("unmapped_sku", "lines[1].sku", "SKU-2"),
            ("custom_line", "lines[2].sku", ""),
            ("sku_gone", "lines[3].sku", "SKU-4"),
        ]

    def test_stock_is_compared_with_the_sum_of_all_lines_of_a_product(self):
        first = self.orders.line(1, quantity=3)
        one = self.orders.order(first, replace(self.orders.line(2, quantity=3), variant_id=first.variant_id))

        assert ("out_of_stock", "lines[0].sku", "SKU-1") in self.found(one, self.orders.variant(1, stock=5))
        assert self.found(one, self.orders.variant(1, stock=6)) == []

    def test_stock_that_is_not_counted_is_enough(self):
        assert self.found(self.many(), self.orders.variant(stock=None)) == []

    def test_the_stock_check_can_be_bypassed(self):
        assert self.found(self.many(options=with_options(bypass_stock_check=True))) == []

    @pytest.mark.parametrize(
        ("missing", "part"),
        [
            ({"first_name": "", "last_name": ""}, "name"),
            ({"address1": ""}, "address1"),
            ({"city": ""}, "city"),
            ({"country_code": ""}, "country"),
        ],
    )
    def test_an_incomplete_address_names_what_is_missing(self, missing: dict[str, Any], part: str):
        one = self.orders.order(shipping_address=replace(HOME, **missing))

        assert ("address_incomplete", f"shipping_address.{part}", "") in self.found(one)

    def test_a_delivery_without_address_is_refused(self):
        assert "address_incomplete" in {code for code, _, _ in self.found(self.orders.order(shipping_address=None))}

    def test_a_pickup_needs_no_address(self):
        one = self.orders.order(shipping_address=None, billing=Address(), pickup=SHOWROOM)

        assert self.found(one) == []

    def test_every_message_is_a_sentence(self):
        one = self.orders.order(self.orders.line(1, variant_id=""), self.orders.line(2, quantity=9), currency="EUR")
        known = self.orders.variant(2)
        messages = [each.message for each in self.driver().preflight(one, {known.variant_id: known})]

        assert len(messages) == 3
        assert all(message.endswith(".") for message in messages)

    def many(self, **fields: Any) -> OutboundOrder:
        return self.orders.order(self.orders.line(quantity=900), **fields)
