"""The gateway took another amount than the order comes to: nothing of it is sent, whatever is rearranged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.gateway.sandbox import SandboxGateway
from connectors.models import ProductLink
from orders import outbox
from orders.enums import OutboxStatus, PushStatus, RefundReason, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import decisions, kept_out, payment_news, preflight, refunds, rerouting
from orders.services.refund_quotes import Wanted, WantedLine
from tests.factories import NOON, make_connection, make_order
from tests.fakes import FakeStore, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> FakeStore:
    store = FakeStore()
    store.stock_up("A")
    return store


def drain(store: FakeStore) -> None:
    outbox.drain(at=store.clock.now(), world=make_world(store))


@pytest.fixture
def short(store: FakeStore) -> Order:
    """Confirmed, and kept back: the gateway took 9.00 of its 15.00."""
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    OrderPush.objects.update(checked_at=NOON)
    SandboxGateway().capture(order.payment.reference, amount=Decimal("9.00"), currency=order.currency, key="by hand")
    payment_news.notice(gateway="sandbox", reference=order.payment.reference, at=NOON)
    decisions.confirm(order_id=order.pk, by="ana", at=NOON)
    drain(store)
    return Order.objects.get(pk=order.pk)


def test_its_push_says_which_amount_was_taken(short: Order):
    push = short.pushes.get()

    amounts = "The gateway took 9.00 NZD, and the order comes to 15.00 NZD."
    told = f"Not sent: {amounts} Cancel the order, which gives the money back."
    assert (push.status, push.reason) == (PushStatus.WAITING, told)


def test_a_paid_order_does_not_wait_for_its_payment(store: FakeStore):
    order = make_order(connections=[make_connection()], lines=[{"sku": "A"}])
    OrderPush.objects.update(checked_at=NOON)
    SandboxGateway().capture(order.payment.reference, amount=order.total, currency=order.currency, key="by hand")
    payment_news.notice(gateway="sandbox", reference=order.payment.reference, at=NOON)

    decisions.confirm(order_id=order.pk, by="ana", at=NOON)

    assert OrderPush.objects.get().reason == "Asking its destination once more."


def test_it_stays_here_when_its_line_goes_elsewhere(short: Order, store: FakeStore):
    other = make_connection(short.merchant, name="Rimu")
    ProductLink.objects.create(connection=other, sku="A", variant_id="variant-A", source="sku", checked_at=NOON)

    rerouting.move(order_id=short.pk, moves=[rerouting.Move(short.lines.get().pk, other.pk)], by="ana", at=NOON)
    drain(store)

    assert (short.pushes.get(connection=other).status, store.orders) == (PushStatus.WAITING, {})
    assert OutboxMessage.objects.get(topic=Topic.CAPTURE_PAYMENT).status == OutboxStatus.HELD


def test_what_is_brought_back_stays_here(short: Order, store: FakeStore):
    push = short.pushes.get()
    OrderPush.objects.filter(pk=push.pk).update(
        status=PushStatus.SKIPPED, wait_for="", reason=kept_out.reason("ana"), blockers=[]
    )

    kept_out.bring_back(push_id=push.pk, by="ana", at=NOON)
    drain(store)

    assert (OrderPush.objects.get().status in preflight.OPEN, store.orders) == (True, {})


def test_it_stays_here_when_its_refund_is_withdrawn(short: Order, store: FakeStore):
    wanted = Wanted(lines=(WantedLine(short.lines.get().external_id, 1),), reason=RefundReason.OUT_OF_STOCK)
    refund, _ = refunds.issue(order_id=short.pk, wanted=wanted, by="ana", at=NOON)

    refunds.withdraw(refund_id=refund.pk, by="ana", at=NOON)
    drain(store)

    assert (OrderPush.objects.get().status in preflight.OPEN, store.orders) == (True, {})
