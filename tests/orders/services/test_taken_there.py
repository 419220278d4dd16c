"""Somebody presses "capture" at the gateway itself: it is our payment all the same, taken once, and the order goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from connectors.gateway.sandbox import SandboxGateway
from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, RefundReason, Topic
from orders.errors import OrderBlocked
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import book_audit, clock, decisions, drafts, nightly_reads, payment_news, refunds
from orders.services.refund_quotes import Wanted
from tests.factories import NOON, make_connection, make_member, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db
NIGHT = NOON + timedelta(hours=14)
Told = Callable[[Order, FakeStore], None]


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


@pytest.fixture
def order(store: FakeStore) -> Order:
    """Set aside, checked, and waiting for its merchant."""
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    OrderPush.objects.update(checked_at=NOON)
    return order


def capture_there(order: Order, amount: str | None = None) -> None:
    """By a person in the gateway's own pages."""
    taken = order.total if amount is None else Decimal(amount)
    SandboxGateway().capture(order.payment.reference, amount=taken, currency=order.currency, key="by hand")


def webhook(order: Order, store: FakeStore) -> None:
    payment_news.notice(gateway="sandbox", reference=order.payment.reference, at=store.clock.now())


def sweep(order: Order, store: FakeStore) -> None:
    store.clock.at = max(store.clock.at, NIGHT)
    nightly_reads.promise_payments(at=store.clock.now())
    drain(store)


def drain(store: FakeStore) -> None:
    outbox.drain(at=store.clock.now(), world=make_world(store))


def now(order: Order) -> Order:
    return Order.objects.select_related("payment").get(pk=order.pk)


def captures(order: Order) -> list[str]:
    return list(order.events.filter(kind="payment.captured").values_list("by", flat=True))


def charge() -> SandboxCharge:
    return SandboxCharge.objects.get()


@pytest.mark.parametrize("told", [webhook, sweep])
def test_an_order_that_nobody_decided_about_is_paid_and_still_waits(told: Told, order: Order, store: FakeStore):
    capture_there(order)

    told(order, store)

    order = now(order)
    assert (order.status, order.payment_status, order.payment.captured) == ("pending", "captured", order.total)
    assert captures(order) == ["Sandbox"]
    assert (order.authorized_until, store.orders) == (None, {})
    assert book_audit.look(at=NOON) == ()


@pytest.mark.parametrize("told", [webhook, sweep])
def test_its_merchant_is_told_once(told: Told, order: Order, store: FakeStore):
    capture_there(order)

    for _ in range(2):
        told(order, store)

    (notice,) = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT)
    assert "declining it gives the money back" in notice.payload["reason"]
    assert len(captures(order)) == 1


def test_it_is_sent_when_it_is_confirmed(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    drain(store)

    assert (OrderPush.objects.get().status, len(store.orders), charge().captured) == ("pushed", 1, 1500)


def test_a_destination_that_refuses_it_is_shown_and_mended(order: Order, store: FakeStore, client: Client):
    capture_there(order)
    webhook(order, store)
    store.variants.clear()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    drain(store)

    assert OrderPush.objects.get().status == PushStatus.HELD
    client.force_login(make_member(order.merchant))
    assert (
        reverse("orders:check", args=[order.public_id])
        in client.get(reverse("orders:detail", args=[order.public_id])).content.decode()
    )
    store.stock_up("A")
    decisions.check_again(order_id=order.pk, by="ana", at=NOON)
    drain(store)
    assert (OrderPush.objects.get().status, len(store.orders)) == ("pushed", 1)


def test_a_decline_gives_the_money_back_instead_of_releasing_it(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)

    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)
    drain(store)

    assert (now(order).status, now(order).payment_status, charge().refunded) == ("declined", "refunded", 1500)


def test_one_that_expires_gets_its_money_back(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)

    store.clock.at = now(order).confirm_by
    decisions.expire(order_id=order.pk, at=store.clock.now())
    drain(store)

    assert (now(order).status, charge().refunded) == ("expired", 1500)


def test_the_page_of_the_decline_says_what_happens_to_the_money(order: Order, store: FakeStore, client: Client):
    client.force_login(make_member(order.merchant))
    page = reverse("orders:decline", args=[order.public_id])
    assert "authorization is released" in client.get(page).content.decode()
    capture_there(order)

    webhook(order, store)

    assert "it is given back in full" in client.get(page).content.decode()


