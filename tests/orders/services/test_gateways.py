"""A gateway that refuses our key: one incident, nothing counted as sent, and everything goes on once it lets us in."""

from __future__ import annotations

import pytest

from connectors.errors import CredentialsError, RetryableError
from connectors.gateway.sandbox import SandboxGateway
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, RefundStatus, Topic
from orders.models import Order, OutboxMessage, Payment
from orders.services import clock, decisions
from orders.world import World
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore
from tests.orders.services.refundable import issue, make_paid

pytestmark = pytest.mark.django_db


class Door(SandboxGateway):
    """The sandbox, behind a door that our key does not open."""

    def __init__(self) -> None:
        self.closed, self.asked = True, 0

    def _enter(self) -> None:
        self.asked += 1
        if self.closed:
            raise CredentialsError("The gateway does not accept our key.")

    def capture(self, *args, **options):
        self._enter()
        return super().capture(*args, **options)

    def void(self, *args, **options):
        self._enter()
        return super().void(*args, **options)

    def refund(self, *args, **options):
        self._enter()
        return super().refund(*args, **options)


class Shop:
    """A merchant's orders, the store they go to and the gateway."""

    def __init__(self) -> None:
        self.store, self.door, self.connection = FakeStore(), Door(), make_connection()
        self.store.stock_up("A")

    def confirmed(self, reference: str = "1") -> Order:
        order = make_order(
            self.connection.merchant, connections=[self.connection], lines=[{"sku": "A"}],
            payment={"reference": f"sandbox_ok_{reference}"},
        )  # fmt: skip
        decisions.confirm(order_id=order.pk, by="ana", at=NOON)
        return order

    def drain(self) -> None:
        world = World(
            clock=self.store.clock, connector_for=lambda connection: self.store, gateway_for=lambda name: self.door
        )
        outbox.drain(world=world)

    def minutes_later(self) -> None:
        """Time enough for the one that is tried, and for what it lets go."""
        for _ in range(3):
            self.store.clock.advance(61)
            clock.tick(at=self.store.clock.now())
            self.drain()


@pytest.fixture
def shop() -> Shop:
    return Shop()


def captures() -> list[tuple[str, bool]]:
    rows = OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).order_by("pk")
    return [(row.status, row.maybe_sent_at is not None) for row in rows]


def test_a_refused_key_counts_as_nothing_sent_and_makes_one_mail(shop: Shop):
    orders = [shop.confirmed(str(number)) for number in range(3)]

    shop.drain()

    assert captures() == [(OutboxStatus.WAITING, False)] * 3
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 1
    assert "does not accept our key" in orders[2].pushes.get().reason
    assert orders[2].events.filter(kind="payment.waiting").count() == 1


def test_the_repair_lets_all_of_them_go(shop: Shop):
    for number in range(6):
        shop.confirmed(str(number))
    shop.drain()
    shop.door.closed = False

    shop.minutes_later()

    assert set(Payment.objects.values_list("status", flat=True)) == {PaymentStatus.CAPTURED}
    assert len(shop.store.orders) == 6


def test_while_the_key_is_refused_one_promise_a_minute_is_tried_and_nobody_is_told_again(shop: Shop):
    for number in range(3):
        shop.confirmed(str(number))
    shop.drain()
    asked = shop.door.asked

    shop.minutes_later()

    assert shop.door.asked - asked == 3
    assert OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).count() == 1
    assert {order.events.filter(kind="payment.waiting").count() for order in Order.objects.all()} == {1}


def test_an_order_whose_capture_waits_for_the_key_can_be_cancelled(shop: Shop):
    order = shop.confirmed()
    shop.drain()

    decisions.cancel(order_id=order.pk, reason="No key.", by="ana", at=NOON)
    shop.drain()
    shop.door.closed = False
    shop.minutes_later()

    order.refresh_from_db()
    assert (order.status, order.payment_status) == (OrderStatus.CANCELLED, PaymentStatus.VOIDED)


def test_a_decline_shows_too_that_the_key_is_good_again(shop: Shop):
    declined = shop.confirmed()
    Payment.objects.filter(order=declined).update(reference="sandbox_declined_1")
    others = [shop.confirmed(str(number)) for number in (2, 3)]
    shop.drain()
    shop.door.closed = False
    shop.minutes_later()

    assert {Payment.objects.get(order=order).status for order in others} == {PaymentStatus.CAPTURED}
    assert Payment.objects.get(order=declined).status == PaymentStatus.FAILED


def test_a_gateway_that_is_down_says_nothing_about_the_key(shop: Shop, monkeypatch):
    shop.confirmed()
    shop.confirmed("2")
    shop.drain()

    def down() -> None:
        raise RetryableError("The gateway is down.")

    monkeypatch.setattr(shop.door, "_enter", down)
    shop.store.clock.advance(61)
    clock.tick(at=shop.store.clock.now())
    shop.drain()

    assert OutboxMessage.objects.filter(wait_for="gateway:sandbox").count() == 1


def test_a_refund_waits_for_the_key_too_and_says_why(shop: Shop):
    refund = issue(make_paid(), {"1": 1})

    shop.drain()

    refund.refresh_from_db()
    assert (refund.status, refund.failure) == (RefundStatus.REQUESTED, "The gateway does not accept our key.")
    shop.door.closed = False
    shop.minutes_later()
    refund.refresh_from_db()
    assert refund.status == RefundStatus.DONE


def test_what_may_have_been_sent_before_keeps_its_mark(shop: Shop):
    order = shop.confirmed()
    OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT).update(maybe_sent_at=NOON)

    shop.drain()

    assert captures() == [(OutboxStatus.WAITING, True)]
    assert order.payment.status == PaymentStatus.AUTHORIZED


def test_the_health_check_names_the_gateway_until_it_lets_us_in(shop: Shop, client):
    before = client.get("/healthz/gateways")
    shop.confirmed()
    shop.drain()

    during = client.get("/healthz/gateways")

    assert (before.status_code, before.json()) == (200, {"status": "ok", "gateways": []})
    assert (during.status_code, during.json()) == (503, {"status": "refused", "gateways": ["sandbox"]})
