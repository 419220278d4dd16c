"""What WooCommerce would refuse, lose or add up to something else is found before any money moves."""

from __future__ import annotations

from dataclasses import replace

from connectors.base import Account
from connectors.http import HttpClient
from connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.neutral import HOME, tax
from tests.connectors.preflight_contract import PreflightContract
from tests.connectors.woocommerce import orders
from tests.connectors.woocommerce.orders import line, order, rate, variant
from tests.connectors.woocommerce.store import connector


class TestWooCommerce(PreflightContract):
    orders = orders

    def driver(self):
        return connector()


def found(one, *variants, **settings) -> list[tuple[str, str, str]]:
    known = {each.variant_id: each for each in variants or (variant(),)}
    return [(each.code.value, each.field, each.value) for each in connector(**settings).preflight(one, known)]


def test_another_rate_than_the_stores_is_a_wrong_total():
    assert found(order(), rates=[rate("20")]) == [("total_mismatch", "total", "104.35")]


def test_a_product_of_another_class_is_a_wrong_total():
    assert found(order(), variant(tax_class=None)) == [("total_mismatch", "total", "86.96")]


def test_a_store_that_computes_no_taxes_takes_every_order():
    assert found(order(), taxes_enabled=False, rates=[]) == []


def test_a_store_with_too_many_rates_is_compared_later():
    assert found(order(), rates=None) == []
    assert found(order(line()), rates=None) == [("tax_missing", "tax", "")]


def test_a_store_whose_taxes_are_not_known_takes_nothing():
    account = Account("https://kauri.example.com", {}, currency="NZD")
    blockers = WooCommerceConnector(account, HttpClient()).preflight(order(), {"1": variant()})

    assert [blocker.code for blocker in blockers] == ["tax_missing"]


def test_a_draft_is_not_sellable():
    assert found(order(), variant(sellable=False)) == [("not_sellable", "lines[0].sku", "SKU-1")]


def test_texts_that_woocommerce_would_lose_or_cut_are_refused():
    one = order(
        reference="R" * 101,
        shipping_address=replace(HOME, phone="1" * 101),
        billing=replace(HOME, first_name="x" * 1001),
        customer_note="y" * 10_001,
    )

    assert [(code, field) for code, field, _ in found(one)] == [
        ("text_too_long", "reference"),
        ("text_too_long", "billing_address.first_name"),
        ("text_too_long", "shipping_address.phone"),
        ("text_too_long", "customer_note"),
    ]


def test_a_told_tax_that_the_store_knows_passes_on_top_as_well():
    one = order(line(taxes=(tax("15.00"),)), prices_include_tax=False)

    assert found(one, prices_include_tax=False) == []
