"""Decisions about an order: confirm, decline, cancel, expire. Each is one transaction under the order's lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connectors import conditions
from orders import outbox
from orders.due import NO_DEADLINE
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, ShipmentStatus, Topic
from orders.errors import ConfirmationClosed, OrderBlocked, TransitionNotAllowed
from orders.models import Fulfillment, Order, OrderPush, Payment
from orders.services import (
    acceptance,
    history,
    preflight,
    readiness,
    ready_notices,
    reexport_ends,
    refund_quotes,
    refunds,
    remote_cancel,
    summary,
)
from orders.services.keys import capture_key, push_key
from orders.services.transitions import lock, move_order, move_push

AUTO_ACCEPT = "Auto-accept"
_UNDECIDED_MONEY = (PaymentStatus.NONE, PaymentStatus.AUTHORIZED, PaymentStatus.FAILED)
_NOTHING_TO_TAKE = (PaymentStatus.NONE, *refund_quotes.TAKEN)
TAKING = timedelta(minutes=10)  # how long a payment may take to be captured before anybody is reminded of it
_TAKEN_MONEY = refund_quotes.TAKEN


@transaction.atomic
def confirm(*, order_id: int, by: str, at: datetime, auto: bool = False) -> Order:
    """Accept an order and promise to capture its payment.

    Raises TransitionNotAllowed when it has been decided already (the second of two simultaneous calls waits for the
    first, then raises), ConfirmationClosed after `confirm_by`, OrderBlocked when a destination would refuse it.
    """
    order = lock(order_id)
    if order.status == OrderStatus.PENDING:
        _refuse_late(order, at)
        _refuse_blocked(order)
    move_order(
        order,
        to=OrderStatus.CONFIRMED,
        by=by,
        at=at,
        text="Confirmed by auto-accept." if auto else f"Confirmed by {by}.",
        decided_at=at,
        decided_by=by,
        auto_accepted=auto,
        wake_at=_first_look(order, at),
        **({"confirm_by": NO_DEADLINE} if order.payment_status == PaymentStatus.NONE else {}),  # no money ends it
    )
    for push in _waiting_for(order, conditions.confirmed(order.pk)):
        move_push(
            push,
            to=PushStatus.WAITING,
            by=by,
            at=at,
            reason=preflight.before_sending(order),
            wait_for=conditions.captured(order.pk),
        )
    outbox.post(Topic.CAPTURE_PAYMENT, order=order, key=capture_key(order), at=at)
    return order


@transaction.atomic
def decline(*, order_id: int, reason: str, by: str, at: datetime) -> Order:
    """Refuse an order that has not been confirmed; its authorization is released."""
    order = lock(order_id)
    _decide(order, to=OrderStatus.DECLINED, reason=reason, by=by, at=at, text=f"Declined by {by}: {reason}")
    _end(order, by=by, at=at)
    return order


@transaction.atomic
def cancel(*, order_id: int, reason: str, by: str, at: datetime) -> Order:
    """Call an order off at any point before it is completed.

    Money that is only set aside is released, money that was taken is given back; what is at a destination already,
    or may be, is cancelled there. While the payment is being taken the wish is kept, and carried out when that is over:
    the order that is returned is still confirmed then, with its `cancel_wish`.
    """
    order = lock(order_id)
    if order.status == OrderStatus.CONFIRMED and not _is_capture_stopped(order, at=at):
        _keep_wish(order, reason=reason, by=by, at=at)
    else:
        _cancel(order, reason=reason, by=by, at=at)
    return order


@transaction.atomic
def complete_unsent(*, order_id: int, reason: str, by: str, at: datetime) -> Order:
    """End an order that was sent by whoever sold it before anything left here: fulfilled, with its money where it is.

    Raises TransitionNotAllowed when a part is on its way, or may be, or the order is over.
    """
    order = lock(order_id)
    outbox.withdraw(capture_key(order), at=at)
    for push in OrderPush.objects.filter(order=order).select_related("order", "connection"):
        if push.status == PushStatus.CANCELLED:
            continue
        if push.remote_id or (_may_be_out(push) and not outbox.withdraw(push_key(push), at=at)):
            raise TransitionNotAllowed(f"A part of order {order.number} is being sent.")
        move_push(push, to=PushStatus.CANCELLED, by=by, at=at, reason=reason, blockers=[], checking=False)
    decided = {} if order.decided_at else {"decided_at": at, "decided_by": by, "decision_reason": reason[:500]}
    done: dict[str, Any] = {"completed_at": at, "cancel_wish": None, "blockers": []}
    move_order(order, to=OrderStatus.COMPLETED, by=by, at=at, text=f"Completed: {reason}", **decided, **done)
    summary.refresh(order.pk)
    return order


@transaction.atomic
def cancel_as_wished(*, order_id: int, at: datetime) -> bool:
    """Cancel an order whose capture has come to an end, if somebody asked for that meanwhile. False when nobody did."""
    order = lock(order_id)
    if order.status != OrderStatus.CONFIRMED or order.cancel_wish is None:
        return False
    outbox.withdraw(capture_key(order), at=at)
    _cancel(order, reason=order.cancel_wish["reason"], by=order.cancel_wish["by"], at=at)
    return True


@transaction.atomic
def expire(*, order_id: int, at: datetime) -> Order:
    """End an order that nobody confirmed in time, or whose money could not be taken in time."""
    order = lock(order_id)
    if at < order.confirm_by:
        raise TransitionNotAllowed(f"Order {order.number} can still be confirmed.")
    if order.status == OrderStatus.CONFIRMED:
        if order.payment_status not in _UNDECIDED_MONEY:
            raise TransitionNotAllowed(f"The payment of order {order.number} has been taken.")
        if not _is_capture_stopped(order, at=at):
            raise TransitionNotAllowed(f"The payment of order {order.number} is being taken right now.")
    text = "Expired: it was not confirmed in time."
    _decide(order, to=OrderStatus.EXPIRED, reason="Not confirmed in time.", by=history.STOREWARD, at=at, text=text)
    _end(order, by=history.STOREWARD, at=at)
    return order


def ends_money(order: Order) -> str:
    """What becomes of the customer's money with an order that ends undecided, as a sentence; empty without any."""
    if order.payment_status in _TAKEN_MONEY:  # at the gateway itself
        return "What was taken of the customer is given back."
    if order.payment_status in (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED):
        return "What the customer's card was authorized for is released."
    return ""


