"""Refunds: the promise to give money back, and how it ended. The gateway is asked by payments.refund.

Money and units count as gone from the moment a refund is promised until it is withdrawn, so that two refunds at once
can never give more than was taken. Everything here happens under the order's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum

from connectors.gateway.base import Refunded
from connectors.money import Money, plain, total
from orders import outbox
from orders.enums import OutboxStatus, PaymentStatus, RefundReason, RefundRequestStatus, RefundStatus, Topic
from orders.errors import IdempotencyConflict, TransitionNotAllowed
from orders.models import Order, OrderLine, OutboxMessage, Payment, Refund, RefundLine, RefundRequest
from orders.models.fields import ZERO
from orders.services import called_off, history, looks, notices, refund_mails, restocking
from orders.services.refund_quotes import Quote, QuotedLine, Wanted, left_of, quote
from orders.services.transitions import lock, move_payment
from orders.states import REFUND_TRANSITIONS

# Reasons that tell of units which the customer has, or was to have.
ARRIVED = (RefundReason.DAMAGED, RefundReason.FAULTY, RefundReason.WRONG_ITEM, RefundReason.MISSING, RefundReason.LATE)
BANK_REFUSED = "The customer's bank did not take the money back."

# --- promising -----------------------------------------------------------------------------------


@transaction.atomic
def issue(
    *, order_id: int, wanted: Wanted, by: str, at: datetime, key: str = "", request_id: int | None = None
) -> tuple[Refund, bool]:
    """Promise a refund. The same `key` with the same wish is the same refund: then the second value is False.

    Raises InvalidRefund, TransitionNotAllowed, or IdempotencyConflict when the key was used for another wish. With
    `request_id`, what the customer asked for is answered with it.
    """
    order = lock(order_id)
    known = Refund.objects.filter(order=order, key=key).first() if key else None
    if known is not None:
        if known.digest != wanted.digest():
            raise IdempotencyConflict("This key was used for another refund.")
        return known, False
    quoted = quote(order, wanted)
    request = _answer(order, request_id, by=by, at=at) if request_id else None
    refund = _promise(order, quoted, wanted, by=by, at=at, key=key, request=request)
    history.note(order, kind="refund.requested", text=_told(refund, quoted, by), by=by, at=at, refund=refund.public_id)
    return refund, True


def promise_rest(order: Order, *, by: str, at: datetime) -> None:
    """For an order that was called off: everything that is left goes back, which answers what its customer asked for.

    Inside a transaction, under its lock.
    """
    left = left_of(order)
    if left.amount <= 0:
        return
    lines = tuple(QuotedLine(item.line, item.quantity, item.amount) for item in left.lines if item.quantity)
    computed = total(line.amount for line in lines) + left.shipping
    quoted = Quote(lines, left.shipping, computed, left.amount)
    if left.amount > computed:  # an earlier refund gave less than its lines came to
        quoted = replace(quoted, lines=(), shipping=ZERO, computed=ZERO)
    wanted = Wanted(reason=RefundReason.CANCELLED, note=order.decision_reason)
    asked = RefundRequest.objects.filter(order=order).open().first()
    request = _answer(order, asked.pk, by=by, at=at) if asked else None
    _promise(order, quoted, wanted, by=by, at=at, request=request)


@transaction.atomic
def try_again(*, refund_id: int, by: str, at: datetime) -> Refund:
    """Give a refund that failed another try: under a new key when it was refused, else under its old one."""
    refund = _locked(refund_id)
    if refund.status != RefundStatus.FAILED:
        raise TransitionNotAllowed("This refund did not fail.")
    unfinished = OutboxMessage.objects.filter(key=key_of(refund)).exclude(status=OutboxStatus.DONE)
    again = outbox.release_now(key_of(refund), at=at) if unfinished.exists() else False
    if not again:
        refund.generation += 1
    known = refund.gateway_id if again else ""
    number = refund.request_number if again else 1
    _move(
        refund,
        RefundStatus.REQUESTED,
        failure="",
        generation=refund.generation,
        gateway_id=known,
        request_number=number,
    )
    if not again:
        outbox.post(Topic.REFUND_PAYMENT, order=refund.order, key=key_of(refund), at=at, payload={"refund": refund.pk})
    text = f"{by} asked to give {_money(refund)} back again."
    history.note(refund.order, kind="refund.requested", text=text, by=by, at=at, refund=refund.public_id)
    return refund


@transaction.atomic
def withdraw(*, refund_id: int, by: str, at: datetime) -> Refund:
    """Take a refund back that certainly gave nothing. Its units and its money can be given anew."""
    refund = _locked(refund_id)
    if RefundStatus.WITHDRAWN not in REFUND_TRANSITIONS[refund.status]:
        raise TransitionNotAllowed(f"This refund is {RefundStatus(refund.status).label.lower()} already.")
    message = OutboxMessage.objects.filter(key=key_of(refund)).exclude(status=OutboxStatus.DONE).first()
    if message is not None and not outbox.withdraw(message.key, at=at):
        raise TransitionNotAllowed("The money may have been given already. Try again: it is given once at the most.")
    _move(refund, RefundStatus.WITHDRAWN)
    called_off.follow_withdrawal(refund.order, by=by, at=at)
    _reopen(refund)
    text = f"{by} withdrew the refund of {_money(refund)}: nothing was given back."
    history.note(refund.order, kind="refund.withdrawn", text=text, by=by, at=at, refund=refund.public_id)
    return refund


def key_of(refund: Refund) -> str:
    """The outbox key of the promise, and what the gateway's refund is found by there."""
    return f"refund:{refund.public_id}:{refund.generation}"


