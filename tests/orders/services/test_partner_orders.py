"""Orders for a partner's store: what goes there, when, with which amounts, and what ends it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core import mail

from accounts.models import Merchant
from connectors import conditions
from connectors.base import Parcel
from connectors.models import Connection, ConnectionState, LinkSource, PartnerEmail, PartnerShippingRule, ProductLink
from connectors.services import connections, partner_products, plans
from connectors.services.partners import PartnerRefused
from orders.enums import FulfillmentStatus, PaymentStatus, PushStatus, RefundReason, RoutedBy
from orders.errors import InvalidPush, OrderBlocked, RoutingRefused, TransitionNotAllowed
from orders.models import Channel, Order, OrderPush, OutboxMessage, Payment, PushLine
from orders.services import (
    decisions,
    disconnected,
    inbound,
    marking,
    partner_terms,
    reconcile,
    refund_quotes,
    refunds,
    requirements,
    rerouting,
)
from orders.services.readiness import Needs
from tests.factories import NOON, make_connection
from tests.orders.services.bought import StoreWhereBought
from tests.orders.services.partnered import Partnered, make_partnered

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> Partnered:
    return make_partnered()


def bought_at_a_store(pair: Partnered):
    """One bowl, paid, bought at a store of the seller's that can be told what was sent."""
    shop = make_connection(pair.seller, name="Kauri Shop", is_destination=False)
    there = StoreWhereBought(pair.world.clock)
    pair.stores[shop.pk] = there
    order = pair.paid(("BOWL", 1, "30.00"), channel=Channel.objects.create(connection=shop, name="Kauri Shop"))
    there.place(order.external_id)
    return order


# --- what goes there ---------------------------------------------------------------------------------


def test_only_synced_lines_go_to_the_partner(pair):
    order = pair.place(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))

    rows = PushLine.objects.filter(push__order=order).order_by("line__position")
    assert [(row.line.sku, row.push.connection.name, row.routed_by) for row in rows] == [
        ("BOWL", "Atua Ceramics", RoutedBy.LINK),
        ("RUG", "Kauri Shopify", RoutedBy.ONLY),
    ]


def test_without_a_store_of_ones_own_other_lines_stay_here():
    pair = make_partnered(own_store=False)

    order = pair.place(("BOWL", 1, "30.00"), ("RUG", 1, "100.00"))

    assert list(PushLine.objects.values_list("line__sku", flat=True)) == ["BOWL"]
    assert order.blockers == []


def test_a_product_of_the_partner_goes_there_although_ones_own_store_has_it_too(pair):
    mine = Connection.objects.get(name="Kauri Shopify")
    ProductLink.objects.create(
        connection=mine, sku="BOWL", variant_id="own", source=LinkSource.SKU, checked_at=NOON
    )  # fmt: skip

    order = pair.place(("BOWL", 1, "30.00"))

    assert order.pushes.get().connection == pair.connection


def test_the_partner_s_part_carries_none_of_the_order_s_shipping(pair):
    order = pair.place(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))

    parts = dict(OrderPush.objects.filter(order=order).values_list("connection__name", "total"))
    assert parts == {"Atua Ceramics": Decimal("60.00"), "Kauri Shopify": Decimal("107.00")}


def test_shipping_stays_here_when_everything_is_the_partner_s(pair):
    order = pair.place(("BOWL", 2, "30.00"))

    assert (pair.push_of(order).shipping, pair.push_of(order).total) == (0, Decimal("60.00"))


@pytest.mark.parametrize(
    ("quantity", "shipping"), [(1, "0"), (2, "12.00"), (3, "12.00"), (4, "5.00"), (10, "5.00")]
)  # fmt: skip
def test_the_highest_threshold_that_is_reached_says_what_sending_costs(pair, quantity, shipping):
    pair.rules(("60.00", "12.00"), ("100.00", "5.00"))

    push = pair.push_of(pair.place(("BOWL", quantity, "30.00")))

    assert push.shipping == Decimal(shipping)
    assert push.total == 30 * quantity + Decimal(shipping)


def test_rules_are_in_the_merchant_s_currency(pair):
    pair.rules(("0", "12.00"))

    assert pair.push_of(pair.place(("BOWL", 1, "30.00"), currency="AUD")).shipping == 0


