"""Money that was taken at the gateway itself, past Storeward: written down as taken, and the order goes on as a paid one.

Who has not decided yet still decides: a confirmation sends the order, a decline gives the money back.
"""

from __future__ import annotations

from datetime import datetime

from connectors.gateway import registry
from connectors.gateway.base import Authorization
from connectors.money import Money
from orders import due, outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, Topic
from orders.models import Order, OutboxMessage, Payment
from orders.services import deadlines, decisions, drafts, history, notices, refunds
from orders.services.keys import capture_key
from orders.services.transitions import lock, move_payment

_UNTAKEN = (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)


def take_over(order_id: int, truth: Authorization, *, at: datetime) -> bool:
    """Write down what the gateway took without us. Inside a transaction; repeating is harmless.

    False when there is nothing to write down.
    """
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    if truth.state != "succeeded" or not truth.captured or payment.status not in _UNTAKEN:
        return False
    if truth.currency != payment.currency:
        text = f"The gateway took money in {truth.currency}, and the order is in {payment.currency}."
        _tell_once(order, f"{text} Look at the payment there.", at=at)
        return False
    _write(order, payment, truth, at=at)
    _go_on(order, payment, at=at)
    return True


def _write(order: Order, payment: Payment, truth: Authorization, *, at: datetime) -> None:
    asked_by_us = OutboxMessage.objects.filter(key=capture_key(order)).exclude(maybe_sent_at=None).exists()
    label, taken = registry.get(payment.gateway).label, Money(truth.captured, payment.currency)
    move_payment(
        payment,
        to=PaymentStatus.CAPTURED,
        by=history.STOREWARD if asked_by_us else label,
        at=at,
        text=f"Payment of {taken} captured." if asked_by_us else f"Payment of {taken} captured at {label} itself.",
        authorized=max(payment.authorized, truth.captured),
        captured=truth.captured,
        captured_at=at,
        failure_code="",
        failure_message="",
    )


def _go_on(order: Order, payment: Payment, *, at: datetime) -> None:
    if order.status in due.OPEN:
        deadlines.follow_authorization(order, payment, until=None, at=at)
        drafts.reconsider(order_id=order.pk, by=history.STOREWARD, at=at)
        taken = f"The payment of order {order.number} was captured at the gateway before anybody confirmed the order."
        _tell_once(order, f"{taken} It still waits for you: declining it gives the money back.", at=at)
    elif order.status == OrderStatus.CONFIRMED:
        if not decisions.cancel_as_wished(order_id=order.pk, at=at):
            _ask_for_the_rest(order, payment, at=at)
    elif order.status != OrderStatus.COMPLETED:
        outbox.release_now(f"void:{order.public_id}", at=at)  # which finds nothing left to release
        refunds.promise_rest(order, by=history.STOREWARD, at=at)


def _ask_for_the_rest(order: Order, payment: Payment, *, at: datetime) -> None:
    """The promise to capture asks the destinations and promises the pushes; one that has ended in vain is made anew."""
    if OutboxMessage.objects.filter(key=capture_key(order)).exclude(status=OutboxStatus.DONE).exists():
        outbox.release_now(capture_key(order), at=at)
        return
    payment.capture_generation += 1
    payment.save(update_fields=["capture_generation"])
    outbox.post(Topic.CAPTURE_PAYMENT, order=order, key=capture_key(order), at=at)


def _tell_once(order: Order, text: str, *, at: datetime) -> None:
    if order.events.filter(kind="payment.differs", text=text[:500]).exists():
        return
    history.note(order, kind="payment.differs", text=text, by=history.STOREWARD, at=at)
    cause = f"{order.public_id}:taken-there"
    notices.promise_merchant(order, kind="payment_held", cause_key=cause, at=at, reason=text)
