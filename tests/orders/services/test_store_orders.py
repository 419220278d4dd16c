"""An order of a store channel comes in: once, in whole cents, and not at all when it should stay there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from connectors.base import Address, OutboundTax, PickupPlace
from connectors.models import Connection
from connectors.storefront import StoreFulfillment, StorePayment
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, SkipReason, Topic
from orders.errors import InvalidRefund, OrderBlocked, TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage, StoreOrigin
from orders.services import clock, decisions, refund_quotes, refunds, rerouting, store_channels
from orders.services.refund_quotes import Wanted
from orders.services.store_orders import Brought
from tests.factories import NOON, make_connection, make_order
from tests.orders.services.stores import HOME, FakeShop, bring, connection_of, line, make_store_channel, told, world_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def sync():
    return make_store_channel()


def brought(sync, *lines, **fields) -> Order:
    result = bring(sync, told(*lines, **fields))
    assert result.order is not None, result.skipped
    return Order.objects.get(pk=result.order.pk)


# --- what comes in ---------------------------------------------------------------------------------


def test_a_paid_order_waits_for_confirmation_with_its_money_taken(sync):
    order = brought(sync)

    assert (order.status, order.payment_status, order.total) == ("pending", "captured", Decimal(108))
    payment = order.payment
    assert (payment.gateway, payment.captured, payment.refunded) == ("store", Decimal(108), Decimal(0))
    assert payment.captured_at == NOON


def test_the_same_order_again_is_one(sync):
    first = bring(sync, told())
    again = bring(sync, told())

    assert (first.brought, again.brought, Order.objects.count()) == (Brought.NEW, Brought.UNCHANGED, 1)


def test_a_store_has_no_orders_twice_under_one_id(sync):
    order = brought(sync)

    with pytest.raises(IntegrityError), transaction.atomic():
        StoreOrigin.objects.create(order=order, read_at=NOON, remote_updated_at=NOON, digest="x")


def test_an_order_never_goes_back_to_the_store_that_it_came_from(sync):
    order = brought(sync)

    assert [push.connection.name for push in order.pushes.all()] == ["Supplier 1"]


def test_without_another_store_the_order_stays_here():
    order = brought(make_store_channel(suppliers=0))

    assert (order.pushes.count(), order.blockers, order.push_status) == (0, [], "")


def test_with_several_other_stores_and_no_rule_somebody_has_to_choose():
    order = brought(make_store_channel(suppliers=2))

    assert [item["code"] for item in order.blockers] == ["no_destination"]


def test_its_lines_cannot_be_moved_to_the_store_that_it_came_from(sync):
    order = brought(sync)
    move = rerouting.Move(order.lines.get().pk, connection_of(sync).pk)

    with pytest.raises(rerouting.RoutingRefused, match="no destination of yours"):
        rerouting.move(order_id=order.pk, moves=[move], by="ana", at=NOON)


def test_the_tags_of_the_store_are_there_for_routing_rules(sync):
    assert brought(sync, attributes={"tags": "gift, rush"}).attributes == {"tags": "gift, rush"}


# --- amounts ---------------------------------------------------------------------------------------


def test_a_price_per_unit_that_no_cent_can_hold_is_made_up_for_by_the_discount(sync):
    three = line(quantity=3, amount=Decimal("10.00"), taxes=())

    order = brought(sync, three, shipping=Decimal(0), shipping_taxes=(), tax=Decimal(0))

    assert order.lines.get().unit_price == Decimal("3.34")
    assert (order.subtotal, order.discount, order.total) == (Decimal("10.02"), Decimal("0.02"), Decimal("10.00"))


def test_a_discount_on_a_line_is_in_its_price(sync):
    order = brought(sync, line(discount=Decimal("20.00")))

    assert (order.lines.get().unit_price, order.discount, order.total) == (Decimal(40), Decimal(0), Decimal(88))


def test_taxes_with_more_decimals_than_cents_come_to_what_they_come_to_together(sync):
    third = (OutboundTax("GST", Decimal("0.15"), Decimal("0.333333")),)
    lines = [line(remote_id=f"L{number}", taxes=third) for number in range(3)]

    order = brought(sync, *lines, shipping_taxes=(), tax=Decimal("1.00"))

    assert order.tax == Decimal("1.00")


def test_tax_on_top_is_part_of_the_total(sync):
    order = brought(sync, prices_include_tax=False, total=Decimal("122.08"))

    assert (order.tax, order.total, order.blockers) == (Decimal("14.08"), Decimal("122.08"), [])


def test_parts_that_do_not_come_to_the_total_make_a_draft_that_says_so(sync):
    order = brought(sync, total=Decimal("118.00"))

    assert (order.status, [item["code"] for item in order.blockers]) == ("draft", ["total_mismatch"])
    assert "118.00 NZD" in order.blockers[0]["message"]


def test_yen_have_no_cents(sync):
    order = brought(
        sync, line(amount=Decimal(1000), quantity=3, taxes=()), currency="JPY", shipping_taxes=(), tax=Decimal(0)
    )

    assert (order.lines.get().unit_price, order.discount, order.total) == (Decimal(334), Decimal(2), Decimal(1008))


@pytest.mark.parametrize(
    "fields",
    [
        {"currency": "XYZ"},
        {"lines": (line(discount=Decimal("100.01")),)},
        {"lines": (line(), line())},
        {"discount": Decimal("500")},
        {"total": Decimal("NaN")},
        {"shipping": Decimal("-1")},
    ],
)
def test_amounts_that_make_no_sense_leave_the_order_in_the_store(sync, fields):
    result = bring(sync, replace(told(), **fields))

    assert (result.brought, result.skipped) == (Brought.SKIPPED, SkipReason.NOT_READABLE)


# --- what people type ------------------------------------------------------------------------------


def test_what_is_no_phone_number_and_no_email_is_left_out(sync):
    order = brought(sync, customer_phone="ring twice", customer_email="at work")

    assert (order.customer_phone, order.customer_email, order.status) == ("", "", "pending")


def test_a_local_number_is_read_in_the_country_it_ships_to(sync):
    assert brought(sync).customer_phone == "+64211112222"


def test_characters_that_no_database_takes_are_left_out(sync):
    assert brought(sync, note="fragile\x00 \ud800!").customer_note == "fragile !"


def test_a_province_that_the_country_does_not_have_is_missing(sync):
    home = Address("Ana", "Silva", "", "1 Main St", "", "Portland", "OREGON", "97201", "US", "")

    order = brought(sync, shipping_address=home)

    assert [item["code"] for item in order.blockers] == ["province_unknown"]


def test_a_country_that_there_is_not_is_missing(sync):
    order = brought(sync, shipping_address=replace(HOME, country_code="ZZ"))

    assert [item["field"] for item in order.blockers] == ["shipping_address.country_code"]


def test_what_is_collected_needs_no_address(sync):
    order = brought(sync, pickup=PickupPlace("Showroom", "1 Quay Street"), shipping_address=None)

    assert (order.delivery, order.pickup_name, order.status) == ("pickup", "Showroom", "pending")


def test_no_number_is_too_long_for_its_column(sync):
    order = brought(sync, number="#" * 100, shipping_title="x" * 500, customer_name="y" * 500)

    assert (len(order.number), len(order.shipping_title), len(order.customer_name)) == (60, 120, 200)


# --- what stays there ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"made_by_app": True}, SkipReason.MADE_BY_APP),
        ({"placed_at": NOON - timedelta(days=1, seconds=1)}, SkipReason.TOO_OLD),
        ({"cancelled": True}, SkipReason.CANCELLED),
        ({"payment": StorePayment.REFUNDED}, SkipReason.REFUNDED),
        ({"payment": StorePayment.VOIDED}, SkipReason.REFUNDED),
        ({"fulfillment": StoreFulfillment.FULFILLED}, SkipReason.FULFILLED),
        ({"lines": ()}, SkipReason.EMPTY),
    ],
)
def test_an_order_that_nobody_has_to_fulfill_stays_in_the_store(sync, fields, reason):
    result = bring(sync, replace(told(), **fields))

    assert (result.brought, result.skipped, Order.objects.count()) == (Brought.SKIPPED, reason, 0)


def test_an_order_placed_at_the_very_date_comes_in(sync):
    assert bring(sync, told(placed_at=sync.placed_from)).brought == Brought.NEW


@pytest.mark.parametrize("known_by", ["reference", "remote_id"])
def test_what_we_sent_to_the_store_does_not_come_back(sync, known_by):
    store = connection_of(sync)
    push = make_order(store.merchant, connections=[store]).pushes.get()
    if known_by == "remote_id":
        OrderPush.objects.filter(pk=push.pk).update(remote_id="R1", pushed_at=NOON)
    order = told(reference=push.reference if known_by == "reference" else "")

    assert bring(sync, order).skipped == SkipReason.OURS


def test_what_another_merchant_sent_to_the_same_shop_does_not_go_round(sync):
    same_shop = make_connection(remote_id="shop-1")
    push = make_order(same_shop.merchant, connections=[same_shop]).pushes.get()

    assert bring(sync, told(reference=push.reference)).skipped == SkipReason.OURS


def test_the_reference_of_another_app_keeps_no_order_away(sync):
    elsewhere = make_order(connections=[make_connection(remote_id="shop-2")]).pushes.get()

    assert bring(sync, told(reference=elsewhere.reference)).brought == Brought.NEW


def test_a_store_that_is_connected_anew_goes_on_with_its_orders(sync):
    store = connection_of(sync)
    brought(sync)
    Connection.objects.filter(pk=store.pk).update(state="removed", is_default=False)
    anew = make_connection(store.merchant, remote_id="shop-1", name="Boutique again")

    again = store_channels.turn_on(connection_id=anew.pk, placed_from=sync.placed_from, by="ana", at=NOON)

    assert bring(again, told()).brought == Brought.UNCHANGED
    assert Order.objects.get().channel.connection == anew


# --- the money is the store's ----------------------------------------------------------------------


def checked(order: Order, shop: FakeShop) -> Order:
    outbox.drain(at=NOON, world=world_of(shop))
    return Order.objects.get(pk=order.pk)


@pytest.fixture
def shop():
    there = FakeShop()
    there.stock_up("STOOL")
    return there


def confirmed(sync, shop) -> Order:
    order = checked(brought(sync), shop)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    return order


def test_a_confirmed_order_is_sent_without_a_gateway_being_asked(sync, shop):
    order = checked(confirmed(sync, shop), shop)

    push = order.pushes.get()
    assert (push.status, push.remote_total) == (PushStatus.PUSHED, Decimal(108))
    assert (order.payment.captured, order.payment.capture_id) == (Decimal(108), "")


def test_what_the_destination_would_refuse_cannot_be_confirmed(sync, shop):
    shop.stock_up("STOOL", stock=0)
    order = checked(brought(sync), shop)

    assert (order.pushes.get().status, order.headline) == (PushStatus.HELD, "blocked")
    with pytest.raises(OrderBlocked):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)


def test_the_destination_is_asked_once_more_before_the_order_is_sent(sync, shop):
    order = confirmed(sync, shop)
    shop.stock_up("STOOL", stock=0)

    checked(order, shop)

    push = order.pushes.get()
    assert (push.status, push.blockers[0]["code"], shop.orders) == (PushStatus.HELD, "out_of_stock", {})


def test_once_that_is_mended_the_order_goes_on(sync, shop):
    order = confirmed(sync, shop)
    shop.stock_up("STOOL", stock=0)
    checked(order, shop)
    shop.stock_up("STOOL", stock=9)

    decisions.check_again(order_id=order.pk, by="ana", at=NOON)
    checked(order, shop)

    assert order.pushes.get().status == PushStatus.PUSHED


def test_auto_accept_takes_it_as_any_order(sync, shop):
    merchant = connection_of(sync).merchant
    merchant.auto_accept = True
    merchant.save()

    order = checked(brought(sync), shop)

    assert (order.status, order.auto_accepted, order.pushes.get().status) == ("confirmed", True, PushStatus.PUSHED)


def test_calling_it_off_gives_nothing_back_and_says_where_that_is_done(sync, shop):
    order = checked(brought(sync), shop)

    decisions.cancel(order_id=order.pk, reason="Sold out", by="ana", at=NOON)

    assert not order.refunds.exists()
    assert not OutboxMessage.objects.filter(topic__in=[Topic.VOID_PAYMENT, Topic.REFUND_PAYMENT]).exists()
    assert order.events.get(kind="payment.in_store").text.startswith("The customer paid in Boutique")


def test_money_is_not_given_back_here(sync, shop):
    order = checked(confirmed(sync, shop), shop)

    with pytest.raises(TransitionNotAllowed, match="paid in Boutique: give the money back there"):
        refund_quotes.quote(order, Wanted(amount=Decimal(1)))
    assert refund_quotes.left_of(order).amount == 0
    with pytest.raises((TransitionNotAllowed, InvalidRefund)):
        refunds.issue(order_id=order.pk, wanted=Wanted(amount=Decimal(1)), by="ana", at=NOON)


def test_it_never_expires_and_nobody_is_reminded(sync):
    order = brought(sync)

    clock.tick(at=NOON + timedelta(days=400))

    order.refresh_from_db()
    assert (order.status, order.reminded_at, order.deadline) == (OrderStatus.PENDING, None, None)


def test_lines_of_an_order_that_is_paid_but_not_confirmed_move_without_being_sent():
    sync = make_store_channel(suppliers=2)
    order = brought(sync)
    target = Connection.objects.get(name="Supplier 2")

    rerouting.move(order_id=order.pk, moves=[rerouting.Move(order.lines.get().pk, target.pk)], by="ana", at=NOON)

    push = order.pushes.get()
    assert (push.connection, push.status, push.wait_for) == (target, PushStatus.WAITING, f"confirmed:{order.pk}")
    assert not OutboxMessage.objects.filter(topic=Topic.PUSH_ORDER).exists()


def test_an_order_that_is_paid_in_part_is_a_draft(sync):
    order = brought(sync, payment=StorePayment.UNPAID)

    assert (order.status, order.payment_status) == (OrderStatus.DRAFT, PaymentStatus.NONE)


def test_what_was_given_back_before_it_came_is_known(sync):
    order = brought(sync, refunded=Decimal("8.00"))

    assert (order.payment_status, order.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, Decimal(8))