@transaction.atomic
def check_again(*, order_id: int, by: str, at: datetime) -> Order:
    """Ask the destinations again, for someone who has mended something there."""
    order = lock(order_id)
    open_pushes = OrderPush.objects.filter(order=order, status__in=preflight.OPEN).select_related("order")
    untaken = order.payment_status not in (*_TAKEN_MONEY, PaymentStatus.NONE)
    nothing_to_check = not untaken and not any(map(preflight.is_open, open_pushes))
    if order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED) or nothing_to_check:
        raise TransitionNotAllowed(
            f"Order {order.number} is {OrderStatus(order.status).label.lower()}: nothing to check."
        )
    preflight.ask(order, at=at)
    if order.status == OrderStatus.CONFIRMED:
        outbox.release_now(capture_key(order), at=at)  # asks once more itself, right before the money
    history.note(order, kind="order.check", text=f"{by} asked to check the order again.", by=by, at=at)
    return order


def auto_accept(*, order_id: int, at: datetime) -> bool:
    """Confirm a pending order whose merchant wants that, once every destination has said yes. True when it did."""
    order = lock(order_id)
    if not _will_be_taken(order, at) or not acceptance.accepts(order, at=at):
        return False
    confirm(order_id=order_id, by=AUTO_ACCEPT, at=at, auto=True)
    return True


@transaction.atomic
def accept_at_last(*, order_id: int, at: datetime) -> bool:
    """Confirm a pending order shortly before it would expire, whatever the rules say. False when a destination would not
    take it, or has not been asked yet."""
    order = lock(order_id)
    if not _will_be_taken(order, at):
        return False
    text = "Nobody decided in time: accepted, as the deadline settings say."
    history.note(order, kind="order.last_resort", text=text, by=history.STOREWARD, at=at)
    confirm(order_id=order_id, by=AUTO_ACCEPT, at=at, auto=True)
    return True


def _will_be_taken(order: Order, at: datetime) -> bool:
    """It can be confirmed, and each destination has been asked and will take it."""
    if order.status != OrderStatus.PENDING or at >= order.confirm_by or order.is_archived:
        return False
    if order.blockers or readiness.unpayable(order):
        return False
    pushes = OrderPush.objects.filter(order=order).exclude(status=PushStatus.SKIPPED)
    return not any(push.status == PushStatus.HELD or push.checked_at is None for push in pushes)


def _refuse_late(order: Order, at: datetime) -> None:
    if at >= order.confirm_by:
        raise ConfirmationClosed(
            f"The time to confirm order {order.number} ended at {order.confirm_by:%Y-%m-%d %H:%M} UTC."
        )


def _refuse_blocked(order: Order) -> None:
    held = order.pushes.filter(status=PushStatus.HELD)
    blockers = [*order.blocker_list, *(blocker for push in held for blocker in push.blocker_list)]
    gone = readiness.unpayable(order)
    if gone is not None and gone not in blockers:
        blockers.insert(0, gone)
    if blockers:
        raise OrderBlocked(f"Order {order.number} cannot be confirmed yet: {blockers[0].message}", blockers)


