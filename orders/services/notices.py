"""Who is told what: the customer about parcels, the merchant about what needs a person.

A mail is promised in the transaction that gives the reason for it, and sent by a worker. One cause makes one mail: for
the merchant the outbox key names the cause, for the customer `told_at` stands on what was promised. A worker that dies
between sending a mail and writing that down sends it again under the same Message-ID, which mail programs show once.
A fulfillment that is taken back makes no mail of its own: it stands in the order's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, Merchant, Role
from connectors import conditions
from connectors.models import Connection
from connectors.money import Money
from orders import outbox
from orders.enums import AddressKind, ShipmentStatus, Topic
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, OrderPush, OutboxMessage, Parcel
from orders.services import history, mails
from orders.services.mails import one_line
from orders.services.outbound import order_url
from orders.world import World

MerchantNotice = Literal[
    "capture_declined",
    "payment_held",
    "push_held",
    "suspected_duplicate",
    "cancel_failed",
    "reconnect",
    "confirm_soon",
    "expired",
    "cancelled_in_store",
    "changed_in_store",
    "refunded_in_store",
]


@dataclass(frozen=True, slots=True)
class Words:
    """The subject (of order N), and what the reader can do about it."""

    subject: str
    advice: str = ""


WORDS: Mapping[MerchantNotice, Words] = {
    "capture_declined": Words(
        "The payment could not be taken",
        "Nothing was sent to your store. Try the payment again on the order's page, or cancel the order.",
    ),
    "payment_held": Words("The payment needs a look", "Open the order to see what can be done."),
    "push_held": Words("Needs attention on its way to your store", "Open the order to mend it and send it again."),
    "suspected_duplicate": Words("May be in your store twice", "Keep one of them and cancel the other there."),
    "cancel_failed": Words("Could not be cancelled in your store", "Cancel it there, so that it is not sent."),
    "reconnect": Words("Reconnect your store", "Everything that waits goes on by itself as soon as you have."),
    "confirm_soon": Words("Waits for your confirmation", "Confirm or decline it on its page."),
    "expired": Words("Has expired"),
    "cancelled_in_store": Words(
        "Was cancelled in your store", "The customer's payment stands. Cancel the order here to give the money back."
    ),
    "changed_in_store": Words("Was changed in your store", "Check whether the customer is owed something."),
    "refunded_in_store": Words(
        "Was refunded in your store",
        "A refund in the store gives nothing back for an order that was paid here.",
    ),
}


# --- promising -----------------------------------------------------------------------------------


def promise_merchant(order: Order, *, kind: MerchantNotice, cause_key: str, at: datetime, reason: str) -> None:
    """Promise one mail to the merchant for this cause, however often it comes up. Inside a transaction."""
    payload = {"kind": kind, "reason": reason}
    outbox.post(Topic.TELL_MERCHANT, order=order, key=_merchant_key(kind, cause_key), at=at, payload=payload)


def promise_reconnect(push: OrderPush, *, at: datetime) -> None:
    """One mail per lost token, not one per order that waits for it. Inside a transaction."""
    connection = push.connection
    key = _merchant_key("reconnect", f"{connection.pk}:{connection.credential_version}")
    payload = {"kind": "reconnect", "reason": f"{connection.name} no longer accepts our access."}
    outbox.post(Topic.TELL_MERCHANT, order=push.order, push=push, key=key, at=at, payload=payload)


def promise_reconnect_of(connection_id: int, *, at: datetime) -> None:
    """The same, found out without an order at hand. A connection that never had an order has its own page alone."""
    pushes = OrderPush.objects.filter(connection_id=connection_id).select_related("order", "connection")
    newest = pushes.order_by("-pk").first()
    if newest is not None:
        promise_reconnect(newest, at=at)


def promise_customer(push: OrderPush, *, at: datetime) -> None:
    """Promise one mail about all that was sent and not told yet. Inside a transaction, under the order's lock."""
    standing = Fulfillment.objects.filter(push=push, status=ShipmentStatus.SUCCESS)
    parcels = list(Parcel.objects.filter(fulfillment__in=standing, told_at=None).select_related("fulfillment"))
    untold = {row.pk: row for row in standing.filter(told_at=None)}
    about = {parcel.fulfillment_id: parcel.fulfillment for parcel in parcels} | untold
    if not about:
        return
    parcel_ids = sorted(parcel.pk for parcel in parcels)
    payload = {"fulfillments": sorted(about), "parcels": parcel_ids, "late": not untold}
    key = f"customer:{push.public_id}:{_digest(about.values(), parcels)}"
    outbox.post(Topic.TELL_CUSTOMER, order=push.order, push=push, key=key, at=at, payload=payload)
    Parcel.objects.filter(pk__in=parcel_ids).update(told_at=at)
    standing.filter(pk__in=untold).update(told_at=at)


