from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from unittest.mock import patch

import pytest
from django.db import transaction

from connectors.errors import CredentialsError, RetryableError
from connectors.gateway.sandbox import SandboxGateway
from connectors.models import Connection, ConnectionState, InboundEvent, InboundState, SandboxCharge
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import clock, inbound, nightly_reads
from tests.factories import NOON, make_connection, make_order
from tests.orders.services.pushed import make_pushed

pytestmark = pytest.mark.django_db
_number = count(1)


def make_event(connection: Connection | None, *, at: datetime = NOON, **fields) -> InboundEvent:
    fields = {"topic": "orders/updated", "event_id": f"event-{next(_number)}", **fields}
    return InboundEvent.objects.create(connection=connection, body_digest="0" * 64, received_at=at, **fields)


def process(event: InboundEvent, *, at: datetime = NOON) -> str:
    inbound.process(event_id=event.pk, at=at)
    event.refresh_from_db()
    return event.state


def start_sending(connection: Connection) -> OrderPush:
    """A push that may be in the store and is not recorded here."""
    order = make_order(connection.merchant, connections=[connection])
    push = order.pushes.get()
    with transaction.atomic():
        outbox.post(Topic.PUSH_ORDER, order=order, push=push, connection=connection, key="push", at=NOON)
    OutboxMessage.objects.update(maybe_sent_at=NOON)
    return push


def test_an_event_about_one_of_our_orders_asks_for_the_truth():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id)

    assert process(event) == InboundState.DONE
    (message,) = pushed.promised(Topic.PULL_REMOTE)
    assert message.push == pushed.push


def test_an_order_is_found_by_our_reference_too():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, reference=pushed.push.reference)

    assert process(event) == InboundState.DONE
    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1


def test_processing_an_event_twice_asks_once():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id)

    process(event)
    OutboxMessage.objects.all().delete()
    process(event)

    assert pushed.promised(Topic.PULL_REMOTE) == []


def test_a_burst_of_events_about_one_order_is_one_read():
    pushed = make_pushed()

    for _ in range(5):
        process(make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id))

    assert len(pushed.promised(Topic.PULL_REMOTE)) == 1


def test_an_order_of_the_same_id_in_another_shop_is_not_ours():
    pushed = make_pushed()
    event = make_event(make_connection(), remote_order_id=pushed.push.remote_id, reference=pushed.push.reference)

    assert process(event) == InboundState.IGNORED
    assert pushed.promised(Topic.PULL_REMOTE) == []


def test_an_event_of_the_shops_own_business_is_ignored_at_once():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, remote_order_id="fake-9999")

    assert process(event) == InboundState.IGNORED
    assert (event.note, event.processed_at) == ("Not about one of our orders.", NOON)


def test_an_event_that_overtakes_our_own_record_is_kept_and_counted():
    connection = make_connection()
    start_sending(connection)
    event = make_event(connection, remote_order_id="fake-1001")

    assert process(event) == InboundState.NEW
    assert event.attempts == 1


def test_a_kept_event_is_placed_once_the_order_is_recorded():
    connection = make_connection()
    push = start_sending(connection)
    event = make_event(connection, remote_order_id="fake-1001")
    process(event)
    OrderPush.objects.filter(pk=push.pk).update(
        status=PushStatus.PUSHED, wait_for="", remote_id="fake-1001", pushed_at=NOON
    )

    assert process(event, at=NOON + timedelta(minutes=1)) == InboundState.DONE
    assert OutboxMessage.objects.filter(topic=Topic.PULL_REMOTE, push=push).count() == 1


def test_a_kept_event_is_ignored_after_its_hour_of_grace():
    connection = make_connection()
    start_sending(connection)
    event = make_event(connection, remote_order_id="fake-1001")

    assert process(event, at=NOON + timedelta(minutes=59)) == InboundState.NEW
    assert process(event, at=NOON + timedelta(minutes=60)) == InboundState.IGNORED


def test_an_uninstalled_app_is_a_lost_token_that_the_merchant_is_told_of():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, topic="app/uninstalled")

    assert process(event) == InboundState.DONE
    pushed.push.connection.refresh_from_db()
    assert pushed.push.connection.state == ConnectionState.AUTH_LOST
    assert list(OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).values_list("payload__kind", flat=True)) == [
        "reconnect"
    ]


