"""Lists: what their parameters mean, and those that are ignored without a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import ask, change, create, product, refusal, send

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def order(shop):
    row = PracticeOrder.objects.get(pk=create(shop, transaction_id="MP-10", created_via="storeward")["id"])
    PracticeOrder.objects.filter(pk=row.pk).update(created_at=NOON, updated_at=NOON)
    return row


def found(shop, query) -> int:
    return len(ask(shop, f"orders?{query}"))


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("after=2026-11-23T11:59:59&dates_are_gmt=true", 1),
        ("after=2026-11-23T12:00:00&dates_are_gmt=true", 0),
        ("modified_after=2026-11-23T11:59:59Z", 1),
        ("modified_after=2026-11-23T11:59:59Z&dates_are_gmt=true", 0),
        ("modified_after=2026-11-23T23:59:59", 1),  # the store's own time: UTC+13
        ("modified_after=2026-11-24T01:00:00", 0),
        ("before=2026-11-23T12:00:00&dates_are_gmt=true", 0),
    ],
)
def test_times_are_exclusive_and_the_stores_own_unless_they_say_otherwise(shop, order, query, hits):
    assert found(shop, query) == hits


@pytest.mark.parametrize(
    "query", ["after=2026-11-23", "per_page=101", "page=0", "orderby=total", "order=up", "status=shipped"]
)
def test_what_makes_no_sense_is_refused(shop, order, query):
    assert refusal(shop, "GET", f"orders?{query}") == (400, "rest_invalid_param")


@pytest.mark.parametrize(
    ("query", "hits"),
    [("meta_key=x&meta_value=y", 1), ("transaction_id=other", 1), ("number=1", 1), ("created_via=checkout", 0)],
)
def test_unknown_filters_do_nothing(shop, order, query, hits):
    assert found(shop, query) == hits


def test_a_store_before_9_9_does_not_filter_by_origin(shop, order):
    change(shop, version="9.8.5")

    assert found(shop, "created_via=checkout") == 1


@pytest.mark.parametrize(("query", "hits"), [("MP-1", 1), ("mp-10", 1), ("Harriet", 1), ("MP-11", 0)])
def test_search_is_a_part_of_what_it_looks_at(shop, order, query, hits):
    assert found(shop, f"search={query}") == hits


def test_search_does_not_look_at_meta_data_nor_at_old_storages_transactions(shop, order):
    send(shop, "PUT", f"orders/{order.pk}", {"meta_data": [{"key": "k", "value": "needle"}]})
    assert found(shop, "search=needle") == 0

    change(shop, hpos=False)
    assert found(shop, "search=MP-10") == 0


@pytest.mark.parametrize(("status", "hits"), [("any", 0), ("any,trash", 0), ("trash", 1), ("processing", 0)])
def test_the_trash_is_seen_only_when_it_is_named_alone(shop, order, status, hits):
    send(shop, "DELETE", f"orders/{order.pk}")

    assert found(shop, f"status={status}") == hits


def test_pages_tell_how_many_there_are(shop):
    for _ in range(3):
        create(shop)

    answer = send(shop, "GET", "orders?per_page=2&page=2&orderby=id&order=asc&_fields=id,number")

    assert (answer["X-WP-Total"], answer["X-WP-TotalPages"]) == ("3", "2")
    assert answer.json() == [{"id": PracticeOrder.objects.order_by("pk").last().pk, "number": "1003"}]


def test_changes_within_one_second_come_in_no_order_of_time(shop):
    ids = [create(shop)["id"] for _ in range(3)]
    for number, moment in zip(ids, (0.9, 1.5, 0.1), strict=True):
        PracticeOrder.objects.filter(pk=number).update(updated_at=NOON + timedelta(seconds=moment))

    listed = [
        [row["id"] for row in ask(shop, f"orders?orderby=modified&order={order}&_fields=id")]
        for order in ("asc", "desc")
    ]

    assert listed == [[ids[0], ids[2], ids[1]], [ids[1], ids[2], ids[0]]]


# --- products ------------------------------------------------------------------------------------


def skus(shop, query) -> list[str]:
    return [row["sku"] for row in ask(shop, f"products?{query}")]


def test_skus_find_variations_and_ignore_case(shop):
    assert skus(shop, "sku=stool,MUG-RED,NONE") == ["STOOL", "MUG-RED"]


def test_ids_find_no_variations_in_a_list_but_one_by_one(shop):
    red, stool = product(shop, "MUG-RED").pk, product(shop).pk

    assert skus(shop, f"include={stool},{red}") == ["STOOL"]
    assert ask(shop, f"products/{red}")["parent_id"] == product(shop, "MUG").pk
    assert refusal(shop, "GET", "products/999999") == (404, "woocommerce_rest_product_invalid_id")


def test_a_list_has_no_variations(shop):
    assert skus(shop, "") == ["STOOL", "MUG"]


def test_a_product_is_made_and_deleted_over_the_api(shop):
    body = {"name": "Bench", "sku": "BENCH", "regular_price": "90.00", "manage_stock": True, "stock_quantity": 4}
    made = send(shop, "POST", "products", body).json()

    assert [made[key] for key in ("sku", "price", "stock_quantity")] == ["BENCH", "90.00", 4]
    assert refusal(shop, "POST", "products", body) == (400, "product_invalid_sku")
    assert refusal(shop, "DELETE", f"products/{made['id']}") == (501, "woocommerce_rest_trash_not_supported")
    assert send(shop, "DELETE", f"products/{made['id']}?force=true").status_code == 200
    assert refusal(shop, "GET", f"products/{made['id']}") == (404, "woocommerce_rest_product_invalid_id")
