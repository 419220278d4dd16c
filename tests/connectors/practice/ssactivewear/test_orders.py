"""The practice S&S Activewear refuses what is documented, and spreads the rest over its warehouses."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from connectors.practice import dials
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.ssactivewear import stock
from tests.connectors.practice.ssactivewear.supplier import (
    ADDRESS,
    call,
    get,
    make_supplier,
    order_body,
    place,
    refusals,
    ship,
)
from tests.factories import NOON

SKU, CAP = "B00760003", "B00760004"


def spread(sku: str = SKU) -> dict[str, int]:
    return stock.by_warehouse(PracticeShop.objects.get().variants.get(sku=sku))


def pieces(rows: list[dict]) -> dict[str, int]:
    return {row["warehouseAbbr"]: row["totalPieces"] for row in rows}


# --- the door ---


def test_without_the_key_nobody_comes_in(supplier):
    for answer in (
        call(supplier, "GET", "orders/", key="wrong"),
        Client().get("/practice/ssactivewear/tees/orders/"),
        Client().get("/practice/ssactivewear/tees/orders/", headers={"Authorization": "Basic ~"}),
    ):
        assert answer.status_code == 401


def test_another_platform_s_store_has_no_such_door(supplier):
    PracticeShop.objects.update(platform="shopify")

    assert call(supplier, "GET", "orders/").status_code == 404


def test_sixty_calls_a_minute_and_every_answer_says_how_many_are_left(supplier):
    with time_machine.travel(NOON, tick=False):
        left = [call(supplier, "GET", "paymentprofiles/").headers["X-Rate-Limit-Remaining"] for _ in range(60)]

        refused = call(supplier, "GET", "paymentprofiles/")

    assert (left[0], left[-1]) == ("59", "0")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Remaining"]) == (429, "0")


def test_a_minute_later_the_count_is_full_again(supplier):
    a_minute_ago = timezone.now() - timedelta(minutes=1)
    PracticeShop.objects.update(bucket=0, bucket_at=a_minute_ago)

    assert call(supplier, "GET", "paymentprofiles/").headers["X-Rate-Limit-Remaining"] == "59"


def test_an_order_has_to_be_json(supplier):
    assert call(supplier, "POST", "orders/", order_body(), content_type="text/plain").status_code == 415


@pytest.mark.parametrize("body", ["{", "[]", "7"])
def test_json_that_cannot_be_read_is_answered_404(supplier, body):
    answer = call(supplier, "POST", "orders/", body)

    assert (answer.status_code, json.loads(answer.content)) == (404, {"message": "Bad Request"})


def test_other_methods_are_not_allowed(supplier):
    assert call(supplier, "PUT", "orders/").status_code == 405


# --- refusals ---


@pytest.mark.parametrize("part", ["address", "city", "state", "zip"])
def test_an_address_needs_every_part(supplier, part):
    assert refusals(supplier, shippingAddress={**ADDRESS, part: ""}) == [
        (f"shippingAddress.{part}", f"The {part} field is required.")
    ]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"shippingAddress": None}, "shippingAddress"),
        ({"shippingAddress": {**ADDRESS, "zip": "60440-1234"}}, "shippingAddress.zip"),
        ({"shippingAddress": {**ADDRESS, "state": "Illinois"}}, "shippingAddress.state"),
        ({"shippingMethod": "99"}, "shippingMethod"),
        ({"AutoSelectWarehouse_Preference": "cheapest"}, "AutoSelectWarehouse_Preference"),
        ({"testOrder": "yes"}, "testorder"),
        ({"poNumber": 7}, "ponumber"),
        ({"lines": []}, "lines"),
        ({"lines": [{"qty": 1}]}, "lines.identifier"),
        ({"lines": [{"identifier": SKU, "qty": 0}]}, "lines.qty"),
        ({"lines": [{"identifier": SKU, "qty": True}]}, "lines.qty"),
        ({"paymentProfile": {"email": "ana@example.com", "profileID": "123456789"}}, "paymentProfile"),
        ({"paymentProfile": {"email": "ben@example.com", "profileID": 123456789}}, "paymentProfile"),
    ],
)
def test_what_is_refused(supplier, fields, field):
    assert [name for name, _ in refusals(supplier, **fields)] == [field]


@pytest.mark.parametrize("identifier", ["NONE", "TEE-WHITE-M", "0"])
def test_an_order_takes_no_other_identifier_than_its_own(supplier, identifier):
    ((field, message),) = refusals(supplier, (identifier, 1))

    assert (field, identifier in message) == ("Identifier", True)


def test_a_discontinued_product_is_not_found(supplier):
    supplier.variants.filter(sku=SKU).update(is_active=False)

    assert "discontinued" in refusals(supplier, (SKU, 1))[0][1]


def test_out_of_stock_says_how_much_there_is(supplier):
    said = refusals(supplier, (SKU, 8), (CAP, 3))

    assert said == [
        ("Lines", "Identifier B00760003 (Gildan 2000 White M) - Out Of Stock (Ordered: 8 Available: 7)"),
        ("Lines", "Identifier B00760004 (Cap) - Out Of Stock (Ordered: 3 Available: 2)"),
    ]


def test_two_lines_do_not_get_the_same_units(supplier):
    ((_, message),) = refusals(supplier, (SKU, 4), (SKU, 4))

    assert "Available: 3" in message


def test_only_the_warehouses_that_were_named_count(supplier):
    ((_, message),) = refusals(supplier, (SKU, 4), autoselectWarehouse_Warehouses="KS,NV")

    assert "Available: 3" in message


# --- placing ---


def test_one_warehouse_that_has_it_all_sends_it(supplier):
    assert pieces(place(supplier, (SKU, 2), (CAP, 1))) == {"KS": 3}
    assert spread() == {"IL": 4, "KS": 1}


def test_what_no_warehouse_has_alone_is_split(supplier):
    rows = place(supplier, (SKU, 6), (CAP, 2))

    assert pieces(rows) == {"IL": 4, "KS": 4}
    assert {row["poNumber"] for row in rows} == {"SW-1"}
    assert len({row["orderNumber"] for row in rows}) == 2
    assert {row["warehouseAbbr"]: row["total"] for row in rows} == {"IL": 17.0, "KS": 28.5}


def test_a_line_may_name_its_warehouse(supplier):
    lines = [{"identifier": SKU, "qty": 3, "warehouseAbbr": "KS"}]

    assert pieces(place(supplier, lines=lines, autoselectWarehouse=False)) == {"KS": 3}


def test_property_names_count_in_any_case(supplier):
    body = {key.upper(): value for key, value in order_body().items()}

    assert call(supplier, "POST", "orders/", body).status_code == 200


def test_a_product_goes_by_three_identifiers(supplier):
    product = get(supplier, f"inventory/{SKU}")[0]

    for identifier in (product["sku"], product["gtin"], str(product["skuID_Master"])):
        assert place(supplier, (identifier, 1))[0]["lines"][0]["sku"] == SKU


def test_a_test_order_is_created_cancelled_and_takes_nothing(supplier):
    (row,) = place(supplier, testOrder=True)

    assert (row["orderStatus"], row["total"]) == ("Cancelled", 0.0)
    assert spread() == {"IL": 4, "KS": 3}


def test_the_same_order_again_is_placed_again(supplier):
    place(supplier)
    place(supplier)

    assert len(get(supplier, "orders/SW-1")) == 2


def test_on_request_it_takes_what_there_is(supplier):
    answer = place(supplier, (SKU, 1), (CAP, 9), rejectLineErrors=False)

    assert pieces(answer["orders"]) == {"IL": 1}
    assert [error["field"] for error in answer["lineErrors"]] == ["Lines"]


def test_a_saved_card_pays(supplier):
    (row,) = place(supplier, paymentProfile={"email": "ana@example.com", "profileID": 123456789})

    assert row["terms"] == "Credit Card"


def test_stock_that_staff_changed_is_spread(supplier):
    supplier.variants.filter(sku=SKU).update(stock=9)
    assert spread() == {"IL": 6, "KS": 3}

    supplier.variants.filter(sku=SKU).update(stock=5)
    assert spread() == {"IL": 4, "KS": 1}


# --- reading ---


def test_orders_are_found_by_all_that_names_them(supplier):
    (row,) = place(supplier)
    ship(row["orderNumber"])
    (sent,) = get(supplier, f"orders/{row['orderNumber']}")

    for name in ("SW-1", row["orderNumber"], row["guid"], sent["invoiceNumber"], f"NONE,{row['orderNumber']}"):
        assert [found["orderNumber"] for found in get(supplier, f"orders/{name}")] == [row["orderNumber"]]


def test_what_matches_nothing_is_answered_404(supplier):
    for path in ("orders/SW-1", "orders/", "inventory/NONE", "products/NONE"):
        answer = call(supplier, "GET", path)

        assert answer.status_code == 404
        assert json.loads(answer.content)["errors"][0]["message"].startswith("Requested item(s) were not found")


def test_open_orders_are_those_without_an_invoice(supplier):
    (sent,), (waiting,) = place(supplier), place(supplier)
    ship(sent["orderNumber"])

    assert [row["orderNumber"] for row in get(supplier, "orders/")] == [waiting["orderNumber"]]
    assert len(get(supplier, "orders/?All=True")) == 2


def test_all_orders_are_those_of_three_months(supplier):
    place(supplier)
    PracticeOrder.objects.update(created_at=timezone.now() - timedelta(days=100))

    assert call(supplier, "GET", "orders/?All=True").status_code == 404
    assert len(get(supplier, "orders/")) == 1


def test_invoices_are_asked_for_by_their_days(supplier):
    (sent,), _ = place(supplier), place(supplier)
    ship(sent["orderNumber"])
    day = get(supplier, f"orders/{sent['orderNumber']}")[0]["invoiceDate"][:10]

    found = get(supplier, f"orders/?invoicestartdate={day}&invoiceenddate={day}")

    assert [row["orderNumber"] for row in found] == [sent["orderNumber"]]
    assert call(supplier, "GET", "orders/?invoicestartdate=2020-01-01&invoiceenddate=2020-01-31").status_code == 404
    assert call(supplier, "GET", f"orders/?invoicestartdate=soon&invoiceenddate={day}").status_code == 400


def test_only_the_fields_that_were_asked_for(supplier):
    place(supplier)

    assert get(supplier, "orders/SW-1?fields=PoNumber,OrderStatus") == [
        {"poNumber": "SW-1", "orderStatus": "In Progress"}
    ]


def test_what_is_fetched_at_the_counter_is_completed_and_not_shipped(supplier):
    (row,) = place(supplier, (SKU, 2), shippingMethod="6")
    ship(row["orderNumber"])

    (ready,) = get(supplier, "orders/SW-1?lines=true")

    assert (ready["orderStatus"], ready["deliveryStatus"], "shipDate" in ready) == ("Completed", "", False)


def test_lines_and_boxes_come_on_request(supplier):
    (row,) = place(supplier, (SKU, 2))
    assert ("lines" in get(supplier, "orders/SW-1")[0], "qtyShipped" in row["lines"][0]) == (False, False)
    ship(row["orderNumber"], number="1Z1", company="UPS")

    (sent,) = get(supplier, "orders/SW-1?lines=true&Boxes=true")

    assert (sent["orderStatus"], sent["trackingNumber"]) == ("Shipped", "1Z1")
    assert sent["lines"][0]["qtyShipped"] == 2
    assert sent["boxes"] == [{"boxNumber": 1, "trackingNumber": "1Z1"}]


def test_inventory_goes_by_the_merchant_s_own_sku_and_by_warehouse(supplier):
    (product,) = get(supplier, f"inventory/TEE-WHITE-M,{SKU}?Warehouses=KS")

    assert [(place["warehouseAbbr"], place["qty"]) for place in product["warehouses"]] == [("KS", 3)]


def test_the_catalogue_has_names_and_the_units_of_all_warehouses(supplier):
    assert get(supplier, f"products/{SKU}?fields=Sku,BrandName,Qty") == [
        {"sku": SKU, "brandName": "Gildan 2000 White M", "qty": 7}
    ]


def test_payment_profiles_are_a_list_in_a_list(supplier):
    assert get(supplier, "paymentprofiles/?email=ana@example.com")[0][0]["profileID"] == 123456789
    assert get(supplier, "paymentprofiles/?email=ben@example.com") == [[]]


def test_orders_may_lag_behind(supplier):
    place(supplier)
    dials.turn(supplier.pk, "index_lag", left=1, seconds=60)

    assert call(supplier, "GET", "orders/SW-1").status_code == 404
    assert len(get(supplier, "orders/SW-1")) == 1


# --- cancelling ---


def test_within_ten_minutes_an_order_is_cancelled(supplier):
    (row,) = place(supplier, (SKU, 4))

    answer = call(supplier, "DELETE", f"orders/{row['orderNumber']}")

    assert [each["orderStatus"] for each in json.loads(answer.content)] == ["Cancelled"]
    assert spread() == {"IL": 4, "KS": 3}


def test_after_ten_minutes_none_is(supplier):
    (row,) = place(supplier)
    PracticeOrder.objects.update(created_at=timezone.now() - timedelta(minutes=10, seconds=1))

    answer = call(supplier, "DELETE", f"orders/{row['orderNumber']}")

    assert (answer.status_code, json.loads(answer.content)) == (200, [])
    assert PracticeOrder.objects.get().cancelled_at is None


def test_what_was_sent_is_not_cancelled(supplier):
    (row,) = place(supplier)
    ship(row["orderNumber"])

    assert json.loads(call(supplier, "DELETE", f"orders/{row['orderNumber']}").content) == []


def test_only_an_order_number_is_cancelled(supplier):
    place(supplier)

    assert call(supplier, "DELETE", "orders/SW-1").status_code == 404


def test_a_canadian_supplier_wants_a_canadian_postcode(db):
    supplier = make_supplier(currency="CAD")

    assert refusals(supplier)[0][0] == "shippingAddress.zip"
    toronto = {**ADDRESS, "city": "Toronto", "state": "ON", "zip": "M5V 3A8"}
    assert len(place(supplier, shippingAddress=toronto)) == 1
