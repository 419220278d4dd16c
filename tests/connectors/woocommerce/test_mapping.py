"""Our order as the body of POST /orders, to the cent and to the letter."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest

from connectors.base import Address, OutboundTax
from connectors.woocommerce import mapping, taxes
from tests.connectors.neutral import HOME, SHOWROOM, tax, with_options
from tests.connectors.woocommerce.orders import SETTINGS, collected, line, order, rate, settings


def body(one, **changed):
    return mapping.order_body(one, settings(**changed))


def totals(one, **changed) -> list[str]:
    return [part["total"] for part in body(one, **changed)["line_items"]]


def predicted(one, *classes, **changed) -> Decimal:
    known = settings(**changed)
    return taxes.total(mapping.order_body(one, known), known, classes or ["standard"] * len(one.lines))


# --- amounts -------------------------------------------------------------------------------------


def test_tax_inside_is_taken_out_with_six_decimals():
    assert totals(order()) == ["86.956522"]


def test_tax_on_top_is_left_to_the_store():
    one = order(line(taxes=(tax("15.00"),)), prices_include_tax=False)

    assert totals(one) == ["100.000000"]
    assert predicted(one) == one.total == Decimal("115.00")


def test_a_store_without_taxes_gets_what_was_paid():
    inside, on_top = order(), order(line(taxes=(tax("15.00"),)), prices_include_tax=False)

    assert totals(inside, taxes_enabled=False) == ["100.000000"]
    assert totals(on_top, taxes_enabled=False) == ["115.000000"]


def test_an_order_that_was_not_taxed_is_not_taxed_by_the_store():
    one = order(line(), prices_include_tax=False)

    assert taxes.EXEMPT in body(one)["meta_data"]
    assert predicted(one) == one.total == Decimal("100.00")


def test_a_tax_inside_that_is_not_told_is_taken_out_at_the_stores_rate():
    one = order(line(), shipping=Decimal("10.00"))

    assert totals(one) == ["86.956522"]
    assert body(one)["shipping_lines"][0]["total"] == "8.695652"
    assert predicted(one) == one.total == Decimal("110.00")


def test_a_line_without_tax_among_taxed_ones_is_sent_whole():
    assert totals(order(line(1, taxes=(tax("13.04"),)), line(2))) == ["86.956522", "100.000000"]


def test_two_taxes_of_a_line_are_one_rate():
    both = (tax("5.00", rate="0.05"), tax("7.00", rate="0.07", title="PST"))

    assert totals(order(line(unit_price=Decimal("56.00"), taxes=both))) == ["100.000000"]


def test_shipping_is_taxed_as_it_tells():
    one = order(shipping=Decimal("10.00"), shipping_taxes=(tax("1.30"),))

    assert body(one)["shipping_lines"][0]["total"] == "8.695652"
    assert predicted(one) == one.total


def test_a_discount_is_spread_over_the_lines_and_shown_as_one():
    one = order(line(1, taxes=(tax("12.01"),)), line(2, quantity=1, taxes=(tax("6.00"),)), discount=Decimal("10.00"))

    first, second = body(one)["line_items"]

    assert (first["subtotal"], first["total"]) == ("86.956522", "81.156522")  # 6.67 of 10.00
    assert (second["subtotal"], second["total"]) == ("43.478261", "40.582609")
    assert predicted(one) == one.total == Decimal("140.00")


def test_a_discount_takes_no_more_than_the_items_come_to():
    assert totals(order(discount=Decimal("120.00"), total=Decimal(0))) == ["0.000000"]


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("percent", ["15", "20", "8.875"])
@pytest.mark.parametrize("late", [True, False])
def test_random_orders_come_out_to_the_cent(inside, percent, late):
    dice = random.Random(f"{inside}{percent}{late}")
    known = {"rates": [rate(percent)], "prices_include_tax": inside, "round_at_subtotal": late}

    for _ in range(40):
        one = random_order(dice, Decimal(percent) / 100, inside=inside, late=late)
        assert predicted(one, **known) == one.total


def random_order(dice, percent, *, inside, late):
    """Amounts whose tax is rounded per line, as marketplaces do. Taxed on top and rounded late, a single line."""
    lines = [
        random_line(dice, percent, number, inside=inside) for number in range(1, 2 if late else dice.randint(2, 5))
    ]
    return order(*lines, prices_include_tax=inside)


def random_line(dice, percent, number, *, inside):
    price, quantity = Decimal(dice.randint(101, 99_999)) / 100, dice.randint(1, 5)
    amount = price * quantity
    exact = amount * percent / (1 + percent) if inside else amount * percent
    rounded = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return line(number, quantity=quantity, unit_price=price, taxes=(OutboundTax("VAT", percent, rounded),))


# --- what the merchant sees ----------------------------------------------------------------------


def test_a_paid_order_is_there_to_be_packed():
    sent = body(order())

    assert (sent["status"], sent["set_paid"], sent["payment_method_title"]) == ("processing", True, "Paid on ArchiPro")


def test_an_unpaid_order_waits():
    sent = body(order(options=with_options(mark_paid=False)))

    assert (sent["status"], sent["payment_method_title"]) == ("on-hold", "Ordered on ArchiPro")
    assert "set_paid" not in sent


def test_our_reference_is_carried_where_it_can_be_found():
    sent = body(order())

    assert sent["meta_data"][0] == {"key": "storeward_reference", "value": "SW-1"}
    assert (sent["transaction_id"], sent["created_via"]) == ("SW-1", "storeward")


def test_the_email_key_is_left_out_unless_it_is_shared():
    assert "email" not in body(order())["billing"]
    assert "email" not in body(order(customer_email="", options=with_options(share_customer_email=True)))["billing"]
    assert body(order(options=with_options(share_customer_email=True)))["billing"]["email"] == "harriet@example.com"


def test_no_line_names_a_price_as_a_number():
    """A number instead of a string is refused with 400."""
    sent = body(order(shipping=Decimal(5)))

    amounts = [part[key] for part in sent["line_items"] for key in ("subtotal", "total")]
    assert all(isinstance(amount, str) for amount in [*amounts, sent["shipping_lines"][0]["total"]])


def test_a_pickup_has_its_own_method_and_no_address():
    sent = body(collected())

    (line_sent,) = sent["shipping_lines"]
    assert line_sent["method_id"] == "local_pickup"
    assert line_sent["method_title"] == "Click & Collect: Kauri Showroom"
    assert sent["shipping"] == {}


@pytest.mark.parametrize(
    ("country", "province", "state"),
    [("NZ", "AUK", "AUK"), ("US", "OR", "OR"), ("JP", "13", "JP13"), ("DE", "BY", "DE-BY"), ("NZ", "", None)],
)
def test_states_are_written_as_woocommerce_lists_them(country, province, state):
    to = replace(HOME, country_code=country, province_code=province)

    assert body(order(shipping_address=to))["shipping"].get("state") == state


def test_a_buyer_without_a_billing_name_is_named():
    billing = body(collected(billing=Address()))["billing"]

    assert billing == {"first_name": "Harriet Ngata", "phone": "+64211234567"}


def test_the_same_order_gives_the_same_body():
    assert body(order()) == body(order())


# --- notes ---------------------------------------------------------------------------------------


def test_a_delivered_order_has_two_notes():
    origin, delivery = mapping.notes(order(attributes={"PO number": "77"}))

    assert origin == "ArchiPro order AP-1\nhttps://portal.example.com/orders/abc/\nPO number: 77"
    assert delivery.splitlines() == [
        "Delivery: Standard delivery",
        "To: Harriet Ngata, 12 Ponsonby Road, Auckland, AUK, 1011, NZ",
        "Phone: +64211234567",
    ]


def test_a_collected_order_says_where_and_by_whom():
    _, pickup = mapping.notes(collected())

    assert pickup.splitlines() == [
        "Click &amp; Collect from: Kauri Showroom, 9 Customs Street, Auckland",
        "Ring the bell",
        "Customer: Harriet Ngata, +64211234567",
    ]


def test_what_people_typed_is_escaped_in_notes():
    place = replace(SHOWROOM, instructions="<script>alert(1)</script>")

    assert "<script>" not in mapping.notes(replace(collected(), pickup=place))[1]


def test_the_settings_of_the_tests_are_those_of_a_store():
    assert taxes.are_known(SETTINGS)


@pytest.mark.parametrize(
    ("options", "status", "paid"),
    [
        ({}, "processing", True),
        ({"mark_paid": False}, "on-hold", None),
        ({"fulfilled": True}, "completed", True),
    ],
)
def test_each_status_is_one_of_the_store(options, status, paid):
    sent = body(order(options=with_options(**options)))

    assert (sent["status"], sent.get("set_paid")) == (status, paid)
