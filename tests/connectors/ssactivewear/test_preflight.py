"""What S&S would refuse, found without asking it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.base import PickupPlace, SupplierOptions
from connectors.ssactivewear.preflight import PO_MAX, blockers
from tests.connectors.ssactivewear.orders import ACCOUNT, HOME, STORE, line, order, variant, variants

CANADIAN = replace(ACCOUNT, base_url="https://api-ca.ssactivewear.com/v2")
TORONTO = replace(HOME, city="Toronto", province_code="ON", postcode="M5V 3A8", country_code="CA")


def found(given=None, *, there=None, account=ACCOUNT) -> list[tuple[str, str, str]]:
    seen = blockers(given or order(), variants() if there is None else there, account)
    return [(each.code.value, each.field, each.value) for each in seen]


def codes(given=None, **rest) -> list[str]:
    return [code for code, _, _ in found(given, **rest)]


def test_a_good_order_has_none():
    assert found() == []


def test_the_total_is_no_concern_of_a_supplier():
    assert found(order(total=Decimal(0), currency="NZD")) == []


def test_a_line_without_a_link_is_named():
    assert found(order(line(variant_id=""))) == [("unmapped_sku", "lines[0].sku", "TEE-3")]


def test_a_line_without_a_sku_is_no_product_of_theirs():
    assert codes(order(replace(line(variant_id=""), sku=""))) == ["custom_line"]


def test_a_product_that_was_discontinued_is_named():
    assert found(there={}) == [("sku_gone", "lines[0].sku", "TEE-3")]


def test_two_lines_of_one_product_need_their_sum():
    two = order(line(quantity=3), line(quantity=3))

    assert found(two) == [("out_of_stock", "lines[0].sku", "TEE-3")]
    assert found(two, there=variants(variant(stock=6))) == []


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"address1": ""}, "shipping_address.address1"),
        ({"city": ""}, "shipping_address.city"),
        ({"province_code": ""}, "shipping_address.province"),
        ({"postcode": ""}, "shipping_address.postcode"),
        ({"country_code": ""}, "shipping_address.country"),
    ],
)
def test_what_an_address_lacks(part, field):
    assert found(order(shipping_address=replace(HOME, **part)))[0] == ("address_incomplete", field, "")


def test_the_region_of_the_account_is_the_only_country():
    assert codes(order(shipping_address=TORONTO)) == ["country_unsupported"]
    assert codes(order(shipping_address=TORONTO), account=CANADIAN) == []
    assert codes(account=CANADIAN) == ["country_unsupported"]


@pytest.mark.parametrize(("postcode", "expected"), [("60440", []), ("60440-1234", []), ("6044", ["postcode_invalid"])])
def test_a_zip_has_five_digits(postcode, expected):
    assert codes(order(shipping_address=replace(HOME, postcode=postcode))) == expected


def test_an_unknown_state_is_named():
    at = order(shipping_address=replace(HOME, province_code="AUK"))

    assert found(at) == [("province_unknown", "shipping_address.province", "AUK")]


def test_a_pickup_needs_the_store_s_address():
    collected = order(shipping_address=None, pickup=PickupPlace("Showroom", "9 Customs St"))

    assert codes(collected) == ["pickup_location_unmapped"]
    sent_on = replace(collected, options=order(supplier=SupplierOptions(store_address=STORE)).options)
    assert codes(sent_on) == []


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"shipping_method": "40"}, []),
        ({"shipping_method": "99"}, ["shipping_method_unmapped"]),
        ({"payment_email": "a@example.com", "payment_profile_id": "7"}, []),
        ({"payment_email": "a@example.com"}, ["payment_profile_missing"]),
        ({"payment_profile_id": "7"}, ["payment_profile_missing"]),
        ({"payment_email": "a@example.com", "payment_profile_id": "seven"}, ["payment_profile_missing"]),
    ],
)
def test_choices_that_s_and_s_does_not_know(chosen, expected):
    assert codes(order(supplier=SupplierOptions(**chosen))) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("SW-1-G2", []),
        ("SW,1", ["internal_error"]),
        ("SW/1", ["internal_error"]),
        ("", ["internal_error"]),
        ("S" * (PO_MAX + 1), ["text_too_long"]),
    ],
)
def test_a_po_number_must_be_found_again(reference, expected):
    assert codes(order(reference=reference)) == expected


def test_the_suffix_of_a_test_counts_too():
    almost = order(reference="S" * PO_MAX, supplier=SupplierOptions(test_order=True))

    assert codes(almost) == ["text_too_long"]


@pytest.mark.parametrize(("chosen", "blocked"), [((), []), (("KS",), ["out_of_stock"]), (("KS", "IL"), [])])
def test_stock_counts_in_the_warehouses_that_may_send(chosen, blocked):
    there = {key: replace(each, stock=7, stock_by_place=(("IL", 6), ("KS", 1))) for key, each in variants().items()}

    assert codes(order(supplier=SupplierOptions(warehouses=chosen)), there=there) == blocked
