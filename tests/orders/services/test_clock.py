from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.db import transaction
from django_q.models import Success, Task

from connectors.models import CallLog, InboundState
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, Topic
from orders.models import Order, OutboxMessage, PumpBeat
from orders.services import clock
from orders.services.keys import capture_key
from tests.factories import NOON, make_connection, make_merchant, make_order
from tests.orders.services.pushed import make_pushed
from tests.orders.services.test_inbound import make_event

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(kind: str) -> list[str]:
    rows = OutboxMessage.objects.filter(topic=Topic.TELL_MERCHANT).order_by("pk")
    return [message.payload["reason"] for message in rows if message.payload["kind"] == kind]


def tick_every(step: timedelta, *, until: datetime) -> None:
    at = NOON
    while at <= until:
        clock.tick(at=at)
        at += step


# --- reminders ---


def test_a_merchant_is_reminded_once_a_day_before_the_end():
    order = make_order(confirm_by=NOON + 3 * DAY)

    clock.tick(at=NOON + 2 * DAY - HOUR)
    assert told("confirm_soon") == []
    tick_every(6 * HOUR, until=NOON + 2 * DAY + 20 * HOUR)

    order.refresh_from_db()
    assert order.reminded_at == NOON + 2 * DAY
    assert len(told("confirm_soon")) == 1


def test_a_short_time_to_confirm_is_reminded_at_half_time():
    make_order(confirm_by=NOON + 10 * HOUR)

    clock.tick(at=NOON + 5 * HOUR - timedelta(minutes=1))
    assert told("confirm_soon") == []
    clock.tick(at=NOON + 5 * HOUR)

    assert len(told("confirm_soon")) == 1


def test_the_reminder_gives_the_deadline_in_the_merchants_time():
    order = make_order(make_merchant(time_zone="Pacific/Auckland"), confirm_by=NOON + 10 * HOUR)

    clock.tick(at=NOON + 6 * HOUR)

    (reason,) = told("confirm_soon")
    assert reason.startswith(f"Order {order.number} expires on Tuesday 24 November, 11:00,")


def test_orders_of_one_merchant_that_end_together_make_one_mail():
    merchant = make_merchant()
    orders = [make_order(merchant, confirm_by=NOON + 10 * HOUR) for _ in range(3)]
    make_order(confirm_by=NOON + 10 * HOUR)

    clock.tick(at=NOON + 6 * HOUR)

    assert len(told("confirm_soon")) == 2
    assert [reason for reason in told("confirm_soon") if "So do 2 more soon after." in reason] != []
    assert all(Order.objects.get(pk=order.pk).reminded_at for order in orders)


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.DECLINED])
def test_a_decided_order_is_not_reminded_of(status: OrderStatus):
    make_order(confirm_by=NOON + 10 * HOUR, status=status)

    clock.tick(at=NOON + 6 * HOUR)

    assert told("confirm_soon") == []


# --- expiry ---


def test_an_order_that_nobody_confirmed_expires_and_its_money_is_released_once():
    order = make_order(confirm_by=NOON + DAY)

    clock.tick(at=NOON + DAY)
    clock.tick(at=NOON + DAY + HOUR)

    order.refresh_from_db()
    assert order.status == OrderStatus.EXPIRED
    assert OutboxMessage.objects.filter(topic=Topic.VOID_PAYMENT).count() == 1
    assert len(told("expired")) == 1


def test_an_order_does_not_expire_before_its_time():
    order = make_order(confirm_by=NOON + DAY)

    clock.tick(at=NOON + DAY - timedelta(seconds=1))

    order.refresh_from_db()
    assert order.status == OrderStatus.PENDING


def test_an_order_whose_payment_is_being_taken_does_not_expire_and_stops_no_other():
    busy = make_order(confirm_by=NOON, status=OrderStatus.CONFIRMED)
    with transaction.atomic():
        outbox.post(Topic.CAPTURE_PAYMENT, order=busy, key=capture_key(busy), at=NOON)
    OutboxMessage.objects.update(maybe_sent_at=NOON)
    late = make_order(confirm_by=NOON + HOUR)

    clock.tick(at=NOON + DAY)

    busy.refresh_from_db(), late.refresh_from_db()
    assert (busy.status, late.status) == (OrderStatus.CONFIRMED, OrderStatus.EXPIRED)


