"""Who is told what: the customer about parcels, the merchant about what needs a person.

A mail is promised in the transaction that gives the reason for it, and sent by a worker. One cause makes one mail: for
the merchant the outbox key names the cause, for the customer `told_at` stands on what was promised. A worker that dies
between sending a mail and writing that down sends it again under the same Message-ID, which mail programs show once.
A fulfillment that is taken back makes no mail of its own: it stands in the order's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Membership, Merchant, Role
from connectors.models import Connection, SyncSettings
from connectors.money import Money
from orders import outbox
from orders.enums import AddressKind, ShipmentStatus, Topic
from orders.models import Fulfillment, FulfillmentLine, Order, OrderLine, OrderPush, OutboxMessage, Parcel
from orders.services import (
    connection_mails,
    draft_faults,
    history,
    letters,
    mails,
    partner_told,
    pickup_mails,
    refund_links,
    refund_mails,
    sync_fault_mails,
)
from orders.services.mails import one_line
from orders.world import World

MerchantNotice = Literal[
    "authorization_gone",
    "capture_declined",
    "payment_held",
    "push_held",
    "suspected_duplicate",
    "cancel_failed",
    "reconnect",
    "store_gone",
    "data_request",
    "orders_unread",
    "confirm_soon",
    "complete_soon",
    "payment_soon",
    "ship_soon",
    "not_accepted",
    "released",
    "expired",
    "cancelled_in_store",
    "changed_in_store",
    "refunded_in_store",
    "refund_failed",
    "refund_asked",
    "write_back_held",
    "take_back_held",
    "channel_changed",
    "channel_cancelled",
    "pickup_failed",
    "label_refused",
    "label_unsure",
]


@dataclass(frozen=True, slots=True)
class Words:
    """The subject (of order N), and what the reader can do about it."""

    subject: str
    advice: str = ""
    page: str = "detail"  # of the order, where it is done
    query: str = ""
    button: str = "Open the order"


WORDS: Mapping[MerchantNotice, Words] = {
    "authorization_gone": Words(
        "Cannot be paid any more", "It cannot be confirmed. Decline it on its page; the customer has to order again."
    ),
    "capture_declined": Words(
        "The payment could not be taken",
        "Nothing was sent to your store. Try the payment again on the order's page, or cancel the order.",
    ),
    "payment_held": Words("The payment needs a look", "Open the order to see what can be done."),
    "push_held": Words("Needs attention on its way to your store", "Open the order to mend it and send it again."),
    "suspected_duplicate": Words("May be in your store twice", "Keep one of them and cancel the other there."),
    "cancel_failed": Words("Could not be cancelled in your store", "Cancel it there, so that it is not sent."),
    "reconnect": Words("Reconnect your store", "Everything that waits goes on by itself as soon as you have."),
    "store_gone": Words(
        "Your store cannot be reached",
        "Nothing is sent there until you open the store again and resume the connection.",
    ),
    "data_request": Words(
        "A customer asks for their data",
        "An owner downloads it under Settings → Privacy. Send it to the customer within 30 days.",
    ),
    "orders_unread": Words("Orders do not come in", "See what is missing on its page, then press Sync orders there."),
    "confirm_soon": Words("Waits for your confirmation", "Confirm or decline it on its page."),
    "complete_soon": Words(
        "Lacks something, and its time ends soon", "Fill in what is missing, then confirm it.", page="draft"
    ),
    "payment_soon": Words(
        "Is not paid yet, and its time ends soon", "See on its page what the payment waits for, and mend it there."
    ),
    "ship_soon": Words("Is to be shipped soon", "Ship it, or mark it as fulfilled in your store."),
    "not_accepted": Words(
        "Could not be accepted", "Open the order to see what its destination would refuse, then confirm or decline it."
    ),
    "released": Words("Was declined"),
    "expired": Words("Has expired"),
    "cancelled_in_store": Words(
        "Was cancelled in your store",
        "The customer's payment stands. Cancel the order here to give the money back, or refund what was cancelled: it is filled in.",
    ),
    "changed_in_store": Words(
        "Was changed in your store", "Where the customer is owed something, the order's page has the refund filled in."
    ),
    "refunded_in_store": Words(
        "Was refunded in your store",
        "A refund in the store gives nothing back for an order that was paid here. The same refund is filled in for you.",
        page="refund",
        query="?store=1",
        button="Refund it here",
    ),
    "refund_failed": Words(
        "A refund did not go through", "Try it again or withdraw it on the order's page: nothing goes on by itself."
    ),
    "write_back_held": Words(
        "The store does not know that it was sent", "Tell it again on the order's page, or mark it as fulfilled there."
    ),
    "take_back_held": Words(
        "A fulfillment was taken back, and stands in the store",
        "Take it back in the store, then say so on the order's page.",
    ),
    "channel_changed": Words(
        "Was changed in the store where it was placed", "Compare it with what was sent, and settle it on its page."
    ),
    "channel_cancelled": Words(
        "Was cancelled in the store where it was placed",
        "It has been sent already. Cancel the order here to call it off at its destination too.",
    ),
    "pickup_failed": Words(
        "A carrier is not arranged", "Nobody comes for the parcels as it is: see the pickup, ask again or withdraw it."
    ),
    "label_refused": Words(
        "A label was not bought", "Nothing was charged. See why on the label's page, which the order leads to."
    ),
    "label_unsure": Words(
        "A label may have been bought",
        "The carrier did not answer. Look in your account there before you buy it again: it would charge for both.",
    ),
    "refund_asked": Words("The customer asks for a refund", "Issue or decline it on the order's page."),
}


# --- promising -----------------------------------------------------------------------------------


def promise_merchant(
    order: Order,
    *,
    kind: MerchantNotice,
    cause_key: str,
    at: datetime,
    reason: str,
    push: OrderPush | None = None,
    store: Connection | None = None,
) -> None:
    """Promise one mail to the merchant for this cause, however often it comes up. Inside a transaction.

    `push`, or the store where the order was placed, is what it is about: the alert addresses of that connection go
    before the merchant's.
    """
    about = push.connection_id if push else store and store.pk
    payload = {"kind": kind, "reason": reason} | ({"connection": about} if about else {})
    outbox.post(Topic.TELL_MERCHANT, order=order, key=_merchant_key(kind, cause_key), at=at, payload=payload)


def promise_customer(push: OrderPush, *, at: datetime) -> None:
    """Promise one mail about all that was sent and not told yet. Inside a transaction, under the order's lock."""
    _promise_customer(push.order, Fulfillment.objects.filter(push=push), push.public_id, push=push, at=at)