def request_key_of(refund: Refund) -> str:
    """The gateway's idempotency key: the same until it is known to keep a fault of the gateway's own."""
    return key_of(refund) if refund.request_number == 1 else f"{key_of(refund)}:{refund.request_number}"


def _promise(
    order: Order,
    quoted: Quote,
    wanted: Wanted,
    *,
    by: str,
    at: datetime,
    key: str = "",
    request: RefundRequest | None = None,
) -> Refund:
    refund = Refund.objects.create(
        order=order,
        request=request,
        currency=order.currency,
        amount=quoted.amount,
        computed=quoted.computed,
        shipping=quoted.shipping,
        reason=wanted.reason,
        note=wanted.note,
        restock=wanted.restock and bool(quoted.lines),
        requested_by=by,
        requested_at=at,
        key=key,
        digest=wanted.digest() if key else "",
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=refund, line=item.line, quantity=item.quantity, amount=item.amount, not_sent=not_sent)
        for item, not_sent in _not_sent(order, quoted, RefundReason(wanted.reason))
    )
    called_off.follow_refund(order, by=by, at=at)
    outbox.post(Topic.REFUND_PAYMENT, order=order, key=key_of(refund), at=at, payload={"refund": refund.pk})
    return refund


def _not_sent(order: Order, quoted: Quote, reason: RefundReason) -> Iterator[tuple[QuotedLine, int]]:
    """With how many of its units nobody has to send any more.

    What is complained about has arrived, as far as anything was sent; otherwise what was not sent yet is given back first.
    """
    lines = OrderLine.objects.in_bulk([item.line.pk for item in quoted.lines])
    back = RefundLine.objects.filter(refund__in=Refund.objects.filter(order=order).standing(), line__in=lines)
    sent_back = dict(back.values_list("line").annotate(units=Sum(F("quantity") - F("not_sent"))).order_by())
    for item in quoted.lines:
        line = lines[item.line.pk]
        with_customer = max(line.fulfilled_quantity - sent_back.get(line.pk, 0), 0)
        arrived = min(item.quantity, with_customer) if reason in ARRIVED else 0
        yield item, min(item.quantity - arrived, max(line.due_quantity - line.fulfilled_quantity, 0))


def _answer(order: Order, request_id: int, *, by: str, at: datetime) -> RefundRequest:
    request = RefundRequest.objects.get(pk=request_id, order=order)
    if request.status != RefundRequestStatus.OPEN:
        who = f"{RefundRequestStatus(request.status).label.lower()} by {request.decided_by}"
        raise TransitionNotAllowed(f"This request has been answered already: {who}.")
    request.status, request.decided_at, request.decided_by = RefundRequestStatus.ISSUED, at, by
    request.save(update_fields=["status", "decided_at", "decided_by"])
    return request


def _reopen(refund: Refund) -> None:
    """A request whose refund was withdrawn waits for its answer again, unless the customer has asked anew."""
    request = refund.request
    if request is not None and not RefundRequest.objects.filter(order=refund.order).open().exists():
        request.status, request.decided_at, request.decided_by = RefundRequestStatus.OPEN, None, ""
        request.save(update_fields=["status", "decided_at", "decided_by"])
        looks.refresh(refund.order_id)


def _told(refund: Refund, quoted: Quote, by: str) -> str:
    what = [f"{item.quantity} × {item.line.title}" for item in quoted.lines]  # noqa: RUF001  # the sign that people read
    if quoted.shipping:
        what.append(f"shipping {plain(quoted.shipping, refund.currency)}")
    about = f" for {', '.join(what)}" if what else ""
    return f"{by} gives {_money(refund)} back{about}: {RefundReason(refund.reason).label.lower()}."


# --- how it ended ----------------------------------------------------------------------------------


