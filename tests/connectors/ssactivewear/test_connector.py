"""The verbs, against answers as S&S gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import responses

from connectors.base import Budget, PaymentProfile, RemoteRef, SupplierOptions, Warehouse, WebhookState
from connectors.errors import (
    BadSignatureError,
    CredentialsError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.registry import connector_class
from connectors.ssactivewear.connector import SsActivewearConnector
from tests.connectors.ssactivewear.orders import ACCOUNT, line, order
from tests.connectors.ssactivewear.wire import (
    BASE,
    NOT_FOUND,
    answers,
    asked,
    connector,
    finds_nothing,
    placed,
    product,
    sent,
    shipped,
    stock,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("wire")


def refused(*errors, status=400, given=None) -> RejectedError:
    answers("orders/", {"code": str(status), "errors": list(errors)}, method="POST", status=status)
    with pytest.raises(RejectedError) as caught:
        connector().create(given or order())
    return caught.value


def blocker(*errors, given=None) -> tuple[str, str, str]:
    (only,) = refused(*errors, given=given).blockers
    return only.code.value, only.field, only.value


def test_the_registry_knows_the_driver():
    assert connector_class("ssactivewear") is SsActivewearConnector


# --- looking ---


def test_check_tells_the_account_and_its_currency():
    answers("orders/", [{"orderNumber": "1"}])

    shop = connector().check()

    assert (shop.remote_id, shop.name, shop.currency) == ("US-12345", "S&S Activewear 12345", "USD")
    assert asked() == ["GET /orders/?fields=OrderNumber"]


def test_an_account_without_open_orders_is_in_order():
    finds_nothing("orders/")

    assert connector().check().domain == "api.ssactivewear.com"


def test_canada_sells_in_its_own_currency():
    responses.add("GET", "https://api-ca.ssactivewear.com/v2/orders/", json=[])

    shop = connector(replace(ACCOUNT, base_url="https://api-ca.ssactivewear.com/v2")).check()

    assert (shop.remote_id, shop.currency) == ("CA-12345", "CAD")


def test_a_wrong_key_is_for_the_merchant():
    answers("orders/", {"message": "Authorization has been denied for this request."}, status=401)

    with pytest.raises(CredentialsError, match="does not accept"):
        connector().check()


def test_every_call_tells_the_budget():
    answers("orders/", [], X_Rate_Limit_Remaining="7")
    driver = connector()

    driver.check()

    assert driver.budget == Budget(available=7.0, maximum=60.0, restore_per_s=1.0)


def test_variants_are_found_by_their_sku_or_by_the_merchant_s_own():
    answers("products/B00760003,TEE%201,b00760003,B9", [product(), product("B00760009", yourSku="TEE 1")])

    found = connector().find_variants(["B00760003", "TEE 1", "b00760003", "B9", "B00760003"])

    assert {sku: [hit.variant_id for hit in hits] for sku, hits in found.items()} == {
        "B00760003": ["B00760003"],
        "TEE 1": ["B00760009"],
        "b00760003": [],
        "B9": [],
    }


def test_a_product_that_comes_twice_is_one():
    answers("products/B00760003,TEE", [product(yourSku="TEE"), product(yourSku="TEE")])

    found = connector().find_variants(["B00760003", "TEE"])

    assert [len(hits) for hits in found.values()] == [1, 1]


def test_a_product_is_told_by_its_names():
    answers("products/B00760003", [product()])

    (variant,) = connector().find_variants(["B00760003"])["B00760003"]

    assert (variant.title, variant.barcode, variant.stock) == ("Gildan 2000 White M", "00821780001001", 9)


def test_stock_is_what_all_warehouses_have():
    answers("inventory/B00760003", [stock()])

    variant = connector().read_variants(["B00760003"])["B00760003"]

    assert (variant.stock, variant.stock_by_place) == (7, (("IL", 4), ("KS", 3)))


def test_a_sku_that_s_and_s_cannot_have_is_not_asked_for():
    assert connector().find_variants(["A,B", "A/B", "..", ""]) == {"A,B": (), "A/B": (), "..": (), "": ()}
    assert asked() == []


def test_many_skus_are_asked_for_in_lists_that_an_address_can_hold():
    skus = [f"B{number:09}" for number in range(40)]
    for portion in (skus[:18], skus[18:36], skus[36:]):
        answers(f"products/{','.join(portion)}", [product(portion[0])])

    found = connector().find_variants(skus)

    assert [sku for sku, hits in found.items() if hits] == [skus[0], skus[18], skus[36]]


def test_variants_that_are_gone_are_left_out():
    finds_nothing("inventory/B00760003")

    assert connector().read_variants(["B00760003"]) == {}


# --- creating ---


def test_an_order_is_placed_once_and_named_by_its_po_number():
    answers("orders/", [placed(2), placed(1, warehouseAbbr="KS")], method="POST")

    ref = connector().create(order())

    assert ref == RemoteRef("SW-1", "1, 2")
    assert sent() == connector().request_for(order())
    assert len(asked()) == 1


def test_many_orders_of_one_po_are_named_by_it():
    answers("orders/", [placed(90000000 + number) for number in range(9)], method="POST")

    assert connector().create(order()).name == "SW-1"


def test_the_answer_may_be_an_object():
    answers("orders/", {"Orders": [placed(1)], "LineErrors": []}, method="POST")

    assert connector().create(order()).name == "1"


def test_a_po_number_that_could_not_be_found_again_is_never_sent():
    with pytest.raises(RejectedError, match="PO number"):
        connector().create(order(reference="SW,1"))

    assert asked() == []


def test_a_test_order_goes_by_its_own_po_number():
    answers("orders/", [placed(1, poNumber="SW-1-TEST", orderStatus="Cancelled")], method="POST")

    assert connector().create(order(supplier=SupplierOptions(test_order=True))).remote_id == "SW-1-TEST"


def test_out_of_stock_names_our_sku():
    said = "Identifier B00760003 (Gildan 2000 White M) - Out Of Stock (Ordered: 2 Available: 1)"

    assert blocker({"field": "Lines", "message": said}) == ("out_of_stock", "lines[0].sku", "TEE-3")


def test_the_line_that_an_error_is_about_is_found_by_its_identifier():
    two = order(line(3), line(4))

    said = blocker({"field": "Identifier", "message": "Identifier B00760004 was not found."}, given=two)

    assert said == ("sku_gone", "lines[1].sku", "TEE-4")


@pytest.mark.parametrize(
    ("field", "message", "code"),
    [
        ("Identifier", "Requested item(s) were not found or have been discontinued.", "sku_gone"),
        ("shippingAddress.zip", "Invalid value.", "postcode_invalid"),
        ("shippingAddress.state", "Invalid value.", "province_unknown"),
        ("shippingAddress.city", "Required.", "address_incomplete"),
        ("shippingMethod", "Invalid value.", "shipping_method_unmapped"),
        ("paymentProfile", "Invalid value.", "payment_profile_missing"),
        ("", "The credit card was declined.", "payment_profile_missing"),
        ("poNumber", "Something else.", "internal_error"),
    ],
)
def test_what_a_refusal_means(field, message, code):
    assert blocker({"field": field, "message": message})[0] == code


def test_every_refusal_is_told_once():
    same = {"field": "shippingMethod", "message": "Invalid value."}

    assert [each.code for each in refused(same, same, {"field": "zip", "message": "No."}).blockers] == [
        "shipping_method_unmapped",
        "postcode_invalid",
    ]


def test_a_404_to_an_order_is_a_refusal():
    answers("orders/", {"message": "Bad Request"}, method="POST", status=404)

    with pytest.raises(RejectedError, match="404"):
        connector().create(order())


@pytest.mark.parametrize("error", [{"identifier": "B00760003", "message": "Out Of Stock"}, "B00760003 Out Of Stock"])
def test_line_errors_without_orders_are_a_refusal(error):
    answers("orders/", {"orders": [], "lineErrors": [error]}, method="POST")

    with pytest.raises(RejectedError) as caught:
        connector().create(order())

    assert [(each.code, each.value) for each in caught.value.blockers] == [("out_of_stock", "TEE-3")]


def test_orders_with_line_errors_are_kept_and_say_what_was_left_out():
    error = {"identifier": "B00760004", "message": "Out Of Stock"}
    answers("orders/", {"Orders": [placed(1)], "LineErrors": [error]}, method="POST")

    ref = connector().create(order(line(3), line(4)))

    assert (ref.remote_id, ref.name) == ("SW-1", "1")
    assert [(each.code, each.value) for each in ref.left_out] == [("out_of_stock", "TEE-4")]


def test_an_order_that_was_filled_whole_leaves_nothing_out():
    answers("orders/", {"Orders": [placed(1)], "LineErrors": []}, method="POST")

    assert connector().create(order()).left_out == ()


@pytest.mark.parametrize("body", [[], {}, {"orders": []}, [{"guid": "x"}], "done"])
def test_an_answer_that_names_no_order_leaves_it_unknown(body):
    answers("orders/", body, method="POST")

    with pytest.raises(OutcomeUnknownError):
        connector().create(order())


# --- finding ---


def test_orders_of_a_po_are_found_as_one():
    answers("orders/SW-1", [placed(2, warehouseAbbr="KS"), placed(1, orderDate="2026-11-23T05:59:00")])

    assert connector().find("SW-1", since=NOON) == (RemoteRef("SW-1", "1, 2"),)


def test_an_order_that_only_has_that_number_is_not_ours():
    answers("orders/SW-1", [placed(1, poNumber="Jim B", invoiceNumber="SW-1")])

    assert connector().find("SW-1", since=NOON) == ()


def test_what_is_not_there_is_not_found():
    finds_nothing("orders/SW-1")

    assert connector().find("SW-1", since=NOON) == ()


def test_a_cancelled_order_was_created_too():
    answers("orders/SW-1", [placed(1, orderStatus="Cancelled")])

    assert connector().find("SW-1", since=NOON) == (RemoteRef("SW-1", "1"),)


def test_two_standing_orders_in_one_warehouse_were_placed_twice():
    answers("orders/SW-1", [placed(1), placed(2), placed(3, orderStatus="Canceled")])

    assert connector().find("SW-1", since=NOON) == (RemoteRef("SW-1", "1, 2"), RemoteRef("2", "2"))


# --- cancelling ---


def test_every_standing_order_of_the_po_is_cancelled():
    answers("orders/SW-1", [placed(1), placed(2, warehouseAbbr="KS"), placed(3, orderStatus="Cancelled")])
    answers("orders/1", [placed(1, orderStatus="Cancelled")], method="DELETE")
    answers("orders/2", [placed(2, orderStatus="Cancelled")], method="DELETE")

    connector().cancel("SW-1", note="")

    assert [call.split("?")[0] for call in asked()[1:]] == ["DELETE /orders/1", "DELETE /orders/2"]


def test_cancelling_again_asks_for_nothing():
    answers("orders/SW-1", [placed(1, orderStatus="Canceled")])

    connector().cancel("SW-1", note="")

    assert len(asked()) == 1


@pytest.mark.parametrize(("status", "body"), [(200, []), (400, NOT_FOUND), (404, NOT_FOUND)])
def test_after_ten_minutes_a_person_has_to_call(status, body):
    answers("orders/SW-1", [placed(1)])
    answers("orders/1", body, method="DELETE", status=status)

    with pytest.raises(RejectedError, match="no longer cancels 1") as caught:
        connector().cancel("SW-1", note="")

    assert caught.value.code == "changed_at_destination"


def test_one_order_that_is_late_does_not_save_the_others():
    answers("orders/SW-1", [placed(1), placed(2, warehouseAbbr="KS")])
    answers("orders/1", [], method="DELETE")
    answers("orders/2", [placed(2, orderStatus="Cancelled")], method="DELETE")

    with pytest.raises(RejectedError, match="no longer cancels 1:"):
        connector().cancel("SW-1", note="")


def test_what_is_not_shown_cannot_be_cancelled_yet():
    finds_nothing("orders/SW-1")

    with pytest.raises(RetryableError, match="does not show"):
        connector().cancel("SW-1", note="")


def test_a_lost_answer_to_a_cancellation_is_unknown():
    answers("orders/SW-1", [placed(1)])
    responses.add("DELETE", f"{BASE}/orders/1", status=500)

    with pytest.raises(OutcomeUnknownError):
        connector().cancel("SW-1", note="")


# --- changes ---


def test_the_version_of_a_list_is_the_one_of_a_read():
    row = {key: value for key, value in shipped().items() if key != "lines"}
    answers("orders/", [{**row, "Total": 25.50}])
    finds_nothing("orders/")
    answers("orders/SW-1", [shipped()])
    driver = connector()

    (listed,) = driver.changed_since(NOON)

    assert listed.remote_version == driver.read("SW-1").remote_version


@pytest.mark.parametrize(
    "change", [{"orderStatus": "Shipped"}, {"trackingNumber": "1Z1"}, {"total": 26}, {"invoiceNumber": "9"}]
)
def test_the_version_changes_with_the_order(change):
    for body in ([placed()], [], [placed(**change)], []):
        answers("orders/", body)
    driver = connector()

    (before,), (after,) = driver.changed_since(NOON), driver.changed_since(NOON)

    assert before.remote_version != after.remote_version


# --- what a merchant chooses from ---


def test_payment_profiles_come_as_a_list_in_a_list():
    profile = {"profileID": 123456789, "profyleType": "Credit Card", "name": "BMO Harris Bank 1234 (John Doe)"}
    answers("paymentprofiles/", [[profile]])

    found = connector().payment_profiles("ana+cards@example.com")

    assert found == (PaymentProfile("123456789", "Credit Card", "BMO Harris Bank 1234 (John Doe)"),)
    assert asked() == ["GET /paymentprofiles/?email=ana%2Bcards%40example.com"]


def test_warehouses_come_with_the_days_to_a_postcode():
    places = [{"warehouseAbbr": "IL", "cutOffTime": "4:00 CT", "daysInTransit": 1}]
    beside = {"warehouseAbbr": "NV", "cutOffTime": "4:00 PT", "daysInTransit": 4}
    answers("daysintransit/60440", [{"zipCode": "60440", "warehouses": places, **beside}])

    assert connector().warehouses("60440") == (Warehouse("IL", 1, "4:00 CT"), Warehouse("NV", 4, "4:00 PT"))


def test_shipping_methods_have_names():
    assert SsActivewearConnector.shipping_methods()["40"] == "UPS Ground"


# --- webhooks ---


def test_there_are_no_webhooks():
    driver = connector()

    assert driver.register_webhooks("https://portal.example/") == WebhookState(topics=())
    assert not driver.capabilities.webhooks


def test_a_webhook_in_its_name_is_refused():
    with pytest.raises(BadSignatureError, match="no webhooks"):
        SsActivewearConnector.parse_webhook(headers={}, body=b"{}", secrets=["hush"], account=ACCOUNT)
