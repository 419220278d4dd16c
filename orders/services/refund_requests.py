"""What customers ask back: asked for once at a time, then issued as a refund (orders.services.refunds) or declined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from orders.enums import CUSTOMER_REASONS, RefundReason, RefundRequestStatus
from orders.errors import FieldProblem, InvalidRefund, TransitionNotAllowed
from orders.models import Order, RefundPicture, RefundRequest, RefundRequestLine
from orders.services import history, looks, notices, refund_mails
from orders.services.refund_quotes import Left, LeftLine, Wanted, WantedLine, left_of
from orders.services.transitions import lock

CUSTOMER = "The customer"
MOST_OPENED = 10  # requests of one order, ever: nobody fills a merchant's list through one link


@dataclass(frozen=True, slots=True)
class AskedLine:
    id: str  # the channel's own
    quantity: int
    picture: bytes = b""  # made by orders.services.pictures


@transaction.atomic
def ask(
    *, order_id: int, lines: tuple[AskedLine, ...], reason: str, note: str, by: str = CUSTOMER, at: datetime
) -> RefundRequest:
    """Record what a customer asks for and tell the merchant. `by` passed it on, where it was not the customer.

    Raises TransitionNotAllowed when a request is open already, or too many were made, InvalidRefund for its lines.
    """
    order = lock(order_id)
    requests = RefundRequest.objects.filter(order=order)
    if requests.open().exists():
        raise TransitionNotAllowed("You have asked for a refund already. You will hear by e-mail.")
    if requests.count() >= MOST_OPENED:
        raise TransitionNotAllowed("Too many requests were made for this order. Please write to the seller.")
    left = left_of(order)
    if problems := list(_problems(lines, reason, left)):
        raise InvalidRefund(problems)
    request = RefundRequest.objects.create(order=order, reason=reason, note=note, created_at=at)
    for asked in lines:
        _add(request, asked, left)
    looks.refresh(order.pk)
    _tell(order, request, by=by, at=at)
    return request


@transaction.atomic
def decline(*, request_id: int, answer: str, by: str, at: datetime) -> RefundRequest:
    """Say no, with the reason that the customer is told. Raises TransitionNotAllowed when it was answered before."""
    order = lock(RefundRequest.objects.values_list("order_id", flat=True).get(pk=request_id))
    request = RefundRequest.objects.get(pk=request_id)
    if request.status != RefundRequestStatus.OPEN:
        status = RefundRequestStatus(request.status).label.lower()
        raise TransitionNotAllowed(f"This request has been answered already: {status} by {request.decided_by}.")
    request.order = order
    request.status, request.answer = RefundRequestStatus.DECLINED, answer
    request.decided_at, request.decided_by = at, by
    request.save(update_fields=["status", "answer", "decided_at", "decided_by"])
    looks.refresh(order.pk)
    text = f"{by} declined the customer's refund request: {answer}"
    history.note(order, kind="refund.declined", text=text, by=by, at=at, request=request.public_id)
    refund_mails.promise_declined(request, at=at)
    return request


def wanted(request: RefundRequest, left: Left) -> Wanted:
    """The refund that gives what was asked for, as far as its units are still there."""
    asked = [(row, left.line(row.line.external_id)) for row in request.lines.select_related("line").order_by("pk")]
    return Wanted(
        lines=tuple(
            WantedLine(row.line.external_id, min(row.quantity, there.quantity))
            for row, there in asked
            if there and there.quantity
        ),
        reason=RefundReason(request.reason),
    )


def may_ask(left: Left) -> bool:
    return left.amount > 0 and any(line.quantity for line in left.lines)


def _problems(lines: tuple[AskedLine, ...], reason: str, left: Left) -> Iterator[FieldProblem]:
    if reason not in CUSTOMER_REASONS:
        yield FieldProblem("reason", "unknown_reason", "Choose one of the reasons.")
    if not may_ask(left):
        yield FieldProblem("", "nothing_left", "There is nothing left to refund on this order.")
    elif not lines:
        yield FieldProblem("lines", "required", "Say how many of at least one item.")
    for index, asked in enumerate(lines):
        there = left.line(asked.id)
        if asked.id in {other.id for other in lines[:index]}:
            yield FieldProblem(f"lines[{index}].id", "duplicate_id", "This line is named twice.")
        if there is None or not 1 <= asked.quantity <= there.quantity:
            most = there.quantity if there else 0
            yield FieldProblem(f"lines[{index}].quantity", "out_of_range", f"This must be between 1 and {most}.")


def _add(request: RefundRequest, asked: AskedLine, left: Left) -> None:
    there = left.line(asked.id)
    assert isinstance(there, LeftLine)  # noqa: S101  # _problems
    row = RefundRequestLine.objects.create(request=request, line=there.line, quantity=asked.quantity)
    if asked.picture:
        RefundPicture.objects.create(request_line=row, content=asked.picture)


def _tell(order: Order, request: RefundRequest, *, by: str, at: datetime) -> None:
    reason = RefundReason(request.reason).label
    text = f"The customer asks for a refund: {reason.lower()}."
    history.note(order, kind="refund.asked", text=text, by=by, at=at, request=request.public_id)
    notices.promise_merchant(order, kind="refund_asked", cause_key=request.public_id, at=at, reason=text)