def _merchant_key(kind: MerchantNotice, cause: str) -> str:
    return f"tell:{kind}:{cause}"[:200]


def _digest(fulfillments: Iterable[Fulfillment], parcels: Iterable[Parcel]) -> str:
    """Of what the mail names: a number that is corrected back to what it was is not told again."""
    names = sorted(row.remote_id for row in fulfillments), sorted(parcel.number for parcel in parcels)
    return sha256(repr(names).encode()).hexdigest()[:24]


# --- the customer's mail ---------------------------------------------------------------------------


def tell_customer(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_CUSTOMER: what was sent, with tracking, or where to pick it up."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order_id)
    news = _News.read(message)
    not_told = _why_not(order, news)
    if not not_told:
        letter = mails.Letter([order.customer_email], news.template(order), news.context(order), order.merchant, True)
        yield "sending"
        try:
            mails.send(letter, key=message.key)
        except mails.AddressRefused:
            not_told = "the mail server refused the address."
        yield "sent"
    with outbox.finishing(message, at=world.now()):
        if not_told:
            _note(order, "customer.not_told", f"The customer was not told: {not_told}", message, world)
        else:
            _note(order, "customer.told", f"Told the customer by e-mail: {news.in_words(order)}.", message, world)


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
            "address": one_line(str(address or "")),
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


def _why_not(order: Order, news: _News) -> str:
    if news.is_empty:
        return "what was to be told was taken back before the mail went out."
    if not order.customer_email:
        return "the order has no e-mail address."
    return "" if mails.is_address(order.customer_email) else "the e-mail address is not valid."


def _parcel(parcel: Parcel) -> dict[str, str]:
    return {"carrier": one_line(parcel.carrier), "number": one_line(parcel.number), "url": mails.safe_url(parcel.url)}


def _to_come(order: Order) -> list[dict[str, Any]]:
    """What the customer still waits for, as it stands when the mail is written."""
    return _lines((line.quantity - line.fulfilled_quantity, line) for line in order.lines.order_by("position"))


def _lines(counted: Iterable[tuple[int, OrderLine]]) -> list[dict[str, Any]]:
    return [{"quantity": units, "title": one_line(line.title)} for units, line in counted if units > 0]


# --- the merchant's mail ---------------------------------------------------------------------------


def tell_merchant(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_MERCHANT: what needs a person, with a link to it."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order_id)
    to, not_told = _addresses(order.merchant), ""
    if to:
        yield "sending"
        try:
            mails.send(_merchant_letter(message, order, to), key=message.key)
        except mails.AddressRefused:
            not_told = "the mail server refused every address."
        yield "sent"
    else:
        not_told = "there is no alert address and no owner."
    with outbox.finishing(message, at=world.now()):
        if not_told:
            _note(order, "merchant.not_told", f"Nobody was told by e-mail: {not_told}", message, world)


def _merchant_letter(message: OutboxMessage, order: Order, to: list[str]) -> mails.Letter:
    kind: MerchantNotice = message.payload["kind"]
    words = WORDS[kind]
    context = {
        "number": one_line(order.number),
        "channel": one_line(order.channel.name),
        "total": str(Money(order.total, order.currency)),
        "placed_at": order.placed_at,
        "subject": words.subject,
        "advice": words.advice,
        "reason": one_line(message.payload["reason"]),
        "url": order_url(order),
    }
    if message.push is None:
        return mails.Letter(to, "merchant_order", context, order.merchant)
    return mails.Letter(to, "merchant_reconnect", context | _about(message.push.connection), order.merchant)


def _about(connection: Connection) -> dict[str, Any]:
    """What a reconnect is worth: how many orders wait for it as the mail is written."""
    waiting = OutboxMessage.objects.filter(wait_for=conditions.token_renewed(connection.pk))
    return {
        "connection": one_line(connection.name),
        "waiting": waiting.values("order").distinct().count(),
        "url": settings.BASE_URL + reverse("connectors:detail", args=[connection.public_id]),
    }


def _addresses(merchant: Merchant) -> list[str]:
    """The merchant's alert addresses, else its owners'."""
    chosen = [address for address in merchant.alert_addresses if mails.is_address(address)]
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return chosen or list(owners.order_by("pk").values_list("user__email", flat=True))


def _note(order: Order, kind: str, text: str, message: OutboxMessage, world: World) -> None:
    history.note(order, kind=kind, text=text, by=history.STOREWARD, at=world.now(), message=message.pk)