def test_a_fault_of_ours_in_one_order_stops_no_other(caplog: pytest.LogCaptureFixture):
    first, second = (make_order(confirm_by=NOON + hours * HOUR) for hours in (1, 2))
    real = clock.decisions.expire

    def fails_once(*, order_id: int, at: datetime) -> Order:
        if order_id == first.pk:
            raise ZeroDivisionError
        return real(order_id=order_id, at=at)

    with patch.object(clock.decisions, "expire", fails_once):
        clock.tick(at=NOON + DAY)

    second.refresh_from_db()
    assert second.status == OrderStatus.EXPIRED
    assert [record.message for record in caplog.records] == ["step of the clock failed"]


# --- forgotten events ---


def test_an_event_whose_task_was_lost_is_found():
    pushed = make_pushed()
    event = make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id)

    clock.process_forgotten(at=NOON + timedelta(seconds=30))

    event.refresh_from_db()
    assert event.state == InboundState.DONE


def test_when_events_take_long_the_next_call_goes_on_with_the_rest():
    pushed = make_pushed()
    events = [make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id) for _ in range(3)]
    done = []

    for _ in range(3):
        slow = SimpleNamespace(monotonic=partial(next, count(step=clock.FORGOTTEN_BUDGET_S)))
        with patch("orders.services.clock.time", slow):
            clock.process_forgotten(at=NOON + timedelta(seconds=30))
        done.append(sum(type(event).objects.get(pk=event.pk).state == InboundState.DONE for event in events))

    assert done == [1, 2, 3]


def test_an_event_that_always_fails_is_set_aside_in_the_end(caplog: pytest.LogCaptureFixture):
    pushed = make_pushed()
    event = make_event(pushed.push.connection, remote_order_id=pushed.push.remote_id)
    event.attempts = clock.EVENT_ATTEMPTS - 1
    event.save()

    with patch("orders.services.fulfillment.ask", side_effect=ZeroDivisionError):
        clock.process_forgotten(at=NOON + HOUR)
        clock.process_forgotten(at=NOON + HOUR)

    event.refresh_from_db()
    assert (event.state, event.note) == (InboundState.FAILED, "It failed too often.")


# --- pruning ---


def make_done(key: str, at: datetime) -> None:
    order = make_order()
    with transaction.atomic():
        message = outbox.post(Topic.TELL_MERCHANT, order=order, key=key, at=at)
    OutboxMessage.objects.filter(pk=message.pk).update(status=OutboxStatus.DONE, done_at=at)


def test_promises_that_were_kept_are_deleted_after_thirty_days():
    make_done("old", NOON - 31 * DAY)
    make_done("young", NOON - 29 * DAY)

    clock.prune(at=NOON)

    assert list(OutboxMessage.objects.values_list("key", flat=True)) == ["young"]


def test_promises_that_are_not_kept_stay_however_old():
    with transaction.atomic():
        outbox.post(Topic.TELL_MERCHANT, order=make_order(), key="waits", at=NOON - 400 * DAY)

    clock.prune(at=NOON)

    assert OutboxMessage.objects.count() == 1


def test_call_records_are_deleted_after_ninety_days():
    connection = make_connection()
    for days in (89, 91):
        CallLog.objects.create(
            connection=connection, at=NOON - days * DAY, method="POST", url="/", outcome="ok", duration_ms=1
        )

    clock.prune(at=NOON)

    assert [call.at for call in CallLog.objects.all()] == [NOON - 89 * DAY]


def test_events_that_were_dealt_with_are_deleted_after_ninety_days():
    connection = make_connection()
    make_event(connection, state=InboundState.DONE, processed_at=NOON - 91 * DAY)
    kept = make_event(connection, at=NOON - 91 * DAY)

    clock.prune(at=NOON)

    assert list(connection.inbound_events.all()) == [kept]


def test_results_of_the_queue_and_silent_pumps_are_deleted():
    Success.objects.create(id="a", name="a", func="f", started=NOON, stopped=NOON - 3 * DAY, success=True)
    PumpBeat.objects.create(worker="old:1", at=NOON - 2 * DAY)
    PumpBeat.objects.create(worker="new:2", at=NOON)

    clock.prune(at=NOON)

    assert Task.objects.count() == 0
    assert [beat.worker for beat in PumpBeat.objects.all()] == ["new:2"]


def test_a_large_past_is_deleted_in_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clock, "BATCH", 2)
    for number in range(5):
        PumpBeat.objects.create(worker=f"old:{number}", at=NOON - 2 * DAY)

    clock.prune(at=NOON)

    assert PumpBeat.objects.count() == 0


def test_expiry_promises_the_release_and_the_payment_moves_only_with_the_gateways_answer():
    order = make_order(confirm_by=NOON + DAY)

    clock.tick(at=NOON + DAY)

    order.refresh_from_db()
    assert order.payment_status == PaymentStatus.AUTHORIZED
