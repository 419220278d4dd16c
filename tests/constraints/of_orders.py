"""The constraints of orders, where they come from, and what a merchant chose for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.models import Connection
from orders.models import (
    AcceptDecision,
    AcceptRule,
    BusinessHours,
    Channel,
    DraftFault,
    IntakeKey,
    Order,
    OrderAddress,
    OrderLine,
    OrderRequirements,
    OrderSync,
    RoutingRule,
    ShipWithin,
    StoreOrigin,
)
from tests.constraints.rows import LATER, Broken, Twice
from tests.factories import NOON, make_channel, make_connection, make_merchant, make_order

DECIDED = {"decided_at": NOON, "decided_by": "ana"}


def of_a_store_too(_channel: Channel) -> dict[str, Connection]:
    return {"connection": make_connection()}


def line() -> OrderLine:
    return make_order().lines.earliest("position")


def address() -> OrderAddress:
    return make_order().addresses.get(kind="shipping")


def billing_alone() -> OrderAddress:
    order = make_order()
    order.addresses.filter(kind="shipping").delete()
    return order.addresses.get()


def intake_key() -> IntakeKey:
    order = make_order()
    return IntakeKey.objects.create(channel=order.channel, key="k", body_digest="d", order=order, created_at=NOON)


def accept_rule(**fields: Any) -> AcceptRule:
    return AcceptRule.objects.create(
        **{"merchant": make_merchant(), "position": 0, "verdict": "accept", "currency": "NZD", **fields}
    )


def rule_of_countries() -> AcceptRule:
    return accept_rule(listed="in", countries=["NZ"])


def rule_of_skus() -> AcceptRule:
    return accept_rule(sku_match="all", skus=["A"])


def decision() -> AcceptDecision:
    return AcceptDecision.objects.create(order=make_order(), verdict="ask", text="Because.", at=NOON, shadow=False)


def hours() -> BusinessHours:
    return BusinessHours.objects.create(merchant=make_merchant())


def ship_within() -> ShipWithin:
    return ShipWithin.objects.create(merchant=make_merchant(), channel=make_channel(), days=2)


def draft_fault() -> DraftFault:
    return DraftFault.objects.create(
        merchant=make_merchant(), channel=make_channel(), code="no_value", began_at=NOON, told_at=NOON
    )


def requirements() -> OrderRequirements:
    return OrderRequirements.objects.create(merchant=make_merchant())


def requirements_of_a_channel() -> OrderRequirements:
    return OrderRequirements.objects.create(merchant=make_merchant(), channel=make_channel())


def routing_rule(**fields: Any) -> RoutingRule:
    store = make_connection()
    return RoutingRule.objects.create(
        **{"merchant": store.merchant, "position": 0, "kind": "sku_prefix", "value": "A", "connection": store, **fields}
    )


def rule_of_an_attribute() -> RoutingRule:
    return routing_rule(kind="attribute", name="season")


def sync() -> OrderSync:
    return OrderSync.objects.create(channel=make_channel(), placed_from=NOON)


def running_sync() -> OrderSync:
    return OrderSync.objects.create(
        channel=make_channel(), placed_from=NOON, state="running", due_at=LATER, reading_from=NOON
    )


def origin() -> StoreOrigin:
    return StoreOrigin.objects.create(order=make_order(), read_at=NOON, remote_updated_at=NOON, digest="d")


def in_tenths() -> Order:
    """Its parts are none that binary fractions hold."""
    return make_order(lines=[{"sku": "A", "unit_price": "0.1"}], shipping=Decimal("0.2"))


def taxed_on_top() -> Order:
    return make_order(prices_include_tax=False, tax=Decimal(15), total=Decimal(130))


BROKEN = [
    Broken("channel_is_marketplace_or_store", make_channel, {"marketplace": None}),
    Broken("channel_is_marketplace_or_store", make_channel, of_a_store_too),
    Broken("order_status_known", make_order, {"status": "lost", **DECIDED}),
    Broken("order_payment_status_known", make_order, {"payment_status": "lost"}),
    Broken("order_push_status_known", make_order, {"push_status": "lost"}),
    Broken("order_fulfillment_status_known", make_order, {"fulfillment_status": "lost"}),
    Broken("order_decided_iff_not_open", make_order, {"decided_at": NOON}),
    Broken("order_decided_iff_not_open", make_order, {"decided_by": "ana"}),
    Broken("order_decided_iff_not_open", make_order, {"status": "confirmed"}),
    Broken("order_completed_at_iff_completed", make_order, {"completed_at": NOON}),
    Broken("order_completed_at_iff_completed", make_order, {"status": "completed", **DECIDED}),
    # the total moves along, so that the sum stays right
    Broken("order_amounts_not_negative", make_order, {"subtotal": -1, "total": -1}),
    Broken("order_amounts_not_negative", make_order, {"subtotal": 1, "discount": 2, "total": -1}),
    Broken("order_amounts_not_negative", make_order, {"discount": -1, "total": 116}),
    Broken("order_amounts_not_negative", make_order, {"shipping": -1, "total": 114}),
    Broken("order_amounts_not_negative", make_order, {"tax": -1}),
    Broken("order_totals_add_up", make_order, {"total": Decimal("1.00")}),
    Broken("order_totals_add_up", in_tenths, {"total": Decimal("0.3001")}),
    Broken("order_totals_add_up", taxed_on_top, {"total": 115}),
    Broken("order_pickup_place_only_for_pickup", make_order, {"pickup_name": "Showroom"}),
    Broken("order_draft_says_why", make_order, {"status": "draft"}),
    Broken("line_quantity_positive", line, {"quantity": 0}),
    Broken("line_price_not_negative", line, {"unit_price": -1}),
    Broken("line_fulfilled_within_quantity", line, {"fulfilled_quantity": 9}),
    Broken("line_customs_value_positive", line, {"customs_value": 0}),
    Broken("address_kind_known", address, {"kind": "holiday"}),
    Broken("accept_rule_verdict_known", accept_rule, {"verdict": "maybe"}),
    Broken("accept_rule_words_known", accept_rule, {"customer": "lost"}),
    Broken("accept_rule_words_known", accept_rule, {"arrived_in": "lost"}),
    Broken("accept_rule_total_from_below_to", accept_rule, {"total_from": 2, "total_to": 1}),
    Broken("accept_rule_countries_iff_listed", accept_rule, {"listed": "in"}),
    Broken("accept_rule_countries_iff_listed", accept_rule, {"countries": ["NZ"]}),
    Broken("accept_rule_countries_iff_listed", rule_of_countries, {"listed": "lost"}),
    Broken("accept_rule_skus_iff_matched", accept_rule, {"sku_match": "all"}),
    Broken("accept_rule_skus_iff_matched", accept_rule, {"skus": ["A"]}),
    Broken("accept_rule_skus_iff_matched", rule_of_skus, {"sku_match": "lost"}),
    Broken("accept_decision_verdict_known", decision, {"verdict": "maybe"}),
    Broken("accept_decision_says_why", decision, {"text": ""}),
    Broken("business_hours_ship_within_1_to_60_days", hours, {"ship_within_days": 0}),
    Broken("business_hours_ship_within_1_to_60_days", hours, {"ship_within_days": 61}),
    Broken("business_hours_last_resort_known", hours, {"last_resort": "lost"}),
    Broken("business_hours_last_resort_before_1_minute_to_720_hours", hours, {"last_resort_before": 0}),
    Broken("business_hours_last_resort_before_1_minute_to_720_hours", hours, {"last_resort_before": 43_201}),
    Broken("ship_within_1_to_60_days", ship_within, {"days": 0}),
    Broken("ship_within_1_to_60_days", ship_within, {"days": 61}),
    Broken("routing_rule_kind_known", routing_rule, {"kind": "lost"}),
    Broken("routing_rule_has_a_value", routing_rule, {"value": ""}),
    Broken("routing_rule_name_iff_attribute", routing_rule, {"name": "season"}),
    Broken("routing_rule_name_iff_attribute", rule_of_an_attribute, {"name": ""}),
    Broken("order_sync_state_known", sync, {"state": "lost"}),
    Broken("order_sync_due_iff_running", sync, {"due_at": NOON}),
    Broken("order_sync_due_iff_running", running_sync, {"due_at": None}),
    Broken("order_sync_due_iff_running", running_sync, {"reading_from": None}),
    Broken("order_sync_says_why", sync, {"state": "failed"}),
    Broken("store_origin_attention_has_time", origin, {"attention": "Cancelled there."}),
    Broken("store_origin_attention_has_time", origin, {"attention_at": NOON}),
]
TWICE = [
    Twice("order_once_per_channel", make_order),
    Twice("line_id_once_per_order", line, {"position": 9}),
    Twice("line_position_once_per_order", line, {"external_id": "new"}),
    Twice("address_once_per_kind", billing_alone),
    Twice("intake_key_once_per_channel", intake_key),
    Twice("ship_within_once_per_channel", ship_within),
    Twice("draft_fault_once_while_open", draft_fault),
    Twice("requirements_once_per_channel", requirements_of_a_channel),
    Twice("requirements_one_default_per_merchant", requirements),
    Twice("routing_rule_condition_once_per_merchant", routing_rule),
]
