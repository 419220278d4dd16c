"""Our order as the body of an order at S&S."""

from __future__ import annotations

from connectors.base import Address, SupplierOptions
from connectors.ssactivewear.mapping import order_body
from tests.connectors.ssactivewear.orders import STORE, line, order


def body(**options) -> dict:
    return order_body(order(supplier=SupplierOptions(**options)))


def test_the_whole_body():
    assert order_body(order()) == {
        "shippingAddress": {
            "customer": "Harriet Ngata",
            "attn": "Harriet Ngata",
            "address": "12 Main St, Unit 4",
            "city": "Bolingbrook",
            "state": "IL",
            "zip": "60440",
            "residential": True,
        },
        "shippingMethod": "1",
        "shipBlind": True,
        "poNumber": "SW-1",
        "testOrder": False,
        "autoselectWarehouse": True,
        "AutoSelectWarehouse_Preference": "fewest",
        "rejectLineErrors": True,
        "lines": [{"identifier": "B00760003", "qty": 2}],
    }


def test_two_lines_of_one_product_are_one():
    sent = order_body(order(line(3), line(4), line(3, quantity=5)))

    assert sent["lines"] == [{"identifier": "B00760003", "qty": 7}, {"identifier": "B00760004", "qty": 2}]


def test_to_the_store_it_goes_openly():
    sent = body(store_address=STORE)

    assert sent["shipBlind"] is False
    assert sent["shippingAddress"] == {
        "customer": "Kauri Prints",
        "attn": "Kauri Prints",
        "address": "9 Customs St",
        "city": "Portland",
        "state": "OR",
        "zip": "97201",
        "residential": False,
    }


def test_a_company_has_a_person_to_look_for():
    office = Address("Harriet", "Ngata", "Ngata Ltd", "1 Main St", "", "Reno", "NV", "89501", "US")

    sent = order_body(order(shipping_address=office))["shippingAddress"]

    assert (sent["customer"], sent["attn"], sent["residential"]) == ("Ngata Ltd", "Harriet Ngata", False)


def test_an_address_without_a_name_goes_to_the_customer():
    bare = Address(address1="1 Main St", city="Reno", province_code="NV", postcode="89501", country_code="US")

    assert order_body(order(shipping_address=bare))["shippingAddress"]["customer"] == "Harriet Ngata"


def test_a_canadian_postcode_is_written_whole():
    toronto = Address("H", "N", "", "1 King St", "", "Toronto", "ON", "m5v 3a8", "CA")

    assert order_body(order(shipping_address=toronto))["shippingAddress"]["zip"] == "M5V 3A8"


def test_choices_of_the_merchant_are_passed_on():
    sent = body(shipping_method="40", warehouses=("IL", "KS"), fastest=True)

    assert sent["shippingMethod"] == "40"
    assert sent["autoselectWarehouse_Warehouses"] == "IL,KS"
    assert sent["AutoSelectWarehouse_Preference"] == "fastest"


def test_a_payment_profile_is_a_number_with_its_e_mail():
    sent = body(payment_email="ana@example.com", payment_profile_id="123456789")

    assert sent["paymentProfile"] == {"email": "ana@example.com", "profileID": 123456789}


def test_a_test_order_has_a_po_number_of_its_own():
    sent = body(test_order=True)

    assert (sent["testOrder"], sent["poNumber"]) == (True, "SW-1-TEST")
