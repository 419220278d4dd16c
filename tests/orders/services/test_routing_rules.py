"""Rules are kept in the merchant's order, and refused in words when they make no sense."""

from __future__ import annotations

import pytest

from accounts.models import AuditEvent, Merchant
from connectors.models import ClearedCondition, Connection
from orders.errors import RoutingRefused
from orders.models import RoutingRule
from orders.services import routing_rules
from orders.services.routing_rules import NewRule
from tests.factories import NOON, make_connection

pytestmark = pytest.mark.django_db
BY = {"by": "ana", "at": NOON}


@pytest.fixture
def store(merchant: Merchant) -> Connection:
    return make_connection(merchant, name="Kauri")


def add(store: Connection, value: str = "OAK", kind: str = "sku_prefix", name: str = "") -> RoutingRule:
    rule = NewRule(kind, name, value, store.pk)
    return routing_rules.add(merchant_id=store.merchant_id, rule=rule, **BY)


def values() -> list[str]:
    return list(RoutingRule.objects.in_order().values_list("value", flat=True))


def test_a_new_rule_stands_below_the_others(store: Connection):
    for value in ("A", "B", "C"):
        add(store, value)

    assert values() == ["A", "B", "C"]


def test_a_rule_is_lifted_one_place(store: Connection):
    rules = [add(store, value) for value in ("A", "B", "C")]

    routing_rules.lift(rule_id=rules[2].pk, **BY)
    routing_rules.lift(rule_id=rules[0].pk, **BY)

    assert values() == ["A", "C", "B"]


def test_removing_leaves_the_order_of_the_others(store: Connection):
    rules = [add(store, value) for value in ("A", "B", "C")]

    routing_rules.remove(rule_id=rules[1].pk, **BY)

    assert values() == ["A", "C"]


def test_a_change_is_in_the_trail_and_lets_lost_lines_go_on(store: Connection):
    add(store)

    assert AuditEvent.objects.get().kind == "routing_rule.added"
    assert ClearedCondition.objects.get().key == f"routing:{store.merchant_id}"


def test_a_country_is_kept_in_capitals_and_stray_spaces_are_dropped(store: Connection):
    assert add(store, " nz ", "country").value == "NZ"


@pytest.mark.parametrize(
    ("kind", "name", "value", "words"),
    [
        ("sku_prefix", "", "  ", "needs something to look for"),
        ("attribute", " ", "x", "which detail"),
        ("country", "", "XX", "XX is no ISO 3166-1 country"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(store: Connection, kind: str, name: str, value: str, words: str):
    with pytest.raises(RoutingRefused, match=words):
        add(store, value, kind, name)


def test_the_same_condition_twice_is_refused(store: Connection):
    add(store, "OAK")

    with pytest.raises(RoutingRefused, match="There is a rule for this already"):
        add(store, "oak")


def test_a_rule_for_a_strangers_store_is_refused(store: Connection):
    with pytest.raises(RoutingRefused, match="no destination of yours"):
        routing_rules.add(merchant_id=store.merchant_id, rule=NewRule("tag", "", "x", make_connection().pk), **BY)


def test_there_is_an_end_to_rules(store: Connection, monkeypatch):
    monkeypatch.setattr(routing_rules, "RULES_MOST", 1)
    add(store, "A")

    with pytest.raises(RoutingRefused, match="1 rules already"):
        add(store, "B")


def test_replacing_leaves_nothing_of_the_old_ones(store: Connection):
    add(store, "OLD")
    new = [NewRule("tag", "", "x", store.pk), NewRule("sku_prefix", "", "A", store.pk)]

    routing_rules.replace_all(merchant_id=store.merchant_id, rules=new, default_id=store.pk, **BY)

    assert values() == ["x", "A"]
    assert Connection.objects.get(is_default=True) == store


def test_replacing_with_the_same_condition_twice_keeps_the_old_ones(store: Connection):
    add(store, "OLD")
    twice = [NewRule("tag", "", "x", store.pk), NewRule("tag", "", "X", store.pk)]

    with pytest.raises(RoutingRefused, match="would never be used"):
        routing_rules.replace_all(merchant_id=store.merchant_id, rules=twice, default_id=None, **BY)

    assert values() == ["OLD"]
