"""Capture after a last preflight, refusals, releases, refunds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from connectors.gateway.stripe import StripeGateway
from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, RefundReason, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OutboxMessage, Payment
from orders.services import decisions, payment_news, payments, refunds
from orders.services.refund_quotes import Wanted
from orders.world import World
from tests.connectors.gateway import stripe_stand_in
from tests.connectors.gateway.stripe_stand_in import Intent, StripeStandIn
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeClock, FakeStore, make_world

pytestmark = pytest.mark.django_db


def confirmed(store: FakeStore, *, behaviour: str = "ok", stocked: bool = True) -> Order:
    if stocked:
        store.stock_up("A")
    order = make_order(
        connections=[make_connection()], lines=[{"sku": "A"}], payment={"reference": f"sandbox_{behaviour}_1"}
    )
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    return order


def drained(store: FakeStore, order: Order) -> Order:
    outbox.drain(world=make_world(store))
    return Order.objects.select_related("payment").get(pk=order.pk)


def test_confirming_takes_the_money_and_then_sends_the_order():
    store = FakeStore()

    order = drained(store, confirmed(store))

    assert (order.payment.status, order.payment.captured) == (PaymentStatus.CAPTURED, order.total)
    assert [remote.total for remote in store.orders.values()] == [order.total]


def test_nothing_is_captured_when_the_destination_would_refuse():
    store = FakeStore()

    order = drained(store, confirmed(store, stocked=False))

    assert order.payment.status == PaymentStatus.AUTHORIZED
    assert not SandboxCharge.objects.exists()
    assert not store.orders
    assert order.headline == "blocked"
    assert order.pushes.get().blockers[0]["code"] == "unmapped_sku"


def test_a_declined_card_stops_the_push_and_says_so():
    store = FakeStore()

    order = drained(store, confirmed(store, behaviour="declined"))

    assert (order.payment.status, order.payment.failure_code) == (PaymentStatus.FAILED, "insufficient_funds")
    assert order.headline == "payment_failed"
    assert not store.orders
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, order=order).count() == 1


def test_an_authorization_that_ran_out_stops_the_push():
    store = FakeStore()

    order = drained(store, confirmed(store, behaviour="expired"))

    assert (order.payment.status, order.payment.failure_code) == (PaymentStatus.FAILED, "authorization_expired")
    assert not store.orders


@pytest.mark.parametrize("behaviour", ["timeout", "flaky"])
def test_a_gateway_that_falters_is_asked_again_and_takes_the_money_once(behaviour: str):
    store = FakeStore()
    order = confirmed(store, behaviour=behaviour)
    for _ in range(4):
        outbox.drain(world=make_world(store))
        store.clock.advance(300)

    order = drained(store, order)

    charge = SandboxCharge.objects.get()
    assert (charge.captured, charge.refunded) == (order.payment.captured * 100, 0)
    assert len(store.orders) == 1


@pytest.fixture
def stripe(settings) -> Iterator[StripeStandIn]:
    with stripe_stand_in.serving() as stripe:
        settings.STRIPE_API_URL, settings.STRIPE_SECRET_KEY = stripe.url, stripe_stand_in.KEY
        yield stripe


def paid_by_stripe(order: Order, stripe: StripeStandIn, clock: FakeClock) -> Intent:
    """Its payment at Stripe, once everything that is due within an hour was carried out."""
    intent = stripe.authorize(str(order.total), order.currency)
    Payment.objects.filter(order=order).update(gateway="stripe", reference=intent.id)
    gateway = StripeGateway()
    for _ in range(3):
        outbox.drain(world=World(clock, lambda connection: FakeStore(), lambda name: gateway))
        clock.advance(1200)
    return intent


@pytest.mark.parametrize("fault", ["broken_before", "broken_after"])
def test_a_500_that_the_gateway_keeps_for_our_key_is_overcome_and_the_money_taken_once(fault: str, stripe):
    order = make_order()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    setattr(stripe, fault, 2)

    intent = paid_by_stripe(order, stripe, FakeClock())

    assert (intent.status, intent.captures) == ("succeeded", 1)
    assert Payment.objects.get(order=order).status == PaymentStatus.CAPTURED


def test_a_release_that_the_gateway_broke_off_is_overcome_too(stripe):
    order = make_order()
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)
    stripe.broken_before = 2

    intent = paid_by_stripe(order, stripe, FakeClock())

    assert intent.status == "canceled"
    assert Payment.objects.get(order=order).status == PaymentStatus.VOIDED


@pytest.mark.parametrize(("fault", "keys"), [("broken_before", 2), ("broken_after", 1)])
def test_a_refund_that_the_gateway_broke_off_is_given_once_within_minutes(fault: str, keys: int, stripe):
    order, clock = make_order(), FakeClock()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    intent = paid_by_stripe(order, stripe, clock)
    wanted = Wanted(amount=Decimal(5), reason=RefundReason.GOODWILL)
    refund, _ = refunds.issue(order_id=order.pk, wanted=wanted, by="ana", at=clock.now())
    setattr(stripe, fault, 1)

    for _ in range(12):
        outbox.drain(world=World(clock, lambda connection: FakeStore(), lambda name: StripeGateway()))
        clock.advance(60)

    refund.refresh_from_db()
    asked = [call.headers["idempotency-key"] for call in stripe.writes() if call.path == "/v1/refunds"]
    assert (refund.status, intent.refunded, len(stripe.refunds), len(set(asked))) == ("done", 500, 1, keys)


@pytest.mark.parametrize(("disputed", "told"), [(True, 1), (False, 0)])
def test_a_dispute_is_told_once_however_many_events_there_are(disputed: bool, told: int, stripe):
    order = make_order()
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    intent = paid_by_stripe(order, stripe, FakeClock())
    intent.disputed = disputed

    for _ in range(2):
        payment_news.notice(gateway="stripe", reference=intent.id, at=NOON)

    assert order.events.filter(kind="payment.disputed").count() == told
    notices = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT, payload__kind="payment_held")
    assert [("disputes the payment" in notice.payload["reason"]) for notice in notices] == [True] * told


def test_a_failed_capture_can_be_tried_again_as_a_new_request():
    store = FakeStore()
    order = drained(store, confirmed(store, behaviour="declined"))

    payments.retry_capture(order_id=order.pk, by="ana", at=NOON)

    order = drained(store, order)
    assert order.payment.capture_generation == 2
    assert order.payment.status == PaymentStatus.FAILED


def test_a_capture_that_did_not_fail_is_not_tried_again():
    store = FakeStore()
    order = drained(store, confirmed(store))

    with pytest.raises(TransitionNotAllowed):
        payments.retry_capture(order_id=order.pk, by="ana", at=NOON)


def test_declining_releases_the_authorization_at_the_gateway():
    store = FakeStore()
    order = make_order()
    decisions.decline(order_id=order.pk, reason="Sold out.", by="ana", at=NOON)

    order = drained(store, order)

    assert order.payment.status == PaymentStatus.VOIDED
    assert SandboxCharge.objects.get().state == "canceled"


def test_an_order_whose_card_was_declined_can_be_cancelled():
    store = FakeStore()
    order = drained(store, confirmed(store, behaviour="declined"))

    decisions.cancel(order_id=order.pk, reason="No money.", by="ana", at=NOON)

    order = drained(store, order)
    assert (order.status, order.payment.status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)
