"""The money: captured after a last preflight, released, given back. The gateway is asked outside transactions only."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta

from django.db import transaction

from connectors import conditions
from connectors.base import Blocker, BlockerCode
from connectors.errors import ConnectorError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.gateway.base import (
    AuthorizationGoneError,
    Captured,
    Gateway,
    PaymentDeclinedError,
    Refunded,
)
from connectors.money import Money
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, PushStatus, RefundReason, RefundStatus, Topic
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderPush, OutboxMessage, Payment, Refund
from orders.services import (
    by_hand,
    decisions,
    gateways,
    history,
    marking,
    notices,
    preflight,
    refunds,
    requirements,
    slots,
    taken_there,
)
from orders.services.keys import capture_key
from orders.services.transitions import lock, move_payment, move_push
from orders.world import World

_RELEASABLE = (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)
PENDING_S, PENDING_MOST_S = 60, 6 * 3600  # how soon, and how seldom, a refund that a bank has to take is looked at
FAULT_STAYS = timedelta(minutes=2)  # a gateway that answers with an error for so long keeps it for our key
TAKEN = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)


# --- capture -------------------------------------------------------------------------------------


def capture(message: OutboxMessage, world: World) -> Iterator[str]:
    """CAPTURE_PAYMENT: ask every destination once more, take the money, promise the pushes.

    What was paid in the store where the order was placed, or captured at the gateway by somebody else, is taken already,
    and of an order without a payment nothing is to be taken: the rest is the same.
    """
    order = Order.objects.get(pk=message.order.pk)
    payment = Payment.objects.filter(order=order).first()
    if order.status != OrderStatus.CONFIRMED or message.key != capture_key(order):
        return
    if payment is None or payment.taken_in_store or payment.status in TAKEN:
        _refuse_another_amount(order, payment)
        yield from _ask_destinations(order, world)
        with outbox.finishing(message, at=world.now()):
            promise_pushes(lock(order.pk), at=world.now())
        return
    key = _next_key("cap", payment, message)
    if not order.total:
        yield from _release_unneeded(message, order, payment, world)
    elif payment.status == PaymentStatus.AUTHORIZED:
        if message.maybe_sent_at is None and not order.cancel_wish:
            yield from _ask_destinations(order, world)
        if (yield from _is_called_off(message, payment, world)):
            return
        outbox.mark_sending(message, at=world.now())
        yield "marked"
        try:
            with gateways.asked(payment.gateway):
                taken = world.gateway_for(payment.gateway).capture(
                    payment.reference, amount=order.total, currency=order.currency, key=key
                )
        except (PaymentDeclinedError, AuthorizationGoneError) as error:
            yield "declined"
            with outbox.finishing(message, at=world.now()):
                write_failure(order.pk, error, at=world.now())
            return
        yield "captured"
        with outbox.finishing(message, at=world.now()):
            _write_capture(order.pk, taken, at=world.now())


def _refuse_another_amount(order: Order, payment: Payment | None) -> None:
    """Raises Hold where somebody took another amount at the gateway than the order comes to."""
    if payment is None or payment.taken_in_store or payment.captured == order.total:
        return
    taken, due = (Money(amount, order.currency) for amount in (payment.captured, order.total))
    text = f"The gateway took {taken}, and the order comes to {due}. Cancel the order, which gives the money back."
    raise outbox.Hold(text)


def _is_called_off(message: OutboxMessage, payment: Payment, world: World) -> Generator[str, None, bool]:
    """Cancel an order as somebody asked to meanwhile, and say whether that is done.

    What a gateway was asked to take, and did not answer about, is released first. It refuses that for money that it
    took: then the capture goes on, to hear of it, and the order is cancelled and refunded with that.
    """
    order = Order.objects.only("cancel_wish").get(pk=message.order.pk)
    if order.cancel_wish is None:
        return False
    text = ""
    if message.maybe_sent_at is not None:
        key = _next_key("void", payment, message)
        outbox.mark_sending(message, at=world.now())
        yield "marked"
        try:
            text = _release(payment, world, reason=order.cancel_wish["reason"], key=key)
        except RejectedError:
            yield "taken"
            return False
        yield "voided"
    with outbox.finishing(message, at=world.now()):
        if text:
            _write_void(order.pk, text, at=world.now())
        decisions.cancel_as_wished(order_id=order.pk, at=world.now())
    return True


def _release_unneeded(message: OutboxMessage, order: Order, payment: Payment, world: World) -> Iterator[str]:
    """An order that was edited to cost nothing: what was set aside is released, and the order goes on."""
    if payment.status not in _RELEASABLE:
        return
    if message.maybe_sent_at is None:
        _refuse_worthless(order)
        yield from _ask_destinations(order, world)
    key = _next_key("void", payment, message)
    outbox.mark_sending(message, at=world.now())
    yield "marked"
    text = _release(payment, world, reason="Nothing is to be paid any more.", key=key)
    yield "voided"
    with outbox.finishing(message, at=world.now()):
        _write_void(order.pk, f"Nothing is to be paid any more. {text}", at=world.now())
        if not decisions.cancel_as_wished(order_id=order.pk, at=world.now()):
            promise_pushes(lock(order.pk), at=world.now())


def _refuse_worthless(order: Order) -> None:
    """Raises Hold where the merchant takes no order of the channel that comes to nothing."""
    if not requirements.needs_of(order.merchant, order.channel).value:
        return
    text = "The order's total is zero. Cancel it, or take such orders in the settings of its channel and check again."
    push = OrderPush.objects.filter(order=order, status__in=preflight.OPEN).order_by("pk").first()
    blocker = Blocker(BlockerCode.ZERO_TOTAL, text, "total", "0")
    raise outbox.Hold(text, data=preflight.Finding(push.pk, (blocker,)) if push else None)


def _ask_destinations(order: Order, world: World) -> Iterator[str]:
    """The last preflight before money. A blocker stops the capture and is written on its push."""
    for push in OrderPush.objects.filter(order=order, status__in=preflight.OPEN).select_related("connection"):
        yield "examining"
        finding = preflight.examine(push, world)
        yield "examined"
        if finding.wait_for:
            raise outbox.Wait(finding.wait_for, _not_taken(order, finding), data=finding)
        if finding.blockers:
            raise outbox.Hold(_not_taken(order, finding), data=finding)
        with transaction.atomic():
            preflight.write_down(finding, at=world.now())


def _not_taken(order: Order, finding: preflight.Finding) -> str:
    first = finding.blockers[0].message
    return f"Not sent: {first}" if order.payment_status in TAKEN else f"No payment was taken: {first}"


def _write_capture(order_id: int, taken: Captured, *, at: datetime) -> None:
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    if payment.status not in TAKEN:  # the gateway may have told of it before we wrote it down
        move_payment(
            payment,
            to=PaymentStatus.CAPTURED,
            by=history.STOREWARD,
            at=at,
            text=f"Payment of {Money(taken.amount, payment.currency)} captured.",
            captured=taken.amount,
            captured_at=at,
            capture_id=taken.capture_id,
            failure_code="",
            failure_message="",
        )
    if order.status != OrderStatus.CONFIRMED:
        return
    if not decisions.cancel_as_wished(order_id=order_id, at=at):
        promise_pushes(order, at=at)


def promise_pushes(order: Order, *, at: datetime) -> None:
    """The money is in: every push that waited for it is due, at once or at its time, unless a person has to speak first."""
    waiting = OrderPush.objects.filter(order=order, wait_for=conditions.captured(order.pk))
    for push in waiting.select_related("order__merchant", "connection__sync_settings"):
        if marking.is_needed(push):
            marking.wait(push, at=at)
        elif by_hand.is_needed(push):
            by_hand.wait(push, at=at)
        else:
            slots.promise(push, at=at)


def write_failure(order_id: int, error: ConnectorError, *, at: datetime) -> None:
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    code = error.decline_code if isinstance(error, PaymentDeclinedError) else error.code
    move_payment(
        payment,
        to=PaymentStatus.FAILED,
        by=history.STOREWARD,
        at=at,
        text=f"The payment could not be captured: {error}",
        failure_code=code[:60],
        failure_message=str(error)[:300],
    )
    if decisions.cancel_as_wished(order_id=order_id, at=at):
        return
    _say_why(order, f"Not sent, as the payment could not be captured: {error}", at=at)
    notices.promise_merchant(
        order,
        kind="capture_declined",
        cause_key=f"{order.public_id}:{payment.capture_generation}",
        at=at,
        reason=str(error),
    )


def _say_why(order: Order, reason: str, *, at: datetime) -> None:
    """On each push that waits for the money."""
    for push in OrderPush.objects.filter(order=order, wait_for=conditions.captured(order.pk)).select_related("order"):
        move_push(push, to=PushStatus(push.status), by=history.STOREWARD, at=at, reason=reason, wait_for=push.wait_for)


@transaction.atomic
def retry_capture(*, order_id: int, by: str, at: datetime) -> Order:
    """Try a capture that failed once more, as a new request. Raises TransitionNotAllowed unless it failed."""
    order = lock(order_id)
    payment = Payment.objects.select_related("order").filter(order=order).first()
    if order.status != OrderStatus.CONFIRMED or payment is None or payment.status != PaymentStatus.FAILED:
        raise TransitionNotAllowed(f"The payment of order {order.number} did not fail.")
    generation = payment.capture_generation + 1
    text = f"{by} asked to capture the payment again."
    move_payment(payment, to=PaymentStatus.AUTHORIZED, by=by, at=at, text=text, capture_generation=generation)
    outbox.post(Topic.CAPTURE_PAYMENT, order=order, key=capture_key(order), at=at)
    return order


# --- void and refund -----------------------------------------------------------------------------


def void(message: OutboxMessage, world: World) -> Iterator[str]:
    """VOID_PAYMENT: release what was set aside for an order that will not happen. What was taken past us goes back."""
    payment = Payment.objects.select_related("order").get(order_id=message.order.pk)
    if payment.status not in _RELEASABLE:
        return
    key = _next_key("void", payment, message)
    outbox.mark_sending(message, at=world.now())
    yield "marked"
    try:
        text = _release(payment, world, reason=payment.order.decision_reason, key=key)
    except RejectedError:
        yield "refused"
        truth = world.gateway_for(payment.gateway).read(payment.reference)
        if truth.state != "succeeded":
            raise
        yield "read"
        with outbox.finishing(message, at=world.now()):
            taken_there.take_over(message.order.pk, truth, at=world.now())
        return
    yield "voided"
    with outbox.finishing(message, at=world.now()):
        _write_void(message.order.pk, text, at=world.now())


def _release(payment: Payment, world: World, *, reason: str, key: str) -> str:
    """Ask the gateway to let go of what is set aside; safe to repeat. What came of it, in words."""
    try:
        with gateways.asked(payment.gateway):
            world.gateway_for(payment.gateway).void(payment.reference, reason=reason, key=key)
    except AuthorizationGoneError:
        return "The authorization had run out already."
    return f"Authorization of {Money(payment.authorized, payment.currency)} released."


def _write_void(order_id: int, text: str, *, at: datetime) -> None:
    order = lock(order_id)
    payment = Payment.objects.select_related("order").get(order=order)
    if payment.status != PaymentStatus.VOIDED:
        move_payment(payment, to=PaymentStatus.VOIDED, by=history.STOREWARD, at=at, text=text, voided_at=at)


def refund(message: OutboxMessage, world: World) -> Iterator[str]:
    """REFUND_PAYMENT: give back what one refund promises. The gateway gives it once for its mark, however often asked.

    A lost answer is asked for under the same key, as the request may still arrive. A gateway's own fault, which it keeps
    for the key, is asked past with another one, once the gateway has answered so for a while and shows no such refund.
    """
    due = Refund.objects.select_related("order").get(pk=message.payload["refund"])
    payment = Payment.objects.get(order=due.order)
    if due.status != RefundStatus.REQUESTED:
        return
    gateway = world.gateway_for(payment.gateway)
    if not due.gateway_id:
        outbox.mark_sending(message, at=world.now())
    yield "marked"
    try:
        with gateways.asked(payment.gateway):
            given = _look_back(gateway, payment, due) if due.gateway_id else _give_back(gateway, payment, due)
    except OutcomeUnknownError as error:
        yield "broken off"
        if error.answered and message.first_failed_at and world.now() - message.first_failed_at >= FAULT_STAYS:
            refunds.ask_anew(due.pk, instead_of=due.request_number, at=world.now())
        raise
    except (RejectedError, AuthorizationGoneError) as error:
        yield "refused"
        with outbox.finishing(message, at=world.now()):
            refunds.write_failure(due.pk, str(error), at=world.now())
        return
    yield "refunded"
    if given.status == "pending":
        refunds.write_pending(due.pk, given, at=world.now())
        after_s = min(PENDING_S * 2**message.attempts, PENDING_MOST_S)
        raise outbox.Postponed("The customer's bank has not taken it yet.", after_s=after_s)
    with outbox.finishing(message, at=world.now()):
        refunds.write_down(due.pk, given, at=world.now())


def _give_back(gateway: Gateway, payment: Payment, due: Refund) -> Refunded:
    return gateway.refund(
        payment.reference,
        amount=due.amount,
        currency=due.currency,
        key=refunds.request_key_of(due),
        reason=RefundReason(due.reason).label,
        mark=refunds.key_of(due),
    )


def _look_back(gateway: Gateway, payment: Payment, due: Refund) -> Refunded:
    """What became of a refund that the gateway took and its customer's bank had not taken yet."""
    found = next((made for made in gateway.refunds(payment.reference) if made.refund_id == due.gateway_id), None)
    if found is None:
        raise RetryableError("The gateway does not show the refund.")
    return found


