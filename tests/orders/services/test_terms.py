"""What settings make of an order's amounts: to the cent what was paid, unless no customer's total is to be kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import Role
from connectors.base import BlockerCode
from connectors.models import Connection, ShippingRule, TaxPreset
from orders.models import Order, OrderPush
from orders.services import limits_of_settings, outbound, terms
from tests.factories import make_connection, make_member, make_order

pytestmark = pytest.mark.django_db

NET_30 = {"payment_terms": "Net 30"}


@pytest.fixture
def store(merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


def push_of(order: Order) -> OrderPush:
    return order.pushes.select_related("order", "connection__sync_settings").get()


def sent(order: Order):
    return outbound.build(push_of(order))


def an_order(store: Connection, **fields) -> Order:
    fields = {"lines": [{"sku": "A", "unit_price": "100.00"}], **fields}
    return make_order(store.merchant, connections=[store], **fields)


def change(store: Connection, **fields) -> None:
    for name, value in fields.items():
        setattr(store.sync_settings, name, value)
    store.sync_settings.save()


# --- paid or not, and to whom ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "attributes", "paid"),
    [("auto", {}, True), ("auto", NET_30, False), ("paid", NET_30, True), ("unpaid", {}, False)],
)
def test_wholesale_is_unpaid_unless_the_settings_say_otherwise(store, status, attributes, paid):
    change(store, financial_status=status)

    assert sent(an_order(store, attributes=attributes)).options.mark_paid is paid


def test_a_platform_that_knows_paid_orders_alone_gets_paid_orders(merchant):
    site = make_connection(merchant, platform="squarespace", settings={"financial_status": "unpaid"})

    assert sent(an_order(site)).options.mark_paid


@pytest.mark.parametrize(
    ("policy", "address", "customer"),
    [
        ("none", "", False),
        ("customer", "harriet@example.com", True),
        ("merchant", "first@kauri.example", False),
        ("other", "desk@rimu.example", False),
    ],
)
def test_the_store_gets_the_address_that_was_chosen(store, policy, address, customer):
    make_member(store.merchant, Role.OWNER)
    store.merchant.alert_addresses = ["first@kauri.example", "second@kauri.example"]
    store.merchant.save()
    change(store, email_policy=policy, other_email="desk@rimu.example")

    order = sent(an_order(store))

    assert (order.customer_email, order.options.share_customer_email) == (address, policy != "none")
    assert order.options.create_customer is customer


def test_my_own_address_is_the_owners_when_nobody_is_told_of_problems(store):
    owner = make_member(store.merchant, Role.OWNER)
    change(store, email_policy="merchant")

    assert sent(an_order(store)).customer_email == owner.email


def test_my_own_address_is_the_first_that_is_one(store):
    store.merchant.alert_addresses = ["no address", "desk@kauri.example"]
    store.merchant.save()
    change(store, email_policy="merchant")

    assert sent(an_order(store)).customer_email == "desk@kauri.example"


# --- tax ------------------------------------------------------------------------------------------


def test_lines_that_name_no_tax_get_that_of_the_billing_country(store):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15")

    order = sent(an_order(store, tax="13.04"))

    assert [(tax.title, tax.rate, tax.amount) for tax in order.lines[0].taxes] == [
        ("GST", Decimal("0.15"), Decimal("13.04"))
    ]
    assert order.total == 100


def test_another_country_gets_none(store):
    TaxPreset.objects.create(connection=store, country_code="AU", name="GST", rate="0.10")

    assert sent(an_order(store)).lines[0].taxes == ()


def test_an_order_that_names_taxes_keeps_them(store):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.20")
    line = {"sku": "A", "unit_price": "100.00", "taxes": [{"title": "MwSt", "rate": "0.15", "amount": "13.04"}]}

    assert [tax.title for tax in sent(an_order(store, lines=[line])).lines[0].taxes] == ["MwSt"]


def test_tax_on_top_is_shared_out_to_exactly_what_the_order_says(store):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15")
    lines = [{"sku": sku, "unit_price": "0.33"} for sku in "ABC"]  # three times 0.0495: 0.15 by line, 0.149 in all
    fields = {"prices_include_tax": False, "shipping": "0.31", "tax": "0.19", "total": Decimal("1.49")}

    order = sent(an_order(store, lines=lines, **fields))

    parts = [tax.amount for line in order.lines for tax in line.taxes] + [tax.amount for tax in order.shipping_taxes]
    assert (sum(parts), order.tax, order.total) == (Decimal("0.19"), Decimal("0.19"), Decimal("1.49"))
    assert list(limits_of_settings.tax_differs(push_of(Order.objects.get()), order)) == []


@pytest.mark.parametrize("tax", ["12.00", "0.00"])
def test_a_rate_that_comes_to_another_tax_is_a_blocker(store, tax):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15")
    order = an_order(store, prices_include_tax=False, tax=tax, total=Decimal(100) + Decimal(tax))

    (blocker,) = limits_of_settings.tax_differs(push_of(order), sent(order))

    assert (blocker.code, blocker.field, blocker.value) == (BlockerCode.TOTAL_MISMATCH, "tax", "15.00")
    assert f"comes to 15.00 NZD, the order says {tax} NZD" in blocker.message


def test_tax_inside_that_the_order_does_not_tell_is_no_difference(store):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15")
    order = an_order(store, tax=0)

    assert list(limits_of_settings.tax_differs(push_of(order), sent(order))) == []


def test_shipping_is_left_out_when_the_settings_say_so(store):
    TaxPreset.objects.create(connection=store, country_code="NZ", name="GST", rate="0.15", on_shipping=False)

    order = sent(an_order(store, shipping=10, tax="13.04"))

    assert (order.shipping_taxes, order.lines[0].taxes[0].amount) == ((), Decimal("13.04"))


# --- shipping -------------------------------------------------------------------------------------


def rules(store: Connection, *rows: tuple[int, int]) -> None:
    for minimum, cost in rows:
        ShippingRule.objects.create(connection=store, minimum=minimum, cost=cost)


@pytest.mark.parametrize(("price", "cost"), [("99.99", 12), ("100.00", 5), ("500.00", 0)])
def test_the_highest_rule_that_fits_says_what_shipping_costs(store, price, cost):
    rules(store, (0, 12), (100, 5), (500, 0))
    change(store, financial_status="unpaid")

    order = sent(an_order(store, lines=[{"sku": "A", "unit_price": price}], shipping=7))

    assert (order.shipping, order.total) == (cost, Decimal(price) + cost)


def test_shipping_is_free_when_there_are_rules_and_none_fits(store):
    rules(store, (200, 5))
    change(store, financial_status="unpaid")

    assert sent(an_order(store, shipping=7)).shipping == 0


def test_without_rules_the_order_s_own_shipping_counts(store):
    change(store, financial_status="unpaid")

    assert sent(an_order(store, shipping=7)).shipping == 7


def test_a_paid_order_keeps_what_the_customer_paid_whatever_the_rules(store):
    rules(store, (0, 12))
    order = an_order(store, shipping=7)
    OrderPush.objects.update(shipping_fee=20)

    assert (sent(order).shipping, sent(order).total) == (7, 107)


def test_the_price_that_was_typed_goes_before_the_rules(store):
    rules(store, (0, 12))
    change(store, financial_status="unpaid")
    order = an_order(store, shipping=7)
    OrderPush.objects.update(shipping_fee="3.50")

    assert (sent(order).shipping, sent(order).total) == (Decimal("3.50"), Decimal("103.50"))


def test_shipping_is_taxed_as_it_was_at_its_new_price(store):
    change(store, financial_status="unpaid")
    taxes = [{"title": "GST", "rate": "0.15", "amount": "1.50"}]
    order = an_order(
        store, prices_include_tax=False, shipping=10, tax="1.50", total=Decimal("111.50"), shipping_taxes=taxes
    )
    OrderPush.objects.update(shipping_fee=20)

    out = sent(order)

    assert ([tax.amount for tax in out.shipping_taxes], out.tax, out.total) == ([Decimal("3.00")], 3, 123)


def test_a_supplier_charges_its_own_shipping(merchant):
    supplier = make_connection(merchant, platform="ssactivewear")
    order = an_order(supplier)

    assert terms.why_no_fee(push_of(order), order) == "S&S Activewear charges its own shipping."