def write_down(refund_id: int, given: Refunded, *, at: datetime) -> None:
    """The gateway answered. Inside the transaction that finishes the message; repeating is harmless."""
    refund = _locked(refund_id)
    if refund.status == RefundStatus.DONE:
        return
    if given.status == "failed":
        write_failure(refund_id, BANK_REFUSED, at=at)
        return
    _move(refund, RefundStatus.DONE, done_at=at, gateway_id=given.refund_id[:120], failure="")
    payment = Payment.objects.select_related("order").get(order=refund.order)
    refunded = payment.refunded + refund.amount
    move_payment(
        payment,
        to=PaymentStatus.REFUNDED if refunded >= payment.captured else PaymentStatus.PARTIALLY_REFUNDED,
        by=history.STOREWARD,
        at=at,
        text=f"{_money(refund)} given back to the customer.",
        refunded=refunded,
    )
    refund_mails.promise_given(refund, at=at)
    if refund.restock:
        restocking.promise(refund, at=at)


@transaction.atomic
def write_pending(refund_id: int, given: Refunded, *, at: datetime) -> None:
    """The gateway took it, the customer's bank has not yet: it stays on its way, and is looked at again."""
    refund = _locked(refund_id)
    if refund.status != RefundStatus.REQUESTED or refund.gateway_id:
        return
    refund.gateway_id = given.refund_id[:120]
    refund.save(update_fields=["gateway_id"])
    text = f"{_money(refund)} is on its way: the customer's bank has not taken it yet."
    history.note(refund.order, kind="refund.pending", text=text, by=history.STOREWARD, at=at, refund=refund.public_id)


@transaction.atomic
def ask_anew(refund_id: int, *, instead_of: int, at: datetime) -> None:
    """The gateway repeats a fault of its own for our key: the request after the one of this number gets another."""
    refund = _locked(refund_id)
    if refund.status != RefundStatus.REQUESTED or refund.request_number != instead_of:
        return
    refund.request_number += 1
    refund.save(update_fields=["request_number"])
    text = (
        f"The gateway answers with an error again and again: {_money(refund)} is asked for anew, unless it was given."
    )
    history.note(
        refund.order, kind="refund.asked_anew", text=text, by=history.STOREWARD, at=at, refund=refund.public_id
    )


def take_over(order_id: int, made: Iterable[Refunded], *, at: datetime) -> None:
    """What the gateway says of our refunds now. One that it sent back after all has failed; one that was pending is
    looked at. Inside a transaction, under the order's lock.
    """
    now = {given.refund_id: given.status for given in made}
    for refund in Refund.objects.filter(order=order_id, gateway_id__in=now).select_related("order"):
        status = now[refund.gateway_id]
        if refund.status == RefundStatus.REQUESTED and status != "pending":
            outbox.release_now(key_of(refund), at=at)
        elif refund.status == RefundStatus.DONE and status == "failed":
            _come_back(refund, at=at)


def _come_back(refund: Refund, *, at: datetime) -> None:
    payment = Payment.objects.select_related("order").get(order=refund.order)
    refunded = payment.refunded - refund.amount
    move_payment(
        payment,
        to=PaymentStatus.PARTIALLY_REFUNDED if refunded else PaymentStatus.CAPTURED,
        by=history.STOREWARD,
        at=at,
        text=f"{_money(refund)} came back: the customer's bank did not take it.",
        refunded=refunded,
    )
    _fail(refund, f"{BANK_REFUSED} It was sent back after it had been given.", at=at, done_at=None)
    refund_mails.promise_came_back(refund, at=at)


def write_failure(refund_id: int, why: str, *, at: datetime) -> None:
    """The refund gave nothing, or needs a person to find out. Inside a transaction."""
    refund = _locked(refund_id)
    if refund.status != RefundStatus.REQUESTED:
        return
    _fail(refund, why, at=at)


def _fail(refund: Refund, why: str, *, at: datetime, **fields: object) -> None:
    _move(refund, RefundStatus.FAILED, failure=why[:500], **fields)
    text = f"{_money(refund)} could not be given back: {why}"
    history.note(refund.order, kind="refund.failed", text=text, by=history.STOREWARD, at=at, refund=refund.public_id)
    cause = f"{key_of(refund)}:{refund.order.events.filter(kind='refund.failed').count()}"
    notices.promise_merchant(refund.order, kind="refund_failed", cause_key=cause, at=at, reason=text)


def write_delay(refund_id: int, why: str, *, at: datetime) -> None:
    """It is tried again by itself: the page says why it has not happened yet. Inside a transaction."""
    Refund.objects.filter(pk=refund_id, status=RefundStatus.REQUESTED).update(failure=why[:500])


def _locked(refund_id: int) -> Refund:
    order = lock(Refund.objects.values_list("order_id", flat=True).get(pk=refund_id))
    refund = Refund.objects.select_related("request").get(pk=refund_id)
    refund.order = order
    return refund


def _move(refund: Refund, to: RefundStatus, **fields: object) -> None:
    if to not in REFUND_TRANSITIONS[refund.status]:
        raise TransitionNotAllowed(f"This refund is {RefundStatus(refund.status).label.lower()} already.")
    refund.status = to
    for name, value in fields.items():
        setattr(refund, name, value)
    refund.save(update_fields=["status", *fields])
    looks.refresh(refund.order_id)


def _money(refund: Refund) -> Money:
    return Money(refund.amount, refund.currency)