# --- how an attempt ended, and what the gateway says of itself -------------------------------------


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """What stopped a capture is written on the push that stopped it; money that needs a person is told."""
    untaken = message.topic == Topic.CAPTURE_PAYMENT and message.maybe_sent_at is None
    if untaken and decisions.cancel_as_wished(order_id=message.order.pk, at=at):
        return
    if message.topic == Topic.REFUND_PAYMENT:
        write = refunds.write_failure if outcome.status == "held" else refunds.write_delay
        write(message.payload["refund"], outcome.reason, at=at)
    if gateways.is_about(outcome):
        gateways.write_down(message, outcome, at=at)
    elif message.topic == Topic.REFUND_PAYMENT:
        return
    elif isinstance(outcome.data, preflight.Finding):
        preflight.write_down(outcome.data, at=at)
    elif outcome.status == "held":
        if message.topic == Topic.CAPTURE_PAYMENT:
            _say_why(lock(message.order.pk), f"Not sent: {outcome.reason}", at=at)
        history.note(message.order, kind="payment.held", text=outcome.reason, by=history.STOREWARD, at=at)
        notices.promise_merchant(
            message.order,
            kind="payment_held",
            cause_key=f"{message.key}:{message.attempts}",
            at=at,
            reason=outcome.reason,
        )


def _next_key(what: str, payment: Payment, message: OutboxMessage) -> str:
    """The gateway's idempotency key, before the message is marked.

    A gateway repeats the first answer to a key, its own faults included: what may have been sent before is asked for
    under a new one. The gateway looks at the payment first, and its state lets it be captured or released once alone.
    """
    key = f"{what}:{payment.order.public_id}:{payment.capture_generation}"
    return key if message.maybe_sent_at is None else f"{key}:{message.attempts}"
