"""What the customer is told of click and collect: it is ready, with place and code; it was picked up, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from accounts.services.addresses import is_address
from connectors.money import Money
from orders import outbox
from orders.enums import ShipmentStatus, Topic
from orders.models import Fulfillment, Order, OutboxMessage
from orders.services import history, mails, refund_links
from orders.services.mails import one_line
from orders.world import World


def promise_ready(row: Fulfillment, *, at: datetime) -> None:
    """Promise the mail that it can be picked up. Inside a transaction."""
    _promise(row, "ready", at=at)
    row.told_at = at
    row.save(update_fields=["told_at"])


def promise_collected(row: Fulfillment, *, at: datetime) -> None:
    """Promise the mail that it was picked up. Inside a transaction."""
    _promise(row, "collected", at=at)


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """The click and collect part of TELL_CUSTOMER."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order.pk)
    row = Fulfillment.objects.get(pk=message.payload["pickup"])
    is_ready = message.payload["what"] == "ready"
    not_told = _why_not(order, row, is_ready=is_ready)
    if not not_told:
        template = "customer_pickup" if is_ready else "customer_collected"
        letter = mails.Letter([order.customer_email], template, _context(order, row), order.merchant, True)
        yield "sending"
        try:
            mails.send(letter, key=message.key)
        except mails.AddressRefused:
            not_told = "the mail server refused the address."
        yield "sent"
    with outbox.finishing(message, at=world.now()):
        what = "ready to pick up" if is_ready else "picked up"
        text = f"The customer was not told: {not_told}" if not_told else f"Told the customer by e-mail: {what}."
        kind = "customer.not_told" if not_told else "customer.told"
        history.note(order, kind=kind, text=text, by=history.STOREWARD, at=world.now(), message=message.pk)


def _promise(row: Fulfillment, what: str, *, at: datetime) -> None:
    key = f"pickup:{row.public_id}:{what}"
    payload = {"pickup": row.pk, "what": what}
    outbox.post(Topic.TELL_CUSTOMER, order=row.order, key=key, at=at, payload=payload)


def _why_not(order: Order, row: Fulfillment, *, is_ready: bool) -> str:
    if row.status != (ShipmentStatus.READY if is_ready else ShipmentStatus.SUCCESS):
        return "it was picked up or taken back before the mail went out."
    return "" if is_address(order.customer_email) else "the order has no e-mail address that is valid."


def _context(order: Order, row: Fulfillment) -> dict[str, Any]:
    lines = row.lines.select_related("line").order_by("line__position")
    waiting = order.lines.order_by("position")
    to_come = [(line.due_quantity - line.fulfilled_quantity, line) for line in waiting]
    set_aside = {each.line_id: each.quantity for each in lines} if row.status == ShipmentStatus.READY else {}
    return {
        "number": one_line(order.number),
        "channel": one_line(order.channel.name),
        "customer": one_line(order.customer_name),
        "total": str(Money(order.total, order.currency)),
        "lines": [{"quantity": each.quantity, "title": one_line(each.line.title)} for each in lines],
        "to_come": [
            {"quantity": units - set_aside.get(line.pk, 0), "title": one_line(line.title)}
            for units, line in to_come
            if units - set_aside.get(line.pk, 0) > 0
        ],
        "refund_url": refund_links.url_for(order),
        "code": row.pickup_code,
        "collected_by": row.collected_by,
        "collected_at": row.collected_at,
        "place": {
            "name": one_line(order.pickup_name),
            "address": one_line(order.pickup_address),
            "instructions": one_line(order.pickup_instructions),
        },
    }
