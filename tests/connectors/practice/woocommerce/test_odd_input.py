"""What a real store makes of input that is not what it looks for: refused, or taken without a word, never a crash."""

from __future__ import annotations

import pytest

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import HOME, change, create, line, product, rate, refused, send


def update(shop, order, **fields):
    answer = send(shop, "PUT", f"orders/{order['id']}", fields)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    "fields",
    [
        {"meta_data": ["x"]},
        {"meta_data": [{"key": 5, "value": "x"}]},
        {"meta_data": {"key": "a", "value": "x"}},
        {"coupon_lines": ["x"]},
    ],
)
def test_lists_hold_objects_of_the_right_kind(shop, fields):
    assert refused(shop, **fields) == (400, "rest_invalid_param")


@pytest.mark.parametrize("fields", [{"sku": 123}, {"meta_data": ["x"]}])
def test_so_do_lines(shop, fields):
    assert refused(shop, line_items=[{**line(shop), **fields}]) == (400, "rest_invalid_param")


def test_a_refusal_names_the_place(shop):
    answer = send(shop, "POST", "orders", {"line_items": [line(shop, meta_data=["x"])]})

    detail = answer.json()["data"]["details"]["line_items"]
    assert detail["code"] == "rest_invalid_type"
    assert detail["message"] == "line_items[0][meta_data][0] is not of type object."


def test_less_than_nothing_is_taken_and_costs_nothing(shop):
    order = create(shop, line_items=[line(shop, quantity=-1, total=None)])

    assert (order["total"], order["status"], order["line_items"][0]["quantity"]) == ("0.00", "processing", -1)


def test_null_is_as_good_as_left_out_of_a_change(shop):
    order = create(shop, transaction_id="MP-1", customer_note="Ring twice")
    (item,) = order["line_items"]

    changed = update(
        shop,
        order,
        transaction_id=None,
        customer_note=None,
        meta_data=None,
        billing={"phone": None},
        line_items=[{"id": item["id"], "quantity": None, "total": None}],
    )

    names = ("transaction_id", "customer_note", "billing", "line_items", "total")
    assert {name: changed[name] for name in names} == {name: order[name] for name in names}


def test_null_is_as_good_as_left_out_of_a_new_order(shop):
    nulls = {"transaction_id": None, "customer_note": None, "created_via": None, "currency": None}
    bodies = {
        **nulls,
        "line_items": [{**line(shop), "quantity": None, "total": None}],
        "shipping": {**HOME, "city": None},
    }

    answer = send(shop, "POST", "orders", {"status": "processing", "billing": HOME, **bodies})

    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["line_items"][0]["quantity"], told["total"], "city" in told["shipping"]) == (1, "50.00", False)


def test_meta_data_without_a_key_is_lost_and_with_an_id_replaced(shop):
    order = create(shop, meta_data=[{"key": "a", "value": "1"}, {"value": "nobody's"}])
    (kept,) = order["meta_data"]

    changed = update(shop, order, meta_data=[{"id": kept["id"], "value": "2"}])

    assert (kept["key"], changed["meta_data"]) == ("a", [{"id": kept["id"], "key": "a", "value": "2"}])


@pytest.mark.parametrize("total", ["abc", "NaN", "Infinity", None])
def test_a_fee_that_is_no_number_is_nothing(shop, total):
    assert create(shop, fee_lines=[{"name": "Odd", "total": total}])["total"] == "100.00"


# --- postcodes of tax rates ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "postcode", "is_taxed"),
    [
        ("1011", "1011", True),
        ("1011", "1012", False),
        ("SW1A1AA", "sw1a 1aa", True),
        ("10*", "1011", True),
        ("10*", "2011", False),
        ("SW1A*", "sw1a 1aa", True),
        ("1010...1099", "1010", True),
        ("1010...1099", "1099", True),
        ("1010...1099", "1100", False),
        ("1010...1099", "SW1A 1AA", False),
        ("1010...1099", "", False),
    ],
)
def test_a_rate_names_postcodes_by_their_beginning_and_as_a_range(shop, pattern, postcode, is_taxed):
    change(shop, rates=[rate("15", postcodes=["9999", pattern])])

    order = create(shop, shipping={**HOME, "postcode": postcode}, line_items=[line(shop, total="100.00")])

    assert order["total"] == ("115.00" if is_taxed else "100.00")


@pytest.mark.parametrize(
    ("pattern", "postcode", "is_taxed"),
    [
        ("SW1A 1AA", "sw1a1aa", True),
        ("SW1A 1*", "SW1A1AA", True),
        ("SW1A1*", "SW1A 1AA", False),
        ("SW1...SW9", "SW1A 1AA", True),
        ("SW1...SW9", "NW1 4NP", False),
    ],
)
def test_a_beginning_is_one_of_how_its_country_writes_a_postcode(shop, pattern, postcode, is_taxed):
    change(shop, rates=[rate("15", country="", postcodes=[pattern])])
    there = {**HOME, "country": "GB", "postcode": postcode}

    order = create(shop, shipping=there, line_items=[line(shop, total="100.00")])

    assert order["total"] == ("115.00" if is_taxed else "100.00")


def test_what_is_odd_leaves_stock_as_it_reckons(shop):
    create(shop, line_items=[line(shop, quantity=-1, total=None)])

    assert (product(shop).stock, PracticeOrder.objects.count()) == (6, 1)
