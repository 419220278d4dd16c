"""What the gateway says of a payment that we did not do: until when it lasts, that it is gone, disputed or given back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from connectors.gateway import registry
from connectors.gateway.base import Authorization, AuthorizationGoneError
from connectors.money import Money
from orders import due
from orders.enums import OrderStatus, PaymentStatus, RefundStatus
from orders.models import Payment, Refund
from orders.models.payment import STORE
from orders.services import deadlines, drafts, gateways, history, notices, payments, refunds, taken_there
from orders.services.transitions import lock, move_payment
from orders.world import World


def learn_end(order_id: int, world: World) -> Iterator[str]:
    """Ask the gateway until when an authorization lasts, and whether it stands, where the channel did not say.

    A webhook cannot be relied on for that: the gateway sends it before the order comes. Raises outbox.Wait when the
    gateway does not let us in.
    """
    payment = Payment.objects.filter(order_id=order_id, status=PaymentStatus.AUTHORIZED, expires_at=None).first()
    if payment is not None:
        yield from look(order_id, world)


def look(order_id: int, world: World) -> Iterator[str]:
    """Read what became of an authorization without us. Raises outbox.Wait when the gateway does not let us in."""
    payment = Payment.objects.filter(order_id=order_id, status=PaymentStatus.AUTHORIZED).exclude(gateway=STORE).first()
    if payment is None:
        return
    yield "reading the payment"
    try:
        with gateways.asked(payment.gateway):
            truth = world.gateway_for(payment.gateway).read(payment.reference)
    except AuthorizationGoneError as error:
        yield "no such payment"
        with transaction.atomic():
            _write_gone(order_id, error, at=world.now())
    else:
        yield "read the payment"
        with transaction.atomic():
            _take_over(order_id, truth, at=world.now())


def notice(*, gateway: str, reference: str, at: datetime) -> bool:
    """A gateway said that something happened to a payment: read the truth and take over what we did not know.

    The network is used before the transaction. False for a payment that is not ours, or not yet: its order may still come.
    """
    payment = Payment.objects.filter(gateway=gateway, reference=reference).first()
    if payment is None:
        return False
    truth = registry.get(gateway).read(reference)
    ours = Refund.objects.filter(order=payment.order_id).exclude(gateway_id="")
    made = registry.get(gateway).refunds(reference) if ours.exists() else ()
    with transaction.atomic():
        _take_over(payment.order_id, truth, at=at)
        refunds.take_over(payment.order_id, made, at=at)
        if truth.disputed:
            _tell_of_dispute(payment, at=at)
        _compare_refunds(payment, truth, at=at)
    return True


def _take_over(order_id: int, truth: Authorization, *, at: datetime) -> None:
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    if taken_there.take_over(order_id, truth, at=at):
        return
    if truth.state == "canceled" and payment.status == PaymentStatus.AUTHORIZED:
        _write_gone(order_id, AuthorizationGoneError("The authorization was cancelled or ran out."), at=at)
    elif (
        truth.capture_before
        and payment.status == PaymentStatus.AUTHORIZED
        and payment.expires_at != truth.capture_before
    ):
        deadlines.follow_authorization(order, payment, until=truth.capture_before, at=at)


def _write_gone(order_id: int, error: AuthorizationGoneError, *, at: datetime) -> None:
    """The authorization ended by itself. Nothing happens once it was taken, or when the order is over: we release those."""
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    if payment.status != PaymentStatus.AUTHORIZED:
        return
    if order.status == OrderStatus.CONFIRMED:
        payments.write_failure(order_id, error, at=at)
    elif order.status in due.OPEN:
        move_payment(
            payment,
            to=PaymentStatus.FAILED,
            by=history.STOREWARD,
            at=at,
            text=f"The payment cannot be taken any more: {error}",
            failure_code=error.code[:60],
            failure_message=str(error)[:300],
        )
        drafts.reconsider(order_id=order_id, by=history.STOREWARD, at=at)
        notices.promise_merchant(order, kind="authorization_gone", cause_key=order.public_id, at=at, reason=str(error))


def _tell_of_dispute(payment: Payment, *, at: datetime) -> None:
    """Once: the bank decides about the money now, and hears the merchant at the gateway alone."""
    order = lock(payment.order_id)
    if order.events.filter(kind="payment.disputed").exists():
        return
    text = "The customer disputes the payment with their bank. Answer at the gateway, and do not refund it meanwhile."
    history.note(order, kind="payment.disputed", text=text, by=history.STOREWARD, at=at)
    cause = f"{order.public_id}:disputed"
    notices.promise_merchant(order, kind="payment_held", cause_key=cause, at=at, reason=text)


def _compare_refunds(before: Payment, truth: Authorization, *, at: datetime) -> None:
    """Tell once of money that went back past us, or came back: a refund at the gateway, or one that a bank refused later.

    `before` was read before the truth was: while our own refunds are under way, the two cannot be compared.
    """
    order = lock(before.order_id)
    payment = Payment.objects.get(order=order)
    moving = payment.refunded != before.refunded or order.refunds.filter(status=RefundStatus.REQUESTED).exists()
    if moving or payment.status not in payments.TAKEN or truth.refunded == payment.refunded:
        return
    there, here = (Money(amount, payment.currency) for amount in (truth.refunded, payment.refunded))
    text = f"The gateway shows {there} given back, Storeward {here}. Look at the payment there."
    if not order.events.filter(kind="payment.differs", text=text).exists():
        history.note(order, kind="payment.differs", text=text, by=history.STOREWARD, at=at)
        cause = f"{order.public_id}:refunded:{there.minor_units()}:{here.minor_units()}"
        notices.promise_merchant(order, kind="payment_held", cause_key=cause, at=at, reason=text)