def test_the_mail_about_one_that_expired_says_so_too(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)

    clock.expire(at=now(order).confirm_by)

    notice = OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT, payload__kind="expired")
    assert "is given back" in notice.payload["reason"]


def give_back(order: Order, store: FakeStore, amount: str) -> None:
    wanted = Wanted(amount=Decimal(amount), reason=RefundReason.OTHER)
    refunds.issue(order_id=order.pk, wanted=wanted, by="ana", at=NOON)
    drain(store)


def test_the_mail_about_one_that_expired_after_a_refund_of_a_part_says_so_too(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)
    give_back(order, store, "5.00")

    clock.expire(at=now(order).confirm_by)

    notice = OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT, payload__kind="expired")
    assert notice.payload["reason"] == "It was not confirmed in time. What was taken of the customer is given back."


def test_what_was_given_back_whole_cannot_be_confirmed(order: Order, store: FakeStore):
    capture_there(order)
    webhook(order, store)
    give_back(order, store, "15.00")

    with pytest.raises(OrderBlocked, match="All that the customer paid was given back"):
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    assert not decisions.accept_at_last(order_id=order.pk, at=NOON)
    decisions.decline(order_id=order.pk, reason="Given back.", by="ana", at=NOON)
    drain(store)
    assert (now(order).status, charge().refunded, store.orders) == (OrderStatus.DECLINED, 1500, {})


def test_declined_before_anybody_knew_it_is_given_back_too(order: Order, store: FakeStore):
    capture_there(order)
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)

    drain(store)

    assert (now(order).payment_status, charge().refunded) == ("refunded", 1500)
    assert not OutboxMessage.objects.filter(status=OutboxStatus.HELD).exists()


def test_told_between_the_decline_and_the_release_it_is_given_back_once(order: Order, store: FakeStore):
    capture_there(order)
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)

    webhook(order, store)
    drain(store)

    assert (now(order).payment_status, charge().refunded, order.refunds.count()) == ("refunded", 1500, 1)


def test_the_deadline_that_the_authorization_set_is_the_merchant_s_own_again(store: FakeStore):
    ends = NOON + timedelta(days=1)
    order = make_order(lines=[{"sku": "A"}], payment={"expires_at": ends}, confirm_by=ends - timedelta(hours=12))
    capture_there(order)

    webhook(order, store)

    assert now(order).confirm_by == order.placed_at + timedelta(hours=order.merchant.confirm_within_hours)
    assert "it is paid" in order.events.get(kind="order.deadline_moved").text


def test_a_payment_that_had_failed_and_was_taken_there_after_all_can_be_confirmed(order: Order, store: FakeStore):
    order.payment.status, order.payment_status = PaymentStatus.FAILED, PaymentStatus.FAILED
    order.payment.save()
    order.save()
    drafts.reconsider(order_id=order.pk, by="ana", at=NOON)
    assert now(order).blockers
    capture_there(order)

    webhook(order, store)

    assert (now(order).blockers, now(order).payment_status) == ([], "captured")


@pytest.mark.parametrize("told", [webhook, sweep])
def test_taken_after_the_confirmation_the_order_is_sent(told: Told, order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    capture_there(order)

    told(order, store)
    drain(store)

    assert (OrderPush.objects.get().status, len(store.orders)) == ("pushed", 1)
    assert (len(captures(order)), charge().captured) == (1, 1500)


def test_a_card_that_was_declined_and_taken_there_after_all_sends_the_order(store: FakeStore):
    order = make_order(
        connections=[make_connection()], lines=[{"sku": "A"}], payment={"reference": "sandbox_declined_1"}
    )
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    drain(store)
    assert now(order).payment_status == PaymentStatus.FAILED
    SandboxGateway().read(order.payment.reference)
    SandboxCharge.objects.update(state="succeeded", authorized=1500, captured=1500, currency="NZD")

    webhook(order, store)
    drain(store)

    assert (OrderPush.objects.get().status, len(store.orders), charge().captured) == ("pushed", 1, 1500)


@pytest.mark.parametrize("step", ["claimed", "examining", "examined", "marked", "captured", "settling"])
def test_told_at_any_step_of_our_own_capture_it_is_taken_and_sent_once(step: str, order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON, limit=1)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != step:
        pass
    capture_there(order)

    webhook(order, store)
    for _ in steps:
        pass
    drain(store)

    assert (OrderPush.objects.get().status, len(store.orders)) == ("pushed", 1)
    assert (len(captures(order)), charge().captured) == (1, 1500)
    assert not OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).exclude(status=OutboxStatus.DONE).exists()


