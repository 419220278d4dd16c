"""What Shopify is sent for an order, and that its total can be told beforehand to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import money
from connectors.base import Address, BlockerCode
from connectors.shopify import mapping, preflight
from tests.connectors.neutral import HOME, SHOWROOM, tax, with_options
from tests.connectors.shopify.orders import ACCOUNT, line, order, variant


def body(*lines, **fields):
    return mapping.order_variables(order(*lines, **fields))["order"]


def attributes(**fields) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in body(**fields)["customAttributes"]}


def test_the_order_carries_our_reference_in_three_places():
    sent = body()

    assert sent["sourceIdentifier"] == "SW-1"
    assert sent["tags"] == ["ArchiPro Order", "SW-1"]
    assert sent["metafields"] == [
        {"namespace": "$app:order_sync", "key": "marketplace_order_id", "type": "id", "value": "SW-1"}
    ]


def test_the_note_links_to_the_order():
    sent = body()

    assert sent["note"] == "ArchiPro order AP-1\nhttps://portal.example.com/orders/abc/"
    assert sent["sourceUrl"] == "https://portal.example.com/orders/abc/"


def test_a_line_says_everything_that_shopify_would_otherwise_assume():
    (sent,) = body(line(taxes=(tax("13.04"),)))["lineItems"]

    assert sent == {
        "variantId": "gid://shopify/ProductVariant/1",
        "quantity": 2,
        "requiresShipping": True,
        "taxable": True,
        "priceSet": {"shopMoney": {"amount": "50.00", "currencyCode": "NZD"}},
        "taxLines": [
            {"title": "GST", "rate": "0.15", "priceSet": {"shopMoney": {"amount": "13.04", "currencyCode": "NZD"}}}
        ],
        "properties": [{"name": "_storeward_line", "value": "line-1"}],
    }


def test_the_customer_and_their_address_of_mail_stay_with_us():
    sent = body(customer_note="Ring twice")

    assert {"customer", "email", "phone"}.isdisjoint(sent)
    assert "harriet@example.com" not in str(sent)
    assert sent["shippingAddress"]["phone"] == "+64211234567"


def test_a_shared_address_of_mail_makes_a_customer_without_phone():
    sent = body(options=with_options(share_customer_email=True))

    assert sent["customer"] == {
        "toUpsert": {"email": "harriet@example.com", "firstName": "Harriet", "lastName": "Ngata"}
    }
    assert {"email", "phone"}.isdisjoint(sent)


def test_click_and_collect_is_told_in_note_attributes_and_shipping_line():
    fields = {"shipping_address": None, "pickup": SHOWROOM, "customer_note": "After five"}
    sent = body(**fields)

    assert sent["note"].splitlines()[2:] == [
        "Click & Collect from: Kauri Showroom, 9 Customs Street, Auckland",
        "Ring the bell",
        "Customer note: After five",
    ]
    assert attributes(**fields)["Pick-up instructions"] == "Ring the bell"
    assert sent["shippingLines"][0]["title"] == "Click & Collect: Kauri Showroom"
    assert sent["lineItems"][0]["requiresShipping"] is False
    assert "shippingAddress" not in sent


def test_every_free_attribute_arrives_even_under_a_name_of_ours():
    got = attributes(attributes={"Payment terms": "Net 30", "Order number": "X", "Empty": ""})

    assert got["Payment terms"] == "Net 30"
    assert (got["Order number"], got["ArchiPro: Order number"]) == ("AP-1", "X")
    assert "Empty" not in got


def test_a_paid_order_has_the_sale_that_paid_it():
    paid_at = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
    sent = body(paid_at=paid_at)

    assert sent["financialStatus"] == "PAID"
    assert sent["transactions"] == [
        {
            "kind": "SALE",
            "status": "SUCCESS",
            "gateway": "ArchiPro",
            "amountSet": {"shopMoney": {"amount": "100.00", "currencyCode": "NZD"}},
            "processedAt": "2026-11-23T13:00:00Z",
        }
    ]


def test_an_unpaid_order_is_pending():
    sent = body(options=with_options(mark_paid=False))

    assert sent["financialStatus"] == "PENDING"
    assert "transactions" not in sent


@pytest.mark.parametrize(("bypass", "behaviour"), [(False, "DECREMENT_OBEYING_POLICY"), (True, "BYPASS")])
def test_stock_is_claimed_unless_bypassed_and_no_mail_is_sent(bypass, behaviour):
    options = mapping.order_variables(order(options=with_options(bypass_stock_check=bypass)))["options"]

    assert options == {"inventoryBehaviour": behaviour, "sendReceipt": False, "sendFulfillmentReceipt": False}


@pytest.mark.parametrize(
    ("currency", "price", "text"), [("JPY", "1200", "1200"), ("NZD", "12.3", "12.30"), ("KWD", "3.25", "3.250")]
)
def test_amounts_have_the_decimals_of_their_currency(currency, price, text):
    (sent,) = body(line(unit_price=Decimal(price)), currency=currency)["lineItems"]

    assert sent["priceSet"] == {"shopMoney": {"amount": text, "currencyCode": currency}}


@pytest.mark.parametrize(
    ("country", "province", "sent"),
    [
        ("NZ", "AUK", ("NZ", "AUK")),
        ("JP", "13", ("JP", "JP-13")),
        ("JP", "JP-13", ("JP", "JP-13")),
        ("KR", "", ("KR", None)),
        ("PR", "", ("US", "PR")),
    ],
)
def test_places_are_named_as_shopify_names_them(country, province, sent):
    address = body(billing=replace(HOME, country_code=country, province_code=province))["billingAddress"]

    assert (address["countryCode"], address.get("provinceCode")) == sent


def test_an_empty_address_is_left_out():
    assert "billingAddress" not in body(billing=Address())


def test_a_comma_does_not_split_a_tag():
    assert body(options=with_options(tag="Arch, Pro Order"))["tags"][0] == "Arch  Pro Order"


def test_the_same_order_gives_the_same_body():
    assert mapping.order_variables(order()) == mapping.order_variables(order())


def test_the_recorded_total_with_tax_on_top_is_predicted():
    one = order(
        line(unit_price=Decimal("12.00"), taxes=(tax("2.40", rate="0.1"),)),
        prices_include_tax=False,
        shipping=Decimal("5.00"),
        shipping_taxes=(tax("0.50", rate="0.1"),),
    )

    assert mapping.predicted_total(mapping.order_variables(one)) == Decimal("31.90")


def test_the_recorded_total_with_a_discount_is_predicted():
    one = order(line(unit_price=Decimal("30.00"), quantity=1), discount=Decimal("5.00"), shipping=Decimal("4.00"))

    assert mapping.predicted_total(mapping.order_variables(one)) == Decimal("29.00")


def test_a_discount_takes_no_more_than_the_items():
    one = order(line(unit_price=Decimal("2.00")), discount=Decimal("5.00"), shipping=Decimal("4.00"))

    assert mapping.predicted_total(mapping.order_variables(one)) == Decimal("4.00")


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
    return order(
        *lines,
        currency=currency,
        prices_include_tax=draw(st.booleans()),
        discount=min(amount(), money.total(part.unit_price * part.quantity for part in lines) - 1),
        shipping=amount(),
        shipping_taxes=(tax(str(amount(500))),) if draw(st.booleans()) else (),
    )


@given(orders())
@settings(max_examples=60, deadline=None)
def test_an_order_that_adds_up_is_predicted_to_the_cent(one):
    variants = {part.variant_id: variant(number, stock=None) for number, part in enumerate(one.lines, 1)}
    account = replace(ACCOUNT, currency=one.currency)
    variables = mapping.order_variables(one)

    assert mapping.predicted_total(variables) == one.total
    assert preflight.blockers(one, variables, variants, account) == ()


@given(orders(), st.integers(-500, 500).filter(bool))
@settings(max_examples=40, deadline=None)
def test_an_order_that_is_off_by_any_amount_is_blocked(one, off):
    wrong = replace(one, total=one.total + money.from_minor(off, one.currency))
    account = replace(ACCOUNT, currency=one.currency)

    found = preflight.blockers(wrong, mapping.order_variables(wrong), {}, account)

    assert BlockerCode.TOTAL_MISMATCH in {blocker.code for blocker in found}


def test_every_part_of_the_body_has_a_source():
    to_customer = with_options(share_customer_email=True, fulfilled=True, location_id="gid://shopify/Location/1")
    everything = order(discount=Decimal(1), shipping=Decimal(5), options=to_customer)
    on_order = order(options=with_options(share_customer_email=True, create_customer=False))

    bodies = [mapping.order_variables(one) for one in (everything, on_order)]

    sent = {f"variables.{part}.{name}" for body in bodies for part in ("order", "options") for name in body[part]}
    assert sent == set(mapping.SOURCES) - {"query", "operationName"}


def test_an_address_without_a_customer_stands_on_the_order_alone():
    sent = body(options=with_options(share_customer_email=True, create_customer=False))

    assert ("customer" in sent, sent["email"]) == (False, "harriet@example.com")


def test_a_fulfilled_order_names_its_location_and_leaves_the_mail_to_us():
    sent = body(options=with_options(fulfilled=True, location_id="gid://shopify/Location/1", mark_paid=False))

    assert sent["fulfillment"] == {"locationId": "gid://shopify/Location/1", "notifyCustomer": False}
    assert (sent["fulfillmentStatus"], sent["financialStatus"], "transactions" in sent) == (
        "FULFILLED",
        "PENDING",
        False,
    )


def test_a_fulfilled_order_without_a_location_is_blocked():
    one = order(options=with_options(fulfilled=True))

    found = preflight.blockers(one, mapping.order_variables(one), {}, ACCOUNT)

    assert [blocker.field for blocker in found if blocker.code == BlockerCode.PICKUP_LOCATION_UNMAPPED] == ["location"]
