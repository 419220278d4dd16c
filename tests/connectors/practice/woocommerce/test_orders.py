"""Creating and changing orders: each refusal of a real store, and what it takes without a word."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.practice import services
from connectors.practice.models import PracticeOrder
from tests.connectors.practice.woocommerce.shop import (
    HOME,
    ask,
    body_of,
    change,
    create,
    line,
    product,
    rate,
    refusal,
    refused,
    send,
)


def stock(shop, sku="STOOL"):
    return product(shop, sku).stock


# --- money ---------------------------------------------------------------------------------------


def test_amounts_are_sent_without_tax_and_taxed_by_the_stores_rates(shop):
    order = create(shop)

    assert (order["total"], order["total_tax"]) == ("100.00", "13.04")
    assert order["line_items"][0]["total"] == "86.96"


def test_sums_that_are_sent_count_for_nothing(shop):
    order = create(shop, total="1.00", total_tax="0.00", prices_include_tax=False)

    assert (order["total"], order["prices_include_tax"]) == ("100.00", True)


def test_without_a_total_the_catalogues_price_is_taken(shop):
    assert create(shop, line_items=[line(shop, total=None)])["total"] == "100.00"


def test_a_gross_amount_is_taxed_once_more(shop):
    assert create(shop, line_items=[line(shop, total="100.00")])["total"] == "115.00"


def test_shipping_is_taxed_as_the_goods_are(shop):
    shipping = [{"method_id": "flat_rate", "method_title": "Courier", "total": "8.695652"}]

    assert create(shop, shipping_lines=shipping)["total"] == "110.00"


def test_another_country_has_no_tax(shop):
    assert create(shop, shipping={**HOME, "country": "Narnia"})["total"] == "86.96"


def test_what_is_collected_is_taxed_at_the_store(shop):
    pickup = [{"method_id": "local_pickup", "method_title": "Showroom", "total": "0.00"}]

    assert create(shop, shipping={**HOME, "country": "AU"}, shipping_lines=pickup)["total"] == "100.00"


def test_an_exempt_order_has_no_tax(shop):
    exempt = [{"key": "is_vat_exempt", "value": "yes"}]

    assert create(shop, meta_data=exempt, line_items=[line(shop, total="100.00")])["total"] == "100.00"


def test_a_store_without_taxes_adds_up_what_it_is_sent(shop):
    change(shop, calc_taxes=False)

    assert create(shop, line_items=[line(shop, total="100.00")])["total"] == "100.00"


def test_the_most_particular_rate_of_each_priority_applies(shop):
    change(shop, rates=[rate("10", country=""), rate("15", id=2), rate("5", id=3, priority=2, compound=True)])

    assert create(shop, line_items=[line(shop, total="100.00")])["total"] == "120.75"


def test_lines_are_rounded_alone_unless_the_store_rounds_at_the_end(shop):
    two = [line(shop, total="10.005", quantity=1), line(shop, total="10.005", quantity=1)]

    assert create(shop, line_items=two)["total"] == "23.02"
    change(shop, round_at_subtotal=True)
    assert create(shop, line_items=two)["total"] == "23.01"


def test_the_difference_of_two_sums_is_the_discount(shop):
    assert create(shop, line_items=[line(shop, subtotal="96.956522")])["discount_total"] == "10.00"


def test_a_fee_is_added_without_tax(shop):
    fees = [{"name": "Rounding", "total": "0.01", "tax_status": "none"}]

    assert create(shop, fee_lines=fees)["total"] == "100.01"


def test_odd_amounts_are_read_as_php_does(shop):
    lines = [line(shop, total="1,000.50"), line(shop, total="abc")]

    order = create(shop, line_items=lines)
    assert [each["total"] for each in order["line_items"]] == ["1000.50", "0.00"]


# --- products and stock --------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sku", "variation_id", "product_id"])
def test_a_variation_can_be_named_in_three_ways(shop, key):
    red = product(shop, "MUG-RED")
    names = {"sku": "mug-red", "variation_id": red.pk, "product_id": red.pk}

    (stored,) = create(shop, line_items=[{key: names[key], "total": "10.00"}])["line_items"]

    assert (stored["variation_id"], stored["product_id"]) == (red.pk, product(shop, "MUG").pk)


def test_an_unknown_product_is_a_nameless_line_and_no_error(shop):
    (stored,) = create(shop, line_items=[{"product_id": 999_999}])["line_items"]

    assert (stored["product_id"], stored["name"], stored["total"]) == (0, "", "0.00")


def test_stock_is_taken_and_never_checked(shop):
    create(shop, line_items=[line(shop, quantity=9)])

    assert stock(shop) == -4


@pytest.mark.parametrize(("status", "left"), [("pending", 5), ("failed", 5), ("on-hold", 3), ("completed", 3)])
def test_stock_goes_with_the_status(shop, status, left):
    create(shop, status=status)

    assert stock(shop) == left


def test_cancelling_gives_stock_back_and_processing_takes_it_again(shop):
    number = create(shop)["id"]

    send(shop, "PUT", f"orders/{number}", {"status": "cancelled"})
    send(shop, "PUT", f"orders/{number}", {"status": "cancelled"})
    assert stock(shop) == 5
    send(shop, "POST", f"orders/{number}", {"status": "processing"})
    assert stock(shop) == 3


def test_an_order_that_the_staff_cancelled_gives_no_stock_back_twice(shop):
    number = create(shop)["id"]

    services.cancel_order(order_id=number)
    send(shop, "PUT", f"orders/{number}", {"status": "cancelled"})

    assert stock(shop) == 5


# --- status and payment --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status", "is_paid"),
    [
        ({"status": None}, "pending", False),
        ({"status": "processing"}, "processing", True),
        ({"status": "on-hold"}, "on-hold", False),
        ({"status": "on-hold", "set_paid": True}, "processing", True),
        ({"status": "completed"}, "completed", True),
        ({"status": "cancelled"}, "cancelled", False),
    ],
)
def test_the_status_decides_whether_it_is_paid(shop, sent, status, is_paid):
    order = create(shop, **sent)

    assert (order["status"], bool(order["date_paid_gmt"])) == (status, is_paid)


def test_times_are_the_stores_and_utc_and_say_neither(shop):
    order = create(shop)

    assert len(order["date_created"]) == len(order["date_created_gmt"]) == 19
    assert order["date_created"] != order["date_created_gmt"]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"status": "shipped"}, 400, "rest_invalid_param"),
        ({"status": "wc-processing"}, 400, "rest_invalid_param"),
        ({"currency": "NZZ"}, 400, "rest_invalid_param"),
        ({"billing": {"email": ""}}, 400, "rest_invalid_param"),
        ({"billing": {"email": "nobody"}}, 400, "rest_invalid_param"),
        ({"billing": "Auckland"}, 400, "rest_invalid_param"),
        ({"line_items": {"product_id": 1}}, 400, "rest_invalid_param"),
        ({"line_items": [{"product_id": 1, "subtotal": 8.5}]}, 400, "rest_invalid_param"),
        ({"line_items": [{"product_id": 1, "quantity": 1.5}]}, 400, "rest_invalid_param"),
        ({"line_items": [1]}, 400, "rest_invalid_param"),
        ({"set_paid": "yes"}, 400, "rest_invalid_param"),
        ({"shipping_lines": [{"method_id": "x", "total": 5}]}, 400, "rest_invalid_param"),
        ({"line_items": [{"quantity": 1}]}, 400, "woocommerce_rest_required_product_reference"),
        ({"line_items": [{"product_id": 1, "quantity": 0}]}, 500, "internal_server_error"),
        ({"shipping_lines": [{"method_title": "Courier"}]}, 400, "woocommerce_rest_invalid_shipping_item"),
        ({"customer_id": 7}, 400, "woocommerce_rest_invalid_customer_id"),
        ({"id": 7}, 400, "woocommerce_rest_shop_order_exists"),
    ],
)
def test_what_a_real_store_refuses_is_refused(shop, sent, status, code):
    assert refused(shop, **sent) == (status, code)


def test_a_wrong_type_names_its_place(shop):
    answer = send(shop, "POST", "orders", body_of(shop, line_items=[line(shop), line(shop, total=8.5)])).json()

    assert answer["data"]["params"] == {"line_items": "line_items[1][total] is not of type string."}
    assert answer["data"]["details"]["line_items"]["code"] == "rest_invalid_type"


def test_an_empty_address_for_mails_is_told_apart(shop):
    answer = send(shop, "POST", "orders", body_of(shop, billing={"email": ""})).json()

    assert answer["data"]["details"]["billing"]["code"] == "rest_invalid_email"


@pytest.mark.parametrize(("body", "kind"), [("[1]", None), ("{}", None), ('{"status":"processing"}', "text/plain")])
def test_a_body_that_says_nothing_makes_an_empty_order(shop, body, kind):
    headers = {"Content-Type": kind} if kind else {}
    answer = send(shop, "POST", "orders", body, **headers)

    assert (answer.status_code, answer.json()["status"], answer.json()["line_items"]) == (201, "pending", [])


def test_a_coupon_that_does_not_exist_leaves_a_draft(shop):
    answer = send(shop, "POST", "orders", body_of(shop, coupon_lines=[{"code": "X"}]))

    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_rest_invalid_coupon")
    assert ask(shop, f"orders/{data['new_draft_order_id']}")["status"] == "checkout-draft"
    assert stock(shop) == 5


@pytest.mark.parametrize("spoiled", [{"phone": "1" * 101}, {"first_name": "A" * 70_000}])
@pytest.mark.parametrize(("kind", "left"), [("billing", {}), ("shipping", HOME)])
def test_a_text_that_is_too_long_loses_lines_and_addresses(shop, kind, left, spoiled):
    """Billing is stored before shipping: it survives what is wrong there."""
    order = create(shop, **{kind: {**HOME, **spoiled}}, meta_data=[{"key": "a", "value": "b"}])

    assert (order["line_items"], order["meta_data"], order["shipping"], order["billing"]) == ([], [], {}, left)
    assert stock(shop) == 5


def test_long_texts_are_cut_without_a_word(shop):
    order = create(shop, transaction_id="R" * 101, customer_note="n" * 70_000)

    assert (order["transaction_id"], order["customer_note"]) == ("R" * 100, "n" * 65_535)


def test_an_old_store_ignores_where_an_order_came_from(shop):
    assert create(shop, created_via="storeward")["created_via"] == "storeward"
    change(shop, version="9.8.0")
    assert create(shop, created_via="storeward")["created_via"] == "rest-api"


def test_an_unknown_order_is_told_by_method(shop):
    code = "woocommerce_rest_shop_order_invalid_id"

    assert refusal(shop, "GET", "orders/999999") == (404, code)
    assert refusal(shop, "POST", "orders/999999", {}) == (400, code)
    assert refusal(shop, "GET", "orders/999999/notes") == (404, "woocommerce_rest_order_invalid_id")


# --- changing ------------------------------------------------------------------------------------


def test_only_what_is_sent_is_changed(shop):
    number = create(shop, meta_data=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])["id"]

    changed = {"billing": {"phone": "+649"}, "meta_data": [{"key": "a", "value": "3"}, {"key": "b", "value": None}]}
    order = send(shop, "PATCH", f"orders/{number}", changed).json()

    assert (order["billing"]["city"], order["billing"]["phone"]) == ("Auckland", "+649")
    assert [(pair["key"], pair["value"]) for pair in order["meta_data"]] == [("a", "3")]
    assert order["status"] == "processing"


def test_an_order_goes_to_the_trash_and_any_change_brings_it_back(shop):
    number = create(shop)["id"]

    assert send(shop, "DELETE", f"orders/{number}").json()["status"] == "trash"
    assert send(shop, "PUT", f"orders/{number}", {}).json()["status"] == "pending"
    send(shop, "DELETE", f"orders/{number}?force=true")
    assert not PracticeOrder.objects.exists()


def test_an_edited_quantity_is_taxed_anew(shop):
    number = create(shop)["id"]
    order = PracticeOrder.objects.get(pk=number)

    services.edit_quantity(line_id=order.lines.get().pk, quantity=0)
    services.edit_quantity(line_id=order.lines.get().pk, quantity=3)

    assert ask(shop, f"orders/{number}")["total"] == "150.00"


# --- notes and refunds ---------------------------------------------------------------------------


def test_notes_stand_beside_the_order(shop):
    before = create(shop)
    path = f"orders/{before['id']}/notes"

    assert send(shop, "POST", path, {"note": "<b>raw</b>\nsecond", "customer_note": False}).status_code == 201

    assert [note["note"] for note in ask(shop, path)] == ["<b>raw</b>\nsecond"]
    assert ask(shop, f"orders/{before['id']}") == before


def test_a_note_needs_a_text(shop):
    number = create(shop)["id"]

    assert refusal(shop, "POST", f"orders/{number}/notes", {}) == (400, "rest_missing_callback_param")


def test_a_long_note_fits(shop):
    number = create(shop)["id"]

    assert send(shop, "POST", f"orders/{number}/notes", {"note": "x" * 9000}).status_code == 201


def test_a_refund_through_the_gateway_is_refused(shop):
    number = create(shop)["id"]

    answer = send(shop, "POST", f"orders/{number}/refunds", {"amount": "10.00"})

    assert (answer.status_code, answer.json()["data"]) == (500, 500)


@pytest.mark.parametrize("amount", ["100.01", "0", "abc"])
def test_a_refund_of_too_much_or_nothing_is_refused(shop, amount):
    number = create(shop)["id"]

    answer = send(shop, "POST", f"orders/{number}/refunds", {"amount": amount, "api_refund": False})

    assert answer.json()["message"] == "Invalid refund amount."


def test_a_refund_puts_back_what_the_order_took_and_no_more(shop):
    placed = create(shop, set_paid=True)
    (line,) = placed["line_items"]
    there = shop.variants.get(pk=line["product_id"])
    for _ in range(2):
        items = [{"id": line["id"], "quantity": 99}, {"id": 0, "quantity": 1}]
        body = {"amount": "10.00", "api_refund": False, "line_items": items}
        assert send(shop, "POST", f"orders/{placed['id']}/refunds", body).status_code == 201

    assert shop.variants.get(pk=there.pk).stock == there.stock + line["quantity"]


def test_a_refund_without_restocking_leaves_the_stock(shop):
    placed = create(shop, set_paid=True)
    (line,) = placed["line_items"]
    before = shop.variants.get(pk=line["product_id"]).stock
    items = [{"id": line["id"], "quantity": 1}]
    send(
        shop, "POST", f"orders/{placed['id']}/refunds",
        {"amount": "10.00", "api_refund": False, "api_restock": False, "line_items": items},
    )  # fmt: skip

    assert shop.variants.get(pk=line["product_id"]).stock == before


def test_a_refund_of_all_refunds_the_order(shop):
    number = create(shop)["id"]

    send(shop, "POST", f"orders/{number}/refunds", {"amount": "10.00", "api_refund": False, "reason": "Scratch"})
    assert ask(shop, f"orders/{number}")["status"] == "processing"
    send(shop, "POST", f"orders/{number}/refunds", {"amount": "90.00", "api_refund": False})

    order = ask(shop, f"orders/{number}")
    assert (order["status"], [one["total"] for one in order["refunds"]]) == ("refunded", ["-10.00", "-90.00"])


def test_the_shared_pages_show_the_order(shop, client):
    order = create(shop, transaction_id="SW-1", customer_note="Leave at the door")

    page = client.get(f"/practice/stores/rimu/orders/{order['id']}/").content.decode()

    for words in ("Oak stool", "100.00 NZD", "GST 15% 13.04", "Harriet", "Leave at the door", "SW-1"):
        assert words in page


def test_a_completed_order_counts_as_sent(shop):
    order = PracticeOrder.objects.get(pk=create(shop, status="completed")["id"])

    assert services.fulfillment_status(order) == "FULFILLED"
    assert order.received == Decimal(100)