def test_our_own_capture_that_the_gateway_tells_of_first_is_ours(order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON, limit=1)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "captured":
        pass

    webhook(order, store)
    for _ in steps:
        pass

    assert captures(order) == ["Storeward"]


def test_who_wanted_to_cancel_meanwhile_gets_the_money_given_back(order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON, limit=1)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "marked":
        pass
    decisions.cancel(order_id=order.pk, reason="Changed her mind.", by="ana", at=NOON)
    capture_there(order)

    webhook(order, store)
    for _ in steps:
        pass
    drain(store)

    assert (now(order).status, charge().refunded, store.orders) == (OrderStatus.CANCELLED, 1500, {})


def test_a_wish_to_cancel_is_carried_out_though_our_own_capture_died(order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    (message,) = outbox.claim(at=NOON, limit=1)
    steps = outbox.steps(message, make_world(store))
    while next(steps) != "marked":
        pass
    decisions.cancel(order_id=order.pk, reason="Changed her mind.", by="ana", at=NOON)
    capture_there(order)

    webhook(order, store)

    assert now(order).status == OrderStatus.CANCELLED


def test_another_amount_stops_the_order_and_says_so(order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    capture_there(order, "9.00")
    SandboxCharge.objects.update(authorized=1500)

    webhook(order, store)
    drain(store)

    assert (now(order).payment.captured, store.orders) == (9, {})
    notice = OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT)
    assert "took 9.00 NZD, and the order comes to 15.00 NZD" in notice.payload["reason"]
    decisions.cancel(order_id=order.pk, reason="Wrong amount.", by="ana", at=NOON)
    drain(store)
    assert (now(order).status, charge().refunded) == (OrderStatus.CANCELLED, 900)


def test_called_off_nothing_of_it_is_held_any_more(order: Order, store: FakeStore):
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    capture_there(order, "9.00")
    SandboxCharge.objects.update(authorized=1500)
    webhook(order, store)
    drain(store)
    held = OutboxMessage.objects.filter(status=OutboxStatus.HELD)
    assert [message.topic for message in held] == [Topic.CAPTURE_PAYMENT]

    decisions.cancel(order_id=order.pk, reason="Wrong amount.", by="ana", at=NOON)
    drain(store)

    assert list(held.all()) == []


def test_another_currency_is_told_and_not_believed(order: Order, store: FakeStore):
    capture_there(order)
    SandboxCharge.objects.update(currency="AUD")

    webhook(order, store)

    assert now(order).payment_status == PaymentStatus.AUTHORIZED
    assert "in AUD" in OutboxMessage.objects.get(topic=Topic.TELL_MERCHANT).payload["reason"]


# --- the sweep -------------------------------------------------------------------------------------


def test_one_night_is_one_look(order: Order, store: FakeStore):
    assert [nightly_reads.promise_payments(at=NIGHT) for _ in range(2)] == [1, 1]

    assert OutboxMessage.objects.filter(payload__payment=True).count() == 1


@pytest.mark.parametrize("left_alone", ["young", "in a store", "taken"])
def test_what_needs_no_look_is_left_alone(left_alone: str, order: Order):
    match left_alone:
        case "young":
            Order.objects.update(received_at=NIGHT)
        case "in a store":
            order.payment.gateway = "store"
            order.payment.save()
        case "taken":
            Order.objects.update(payment_status=PaymentStatus.CAPTURED)

    assert nightly_reads.promise_payments(at=NIGHT) == 0


def test_an_authorization_that_nobody_told_the_end_of_is_found_gone(order: Order, store: FakeStore):
    SandboxGateway().void(order.payment.reference, reason="by hand", key="by hand")

    sweep(order, store)

    assert now(order).payment_status == PaymentStatus.FAILED


def test_a_look_at_the_payment_accepts_nothing_by_itself(order: Order, store: FakeStore):
    order.merchant.auto_accept = True
    order.merchant.save()

    sweep(order, store)

    assert now(order).status == OrderStatus.PENDING
