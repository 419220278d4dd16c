"""The merchant is told what needs a person.

A mail is promised in the transaction that gives the reason for it, and sent by a worker. One cause makes one mail: the
outbox key names the cause. A worker that dies between sending a mail and writing that down sends it again under the same
Message-ID, which mail programs show once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.urls import reverse

from accounts.models import Membership, Merchant, Role
from accounts.services.addresses import is_address
from connectors.models import Connection, SyncSettings
from connectors.money import Money
from orders import outbox
from orders.enums import Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.services import connection_mails, draft_faults, history, letters, mails, sync_fault_mails
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
    "owed_in_store",
    "refund_failed",
    "refund_asked",
    "write_back_held",
    "take_back_held",
    "ready_held",
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
    "suspected_duplicate": Words(
        "May be in your store twice", "Say on its page that they are two orders, or have the copy cancelled there."
    ),
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
    "owed_in_store": Words(
        "Is not paid in your store", "The customer has paid. Mark it as paid there, or see there what became of it."
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
    "ready_held": Words(
        "The store does not know that it can be picked up",
        "Tell it again on the order's page, or mark it as ready for pickup there. Your customer was told by us.",
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


def _merchant_key(kind: MerchantNotice, cause: str) -> str:
    return f"tell:{kind}:{cause}"[:200]


def tell(message: OutboxMessage, world: World) -> Iterator[str]:
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
    chosen = [address for address in told or merchant.alert_addresses if is_address(address)]
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return chosen or list(owners.order_by("pk").values_list("user__email", flat=True))
