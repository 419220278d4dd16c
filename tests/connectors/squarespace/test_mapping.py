"""What Squarespace is sent for an order, and that it adds up to the cent."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import money
from connectors.base import Address, BlockerCode
from connectors.squarespace import mapping, preflight
from tests.connectors.neutral import HOME, tax, with_options
from tests.connectors.squarespace.orders import ACCOUNT, VARIANT, line, order, pickup, variant


def body(*lines, **fields):
    return mapping.order_body(order(*lines, **fields))


def nzd(value: str) -> dict[str, str]:
    return {"currency": "NZD", "value": value}


def test_the_whole_body_of_a_delivered_order():
    address = {
        "firstName": "Harriet",
        "lastName": "Ngata",
        "address1": "12 Ponsonby Road",
        "city": "Auckland",
        "state": "AUK",
        "postalCode": "1011",
        "countryCode": "NZ",
        "phone": "+64211234567",
    }
    price = {"lineItemType": "PHYSICAL_PRODUCT", "variantId": VARIANT.format(1), "quantity": 2}

    assert body() == {
        "channelName": "ArchiPro",
        "externalOrderReference": "SW-1",
        "createdOn": "2026-11-23T12:00:00Z",
        "billingAddress": address,
        "shippingAddress": address,
        "inventoryBehavior": "DEDUCT",
        "shopperFulfillmentNotificationBehavior": "SKIP",
        "fulfillmentStatus": "PENDING",
        "fulfillments": [],
        "priceTaxInterpretation": "INCLUSIVE",
        "lineItems": [{**price, "unitPricePaid": nzd("50.00")}],
        "shippingLines": [{"method": "Standard delivery", "amount": nzd("0.00")}],
        "subtotal": nzd("100.00"),
        "shippingTotal": nzd("0.00"),
        "discountTotal": nzd("0.00"),
        "grandTotal": nzd("100.00"),
    }


def test_the_address_of_mail_stays_with_us_unless_it_is_shared():
    assert "customerEmail" not in body()
    assert body(options=with_options(share_customer_email=True))["customerEmail"] == "harriet@example.com"


def test_stock_is_deducted_unless_the_check_is_bypassed():
    assert body(options=with_options(bypass_stock_check=True))["inventoryBehavior"] == "SKIP"


def test_a_long_channel_name_is_cut_to_what_squarespace_takes():
    assert body(channel_name="A marketplace with a very long name")["channelName"] == "A marketplace with a very long"


def test_tax_on_top_is_told_and_added():
    sent = body(line(taxes=(tax("15.00"),)), prices_include_tax=False, shipping=Decimal("5.00"))

    assert (sent["priceTaxInterpretation"], sent["taxTotal"]) == ("EXCLUSIVE", nzd("15.00"))
    assert (sent["subtotal"], sent["grandTotal"]) == (nzd("100.00"), nzd("120.00"))


def test_tax_inside_the_prices_is_not_told_since_the_sum_would_add_it():
    assert "taxTotal" not in body(line(taxes=(tax("13.04"),)))


def test_a_discount_is_a_line_of_the_channel():
    sent = body(discount=Decimal("5.00"))

    assert sent["discountLines"] == [{"name": "ArchiPro discount", "amount": nzd("5.00")}]
    assert (sent["discountTotal"], sent["grandTotal"]) == (nzd("5.00"), nzd("95.00"))


def test_a_pickup_says_where_the_goods_are_collected():
    sent = mapping.order_body(pickup())

    assert sent["shippingLines"][0]["method"] == "Click & collect: Kauri Showroom"
    assert sent["shippingAddress"] == {
        "firstName": "Harriet",
        "lastName": "Ngata",
        "address1": "Kauri Showroom",
        "address2": "9 Customs Street, Auckland. Ring the bell",
        "phone": "+64211234567",
    }


def test_a_pickup_without_an_address_still_has_the_customers_phone():
    sent = mapping.order_body(pickup(billing=Address()))

    assert sent["shippingAddress"]["phone"] == "+64211234567"
    assert "billingAddress" not in sent


def test_a_company_stands_beside_the_street_or_for_the_name():
    beside = body(billing=replace(HOME, company="Clay Ltd", address2="Floor 2"))["billingAddress"]
    alone = body(billing=replace(HOME, company="Clay Ltd", first_name="", last_name=""))["billingAddress"]

    assert beside["address2"] == "Floor 2, Clay Ltd"
    assert (alone["firstName"], "address2" in alone) == ("Clay Ltd", False)


def test_times_are_told_in_utc():
    at = datetime.fromisoformat("2026-11-23T13:00:00+13:00")

    assert body(placed_at=at)["createdOn"] == "2026-11-23T00:00:00Z"
    assert at.astimezone(UTC).hour == 0


def test_the_same_order_gives_the_same_body_and_key():
    assert mapping.order_body(order()) == mapping.order_body(order())
    assert mapping.idempotency_key("SW-1") == mapping.idempotency_key("SW-1")


@pytest.mark.parametrize("reference", ["SW-1", "SW-1-G2", "é/ &?" * 40, ""])
def test_a_key_is_of_the_form_that_squarespace_takes(reference):
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,64}", mapping.idempotency_key(reference))


def test_another_generation_has_another_key():
    assert mapping.idempotency_key("SW-1") != mapping.idempotency_key("SW-1-G2")


@st.composite
def orders(draw):
    """Orders whose totals add up, in every currency and tax mode."""
    currency = draw(st.sampled_from(["JPY", "NZD", "KWD"]))

    def amount(most=99_999):
        return money.from_minor(draw(st.integers(0, most)), currency)

    lines = [
        line(number, quantity=draw(st.integers(1, 9)), unit_price=amount() + 1, taxes=(tax(str(amount(500))),))
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]
    items = money.total(part.unit_price * part.quantity for part in lines)
    return order(
        *lines,
        currency=currency,
        prices_include_tax=draw(st.booleans()),
        discount=min(amount(), items - 1),
        shipping=amount(),
    )


@given(orders())
@settings(max_examples=60, deadline=None)
def test_an_order_that_adds_up_is_predicted_to_the_cent(one):
    variants = {part.variant_id: variant(number, stock=None) for number, part in enumerate(one.lines, 1)}
    account = replace(ACCOUNT, currency=one.currency)
    sent = mapping.order_body(one)

    assert mapping.predicted_total(sent) == one.total
    assert preflight.blockers(one, sent, variants, account) == ()


@given(orders(), st.integers(-500, 500).filter(bool))
@settings(max_examples=40, deadline=None)
def test_an_order_that_is_off_by_any_amount_is_blocked(one, off):
    wrong = replace(one, total=one.total + money.from_minor(off, one.currency))
    account = replace(ACCOUNT, currency=one.currency)

    found = preflight.blockers(wrong, mapping.order_body(wrong), {}, account)

    assert BlockerCode.TOTAL_MISMATCH in {blocker.code for blocker in found}


def test_a_fulfilled_order_has_the_same_time_in_every_attempt():
    sent = body(options=with_options(fulfilled=True))

    assert (sent["fulfillmentStatus"], sent["fulfilledOn"]) == ("FULFILLED", sent["createdOn"])
    assert "fulfilledOn" not in body()
