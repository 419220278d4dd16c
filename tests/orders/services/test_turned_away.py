"""What a firewall in front of the other side turned away, or whose answer it did, may have been carried out."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.errors import HostRefusedError, OutcomeUnknownError
from connectors.gateway.base import Captured, Refunded
from connectors.gateway.sandbox import SandboxGateway
from connectors.models import SandboxCharge
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, RefundStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OutboxMessage
from orders.services import decisions, refunds
from orders.world import World
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeClock, FakeStore
from tests.orders.services.refundable import charge_of, drain, issue, make_paid
from tests.orders.services.test_pushes import drained, lost

pytestmark = pytest.mark.django_db


def turned_away() -> HostRefusedError:
    return HostRefusedError("The host refused it: gateway.test answered with status 406.")


class Filtered(SandboxGateway):
    """The sandbox, behind a firewall that looks at the first answers about refunds and at all about releases."""

    def __init__(self, *, refunds: int = 0, loses_captures: int = 0) -> None:
        self.refused, self.loses_captures = refunds, loses_captures
        self.keys: list[str] = []
        self.asked: list[str] = []

    def capture(self, *args: Any, **options: Any) -> Captured:
        self.asked.append("capture")
        if self.loses_captures:
            self.loses_captures -= 1
            raise OutcomeUnknownError("No answer.")
        return super().capture(*args, **options)

    def void(self, *args: Any, **options: Any) -> None:
        self.asked.append("void")
        raise turned_away()

    def refund(self, *args: Any, **options: Any) -> Refunded:
        self.keys.append(options["key"])
        given = super().refund(*args, **options)
        if self.refused:
            self.refused -= 1
            raise turned_away()
        return given


def test_a_refund_whose_answer_was_turned_away_is_given_once_under_one_key():
    order, gateway, clock = make_paid(), Filtered(refunds=1), FakeClock()
    refund = issue(order, {"1": 1})
    drain(gateway, clock=clock)
    refund.refresh_from_db()
    assert (refund.status, charge_of(order).refunded) == (RefundStatus.FAILED, 1000)

    refunds.try_again(refund_id=refund.pk, by="ana", at=clock.now())
    drain(gateway, clock=clock)

    refund.refresh_from_db()
    assert (refund.status, refund.generation, charge_of(order).refunded) == (RefundStatus.DONE, 1, 1000)
    assert gateway.keys == [refunds.key_of(refund)] * 2


def test_a_refund_whose_answer_was_turned_away_cannot_be_withdrawn():
    order, gateway = make_paid(), Filtered(refunds=1)
    refund = issue(order, {"1": 1})
    drain(gateway)

    with pytest.raises(TransitionNotAllowed, match="may have been given already"):
        refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)


def test_an_order_that_was_called_off_is_not_captured_when_its_release_is_turned_away():
    store, gateway = FakeStore(), Filtered(loses_captures=1)
    store.stock_up("A")
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    world = World(store.clock, lambda connection: store, lambda name: gateway)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    outbox.drain(world=world)

    decisions.cancel(order_id=order.pk, reason="Changed her mind.", by="ana", at=NOON)
    store.clock.advance(600)
    outbox.drain(world=world)

    order = Order.objects.select_related("payment").get(pk=order.pk)
    assert gateway.asked == ["capture", "void"]
    assert (order.status, order.payment.status) == (OrderStatus.CONFIRMED, PaymentStatus.AUTHORIZED)
    assert not SandboxCharge.objects.exists()
    held = OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT)
    assert (held.status, held.maybe_sent_at is None) == (OutboxStatus.HELD, False)


class FilteredStore(FakeStore):
    """Turns away what is to complete an order that was found."""

    is_open = False

    def mend(self, remote_id: str, order: Any) -> None:
        if not self.is_open:
            raise turned_away()
        super().mend(remote_id, order)


def test_an_order_that_was_found_half_made_is_completed_once_its_host_lets_it_through():
    store = FilteredStore()
    push = drained(store, lost(store))
    assert (push.status, push.adopted, push.read_back_at) == (PushStatus.PUSHED, True, None)

    store.is_open = True
    message = OutboxMessage.objects.get(topic=Topic.PULL_REMOTE, push=push)
    outbox.release_now(message.key, at=store.clock.now())
    push = drained(store, push)

    assert (push.remote_total, store.half_made) == (push.order.total, set())
    assert len(store.orders) == 1