def test_the_partner_gets_the_shipping_address_a_tag_and_a_note_and_nothing_of_the_order_besides(pair):
    order = pair.paid(("BOWL", 2, "30.00"), ("RUG", 1, "100.00"))
    push = pair.push(order)

    sent = pair.remote.sent[push.remote_id]
    assert [(line.sku, line.quantity, line.unit_price) for line in sent.lines] == [("BOWL", 2, Decimal("30.00"))]
    assert sent.shipping_address.address1 == sent.billing.address1 == "12 Ponsonby Road"
    assert (sent.options.tag, sent.options.note) == (
        f"Kauri & Clay {order.number}",
        f"Kauri & Clay order {order.number}",
    )
    assert (sent.customer_note, sent.attributes, sent.total) == ("", {}, Decimal("60.00"))
    assert order.public_id not in sent.options.order_url


def test_a_long_name_leaves_room_for_the_number_in_the_tag(pair):
    Merchant.objects.filter(pk=pair.seller.pk).update(name="The Very Long Name of a Shop for Clay and Wood")
    order = pair.paid(("BOWL", 1, "30.00"))

    tag = pair.remote.sent[pair.push(order).remote_id].options.tag

    assert tag.endswith(f" {order.number}")
    assert len(tag) <= 40


@pytest.mark.parametrize(
    ("chosen", "address"),
    [
        ({}, "ana@kauri.example"),
        ({"email_policy": PartnerEmail.CUSTOMER}, "harriet@example.com"),
        ({"email_policy": PartnerEmail.OTHER, "other_email": "desk@kauri.example"}, "desk@kauri.example"),
    ],
)
def test_the_partner_s_store_gets_the_chosen_address(pair, chosen, address):
    pair.settings(**chosen)

    sent = pair.remote.sent[pair.push(pair.paid(("BOWL", 1, "30.00"))).remote_id]

    assert (sent.customer_email, sent.options.share_customer_email) == (address, True)


def test_an_order_to_pick_up_is_blocked_before_the_money(pair):
    order = pair.place(
        ("BOWL", 1, "30.00"), delivery="pickup", pickup_name="Kauri & Clay", shipping_address=None
    )  # fmt: skip
    pair.drain()

    assert [blocker["code"] for blocker in pair.push_of(order).blockers] == ["pickup_location_unmapped"]


# --- by hand and by itself ---------------------------------------------------------------------------


