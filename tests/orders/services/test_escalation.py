"""Reminders in opening hours, and what happens when nobody decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.core import mail

from accounts.models import Merchant
from orders import outbox
from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, Topic
from orders.models import BusinessHours, Order, OrderEvent, OutboxMessage, Payment
from orders.services import clock, decisions, escalation
from tests.factories import make_merchant, make_order
from tests.orders.services.accepting import make_checked, make_hours

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE = timedelta(minutes=1)
MONDAY_NINE = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # in Auckland
TUESDAY_NINE = MONDAY_NINE + DAY


@pytest.fixture
def merchant(db: None) -> Merchant:
    return make_merchant()


def until_tuesday_evening(merchant: Merchant, make=make_order, **fields) -> Order:
    """Sixteen opening hours: half is gone on Monday at 17:00, two are left on Tuesday at 15:00."""
    values = {"placed_at": MONDAY_NINE, "received_at": MONDAY_NINE, "confirm_by": TUESDAY_NINE + 8 * HOUR, **fields}
    order = make(merchant, **values)
    Order.objects.filter(pk=order.pk).update(wake_at=MONDAY_NINE)
    return order


def told(kind: str) -> list[str]:
    rows = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).order_by("pk")
    return [message.payload["reason"] for message in rows if message.payload["kind"] == kind]


def tick_from(start: datetime, *, until: datetime, step: timedelta = timedelta(minutes=30)) -> None:
    while start <= until:
        clock.tick(at=start)
        start += step


# --- reminders ---


def test_reminders_come_at_half_time_and_two_opening_hours_before_the_end(merchant: Merchant):
    make_hours(merchant)
    order = until_tuesday_evening(merchant)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 8 * HOUR - 30 * MINUTE)
    assert told("confirm_soon") == []
    clock.tick(at=MONDAY_NINE + 8 * HOUR)
    assert len(told("confirm_soon")) == 1
    tick_from(MONDAY_NINE + 8 * HOUR, until=TUESDAY_NINE + 5 * HOUR)
    assert len(told("confirm_soon")) == 1
    tick_from(TUESDAY_NINE + 6 * HOUR, until=TUESDAY_NINE + 7 * HOUR)

    first, last = told("confirm_soon")
    assert first == (
        f"Order {order.number} expires on Tuesday 24 November, 17:00, and the customer's payment is released."
        " 8 h 0 min of your opening hours are left."
    )
    assert "2 h 0 min of your opening hours are left." in last


def test_two_orders_of_one_merchant_make_one_mail(merchant: Merchant):
    make_hours(merchant)
    for _ in range(2):
        until_tuesday_evening(merchant)

    clock.tick(at=MONDAY_NINE + 8 * HOUR)

    (reason,) = told("confirm_soon")
    assert reason.endswith(" So it is with 1 more.")
    assert OrderEvent.objects.filter(kind="order.reminded").count() == 2


def test_a_clock_that_stood_still_reminds_once(merchant: Merchant):
    make_hours(merchant)
    until_tuesday_evening(merchant)

    tick_from(TUESDAY_NINE + 7 * HOUR, until=TUESDAY_NINE + 7 * HOUR + 30 * MINUTE)

    assert len(told("confirm_soon")) == 1


def test_settings_that_are_saved_again_repeat_no_reminder(merchant: Merchant):
    make_hours(merchant)
    until_tuesday_evening(merchant)
    clock.tick(at=MONDAY_NINE + 8 * HOUR)
    Order.objects.update(wake_at=MONDAY_NINE + 9 * HOUR)

    clock.tick(at=MONDAY_NINE + 9 * HOUR)

    assert len(told("confirm_soon")) == 1


def test_what_is_archived_is_left_alone(merchant: Merchant):
    make_hours(merchant, last_resort="release")
    order = until_tuesday_evening(merchant)
    Order.objects.update(is_archived=True)

    tick_from(TUESDAY_NINE + 7 * HOUR, until=TUESDAY_NINE + 7 * HOUR + 30 * MINUTE)

    order.refresh_from_db()
    assert (told("confirm_soon"), order.status) == ([], OrderStatus.PENDING)


def test_no_reminder_is_sent_for_what_is_over(merchant: Merchant):
    make_hours(merchant)
    order = until_tuesday_evening(merchant)

    clock.tick(at=TUESDAY_NINE + 9 * HOUR)

    order.refresh_from_db()
    assert (told("confirm_soon"), order.status) == ([], OrderStatus.EXPIRED)


def test_a_merchant_that_wants_no_reminders_gets_none_of_the_old_kind_either(merchant: Merchant):
    make_hours(merchant, remind_at_half=False, remind_before=())
    until_tuesday_evening(merchant)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 7 * HOUR)

    assert told("confirm_soon") == []


def test_one_order_that_fails_stops_no_other_merchants(merchant: Merchant):
    make_hours(merchant)
    until_tuesday_evening(merchant)
    other = make_merchant()
    make_hours(other)
    until_tuesday_evening(other)
    real = escalation._hours

    def broken(whose: Merchant):
        if whose == merchant:
            raise RuntimeError("broken")
        return real(whose)

    with patch("orders.services.escalation._hours", broken):
        clock.tick(at=MONDAY_NINE + 8 * HOUR)

    assert len(told("confirm_soon")) == 1


# --- the last resort ---


def test_asking_to_the_end_is_the_default_and_the_order_expires(merchant: Merchant):
    make_hours(merchant)
    order = until_tuesday_evening(merchant, make_checked)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 8 * HOUR)

    order.refresh_from_db()
    assert order.status == OrderStatus.EXPIRED


def test_an_order_that_its_store_will_take_is_accepted_an_hour_before_the_end(merchant: Merchant):
    make_hours(merchant, last_resort="accept", last_resort_before=60)
    order = until_tuesday_evening(merchant, make_checked)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 6 * HOUR + 30 * MINUTE)
    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING
    clock.tick(at=TUESDAY_NINE + 7 * HOUR)

    order.refresh_from_db()
    assert (order.status, order.auto_accepted) == (OrderStatus.CONFIRMED, True)
    assert OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).count() == 1
    assert OrderEvent.objects.filter(kind="order.last_resort").count() == 1


def test_a_blocked_order_is_not_accepted_the_merchant_is_told_once_and_it_goes_through_when_mended(merchant: Merchant):
    make_hours(merchant, last_resort="accept", last_resort_before=60)
    order = until_tuesday_evening(merchant, make_checked)
    order.pushes.update(status="held", wait_for="", reason="Out of stock.")

    tick_from(TUESDAY_NINE + 7 * HOUR, until=TUESDAY_NINE + 7 * HOUR + 30 * MINUTE, step=10 * MINUTE)
    order.refresh_from_db()
    assert (order.status, len(told("not_accepted"))) == (OrderStatus.PENDING, 1)
    order.pushes.update(status="waiting", wait_for=f"confirmed:{order.pk}")
    clock.tick(at=TUESDAY_NINE + 7 * HOUR + 40 * MINUTE)

    order.refresh_from_db()
    assert order.status == OrderStatus.CONFIRMED


def test_an_order_is_released_when_the_merchant_chose_that(merchant: Merchant):
    make_hours(merchant, last_resort="release", last_resort_before=60)
    order = until_tuesday_evening(merchant, make_checked)

    tick_from(TUESDAY_NINE + 7 * HOUR, until=TUESDAY_NINE + 8 * HOUR)

    order.refresh_from_db()
    assert (order.status, order.decision_reason) == (OrderStatus.DECLINED, "Nobody decided in time.")
    assert OutboxMessage.objects.filter(topic=Topic.VOID_PAYMENT).count() == 1
    assert len(told("released")) == 1


@pytest.mark.parametrize(
    ("paid", "money"),
    [
        (PaymentStatus.AUTHORIZED, " What the customer's card was authorized for is released."),
        (PaymentStatus.CAPTURED, " What was taken of the customer is given back."),
        (PaymentStatus.NONE, ""),
    ],
)
def test_the_mail_about_a_release_says_what_becomes_of_the_money(merchant: Merchant, paid: str, money: str):
    make_hours(merchant, last_resort="release", last_resort_before=60)
    order = until_tuesday_evening(merchant, make_checked)
    Payment.objects.filter(order=order).update(
        status=paid, captured_at=MONDAY_NINE if paid == PaymentStatus.CAPTURED else None
    )
    Order.objects.update(payment_status=paid)

    tick_from(TUESDAY_NINE + 7 * HOUR, until=TUESDAY_NINE + 7 * HOUR + 30 * MINUTE)

    assert told("released") == [f"Nobody decided in time. It was declined, as your deadline settings say.{money}"]


def test_a_change_of_the_settings_reaches_orders_that_are_here(merchant: Merchant):
    order = make_checked(merchant, placed_at=MONDAY_NINE, received_at=MONDAY_NINE, confirm_by=TUESDAY_NINE + 8 * HOUR)
    make_hours(merchant, last_resort="release", last_resort_before=120)

    tick_from(TUESDAY_NINE + 5 * HOUR, until=TUESDAY_NINE + 6 * HOUR)

    order.refresh_from_db()
    assert order.status == OrderStatus.DECLINED


def test_a_distance_longer_than_the_time_there_is_acts_at_once(merchant: Merchant):
    make_hours(merchant, last_resort="release", last_resort_before=600 * 60)
    order = until_tuesday_evening(merchant, make_checked)

    clock.tick(at=MONDAY_NINE)

    order.refresh_from_db()
    assert order.status == OrderStatus.DECLINED


def test_two_workers_that_look_at_once_tell_once(merchant: Merchant):
    make_hours(merchant)
    order = until_tuesday_evening(merchant)

    for _ in range(2):
        escalation.remind([order.pk], at=MONDAY_NINE + 8 * HOUR)

    assert len(told("confirm_soon")) == 1
    assert OrderEvent.objects.filter(kind="order.reminded").count() == 1


@pytest.mark.parametrize("choice", ["release", "accept"])
def test_the_alert_addresses_are_told_of_the_last_resort(merchant: Merchant, choice: str):
    Merchant.objects.update(alert_addresses=["desk@kauri.example"])
    make_hours(merchant, last_resort=choice, remind_at_half=False, remind_before=())
    order = until_tuesday_evening(merchant, make_checked)
    order.pushes.update(status="held", wait_for="", reason="Out of stock.")
    clock.tick(at=TUESDAY_NINE + 7 * HOUR)
    OutboxMessage.objects.exclude(topic=Topic.TELL_MERCHANT).delete()

    outbox.drain(at=TUESDAY_NINE + 8 * HOUR)

    (letter,) = mail.outbox
    said = "Was declined" if choice == "release" else "Could not be accepted"
    assert (letter.to, letter.subject) == (["desk@kauri.example"], f"Order {order.number}: {said}")


# --- orders to ship ---


def to_ship(merchant: Merchant, **fields) -> Order:
    order = until_tuesday_evening(merchant, ship_by=TUESDAY_NINE + 8 * HOUR, **fields)
    Order.objects.update(wake_at=None)  # as without opening hours
    decisions.confirm(order_id=order.pk, by="ana", at=MONDAY_NINE)
    return order


def test_an_order_to_ship_is_reminded_of_in_opening_hours(merchant: Merchant):
    make_hours(merchant)
    order = to_ship(merchant)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 7 * HOUR)

    assert len(told("ship_soon")) == 2
    assert told("ship_soon")[0].startswith(f"Order {order.number} is to be shipped by Tuesday 24 November, 17:00.")
    assert told("confirm_soon") == []


def test_without_opening_hours_a_channels_ship_by_is_reminded_of_around_the_clock(merchant: Merchant):
    order = to_ship(merchant)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 7 * HOUR)

    assert told("ship_soon") == [f"Order {order.number} is to be shipped by Tuesday 24 November, 17:00."] * 2
    assert not BusinessHours.objects.exists()


def test_what_is_sent_is_not_reminded_of(merchant: Merchant):
    order = to_ship(merchant)
    Order.objects.update(fulfillment_status=FulfillmentStatus.FULFILLED, payment_status=PaymentStatus.CAPTURED)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE + 7 * HOUR)

    order.refresh_from_db()
    assert (told("ship_soon"), order.wake_at) == ([], None)


def test_what_was_given_back_whole_is_not_reminded_of_until_the_money_comes_back(merchant: Merchant):
    to_ship(merchant)
    Order.objects.update(payment_status=PaymentStatus.REFUNDED)

    tick_from(MONDAY_NINE, until=TUESDAY_NINE)
    assert told("ship_soon") == []
    Order.objects.update(payment_status=PaymentStatus.CAPTURED)
    tick_from(TUESDAY_NINE, until=TUESDAY_NINE + 7 * HOUR)

    assert len(told("ship_soon")) == 2


# --- confirmed, and not paid yet ---


def confirmed(merchant: Merchant, **fields) -> Order:
    """Confirmed on Monday at nine; sixteen opening hours are left to take its payment."""
    order = until_tuesday_evening(merchant, **fields)
    return decisions.confirm(order_id=order.pk, by="ana@kauri.example", at=MONDAY_NINE)


def test_a_payment_that_is_not_taken_is_reminded_of_before_it_is_lost(merchant: Merchant):
    make_hours(merchant)
    order = confirmed(merchant)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 8 * HOUR - 30 * MINUTE)
    assert told("payment_soon") == []
    tick_from(MONDAY_NINE + 8 * HOUR, until=TUESDAY_NINE + 7 * HOUR)

    assert told("payment_soon")[-1] == (
        f"The payment of order {order.number} is not taken yet. The order expires on Tuesday 24 November, 17:00, and the "
        "customer's payment is released. 2 h 0 min of your opening hours are left."
    )
    assert len(told("payment_soon")) == order.events.filter(kind="order.reminded").count() == 2


def test_without_opening_hours_a_payment_is_reminded_of_around_the_clock(merchant: Merchant):
    confirmed(merchant)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 30 * HOUR)

    assert len(told("payment_soon")) == 2


def test_a_payment_that_failed_is_reminded_of_without_a_word_of_releasing_it(merchant: Merchant):
    order = confirmed(merchant)
    Order.objects.filter(pk=order.pk).update(payment_status=PaymentStatus.FAILED)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 20 * HOUR)

    assert len(told("payment_soon")) == 1
    assert "released" not in told("payment_soon")[0]


def test_a_payment_that_is_taken_is_not_reminded_of_and_the_order_is_left_alone(merchant: Merchant):
    order = confirmed(merchant)
    Order.objects.filter(pk=order.pk).update(payment_status=PaymentStatus.CAPTURED)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 30 * HOUR)

    assert told("payment_soon") == []
    assert Order.objects.get(pk=order.pk).wake_at is None


def test_an_order_that_is_paid_at_once_costs_one_look(merchant: Merchant):
    order = confirmed(merchant)

    assert order.wake_at == MONDAY_NINE + decisions.TAKING
    assert escalation.awake(at=MONDAY_NINE + decisions.TAKING - MINUTE, limit=9) == []


def test_an_order_to_be_paid_and_to_be_shipped_is_reminded_of_both(merchant: Merchant):
    order = confirmed(merchant, ship_by=MONDAY_NINE + 20 * HOUR)

    tick_from(MONDAY_NINE, until=MONDAY_NINE + 30 * HOUR)

    assert (len(told("ship_soon")), len(told("payment_soon"))) == (2, 2)
    assert order.number in told("ship_soon")[0]


def test_an_order_without_a_payment_has_nothing_to_be_taken(merchant: Merchant):
    order = until_tuesday_evening(merchant, payment_status=PaymentStatus.NONE)
    order.payment.delete()

    assert decisions.confirm(order_id=order.pk, by="ana@kauri.example", at=MONDAY_NINE).wake_at is None
