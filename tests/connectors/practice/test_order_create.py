"""orderCreate: what it refuses, what it adds up, what it claims."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from connectors.practice import dials, services
from connectors.practice.models import PracticeCustomer, PracticeOrder, PracticeShop
from tests.connectors.practice.shop import CREATE, ask, bag, code, create, line, order_input, read, refusals, tax
from tests.factories import NOON

SALE = {"kind": "SALE", "status": "SUCCESS", "gateway": "ArchiPro"}


@pytest.mark.parametrize(
    ("fields", "expected_code", "field", "words"),
    [
        ({"lineItems": []}, "INVALID", ["order", "lineItems"], "Line items must have at least one line item"),
        ({"phone": "021 123 456"}, "INVALID", ["order", "phone"], "Order Phone is invalid"),
        ({"email": "harriet"}, "INVALID", ["order", "email"], "Email is invalid"),
        ({"note": "x" * 5001}, "INVALID", ["order", "note"], "Note is too long (maximum is 5000 characters)"),
        ({"tags": ["x" * 41]}, "INVALID", ["order", "tags"], "Tags is too long (maximum is 40 characters)"),
        ({"currency": "USD"}, "INVALID", ["order", "currency"], "Currency must be the shop's currency"),
        (
            {"customer": {"toAssociate": {"id": "gid://shopify/Customer/1"}}},
            "INVALID",
            ["order", "customer"],
            "Customer does not exist",
        ),
        (
            {"customer": {"toUpsert": {"email": "h@example.com"}}, "customerId": "gid://shopify/Customer/1"},
            "REDUNDANT_CUSTOMER_FIELDS",
            ["order", "customer"],
            "Only one of customer and customerId can be provided",
        ),
    ],
)
def test_the_head_of_an_order_is_refused_by_field(shop, fields, expected_code, field, words):
    (error,) = refusals(shop, **fields)

    assert (error["code"], error["field"], error["message"]) == (expected_code, field, words)
    assert not PracticeOrder.objects.exists()


@pytest.mark.parametrize(
    ("fields", "expected_code", "last", "words"),
    [
        ({"quantity": 0}, "INVALID", "quantity", "Line items Quantity must be greater than 0"),
        ({"priceSet": bag("-1.00")}, "INVALID", "0", "Price must be greater than or equal to 0"),
        ({"priceSet": bag("")}, "INVALID", "0", "Price can't be blank"),
        ({"priceSet": bag("1.00", "USD")}, "INVALID", "0", "Currency must match the order's currency"),
        ({"variantId": None, "title": ""}, "INVALID", "title", "Line items Title can't be blank"),
        ({"variantId": None, "title": "X", "priceSet": None}, "INVALID", "priceSet", "Line items Price can't be blank"),
        ({"taxLines": [tax("1.00", rate="")]}, "TAX_LINE_RATE_MISSING", "rate", "Tax line rate is missing"),
        (
            {"fulfillmentService": "acme"},
            "FULFILLMENT_SERVICE_INVALID",
            "fulfillmentService",
            "Fulfillment service does not exist",
        ),
    ],
)
def test_a_line_is_refused_with_its_place(shop, fields, expected_code, last, words):
    (error,) = refusals(shop, lineItems=[line(shop, **fields)])

    assert error["field"][:2] == ["order", "lineItems"]
    assert (error["code"], error["field"][-1], error["message"]) == (expected_code, last, words)


def test_a_variant_that_is_not_there_is_refused_in_two_sentences(shop):
    errors = refusals(shop, lineItems=[line(shop, variantId="gid://shopify/ProductVariant/999999")])

    assert [error["message"] for error in errors] == ["Order Line items is invalid", "Line items Title can't be blank"]


def test_a_variant_id_that_is_no_gid_is_not_found_at_the_top(shop):
    body = ask(shop, CREATE, order=order_input(shop, lineItems=[line(shop, variantId="42")]))

    assert code(body) == "RESOURCE_NOT_FOUND"
    assert body["data"] == {"orderCreate": None}


def test_taxes_stand_on_the_lines_or_on_the_order(shop):
    (error,) = refusals(shop, lineItems=[line(shop, taxLines=[tax("1.00")])], taxLines=[tax("1.00")])

    assert error["field"] == ["order", "taxLines"]


@pytest.mark.parametrize(("hours", "seconds_ago"), [(1, 0), (-2, 7200)])
def test_an_order_from_the_future_is_placed_now_and_one_from_the_past_then(shop, hours, seconds_ago):
    given = timezone.now() + timedelta(hours=hours)

    shown = read(shop, create(shop, processedAt=given.isoformat()))

    placed = datetime.fromisoformat(shown["processedAt"])
    assert abs((timezone.now() - placed).total_seconds() - seconds_ago) < 30


def test_a_dormant_shop_takes_no_orders(shop):
    dials.turn(shop.pk, "dormant", left=1)

    (error,) = refusals(shop)

    assert error["code"] == "SHOP_DORMANT"


def test_a_development_store_takes_five_orders_a_minute(shop):
    shop.is_development = True
    shop.save()
    with time_machine.travel(NOON, tick=False):
        for _ in range(5):
            create(shop)

        (error,) = refusals(shop)

    assert (error["message"], error["code"]) == ("Too many attempts. Please try again later.", "INVALID")


def test_a_total_beyond_measure_is_refused(shop):
    (error,) = refusals(shop, lineItems=[line(shop, priceSet=bag("999999999999"), quantity=1000)])

    assert error["message"] == "Order Total price is too large"


# --- sums, by the recorded examples ---


def test_taxes_on_top_are_added(shop):
    lines = [line(shop, quantity=2, priceSet=bag("12.00"), taxLines=[tax("2.40")])]
    shipping = [{"title": "Post", "priceSet": bag("5.00"), "taxLines": [tax("0.50")]}]
    sale = {**SALE, "amountSet": bag("31.90")}

    order = create(shop, taxesIncluded=False, lineItems=lines, shippingLines=shipping, transactions=[sale])

    seen = read(shop, order)
    assert seen["totalPriceSet"]["shopMoney"] == {"amount": "31.9", "currencyCode": "NZD"}
    assert seen["displayFinancialStatus"] == "PAID"
    assert seen["totalOutstandingSet"]["shopMoney"]["amount"] == "0.0"


def test_a_fixed_discount_comes_off_the_items(shop):
    discount = {"itemFixedDiscountCode": {"code": "FIVE", "amountSet": bag("5.00")}}
    shipping = [{"title": "Post", "priceSet": bag("4.00")}]

    order = create(shop, lineItems=[line(shop, priceSet=bag("30.00"))], shippingLines=shipping, discountCode=discount)

    seen = read(shop, order)
    assert seen["totalPriceSet"]["shopMoney"]["amount"] == "29.0"
    assert seen["subtotalPriceSet"]["shopMoney"]["amount"] == "25.0"


def test_included_taxes_are_told_and_not_added(shop):
    order = create(shop, lineItems=[line(shop, quantity=2, taxLines=[tax("13.04")])])

    assert read(shop, order)["totalPriceSet"]["shopMoney"]["amount"] == "100.0"
    assert str(order.tax) == "13.0400"


def test_a_line_without_a_price_costs_what_the_variant_costs(shop):
    order = create(shop, lineItems=[line(shop, "LAMP", quantity=2, priceSet=None)])

    assert read(shop, order)["totalPriceSet"]["shopMoney"]["amount"] == "30.0"


@pytest.mark.parametrize(
    ("fields", "status", "outstanding"),
    [
        ({}, None, "50.0"),
        ({"financialStatus": "PENDING"}, "PENDING", "50.0"),
        ({"transactions": [{**SALE, "amountSet": bag("50.00")}]}, "PAID", "0.0"),
        ({"transactions": [{**SALE, "amountSet": bag("20.00")}]}, "PARTIALLY_PAID", "30.0"),
        ({"transactions": [{**SALE, "amountSet": bag("60.00")}]}, "PAID", "-10.0"),
        ({"transactions": [{"kind": "AUTHORIZATION", "amountSet": bag("50.00")}]}, "AUTHORIZED", "0.0"),
        ({"transactions": [{**SALE, "status": "FAILURE", "amountSet": bag("50.00")}]}, None, "50.0"),
    ],
)
def test_the_financial_status_follows_the_transactions(shop, fields, status, outstanding):
    seen = read(shop, create(shop, **fields))

    assert seen["displayFinancialStatus"] == status
    assert seen["totalOutstandingSet"]["shopMoney"]["amount"] == outstanding


def test_tags_come_back_sorted_split_and_once(shop):
    order = create(shop, tags=["b", "a,c", "b"])

    assert read(shop, order)["tags"] == ["a", "b", "c"]


def test_orders_are_numbered_by_shop(shop):
    assert [create(shop).name, create(shop).name] == ["#1001", "#1002"]


# --- stock ---


@pytest.mark.parametrize(
    ("behaviour", "left"), [(None, 5), ("BYPASS", 5), ("DECREMENT_OBEYING_POLICY", 2), ("DECREMENT_IGNORING_POLICY", 2)]
)
def test_stock_is_claimed_as_the_options_say(shop, behaviour, left):
    options = {"inventoryBehaviour": behaviour} if behaviour else {}

    create(shop, lineItems=[line(shop, quantity=3)], options=options)

    assert shop.variants.get(sku="STOOL").stock == left


def test_too_little_stock_is_refused_and_nothing_of_it_is_taken(shop):
    lines = [line(shop, "LAMP", quantity=2), line(shop, quantity=3), line(shop, quantity=3)]

    (error,) = refusals(shop, lineItems=lines, options={"inventoryBehaviour": "DECREMENT_OBEYING_POLICY"})

    assert error["code"] == "INVENTORY_CLAIM_FAILED"
    assert list(shop.variants.order_by("sku").values_list("stock", flat=True)) == [5, 5]


@pytest.mark.parametrize("field", ["sells_below_zero", "untracked"])
def test_a_variant_that_sells_below_zero_or_is_not_counted_is_never_short(shop, field):
    shop.variants.update(**({"sells_below_zero": True} if field == "sells_below_zero" else {"is_tracked": False}))

    create(shop, lineItems=[line(shop, quantity=9)], options={"inventoryBehaviour": "DECREMENT_OBEYING_POLICY"})

    assert shop.variants.get(sku="STOOL").stock == (-4 if field == "sells_below_zero" else 5)


def test_an_order_is_fulfilled_at_the_shop_s_location_as_it_is_created(shop):
    place = {"locationId": f"gid://shopify/Location/{shop.pk}", "trackingCompany": "NZ Post", "trackingNumber": "NZ1"}

    order = create(shop, fulfillmentStatus="FULFILLED", fulfillment=place)

    seen = read(shop, order)
    assert (seen["displayFulfillmentStatus"], seen["lineItems"]["nodes"][0]["unfulfilledQuantity"]) == ("FULFILLED", 0)
    assert seen["fulfillments"][0]["trackingInfo"] == [{"number": "NZ1", "company": "NZ Post", "url": None}]


@pytest.mark.parametrize(
    "fields",
    [
        {"fulfillmentStatus": "FULFILLED"},
        {"fulfillment": {"locationId": "gid://shopify/Location/1"}},
        {"fulfillmentStatus": "FULFILLED", "fulfillment": {"locationId": "gid://shopify/Location/999999"}},
    ],
)
def test_a_fulfilled_order_names_a_location_of_the_shop(shop, fields):
    assert refusals(shop, **fields)[0]["field"][:2] == ["order", "fulfillment"]


def test_attaching_a_customer_asks_for_its_scope(shop):
    PracticeShop.objects.update(scopes=["write_orders"])
    shop.refresh_from_db()
    customer = {"toUpsert": {"email": "h@example.com"}}

    answer = ask(shop, CREATE, order=order_input(shop, customer=customer))

    assert code(answer) == "ACCESS_DENIED"
    assert not PracticeOrder.objects.exists()
    assert create(shop, email="h@example.com")
    PracticeShop.objects.update(scopes=["write_orders", "write_customers"])
    shop.refresh_from_db()
    assert create(shop, customer=customer)


def test_a_customer_is_known_by_the_address_and_by_the_id(shop):
    upsert = {"email": "Mere@example.com", "firstName": "Mere"}
    first = create(shop, customer={"toUpsert": upsert}).customer

    again = create(shop, customer={"toUpsert": {"email": "mere@EXAMPLE.com", "lastName": "Tawhiri"}}).customer
    named = [
        create(shop, customer={"toAssociate": {"email": "mere@example.com"}}).customer,
        create(shop, customer={"toUpsert": {"id": f"gid://shopify/Customer/{first.pk}"}}).customer,
        create(shop, customerId=f"gid://shopify/Customer/{first.pk}").customer,
    ]

    assert named == [first] * 3
    assert (again.pk, again.name, again.email) == (first.pk, "Mere Tawhiri", "mere@example.com")
    assert shop.customers.count() == 1


@pytest.mark.parametrize(
    "customer",
    [
        {"toAssociate": {"email": "nobody@example.com"}},
        {"toAssociate": {}},
        {"toUpsert": {"id": "gid://shopify/Customer/4711", "email": "mere@example.com"}},
    ],
)
def test_a_customer_of_another_store_does_not_exist(shop, customer):
    other = services.open_shop(slug="rimu", name="Rimu", currency="NZD", taxes_included=True, variants=[])
    PracticeCustomer.objects.create(pk=4711, shop=other, email="mere@example.com", created_at=timezone.now())
    PracticeCustomer.objects.create(shop=other, email="nobody@example.com", created_at=timezone.now())

    (error,) = refusals(shop, customer=customer)

    assert error["message"] == "Customer does not exist"


def test_a_fulfilled_order_is_sent_from_the_location_that_was_named(shop):
    place = {"locationId": f"gid://shopify/Location/{shop.pk}"}

    order = create(shop, fulfillmentStatus="FULFILLED", fulfillment=place)

    assert order.details["fulfillment"]["locationId"] == place["locationId"]
    assert "All items are sent from Warehouse." in order.events.values_list("text", flat=True)


def customers(shop) -> list[tuple[str, str, str]]:
    return list(PracticeCustomer.objects.order_by("pk").values_list("email", "phone", "first_name"))


def upsert(**fields) -> dict:
    return {"customer": {"toUpsert": fields}}


def test_a_customer_is_one_per_e_mail_address(shop):
    first = create(shop, **upsert(email="Mere@example.com", firstName="Mere", phone="+64211112222"))
    again = create(shop, **upsert(email="mere@EXAMPLE.com", lastName="Tawhiri"))

    assert customers(shop) == [("mere@example.com", "+64211112222", "Mere")]
    assert first.customer == again.customer


def test_a_phone_that_another_customer_has_is_refused_and_nothing_is_kept(shop):
    create(shop, **upsert(email="mere@example.com", phone="+64211112222"))

    (error,) = refusals(shop, **upsert(email="hone@example.com", phone="+64211112222"))

    assert error["message"] == "Phone has already been taken"
    assert error["field"] == ["order", "customer", "toUpsert", "phone"]
    assert (PracticeOrder.objects.count(), customers(shop)) == (1, [("mere@example.com", "+64211112222", "")])
    assert create(shop, **upsert(email="mere@example.com", phone="+64211112222"))  # her own is no other's


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "gid://shopify/Customer/1"}, "Customer does not exist"),
        ({"firstName": "Mere"}, "Email can't be blank"),
    ],
)
def test_a_customer_that_nobody_can_tell_is_refused(shop, fields, words):
    assert [error["message"] for error in refusals(shop, **upsert(**fields))] == [words]


def test_an_order_is_attached_to_a_customer_that_is_there(shop):
    known = create(shop, **upsert(email="mere@example.com")).customer_id

    by_id = create(shop, customer={"toAssociate": {"id": f"gid://shopify/Customer/{known}"}})
    by_email = create(shop, customer={"toAssociate": {"email": "mere@example.com"}})

    assert [each.customer_id for each in (by_id, by_email)] == [known, known]
    assert create(shop).customer is None
