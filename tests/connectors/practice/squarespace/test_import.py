"""What an import must be like, and what becomes of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from connectors.practice import services
from connectors.practice.services import PracticeError
from connectors.practice.squarespace import ids
from tests.connectors.practice.squarespace.site import (
    INVENTORY,
    ORDERS,
    call,
    create,
    get,
    import_body,
    line,
    money,
    refusal,
    variant_id,
)

SHIPMENT = {"shipDate": "2026-11-24T09:00:00Z", "carrierName": "NZ Post", "service": "Courier", "trackingNumber": "NZ1"}


def test_the_smallest_import_is_paid_and_pending(site):
    order = get(site, f"{ORDERS}/{ids.of_order(create(site))}")

    assert (order["orderNumber"], order["channel"], order["channelName"]) == ("1", "external", "ArchiPro")
    assert (order["externalOrderReference"], order["paymentState"]) == ("SW-1", "PAID")
    assert (order["fulfillmentStatus"], order["fulfillments"]) == ("PENDING", None)
    assert (order["grandTotal"], order["taxTotal"]) == (money("50.00"), money("0.00"))
    assert order["lineItems"][0]["sku"] == "STOOL"


def test_the_totals_are_those_of_the_documented_sum(site):
    order = create(
        site,
        priceTaxInterpretation="EXCLUSIVE",
        lineItems=[line(site, quantity=2), line(site, "LAMP", unitPricePaid=money(15))],
        subtotal=money("115.00"),
        shippingLines=[{"method": "Courier", "amount": money("6.50")}],
        shippingTotal=money("6.50"),
        discountLines=[{"name": "Sale", "amount": money("5.00")}],
        discountTotal=money("5.00"),
        taxTotal=money("17.25"),
        grandTotal=money("133.75"),
    )

    assert (order.total, order.tax, order.discount, order.received) == (
        Decimal("133.75"),
        Decimal("17.25"),
        Decimal(5),
        Decimal("133.75"),
    )
    assert get(site, f"{ORDERS}/{ids.of_order(order)}")["subtotal"] == money("115.00")


@pytest.mark.parametrize(
    "name",
    [
        "channelName",
        "externalOrderReference",
        "createdOn",
        "lineItems",
        "fulfillments",
        "grandTotal",
        "priceTaxInterpretation",
    ],
)
def test_what_is_required_is_missed(site, name):
    assert refusal(site, **{name: None}) == ("MISSING_ARGUMENT", f"'{name}' is required.")


def test_a_missing_subtotal_is_refused_in_the_recorded_words(site):
    words = "The sum of lineItems.unitPricePaid.value must equal subtotal.value."

    assert refusal(site, subtotal=None) == (None, words)
    assert refusal(site, lineItems=[line(site, quantity=2)], grandTotal=money("50.00")) == (None, words)


def test_a_title_on_a_product_is_refused_in_the_recorded_words(site):
    lines = [line(site, title="Oak stool")]

    assert refusal(site, lineItems=lines) == ("INVALID_ARGUMENT", "lineItems.title must be null or omitted")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"channelName": "x" * 31}, "'channelName' exceeds 30 characters."),
        ({"channelName": " "}, "'channelName' must be a text."),
        ({"externalOrderReference": "x" * 201}, "'externalOrderReference' exceeds 200 characters."),
        ({"createdOn": "yesterday"}, "'createdOn' must be an ISO 8601 UTC date and time."),
        ({"createdOn": "2026-11-23T12:00:00+13:00"}, "'createdOn' must be an ISO 8601 UTC date and time."),
        ({"createdOn": "2026-11-23T12:00:00"}, "'createdOn' must be an ISO 8601 UTC date and time."),
        ({"lineItems": []}, "'lineItems' must not be empty."),
        ({"priceTaxInterpretation": "NONE"}, "'priceTaxInterpretation' must be one of EXCLUSIVE, INCLUSIVE."),
        ({"inventoryBehavior": "DECREMENT"}, "'inventoryBehavior' must be one of DEDUCT, SKIP."),
        ({"fulfillmentStatus": "CANCELED"}, "'fulfillmentStatus' must be one of PENDING, FULFILLED."),
        ({"fulfillments": {}}, "'fulfillments' must be a list of at most 100."),
        ({"fulfillments": [SHIPMENT] * 101}, "'fulfillments' must be a list of at most 100."),
        ({"customerEmail": "harriet"}, "'customerEmail' must be an email address."),
        ({"billingAddress": "here"}, "'billingAddress' must be an address."),
        ({"shippingAddress": {"countryCode": "NZL"}}, "'shippingAddress.countryCode' must be an ISO 3166-1"),
        ({"subtotal": money("50.001")}, "'subtotal.value' must be an amount of money."),
        ({"grandTotal": money("x")}, "'grandTotal.value' must be an amount of money."),
        ({"grandTotal": money("-1")}, "'grandTotal.value' must be an amount of money."),
        ({"grandTotal": money("50.00", "USD")}, "'grandTotal.currency' must be the site's currency, NZD."),
        ({"grandTotal": money("50.01")}, "grandTotal.value must equal"),
        ({"taxTotal": money("6.52")}, "grandTotal.value must equal"),
        ({"shippingLines": [{"method": "Courier", "amount": money("1.00")}]}, "The sum of shippingLines.amount.value"),
        ({"discountLines": [{"name": "Sale", "amount": money("1.00")}]}, "The sum of discountLines.amount.value"),
    ],
)
def test_what_breaks_a_rule_is_refused(site, fields, words):
    subtype, message = refusal(site, **fields)

    assert (subtype, message.startswith(words)) == ("INVALID_ARGUMENT", True), message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quantity": 0}, "'lineItems[0].quantity' must be at least 1."),
        ({"quantity": True}, "'lineItems[0].quantity' must be at least 1."),
        ({"variantId": None}, "'lineItems[0].variantId' is required."),
        ({"variantId": "00000000-0000-0000-0000-0000000fffff"}, "'lineItems[0].variantId' does not exist"),
        ({"variantId": "STOOL"}, "'lineItems[0].variantId' does not exist"),
        ({"unitPricePaid": None}, "'lineItems[0].unitPricePaid.value' must be an amount of money."),
        ({"lineItemType": None}, "'lineItems[0].lineItemType' must be PHYSICAL_PRODUCT or CUSTOM."),
        ({"lineItemType": "CUSTOM"}, "'lineItems[0]' needs a title and no variantId."),
    ],
)
def test_a_line_that_breaks_a_rule_is_refused(site, fields, words):
    _, message = refusal(site, lineItems=[line(site, **fields)])

    assert message.startswith(words), message


def test_a_custom_line_needs_no_product(site):
    order = create(site, lineItems=[line(site, lineItemType="CUSTOM", title="Engraving", variantId=None)])

    assert [(row.title, row.variant) for row in order.lines.all()] == [("Engraving", None)]


def test_stock_is_left_alone_unless_it_is_to_be_deducted(site):
    create(site)
    assert site.variants.get(sku="STOOL").stock == 5

    create(site, key="key-2", inventoryBehavior="DEDUCT")
    assert site.variants.get(sku="STOOL").stock == 4


def test_a_tracked_variant_that_cannot_cover_the_quantity_is_refused_and_nothing_taken(site):
    lines = [line(site, "LAMP"), line(site, quantity=6)]
    fields = {"subtotal": money("350.00"), "grandTotal": money("350.00"), "inventoryBehavior": "DEDUCT"}

    _, message = refusal(site, lineItems=lines, **fields)

    assert message == f"Insufficient stock for variant {variant_id(site)}."
    assert set(site.variants.values_list("stock", flat=True)) == {5}


def test_unlimited_stock_covers_any_quantity(site):
    site.variants.update(is_tracked=False)

    assert create(site, inventoryBehavior="DEDUCT").lines.count() == 1


def test_a_fulfilled_import_needs_the_time_of_it(site):
    assert refusal(site, fulfillmentStatus="FULFILLED")[0] == "MISSING_ARGUMENT"

    order = create(site, fulfillmentStatus="FULFILLED", fulfilledOn="2026-11-24T10:00:00Z", fulfillments=[SHIPMENT])
    assert services.fulfillment_status(order) == "FULFILLED"


# --- the idempotency key ---


def test_without_a_key_the_gateway_refuses_before_it_reads_the_body(site):
    answer = call(site, "POST", ORDERS, "no json", headers={"Idempotency-Key": ""})

    assert (answer.status_code, json.loads(answer.content)["detail"]) == (
        400,
        "Required header 'Idempotency-Key' is not present.",
    )


@pytest.mark.parametrize("key", ["x" * 65, "a b", "a/b", "é"])
def test_a_key_of_another_form_is_refused(site, key):
    answer = call(site, "POST", ORDERS, import_body(site), headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert not site.orders.exists()


def test_the_same_key_and_body_again_is_the_same_order(site):
    first, again = create(site, inventoryBehavior="DEDUCT"), create(site, inventoryBehavior="DEDUCT")

    assert first == again
    assert site.variants.get(sku="STOOL").stock == 4


def test_the_same_key_with_another_body_is_refused(site):
    create(site)

    answer = call(site, "POST", ORDERS, import_body(site, channelName="Other"))

    assert (answer.status_code, site.orders.count()) == (400, 1)


def test_a_refused_import_may_be_mended_under_its_key(site):
    refusal(site, subtotal=None)

    assert create(site).name == "#1"


@pytest.mark.parametrize("body", ["", "[]", "7", "{", "[" * 100_000])
def test_a_body_that_is_no_object_is_refused(site, body):
    assert call(site, "POST", ORDERS, body).status_code == 400


# --- what cannot be done there ---


def test_an_order_is_fulfilled_whole(site):
    order = create(site, lineItems=[line(site), line(site, "LAMP")], subtotal=money(100), grandTotal=money(100))
    first, _ = order.lines.order_by("pk")

    with pytest.raises(PracticeError, match="whole"):
        services.fulfill(order_id=order.pk, quantities={first.pk: 1}, parcels=[])

    assert services.fulfill(order_id=order.pk, quantities=None, parcels=[]).lines.count() == 2


def test_an_order_cannot_be_edited(site):
    line_id = create(site).lines.get().pk

    with pytest.raises(PracticeError, match="edited"):
        services.edit_quantity(line_id=line_id, quantity=2)


# --- inventory ---


def test_inventory_tells_stock_and_whether_it_is_counted(site):
    site.variants.filter(sku="LAMP").update(is_tracked=False)

    rows = get(site, INVENTORY)["inventory"]

    assert [(row["sku"], row["quantity"], row["isUnlimited"]) for row in rows] == [
        ("STOOL", 5, False),
        ("LAMP", 5, True),
    ]


def test_one_unknown_id_makes_the_whole_a_404(site):
    known, unknown = variant_id(site), "00000000-0000-0000-0000-0000000fffff"

    assert len(get(site, f"{INVENTORY}/{known}")["inventory"]) == 1
    assert call(site, "GET", f"{INVENTORY}/{known},{unknown}").status_code == 404


def test_more_than_fifty_ids_are_refused(site):
    assert call(site, "GET", f"{INVENTORY}/{','.join(['x'] * 51)}").status_code == 400