def promise_customer_of_own(order: Order, *, at: datetime) -> None:
    """The same for what was shipped from here."""
    shipped = Fulfillment.objects.filter(order=order, push=None, ready_at=None)
    _promise_customer(order, shipped, order.public_id, push=None, at=at)


def _promise_customer(
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


def _merchant_key(kind: MerchantNotice, cause: str) -> str:
    return f"tell:{kind}:{cause}"[:200]


def _digest(fulfillments: Iterable[Fulfillment], parcels: Iterable[Parcel]) -> str:
    """Of what the mail names: a number that is corrected back to what it was is not told again."""
    names = sorted(str(row) for row in fulfillments), sorted(parcel.number for parcel in parcels)
    return sha256(repr(names).encode()).hexdigest()[:24]


# --- the customer's mail ---------------------------------------------------------------------------


def tell_customer(message: OutboxMessage, world: World) -> Iterator[str]:
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
    return "" if all(map(mails.is_address, addresses)) else "the e-mail address is not valid."


def _parcel(parcel: Parcel) -> dict[str, str]:
    return {"carrier": one_line(parcel.carrier), "number": one_line(parcel.number), "url": mails.safe_url(parcel.url)}


def _to_come(order: Order) -> list[dict[str, Any]]:
    """What the customer still waits for, as it stands when the mail is written."""
    return _lines((line.due_quantity - line.fulfilled_quantity, line) for line in order.lines.order_by("position"))


def _lines(counted: Iterable[tuple[int, OrderLine]]) -> list[dict[str, Any]]:
    return [{"quantity": units, "title": one_line(line.title)} for units, line in counted if units > 0]


# --- the merchant's mail ---------------------------------------------------------------------------


def tell_merchant(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_MERCHANT: what needs a person, with a link to it."""
    if letters.is_about(message):
        yield from letters.tell(message, world)
        return
    merchant = message.lane.merchant if message.order_id is None else message.order.merchant
    assert merchant is not None  # noqa: S101  # what is about no order stands in its merchant's lane
    to, not_told = _addresses(merchant, message.payload.get("connection")), ""
    if to:
        try:
            if sync_fault_mails.is_about(message):
                yield from sync_fault_mails.tell(message, to, merchant)
            elif draft_faults.is_about(message):
                yield from draft_faults.tell(message, to, merchant)
            else:
                yield "sending"
                mails.send(_merchant_letter(message, to, merchant), key=message.key)
                yield "sent"
        except mails.AddressRefused:
            not_told = "the mail server refused every address."
    else:
        not_told = "there is no alert address and no owner."
    with outbox.finishing(message, at=world.now()):
        if not_told:
            history.note_about(
                message, kind="merchant.not_told", text=f"Nobody was told by e-mail: {not_told}", at=world.now()
            )


def _merchant_letter(message: OutboxMessage, to: list[str], merchant: Merchant) -> mails.Letter:
    kind: MerchantNotice = message.payload["kind"]
    words = WORDS[kind]
    context = {"subject": words.subject, "advice": words.advice, "reason": one_line(message.payload["reason"])}
    if message.order_id is None:
        about = connection_mails.about(message.payload["connection"], kind=kind)
        return mails.Letter(to, "merchant_connection", context | about, merchant)
    return mails.Letter(to, "merchant_order", context | _about_order(message.order_id, words), merchant)


def _about_order(order_id: int, words: Words) -> dict[str, Any]:
    order = Order.objects.select_related("channel").get(pk=order_id)
    return {
        "number": one_line(order.number),
        "channel": one_line(order.channel.name),
        "total": str(Money(order.total, order.currency)),
        "placed_at": order.placed_at,
        "url": settings.BASE_URL + reverse(f"orders:{words.page}", args=[order.public_id]) + words.query,
        "button": words.button,
    }


def _addresses(merchant: Merchant, connection_id: int | None) -> list[str]:
    """The alert addresses of the connection that it is about, else the merchant's, else its owners'."""
    of_connection = SyncSettings.objects.filter(connection=connection_id).values_list("alert_addresses", flat=True)
    told = (of_connection.first() or []) if connection_id else []
    chosen = [address for address in told or merchant.alert_addresses if mails.is_address(address)]
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return chosen or list(owners.order_by("pk").values_list("user__email", flat=True))


def _note(order: Order, kind: str, text: str, message: OutboxMessage, world: World) -> None:
    history.note(order, kind=kind, text=text, by=history.STOREWARD, at=world.now(), message=message.pk)
