"""What the rules would have done with past orders, and how those ended."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Merchant
from orders.models import AcceptDecision, Order, OrderEvent
from orders.services import backtest
from tests.factories import NOON, make_merchant, make_order
from tests.orders.services.accepting import make_hours, make_rule

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
AUTHORIZED = {"status": "authorized"}  # the payment's own row


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant()


def ended(merchant: Merchant, **fields) -> Order:
    return make_order(merchant, payment=AUTHORIZED, **fields)


def test_orders_are_counted_by_what_the_rules_say_and_how_they_ended(merchant: Merchant):
    make_rule(merchant, "ask", listed="in", countries=("AU",))
    make_rule(merchant, total_to=Decimal(200))
    ended(merchant, status="confirmed", payment_status="captured")
    ended(merchant, status="confirmed", payment_status="partially_refunded")
    ended(merchant, status="cancelled", payment_status="refunded")
    ended(merchant, status="declined")
    ended(merchant, status="expired")
    abroad = ended(merchant, status="confirmed")
    abroad.addresses.update(country_code="AU")
    ended(merchant, lines=[{"sku": "A", "unit_price": "900.00"}])

    found = backtest.run(merchant, at=NOON)

    assert (found.looked_at, found.accepted, found.asked) == (7, 5, 2)
    assert (found.refunded, found.cancelled, found.turned_down, found.asked_and_confirmed) == (1, 1, 2, 1)
    assert [(count.number, count.verdict, count.orders) for count in found.rules] == [
        (1, "ask", 1),
        (2, "accept", 5),
        (None, "ask", 1),
    ]
    assert sorted(order.ended for order in found.orders) == ["", "cancelled", "declined", "expired", "refunded"]


def test_the_toggle_speaks_when_no_rule_does():
    merchant = make_merchant(auto_accept=True)
    make_order(merchant)

    assert backtest.run(merchant, at=NOON).accepted == 1


def test_a_customer_was_new_when_the_order_came(merchant: Merchant):
    make_rule(merchant, customer="new")
    make_order(merchant, received_at=NOON - 2 * DAY)
    make_order(merchant, received_at=NOON - DAY)

    assert backtest.run(merchant, at=NOON).accepted == 1


def test_a_customer_is_known_in_whatever_case_the_address_was_typed(merchant: Merchant):
    make_rule(merchant, customer="known")
    make_order(merchant, received_at=NOON - 2 * DAY, customer_email="Mere@Example.com")
    make_order(merchant, received_at=NOON - DAY, customer_email="MERE@example.com", number="again")

    assert [order.number for order in backtest.run(merchant, at=NOON).orders] == ["again"]


def test_each_order_that_would_have_been_accepted_is_named_with_its_rule(merchant: Merchant):
    make_rule(merchant, "ask", listed="in", countries=("AU",))
    make_rule(merchant, total_to=Decimal(200))
    for number in range(12):
        make_order(merchant, number=f"A{number}", placed_at=NOON - DAY + timedelta(minutes=number))

    found = backtest.run(merchant, at=NOON)

    assert [order.number for order in found.orders] == [f"A{number}" for number in reversed(range(12))]
    assert {(order.rule, order.ended) for order in found.orders} == {(2, "")}


def test_opening_hours_and_countries_and_skus_count_as_they_do_for_new_orders(merchant: Merchant):
    make_hours(merchant)
    make_rule(merchant, arrived_in="open", sku_match="all", skus=("CHAIR",), listed="in", countries=("NZ",))
    make_order(merchant, received_at=NOON.replace(hour=22), lines=[{"sku": "chair-1"}])
    make_order(merchant, received_at=NOON, lines=[{"sku": "chair-1"}])
    make_order(merchant, received_at=NOON.replace(hour=22), lines=[{"sku": "lamp"}])
    make_order(
        merchant, received_at=NOON.replace(hour=22), lines=[{"sku": "chair"}], delivery="pickup", pickup_name="Studio"
    )

    assert backtest.run(merchant, at=NOON).accepted == 1


def test_what_cannot_be_known_is_assumed_and_counted(merchant: Merchant):
    make_rule(merchant, ready=True)
    make_order(merchant)

    found = backtest.run(merchant, at=NOON)

    assert (found.accepted, found.assumed) == (1, 1)
    assert "Stock and product links" in found.not_knowable[0]


def test_drafts_old_orders_and_another_merchants_are_left_out(merchant: Merchant):
    make_order(merchant, placed_at=NOON - 91 * DAY)
    make_order(merchant, status="draft", blockers=[{"code": "not_paid", "message": "x"}])
    make_order()

    assert backtest.run(merchant, at=NOON).looked_at == 0


def test_many_orders_are_cut_off_and_it_says_so(merchant: Merchant, monkeypatch):
    monkeypatch.setattr(backtest, "MOST", 2)
    for _ in range(3):
        make_order(merchant)

    found = backtest.run(merchant, at=NOON)

    assert (found.looked_at, found.is_capped) == (2, True)


def test_it_takes_the_same_number_of_statements_for_one_and_three_and_writes_nothing(merchant: Merchant):
    make_rule(merchant, customer="new", sku_match="all", skus=("A",), listed="in", countries=("NZ",), ready=True)
    make_order(merchant)
    with CaptureQueriesContext(connection) as one:
        backtest.run(merchant, at=NOON)
    for _ in range(2):
        make_order(merchant)
    with CaptureQueriesContext(connection) as three:
        backtest.run(merchant, at=NOON)

    assert len(three) == len(one) <= 6
    assert not AcceptDecision.objects.exists()
    assert not OrderEvent.objects.exists()
