"""What the customer is told of refunds: the money is on its way, it came back, or the request was declined. One mail each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from accounts.services.addresses import is_address
from connectors.money import Money
from orders import outbox
from orders.enums import RefundReason, Topic
from orders.models import Order, OutboxMessage, Refund, RefundLine, RefundRequest, RefundRequestLine
from orders.services import history, mails
from orders.services.mails import one_line
from orders.world import World

CAME_BACK = "came_back"  # in the payload of a mail about a refund
_TOLD = {
    "customer_refunded": "refund given",
    "customer_refund_back": "the refund came back",
    "customer_refund_declined": "refund declined",
}


def promise_given(refund: Refund, *, at: datetime) -> None:
    """Promise the mail about money that was given. Inside a transaction."""
    outbox.post(Topic.TELL_CUSTOMER, order=refund.order, key=_given_key(refund), at=at, payload={"refund": refund.pk})


def promise_came_back(refund: Refund, *, at: datetime) -> None:
    """Promise the mail about money that was given and that the bank sent back. Inside a transaction.

    A customer who was not told yet that it was given hears nothing of it.
    """
    if outbox.withdraw(_given_key(refund), at=at):
        return
    key, payload = f"refund-back:{refund.public_id}:{refund.generation}", {"refund": refund.pk, CAME_BACK: True}
    outbox.post(Topic.TELL_CUSTOMER, order=refund.order, key=key, at=at, payload=payload)


def promise_declined(request: RefundRequest, *, at: datetime) -> None:
    """Promise the mail about a request that was declined. Inside a transaction."""
    key, payload = f"refund-declined:{request.public_id}", {"refund_request": request.pk}
    outbox.post(Topic.TELL_CUSTOMER, order=request.order, key=key, at=at, payload=payload)


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """The refund part of TELL_CUSTOMER."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order.pk)
    template, about = _about(message)
    not_told = "" if is_address(order.customer_email) else "the order has no e-mail address that is valid."
    if not not_told:
        letter = mails.Letter([order.customer_email], template, _frame(order) | about, order.merchant, True)
        yield "sending"
        try:
            mails.send(letter, key=message.key)
        except mails.AddressRefused:
            not_told = "the mail server refused the address."
        yield "sent"
    with outbox.finishing(message, at=world.now()):
        what = _TOLD[template]
        text = f"The customer was not told: {not_told}" if not_told else f"Told the customer by e-mail: {what}."
        kind = "customer.not_told" if not_told else "customer.told"
        history.note(order, kind=kind, text=text, by=history.STOREWARD, at=world.now(), message=message.pk)


def _given_key(refund: Refund) -> str:
    return f"refunded:{refund.public_id}:{refund.generation}"


def _frame(order: Order) -> dict[str, Any]:
    return {
        "number": one_line(order.number),
        "channel": one_line(order.channel.name),
        "customer": one_line(order.customer_name),
    }


def _about(message: OutboxMessage) -> tuple[str, dict[str, Any]]:
    if "refund" in message.payload:
        template = "customer_refund_back" if CAME_BACK in message.payload else "customer_refunded"
        return template, _given(Refund.objects.get(pk=message.payload["refund"]))
    return "customer_refund_declined", _declined(RefundRequest.objects.get(pk=message.payload["refund_request"]))


def _given(refund: Refund) -> dict[str, Any]:
    return {
        "amount": str(Money(refund.amount, refund.currency)),
        "shipping": str(Money(refund.shipping, refund.currency)) if refund.shipping else "",
        "lines": _lines(RefundLine.objects.filter(refund=refund)),
        "reason": RefundReason(refund.reason).label,
        "asked": refund.request_id is not None,
        "given_at": refund.done_at,
    }


def _declined(request: RefundRequest) -> dict[str, Any]:
    return {
        "lines": _lines(RefundRequestLine.objects.filter(request=request)),
        "answer": one_line(request.answer),
        "asked_at": request.created_at,
    }


def _lines(rows: Any) -> list[dict[str, Any]]:
    in_order = rows.select_related("line").order_by("line__position")
    return [{"quantity": row.quantity, "title": one_line(row.line.title)} for row in in_order]