@pytest.mark.parametrize(
    ("times", "state", "connection_state"),
    [
        ({"occurred_at": NOON - timedelta(days=1)}, InboundState.IGNORED, ConnectionState.ACTIVE),
        ({"at": NOON - timedelta(hours=2)}, InboundState.IGNORED, ConnectionState.ACTIVE),
        ({"occurred_at": NOON}, InboundState.DONE, ConnectionState.AUTH_LOST),
    ],
)
def test_an_uninstall_that_is_older_than_the_connection_loses_nothing(times, state, connection_state):
    connection = make_connection(connected_at=NOON - timedelta(hours=1))
    event = make_event(connection, topic="app/uninstalled", **times)

    assert process(event) == state
    connection.refresh_from_db()
    assert connection.state == connection_state


def make_payment_event(state: str = "canceled") -> tuple[Order, InboundEvent]:
    order = make_order()
    reference = order.payment.reference
    SandboxCharge.objects.create(
        reference=reference, currency="NZD", authorized=11500, state=state, capture_before=NOON + timedelta(days=900)
    )
    return order, make_event(None, gateway="sandbox", topic="payment.updated", remote_order_id=reference)


def test_a_payment_event_has_the_gateways_truth_taken_over():
    order, event = make_payment_event("canceled")

    assert process(event) == InboundState.DONE
    order.refresh_from_db()
    assert order.payment_status == PaymentStatus.FAILED


@pytest.mark.parametrize("fault", [RetryableError("down"), CredentialsError("The gateway does not accept our key.")])
def test_a_payment_event_stays_new_when_the_gateway_does_not_answer(fault: Exception):
    _, event = make_payment_event()

    with patch.object(SandboxGateway, "read", side_effect=fault), pytest.raises(type(fault)):
        process(event)

    event.refresh_from_db()
    assert event.state == InboundState.NEW


def test_a_payment_that_the_gateway_does_not_know_is_a_failed_event():
    order = make_order(payment={"reference": "sandbox_maybe_1"})
    event = make_event(None, gateway="sandbox", topic="payment.updated", remote_order_id=order.payment.reference)

    assert process(event) == InboundState.FAILED
    assert event.note.startswith("This is not a sandbox payment")


def captured_there(reference: str) -> None:
    SandboxCharge.objects.create(
        reference=reference, currency="NZD", authorized=11500, captured=11500, state="succeeded",
        capture_before=NOON + timedelta(days=900),
    )  # fmt: skip


def test_a_payment_event_that_overtakes_its_order_is_kept_until_that_comes():
    captured_there("sandbox_ok_early")
    event = make_event(None, gateway="sandbox", topic="payment.updated", remote_order_id="sandbox_ok_early")
    assert (process(event), event.attempts) == (InboundState.NEW, 1)

    order = make_order(payment={"reference": "sandbox_ok_early", "expires_at": NOON + timedelta(days=7)})
    clock.process_forgotten(at=NOON + timedelta(minutes=1))

    event.refresh_from_db()
    order.refresh_from_db()
    assert (event.state, order.payment_status) == (InboundState.DONE, PaymentStatus.CAPTURED)


def test_a_payment_event_after_its_order_ends_in_the_same_state():
    captured_there("sandbox_ok_early")
    order = make_order(payment={"reference": "sandbox_ok_early", "expires_at": NOON + timedelta(days=7)})
    event = make_event(None, gateway="sandbox", topic="payment.updated", remote_order_id="sandbox_ok_early")

    assert process(event) == InboundState.DONE
    order.refresh_from_db()
    assert order.payment_status == PaymentStatus.CAPTURED


def test_an_order_that_comes_after_its_event_was_given_up_is_looked_at_by_night():
    captured_there("sandbox_ok_early")
    event = make_event(None, gateway="sandbox", topic="payment.updated", remote_order_id="sandbox_ok_early")
    assert process(event, at=NOON + timedelta(hours=1)) == InboundState.IGNORED

    order = make_order(payment={"reference": "sandbox_ok_early", "expires_at": NOON + timedelta(days=7)})
    nightly_reads.promise_payments(at=NOON + timedelta(hours=14))
    outbox.drain(at=NOON + timedelta(hours=14))

    order.refresh_from_db()
    assert order.payment_status == PaymentStatus.CAPTURED


def test_an_event_about_no_payment_is_ignored_at_once():
    assert process(make_event(None, gateway="stripe", topic="charge.updated")) == InboundState.IGNORED


def test_an_event_that_is_gone_is_no_fault():
    inbound.process(event_id=404, at=NOON)


def test_from_webhook_to_the_completed_order():
    pushed = make_pushed()
    pushed.store.fulfill(pushed.push.remote_id)
    process(make_event(pushed.push.connection, topic="fulfillments/create", remote_order_id=pushed.push.remote_id))

    pushed.drain()

    assert pushed.order.status == OrderStatus.COMPLETED