def _first_look(order: Order, at: datetime) -> datetime | None:
    """When the deadlines of an order that is being confirmed are looked at: most payments are taken within minutes."""
    if order.ship_by:
        return at
    return None if order.payment_status in _NOTHING_TO_TAKE else min(at + TAKING, order.confirm_by)


def _decide(order: Order, *, to: OrderStatus, reason: str, by: str, at: datetime, text: str) -> None:
    decided = {"decided_at": at, "decided_by": by, "decision_reason": reason[:500], "cancel_wish": None}
    move_order(order, to=to, by=by, at=at, text=text, **decided)


def _is_capture_stopped(order: Order, *, at: datetime) -> bool:
    """Take back the promise to capture. False when it is too late for that: it is being kept, or may have been."""
    payment = Payment.objects.filter(order=order).first()
    if payment is None or payment.status != PaymentStatus.AUTHORIZED:
        return True
    return outbox.withdraw(capture_key(order), at=at)


def _keep_wish(order: Order, *, reason: str, by: str, at: datetime) -> None:
    """Remember who wants the order cancelled, and have the gateway asked again at once if it owes an answer."""
    if order.cancel_wish is not None:
        raise TransitionNotAllowed(
            f"Order {order.number} is to be cancelled already: it will be as soon as the payment answers."
        )
    order.cancel_wish = {"by": by, "reason": reason[:500], "at": at.isoformat()}
    order.save(update_fields=["cancel_wish"])
    outbox.release_now(capture_key(order), at=at)
    text = f"{by} asked to cancel it as soon as the payment that is being taken answers: {reason[:500]}"
    history.note(order, kind="order.cancel_wished", text=text, by=by, at=at)


def _cancel(order: Order, *, reason: str, by: str, at: datetime) -> None:
    _decide(order, to=OrderStatus.CANCELLED, reason=reason, by=by, at=at, text=f"Cancelled by {by}: {reason}")
    _end(order, by=by, at=at)


def _end(order: Order, *, by: str, at: datetime) -> None:
    """What follows from an order that will not be fulfilled: its money and its pushes."""
    payment = Payment.objects.filter(order=order).select_related("order").first()
    if payment and payment.status in (PaymentStatus.AUTHORIZED, PaymentStatus.FAILED):
        outbox.post(Topic.VOID_PAYMENT, order=order, key=f"void:{order.public_id}", at=at)
    elif payment and payment.taken_in_store and payment.refundable:
        text = f"The customer paid in {order.channel.name}: give the money back there, if it has not been."
        history.note(order, kind="payment.in_store", text=text, by=history.STOREWARD, at=at)
    elif payment and payment.status in _TAKEN_MONEY and not payment.taken_in_store:
        refunds.promise_rest(order, by=by, at=at)
    if payment is None or payment.status != PaymentStatus.AUTHORIZED:
        outbox.withdraw_sent(capture_key(order), at=at, reason="Nothing is left to take.")
    reexport_ends.end_open(order, at=at)
    for push in OrderPush.objects.filter(order=order).select_related("order", "connection"):
        _end_push(push, by=by, at=at)
    set_aside = Fulfillment.objects.filter(order=order, status=ShipmentStatus.READY)
    if set_aside.update(status=ShipmentStatus.CANCELLED):
        text = "What was set aside for pickup goes back on the shelf."
        history.note(order, kind="fulfillment.changed", text=text, by=by, at=at)
    summary.refresh(order.pk)
    if order.has_pickup:
        ready_notices.follow(order.pk, at=at)


def _end_push(push: OrderPush, *, by: str, at: datetime) -> None:
    if push.remote_id:
        remote_cancel.promise(push, at=at)
        return
    if push.status == PushStatus.CANCELLED:
        return
    if _may_be_out(push) and not outbox.withdraw(push_key(push), at=at):
        # on its way, or perhaps there: the push's own handler looks, finds the cancellation and ends it
        outbox.release_now(push_key(push), at=at)
        remote_cancel.tell_unreachable(push, at=at)
        return
    move_push(push, to=PushStatus.CANCELLED, by=by, at=at)


def _may_be_out(push: OrderPush) -> bool:
    promised = push.messages.filter(topic=Topic.PUSH_ORDER).exclude(status=OutboxStatus.DONE)
    return push.status != PushStatus.SKIPPED and promised.exists()


def _waiting_for(order: Order, condition: str) -> list[OrderPush]:
    return list(OrderPush.objects.filter(order=order, wait_for=condition).select_related("order", "connection"))
