"""The customer is told what was sent, with tracking, or where to pick it up.

A mail is promised and sent as the merchant's are (notices.py). One cause makes one mail: `told_at` stands on what was
promised. A fulfillment that is taken back makes no mail of its own: it stands in the order's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet

from accounts.services.addresses import is_address
from connectors.money import Money
from orders import outbox
from orders.enums import AddressKind, ShipmentStatus, Topic
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, OrderPush, OutboxMessage, Parcel
from orders.services import history, mails, partner_told, pickup_mails, refund_links, refund_mails
from orders.services.mails import one_line
from orders.world import World


def promise(push: OrderPush, *, at: datetime) -> None:
    """Promise one mail about all that was sent and not told yet. Inside a transaction, under the order's lock."""
    _promise(push.order, Fulfillment.objects.filter(push=push), push.public_id, push=push, at=at)


def promise_of_own(order: Order, *, at: datetime) -> None:
    """The same for what was shipped from here."""
    shipped = Fulfillment.objects.filter(order=order, push=None, ready_at=None)
    _promise(order, shipped, order.public_id, push=None, at=at)


def _promise(
    order: Order, fulfillments: QuerySet[Fulfillment], key: str, *, push: OrderPush | None, at: datetime
) -> None:
    standing = fulfillments.filter(status=ShipmentStatus.SUCCESS)
    numbered = Parcel.objects.filter(fulfillment__in=standing, told_at=None).exclude(number="")
    parcels = list(numbered.select_related("fulfillment"))
    untold = {row.pk: row for row in standing.filter(told_at=None)}
    about = {parcel.fulfillment_id: parcel.fulfillment for parcel in parcels} | untold
    if not about:
        return
    parcel_ids = sorted(parcel.pk for parcel in parcels)
    payload = {"fulfillments": sorted(about), "parcels": parcel_ids, "late": not untold}
    full_key = f"customer:{key}:{_digest(about.values(), parcels)}"
    outbox.post(Topic.TELL_CUSTOMER, order=order, push=push, key=full_key, at=at, payload=payload)
    Parcel.objects.filter(pk__in=parcel_ids).update(told_at=at)
    standing.filter(pk__in=untold).update(told_at=at)


def _digest(fulfillments: Iterable[Fulfillment], parcels: Iterable[Parcel]) -> str:
    """Of what the mail names: a number that is corrected back to what it was is not told again."""
    names = sorted(str(row) for row in fulfillments), sorted(parcel.number for parcel in parcels)
    return sha256(repr(names).encode()).hexdigest()[:24]


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_CUSTOMER: what was sent, with tracking, or where to pick it up, or how a refund ended."""
    if "pickup" in message.payload:
        yield from pickup_mails.tell(message, world)
        return
    if "fulfillments" not in message.payload:
        yield from refund_mails.tell(message, world)
        return
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order.pk)
    news = _News.read(message)
    addresses = partner_told.addresses(order, message.push)
    not_told = _why_not(addresses, news)
    if not not_told:
        for number, address in enumerate(addresses):
            letter = mails.Letter([address], news.template(order), news.context(order), order.merchant, True)
            yield "sending"
            try:
                mails.send(letter, key=f"{message.key}:{number}" if number else message.key)
            except mails.AddressRefused:
                not_told = "the mail server refused the address."
            yield "sent"
    with outbox.finishing(message, at=world.now()):
        if not_told:
            _note(order, "customer.not_told", f"The customer was not told: {not_told}", message, world)
        else:
            whom = partner_told.whom(order, message.push)
            _note(order, "customer.told", f"Told {whom} by e-mail: {news.in_words(order)}.", message, world)


@dataclass(frozen=True, slots=True)
class _News:
    """What of the promise still stands when the mail is written."""

    fulfillments: list[Fulfillment]
    parcels: list[Parcel]
    late: bool  # only tracking is new

    @classmethod
    def read(cls, message: OutboxMessage) -> _News:
        standing = Fulfillment.objects.filter(pk__in=message.payload["fulfillments"], status=ShipmentStatus.SUCCESS)
        fulfillments = list(standing.order_by("pk"))
        parcels = Parcel.objects.filter(pk__in=message.payload["parcels"], fulfillment__in=fulfillments)
        return cls(fulfillments, list(parcels.order_by("pk")), message.payload["late"])

    @property
    def is_empty(self) -> bool:
        return not self.fulfillments or (self.late and not self.parcels)

    def template(self, order: Order) -> str:
        return "customer_pickup" if order.has_pickup and not self.parcels else "customer_shipped"

    def context(self, order: Order) -> dict[str, Any]:
        sent = FulfillmentLine.objects.filter(fulfillment__in=self.fulfillments).select_related("line")
        address = order.addresses.filter(kind=AddressKind.SHIPPING).first()
        return {
            "number": one_line(order.number),
            "channel": one_line(order.channel.name),
            "customer": one_line(order.customer_name),
            "total": str(Money(order.total, order.currency)),
            "lines": _lines((row.quantity, row.line) for row in sent.order_by("line__position", "pk")),
            "parcels": [_parcel(parcel) for parcel in self.parcels],
            "sent_at": max((row.shipped_at or row.created_at for row in self.fulfillments), default=None),
            "to_come": _to_come(order),
            "late": self.late,
            "refund_url": refund_links.url_for(order),
            "address": one_line(address.in_a_line if address else ""),
            "place": {
                "name": one_line(order.pickup_name),
                "address": one_line(order.pickup_address),
                "instructions": one_line(order.pickup_instructions),
            },
        }

    def in_words(self, order: Order) -> str:
        if self.parcels:
            return ", ".join(parcel.number for parcel in self.parcels)
        return "ready to pick up" if order.has_pickup else "sent, no tracking"


def _why_not(addresses: Sequence[str], news: _News) -> str:
    if news.is_empty:
        return "what was to be told was taken back before the mail went out."
    if not any(addresses):
        return "the order has no e-mail address."
    return "" if all(map(is_address, addresses)) else "the e-mail address is not valid."


def _parcel(parcel: Parcel) -> dict[str, str]:
    return {"carrier": one_line(parcel.carrier), "number": one_line(parcel.number), "url": mails.safe_url(parcel.url)}


def _to_come(order: Order) -> list[dict[str, Any]]:
    """What the customer still waits for, as it stands when the mail is written."""
    return _lines((line.due_quantity - line.fulfilled_quantity, line) for line in order.lines.order_by("position"))


def _lines(counted: Iterable[tuple[int, OrderLine]]) -> list[dict[str, Any]]:
    return [{"quantity": units, "title": one_line(line.title)} for units, line in counted if units > 0]


def _note(order: Order, kind: str, text: str, message: OutboxMessage, world: World) -> None:
    history.note(order, kind=kind, text=text, by=history.STOREWARD, at=world.now(), message=message.pk)