def test_a_paid_order_waits_until_somebody_pushes_it(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    push = pair.push_of(order)
    assert (push.status, push.wait_for) == (PushStatus.WAITING, conditions.marked(push.pk))
    assert pair.remote.orders == {}


def test_pushed_by_hand_it_is_there_once_to_the_cent(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    push = pair.push(order)

    assert (push.status, push.remote_total, len(pair.remote.orders)) == (PushStatus.PUSHED, Decimal("30.00"), 1)
    with pytest.raises(TransitionNotAllowed, match="does not wait to be pushed"):
        pair.push(order)


def test_a_typed_shipping_cost_counts_instead_of_the_rules(pair):
    pair.rules(("0", "12.00"))
    order = pair.paid(("BOWL", 1, "30.00"))

    push = pair.push(order, "3.50")

    assert (push.shipping, push.total, push.remote_total) == (Decimal("3.50"), Decimal("33.50"), Decimal("33.50"))


def test_a_typed_zero_counts_too(pair):
    pair.rules(("0", "12.00"))

    push = pair.push(pair.paid(("BOWL", 1, "30.00")), "0")

    assert (push.shipping, push.carries_shipping, push.total) == (0, False, Decimal("30.00"))


def test_new_rules_count_for_what_waits_to_be_pushed(pair):
    pair.rules(("0", "12.00"))
    order = pair.paid(("BOWL", 1, "30.00"))

    pair.rules(("0", "4.00"))

    assert (pair.push_of(order).shipping, pair.push_of(order).total) == (Decimal("4.00"), Decimal("34.00"))
    assert pair.push(order).remote_total == Decimal("34.00")


def test_new_rules_reach_the_rest_of_many_when_it_is_sent(pair, monkeypatch):
    monkeypatch.setattr(partner_terms, "AT_ONCE", 1)
    pair.rules(("0", "12.00"))
    first, second = (pair.paid(("BOWL", 1, "30.00")) for _ in range(2))

    pair.rules(("0", "4.00"))

    assert [pair.push_of(order).shipping for order in (first, second)] == [Decimal("4.00"), Decimal("12.00")]
    assert pair.push(second).remote_total == Decimal("34.00")


def test_new_rules_leave_what_is_there_and_what_was_typed(pair):
    pair.rules(("0", "12.00"))
    there = pair.push(pair.paid(("BOWL", 1, "30.00")))
    order = pair.paid(("BOWL", 1, "30.00"))
    pair.remote.next_fault = "rejected"
    typed = pair.push(order, "3.50")
    assert typed.status == PushStatus.HELD

    pair.rules(("0", "4.00"))

    amounts = [OrderPush.objects.get(pk=push.pk).shipping for push in (there, typed)]
    assert amounts == [Decimal("12.00"), Decimal("3.50")]


def test_rules_that_changed_unseen_are_asked_when_it_is_pushed(pair):
    pair.rules(("0", "12.00"))
    order = pair.paid(("BOWL", 1, "30.00"))
    PartnerShippingRule.objects.update(costs=Decimal("4.00"))

    push = pair.push(order)

    assert (push.shipping, push.remote_total, push.due_total) == (Decimal("4.00"), Decimal("34.00"), None)


def test_rules_go_by_what_is_left_of_an_order(pair):
    pair.rules(("0", "12.00"), ("60.00", "5.00"))
    order = pair.paid(("BOWL", 2, "30.00"))
    line = refund_quotes.WantedLine(order.lines.get().external_id, 1)
    wanted = refund_quotes.Wanted((line,), reason=RefundReason.OUT_OF_STOCK)
    refunds.issue(order_id=order.pk, wanted=wanted, by="ana", at=NOON)

    push = pair.push(order)

    assert (push.shipping, push.remote_total) == (Decimal("12.00"), Decimal("42.00"))


@pytest.mark.parametrize("costs", ["99999999999", "1000000", "0.001", "NaN", "Infinity", "-1"])
def test_rules_that_name_impossible_amounts_are_refused(pair, costs):
    for rule in (("0", costs), (costs, "1")):
        with pytest.raises(PartnerRefused) as refused:
            pair.rules(rule)
        assert refused.value.field == "rules"
    assert not pair.partnership.shipping_rules.exists()


@pytest.mark.parametrize("shipping", ["-1", "1.001", "300.01", "1e9", "NaN"])
def test_a_shipping_cost_that_cannot_be_is_refused_with_its_field(pair, shipping):
    order = pair.paid(("BOWL", 1, "30.00"))

    with pytest.raises(InvalidPush) as refusal:
        pair.push(order, shipping)

    assert [problem.field for problem in refusal.value.problems] == ["shipping"]
    assert pair.push_of(order).status == PushStatus.WAITING


def test_the_highest_shipping_cost_is_ten_times_the_items(pair):
    assert pair.push(pair.paid(("BOWL", 1, "30.00")), "300.00").shipping == Decimal("300.00")


@pytest.mark.parametrize("automatic", [False, True])
def test_an_order_without_a_payment_cannot_go_there(pair, automatic):
    pair.settings(automatic=automatic)
    requirements.save(merchant_id=pair.seller.pk, key=requirements.EVERY, needs=Needs(payment=False), by="ana", at=NOON)
    order = pair.place(("BOWL", 1, "30.00"), payment=None)
    pair.drain()

    assert [blocker["code"] for blocker in pair.push_of(order).blockers] == ["not_paid"]
    with pytest.raises(OrderBlocked, match="partners get paid orders only"):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    pair.drain()
    assert pair.remote.orders == {}


@pytest.mark.parametrize("automatic", [False, True])
def test_nor_one_that_waited_for_it_already(pair, automatic):
    order = pair.paid(("BOWL", 1, "30.00"))
    Payment.objects.all().delete()
    Order.objects.update(payment_status=PaymentStatus.NONE)

    if automatic:
        marking.send(pair.push_of(order), by="ana", at=NOON, text="Sent.")
        pair.drain()
        assert [blocker["code"] for blocker in pair.push_of(order).blockers] == ["not_paid"]
    else:
        with pytest.raises(TransitionNotAllowed, match="partners get paid orders only"):
            pair.push(order)
    assert pair.remote.orders == {}


def test_switched_to_automatic_paid_orders_go_by_themselves(pair):
    pair.settings(automatic=True)

    order = pair.paid(("BOWL", 1, "30.00"))

    assert (pair.push_of(order).status, len(pair.remote.orders)) == (PushStatus.PUSHED, 1)


def test_marking_an_order_for_fulfillment_pushes_nothing_to_partners(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    from orders.services import marking

    with pytest.raises(TransitionNotAllowed):
        marking.mark(order_id=order.pk, by="ana", at=NOON)


def test_a_lost_answer_makes_one_order_there(pair):
    pair.settings(automatic=True)
    pair.remote.next_fault = "timeout_after_create"
    order = pair.paid(("BOWL", 1, "30.00"))
    assert pair.push_of(order).status == PushStatus.UNKNOWN

    pair.world.clock.advance(3600)
    pair.drain()

    push = pair.push_of(order)
    assert (push.status, push.adopted, len(pair.remote.orders)) == (PushStatus.PUSHED, True, 1)


def test_an_unlinked_line_cannot_be_moved_to_a_partner(pair):
    order = pair.place(("RUG", 1, "100.00"))
    move = rerouting.Move(order.lines.get().pk, pair.connection.pk)

    with pytest.raises(RoutingRefused, match="does not share RUG with you"):
        rerouting.move(order_id=order.pk, moves=[move], by="ana", at=NOON)


def test_a_line_taken_from_the_partner_gives_its_money_back_to_ones_own_part(pair):
    mine = Connection.objects.get(name="Kauri Shopify")
    pair.rules(("0", "12.00"))
    order = pair.place(("BOWL", 1, "30.00"), ("MUG", 1, "10.00"), ("RUG", 1, "100.00"))

    move = rerouting.Move(order.lines.get(sku="MUG").pk, mine.pk)
    rerouting.move(order_id=order.pk, moves=[move], by="ana", at=NOON)

    parts = dict(OrderPush.objects.filter(order=order).values_list("connection__name", "total"))
    assert parts == {"Atua Ceramics": Decimal("42.00"), "Kauri Shopify": Decimal("117.00")}


# --- the access is the partner's ---------------------------------------------------------------------


def test_promises_stand_in_the_lane_of_the_partner_s_connection(pair):
    pair.settings(automatic=True)
    pair.paid(("BOWL", 1, "30.00"))

    lanes = OutboxMessage.objects.filter(push__connection=pair.connection, topic="push_order")
    assert set(lanes.values_list("lane__connection", flat=True)) == {pair.store.pk}


def test_a_dead_token_is_told_to_the_merchant_who_can_mend_it(pair):
    pair.settings(automatic=True)
    order = pair.place(("BOWL", 1, "30.00"))
    pair.drain()
    from orders.services import decisions

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (capture,) = OutboxMessage.objects.filter(topic="capture_payment")
    pair.remote.next_fault = "auth"
    pair.drain()

    pair.store.refresh_from_db()
    capture.refresh_from_db()
    assert pair.store.state == ConnectionState.AUTH_LOST
    assert Connection.objects.get(pk=pair.connection.pk).state == ConnectionState.ACTIVE
    assert capture.wait_for == conditions.token_renewed(pair.store.pk)
    assert "store of Atua Ceramics needs reconnecting" in pair.push_of(order).reason


def test_a_change_there_is_found_by_the_partner_s_poll(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)
    pair.remote.fulfill(push.remote_id, parcels=[Parcel("NZ Post", "NZ1")])

    reconcile.poll_changes(world=pair.world)
    pair.drain()

    assert order.fulfillments.get().parcels.get().number == "NZ1"
    assert Connection.objects.get(pk=pair.connection.pk).polled_at is None


def test_a_webhook_of_the_partner_s_store_finds_the_order(pair):
    from connectors.models import InboundEvent

    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)
    pair.remote.fulfill(push.remote_id, parcels=[Parcel("NZ Post", "NZ1")])
    event = InboundEvent.objects.create(
        connection=pair.store, event_id="e1", topic="orders/updated", remote_order_id=push.remote_id, received_at=NOON
    )

    inbound.process(event_id=event.pk, at=NOON)
    pair.drain()

    assert order.fulfillments.get().parcels.get().number == "NZ1"


# --- who is told --------------------------------------------------------------------------------------


def told(pair: Partnered, order) -> list[list[str]]:
    push = pair.push(order)
    mail.outbox.clear()
    pair.remote.fulfill(push.remote_id, parcels=[Parcel("NZ Post", "NZ1")])
    reconcile.poll_changes(world=pair.world)
    pair.drain()
    return [letter.to for letter in mail.outbox]


def test_a_store_s_order_is_told_to_the_chosen_address_alone(pair):
    order = bought_at_a_store(pair)

    assert told(pair, order) == [["ana@kauri.example"]]
    assert order.events.filter(text__startswith="Told the address chosen for Atua Ceramics by e-mail").exists()


def test_a_marketplace_s_customer_is_told_besides(pair):
    assert told(pair, pair.paid(("BOWL", 1, "30.00"))) == [["ana@kauri.example"], ["harriet@example.com"]]


def test_the_customer_is_told_once_when_theirs_is_the_chosen_address(pair):
    pair.settings(email_policy=PartnerEmail.CUSTOMER)

    assert told(pair, pair.paid(("BOWL", 1, "30.00"))) == [["harriet@example.com"]]


# --- the end -------------------------------------------------------------------------------------------


def test_revoked_what_waits_is_held_and_says_why(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    pair.revoke()
    pair.drain()

    push = pair.push_of(order)
    assert push.status == PushStatus.HELD
    assert push.reason.startswith("Atua Ceramics ended the partnership. Nothing new is sent to Atua Ceramics.")
    assert pair.remote.orders == {}


def test_revoked_a_queued_push_is_held_too(pair):
    pair.settings(automatic=True)
    order = pair.place(("BOWL", 1, "30.00"))
    pair.drain()
    from orders.services import decisions

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    from orders import outbox

    (capture,) = outbox.claim(at=NOON, limit=1)
    outbox.carry_out(capture, pair.world)
    assert pair.push_of(order).status == PushStatus.QUEUED

    pair.revoke()
    pair.drain()

    assert (pair.push_of(order).status, pair.remote.orders) == (PushStatus.HELD, {})


def test_revoked_new_orders_go_elsewhere(pair):
    pair.revoke()

    order = pair.place(("BOWL", 1, "30.00"))

    assert order.pushes.get().connection.name == "Kauri Shopify"


def test_revoked_the_tracking_of_what_is_there_still_comes_back(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    push = pair.push(order)
    pair.revoke()
    pair.remote.fulfill(push.remote_id, parcels=[Parcel("NZ Post", "NZ1")])

    reconcile.poll_changes(world=pair.world)
    pair.drain()

    order.refresh_from_db()
    assert order.fulfillment_status == FulfillmentStatus.FULFILLED


def test_revoked_twice_is_refused(pair):
    pair.revoke()

    with pytest.raises(PartnerRefused, match="revoked already"):
        pair.revoke()


def test_the_seller_can_end_it_as_well(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    pair.revoke(by=pair.seller)

    assert pair.push_of(order).reason.startswith("Kauri & Clay ended the partnership.")


def test_a_store_that_is_disconnected_holds_what_waits_for_it(pair):
    order = pair.paid(("BOWL", 1, "30.00"))

    connections.disconnect(connection_id=pair.store.pk, by="mia", at=NOON)
    held = disconnected.hold_all(at=NOON)

    pair.partnership.refresh_from_db()
    assert (held, pair.partnership.state, pair.push_of(order).status) == (1, "revoked", PushStatus.HELD)
    assert disconnected.hold_all(at=NOON) == 0


def test_what_is_no_longer_shared_blocks_before_the_money(pair):
    order = pair.place(("BOWL", 1, "30.00"))
    del pair.remote.variants["BOWL"]  # as the guarded driver sees it
    partner_products.unshare(partnership_id=pair.partnership.pk, variant_id="variant-BOWL", by="mia", at=NOON)
    pair.drain()

    assert [blocker["code"] for blocker in pair.push_of(order).blockers] == ["unmapped_sku"]


# --- the add-on ----------------------------------------------------------------------------------------


def addon(pair: Partnered, on: bool) -> None:
    plans.set_orders_addon(merchant_id=pair.seller.pk, on=on, by="ana", at=pair.world.now())


def test_with_the_add_on_off_an_order_waits_and_goes_on_when_it_is_on(pair):
    pair.settings(automatic=True)
    addon(pair, on=False)
    order = pair.paid(("BOWL", 1, "30.00"))
    waiting = pair.push_of(order)
    assert (waiting.status, waiting.wait_for) == (PushStatus.WAITING, conditions.addon_on(pair.seller.pk))
    assert pair.remote.orders == {}

    addon(pair, on=True)
    pair.drain()

    assert (pair.push_of(order).status, len(pair.remote.orders)) == (PushStatus.PUSHED, 1)


def test_with_the_add_on_off_nothing_is_pushed_by_hand(pair):
    order = pair.paid(("BOWL", 1, "30.00"))
    addon(pair, on=False)

    with pytest.raises(TransitionNotAllowed, match="add-on is off"):
        pair.push(order)
    addon(pair, on=True)

    assert pair.push(order).status == PushStatus.PUSHED
