"""What auto-accept rules say of an order, and what they write on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from accounts.models import Merchant
from orders import outbox
from orders.enums import OrderStatus
from orders.models import AcceptDecision, AcceptRule, AcceptSettings, Order, OrderEvent
from orders.services import accept_rules, acceptance, decisions, preflight
from tests.factories import NOON, make_channel, make_connection, make_merchant, make_order
from tests.fakes import FakeStore, make_world
from tests.orders.services.accepting import auto_accept, make_checked, make_hours, make_rule

pytestmark = pytest.mark.django_db
ASK = "ask"


def said(order: Order) -> str:
    return AcceptDecision.objects.get(order=order).text


def failed(order: Order) -> list[str]:
    return [step["failed"] for step in AcceptDecision.objects.get(order=order).trail]


@pytest.mark.parametrize(
    ("auto", "rules", "shadow", "words"),
    [
        (False, 0, False, "wait here until you confirm them"),
        (True, 0, False, "are confirmed at once"),
        (False, 1, False, "Your auto-accept rules confirm new orders or leave them to you"),
        (True, 1, False, "what no rule names is confirmed at once"),
        (False, 1, True, "wait here until you confirm them"),
        (False, 1, None, "Your auto-accept rules confirm new orders or leave them to you"),
    ],
)
def test_what_happens_to_new_orders_is_said_in_a_sentence(auto: bool, rules: int, shadow: bool | None, words: str):
    merchant = make_merchant(auto_accept=auto)
    for _ in range(rules):
        make_rule(merchant, total_to=Decimal(500))
    if shadow is not None:
        AcceptSettings.objects.create(merchant=merchant, shadow=shadow)

    assert words in acceptance.in_a_sentence(merchant)


# --- which rule decides ---


@pytest.mark.parametrize("on", [True, False])
def test_without_rules_the_toggle_decides_and_nothing_is_explained(on: bool):
    order = make_checked(make_merchant(auto_accept=on))

    assert auto_accept(order) == on

    assert not AcceptDecision.objects.exists()
    assert [event.text for event in OrderEvent.objects.filter(kind="order.confirmed")] == [
        "Confirmed by auto-accept."
    ] * on


def test_a_rule_that_holds_accepts_although_the_toggle_is_off():
    merchant = make_merchant()
    make_rule(merchant, total_to=Decimal(500))
    order = make_checked(merchant)

    assert auto_accept(order)

    order.refresh_from_db()
    assert (order.status, order.auto_accepted, order.decided_by) == (OrderStatus.CONFIRMED, True, "Auto-accept")
    assert said(order) == "Rule 1 accepts it: total at most 500.00 NZD."


def test_a_rule_that_asks_keeps_the_toggle_from_accepting():
    merchant = make_merchant(auto_accept=True)
    make_rule(merchant, ASK, total_from=Decimal(100))
    order = make_checked(merchant)

    assert not auto_accept(order)

    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING
    assert said(order) == "Rule 1 asks you: total at least 100.00 NZD."


@pytest.mark.parametrize("on", [True, False])
def test_when_no_rule_holds_the_toggle_decides_and_each_failure_is_told(on: bool):
    merchant = make_merchant(auto_accept=on)
    make_rule(merchant, ASK, total_from=Decimal(500))
    make_rule(merchant, customer="known")
    order = make_checked(merchant)

    assert auto_accept(order) == on

    assert failed(order) == ["total 115.00 NZD is not at least 500.00 NZD", "the customer has not ordered before"]
    assert said(order).startswith("No rule holds, and auto-accept ")


def test_the_first_rule_that_holds_decides():
    merchant = make_merchant()
    make_rule(merchant, ASK)
    make_rule(merchant)
    order = make_checked(merchant)

    assert not auto_accept(order)


def test_a_blocked_order_is_never_accepted():
    merchant = make_merchant(auto_accept=True)
    make_rule(merchant)
    order = make_checked(merchant)
    order.pushes.update(status="held", wait_for="", reason="Out of stock.")

    assert not auto_accept(order)

    assert not AcceptDecision.objects.exists()


# --- conditions ---


def hold(order: Order, **conditions) -> bool:
    rule = AcceptRule(verdict="accept", currency="NZD", merchant=order.merchant, **conditions)
    return not acceptance.failure(rule, acceptance.facts_of(order, [rule]))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(None, "115", True), (None, "114.99", False), ("115", None, True), ("115.01", None, False), ("10", "200", True)],
)
def test_both_ends_of_the_total_are_included(low, high, expected: bool):
    order = make_order()

    bounds = {"total_from": low and Decimal(low), "total_to": high and Decimal(high)}
    assert hold(order, **bounds) == expected


def test_an_amount_in_another_currency_is_not_meant():
    assert not hold(make_order(currency="USD"), total_to=Decimal(10_000))


def test_a_customer_is_known_in_whatever_case_the_address_was_typed(merchant: Merchant):
    make_order(merchant, customer_email="Mere@Example.com", received_at=NOON - timedelta(days=2))
    order = make_order(merchant, customer_email="mere@example.COM", received_at=NOON - timedelta(days=1))

    assert acceptance.is_known(order)


def test_a_customer_is_known_by_an_earlier_order_of_the_same_merchant():
    merchant = make_merchant()
    make_order(customer_email="harriet@example.com")  # another merchant's
    order = make_order(merchant)
    make_order(merchant, received_at=NOON + timedelta(hours=1))
    assert hold(order, customer="new")

    make_order(merchant, received_at=NOON - timedelta(days=1))

    assert hold(order, customer="known")


def test_a_customer_without_an_address_is_new():
    merchant = make_merchant()
    for at in (NOON - timedelta(days=1), NOON):
        order = make_order(merchant, customer_email="", received_at=at)

    assert hold(order, customer="new")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"listed": "in", "countries": ["AU", "NZ"]}, True),
        ({"listed": "in", "countries": ["AU"]}, False),
        ({"listed": "not_in", "countries": ["AU"]}, True),
        ({"listed": "not_in", "countries": ["NZ"]}, False),
    ],
)
def test_countries_are_those_of_the_shipping_address(fields: dict, expected: bool):
    assert hold(make_order(), **fields) == expected


def test_a_pickup_ships_to_no_country():
    order = make_order(delivery="pickup", pickup_name="Studio")

    assert not hold(order, listed="in", countries=["NZ"])
    assert hold(order, listed="not_in", countries=["NZ"])


def test_a_channel_is_meant_alone():
    order = make_order()

    assert hold(order, channel=order.channel)
    assert not hold(order, channel=make_channel())


@pytest.mark.parametrize(
    ("match", "skus", "expected"),
    [
        ("all", ["chair-", "LAMP"], True),
        ("all", ["CHAIR-"], False),
        ("some", ["LAMP-"], True),
        ("some", ["TABLE"], False),
        ("none", ["TABLE"], True),
        ("none", ["lamp"], False),
    ],
)
def test_skus_are_compared_by_their_beginning_in_any_case(match: str, skus: list[str], expected: bool):
    order = make_order(lines=[{"sku": "CHAIR-1"}, {"sku": "Lamp-2"}])

    assert hold(order, sku_match=match, skus=skus) == expected


def test_a_line_without_a_sku_begins_with_nothing():
    order = make_order(lines=[{"sku": ""}])

    assert not hold(order, sku_match="all", skus=["CHAIR"])


def test_lines_that_stay_here_are_not_known_to_be_in_stock():
    merchant = make_merchant()
    checked = make_checked(merchant)
    kept = make_order(merchant)
    off = make_order(merchant, connections=[make_connection(merchant)])
    off.pushes.update(status="skipped", wait_for="")

    assert [hold(order, ready=True) for order in (checked, kept, off)] == [True, False, False]


def test_hours_are_those_of_the_arrival_in_the_merchants_zone():
    merchant = make_merchant(time_zone="Pacific/Auckland")
    make_hours(merchant)
    in_hours = make_order(merchant, received_at=NOON.replace(hour=22))  # 11:00 on Tuesday
    after = make_order(merchant, received_at=NOON)  # one in the morning

    assert (hold(in_hours, arrived_in="open"), hold(after, arrived_in="open")) == (True, False)
    assert (hold(in_hours, arrived_in="closed"), hold(after, arrived_in="closed")) == (False, True)


def test_without_opening_hours_it_is_always_open():
    assert hold(make_order(), arrived_in="open")


# --- shadow mode and what is written ---


def shadow(merchant: Merchant, *, on: bool = True, default: bool = False) -> None:
    accept_rules.save_settings(merchant_id=merchant.pk, default=default, shadow=on, by="ana", at=NOON)
    merchant.refresh_from_db()


@pytest.mark.parametrize("default", [True, False])
def test_in_shadow_mode_the_toggle_decides_and_the_order_says_what_would_have_been(default: bool):
    merchant = make_merchant()
    make_rule(merchant, ASK if default else "accept")
    shadow(merchant, default=default)
    order = make_checked(merchant)

    assert auto_accept(order) == default

    verb = "asks you" if default else "accepts it"
    assert said(order) == f"Shadow mode: Rule 1 {verb}: every order. Nothing was done."
    assert OrderEvent.objects.filter(order=order, kind__startswith="auto_accept.").count() == 1


def test_the_same_decision_is_written_once_and_another_replaces_it():
    merchant = make_merchant()
    make_rule(merchant, ASK)
    order = make_checked(merchant)
    auto_accept(order)
    auto_accept(order)
    assert OrderEvent.objects.filter(order=order, kind="auto_accept.ask").count() == 1

    AcceptRule.objects.all().delete()
    make_rule(merchant)
    auto_accept(order)

    assert said(order) == "Rule 1 accepts it: every order."


def test_a_decision_outlives_its_rule():
    merchant = make_merchant()
    rule = make_rule(merchant, ASK)
    order = make_checked(merchant)
    auto_accept(order)

    accept_rules.remove(rule_id=rule.pk, by="ana", at=NOON)

    assert AcceptDecision.objects.get(order=order).rule is None


def test_the_stores_of_an_order_must_all_agree_first():
    merchant = make_merchant()
    make_rule(merchant)
    order = make_order(merchant, connections=[make_connection(merchant)])

    assert not decisions.auto_accept(order_id=order.pk, at=NOON)


# --- in stock, as the destination tells it -----------------------------------------------------------


def ruled(*, stock: int | None, told: bool = True, bypass: bool = True) -> Order:
    """Checked at a store that has so many of A, by a merchant who accepts what is linked and in stock."""
    store = FakeStore()
    store.capabilities = replace(store.capabilities, stock=told)
    store.stock_up("A", stock=stock)
    connection = make_connection(name="Kauri Shopify", settings={"bypass_stock_check": bypass})
    make_rule(connection.merchant, ready=True)
    order = make_order(connection.merchant, connections=[connection], lines=[{"sku": "A", "quantity": 2}])
    preflight.ask(order, at=NOON)
    outbox.drain(at=NOON, world=make_world(store))
    order.refresh_from_db()
    return order


@pytest.mark.parametrize(("stock", "bypass"), [(2, True), (2, False), (None, True)])
def test_what_the_store_has_is_accepted(stock: int | None, bypass: bool):
    assert ruled(stock=stock, bypass=bypass).status != OrderStatus.PENDING


def test_what_is_out_of_stock_is_asked_about_although_it_may_be_sent():
    order = ruled(stock=0)

    assert (order.status, order.pushes.get().blockers) == (OrderStatus.PENDING, [])
    assert failed(order) == ["A: 2 ordered, 0 in stock at Kauri Shopify"]


def test_where_no_stock_is_told_it_is_asked_about():
    assert failed(ruled(stock=None, told=False)) == ["Kauri Shopify does not tell its stock"]


def test_the_doubt_goes_when_a_later_check_sees_it_in_stock():
    order = ruled(stock=0)

    with transaction.atomic():
        preflight.write_down(preflight.Finding(order.pushes.get().pk, ()), at=NOON)

    assert decisions.auto_accept(order_id=order.pk, at=NOON)
