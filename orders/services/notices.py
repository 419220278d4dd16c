"""Mails: the customer learns what happens to the parcels, the merchant what needs a person.

A mail is promised in the transaction that gives the reason and sent by a worker. One cause makes one mail: the outbox
key says what the cause is. A worker that dies between sending and writing it down sends the mail again under the same
Message-ID, which mail programs show once.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr, parseaddr
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Membership, Merchant, Role
from orders import outbox
from orders.enums import Topic
from orders.models import Fulfillment, Order, OrderPush, OutboxMessage, Parcel
from orders.services import history
from orders.services.outbound import order_url
from orders.world import World

# kind -> the subject's words; the text beside it comes with the promise
MERCHANT_NOTICES: Mapping[str, str] = {
    "capture_declined": "Payment could not be captured",
    "payment_held": "Payment needs attention",
    "push_held": "Order is not in the store",
    "suspected_duplicate": "Possible duplicate in the store",
    "cancel_failed": "Order could not be cancelled in the store",
    "reconnect": "Reconnect your store",
    "confirm_soon": "Order waits for your confirmation",
    "expired": "Order expired",
    "cancelled_in_store": "Order was cancelled in the store",
    "changed_in_store": "Order was changed in the store",
    "refunded_in_store": "Refund was made in the store",
}


@dataclass(frozen=True, slots=True)
class Letter:
    to: list[str]
    template: str
    context: dict[str, Any]


# --- promising -----------------------------------------------------------------------------------


def promise_merchant(order: Order, *, kind: str, cause_key: str, at: datetime, reason: str) -> None:
    """Promise one mail to the merchant for this cause, however often it comes up. Inside a transaction."""
    if kind not in MERCHANT_NOTICES:
        raise ValueError(f"{kind!r} is not a merchant notice.")
    payload = {"kind": kind, "reason": reason}
    outbox.post(Topic.TELL_MERCHANT, order=order, key=f"tell:{kind}:{cause_key}"[:200], at=at, payload=payload)


def promise_reconnect(push: OrderPush, *, at: datetime) -> None:
    """One mail per lost token, not one per order that waits for it."""
    connection = push.connection
    promise_merchant(
        push.order,
        kind="reconnect",
        cause_key=f"{connection.pk}:{connection.credential_version}",
        at=at,
        reason=f"{connection.name} no longer accepts our access. Orders wait and go on by themselves once you reconnect it.",
    )


def promise_customer(fulfillment: Fulfillment, parcels: list[Parcel], *, at: datetime) -> None:
    """Promise a mail about these parcels, or about the fulfillment itself when there is none. Inside a transaction."""
    what = ":".join(str(parcel.pk) for parcel in parcels) or "sent"
    key = f"customer:{fulfillment.pk}:{sha256(what.encode()).hexdigest()[:16]}"
    payload = {"fulfillment": fulfillment.pk, "parcels": [parcel.pk for parcel in parcels]}
    outbox.post(Topic.TELL_CUSTOMER, order=fulfillment.order, push=fulfillment.push, key=key, at=at, payload=payload)
    Parcel.objects.filter(pk__in=payload["parcels"]).update(told_at=at)


# --- sending -------------------------------------------------------------------------------------


def tell_customer(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_CUSTOMER: what was sent, with tracking, or where to pick it up."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order_id)
    fulfillment = Fulfillment.objects.prefetch_related("lines__line").get(pk=message.payload["fulfillment"])
    if not order.customer_email:
        with outbox.finishing(message, at=world.now()):
            text = "The customer was not told: the order has no e-mail address."
            history.note(order, kind="customer.not_told", text=text, by=history.STOREWARD, at=world.now())
        return
    parcels = list(Parcel.objects.filter(pk__in=message.payload["parcels"]).order_by("pk"))
    template = "customer_pickup" if order.has_pickup else "customer_shipped"
    context = {
        "order": order,
        "lines": list(fulfillment.lines.all()),
        "parcels": [_shown(parcel) for parcel in parcels],
    }
    yield "writing"
    _send(message, order, Letter([order.customer_email], template, context))
    yield "sent"
    with outbox.finishing(message, at=world.now()):
        text = "Told the customer by e-mail: " + (_numbers(parcels) or ("ready to pick up." if order.has_pickup else "sent."))
        data = {"fulfillment": fulfillment.pk, "parcels": message.payload["parcels"]}
        history.note(order, kind="customer.told", text=text, by=history.STOREWARD, at=world.now(), **data)


def tell_merchant(message: OutboxMessage, world: World) -> Iterator[str]:
    """TELL_MERCHANT: what needs a person, with a link to it."""
    order = Order.objects.select_related("merchant", "channel").get(pk=message.order_id)
    to = _merchant_addresses(order.merchant)
    if not to:
        with outbox.finishing(message, at=world.now()):
            text = "Nobody was told: the merchant has no alert address."
            history.note(order, kind="merchant.not_told", text=text, by=history.STOREWARD, at=world.now())
        return
    context = {
        "order": order,
        "heading": MERCHANT_NOTICES[message.payload["kind"]],
        "reason": message.payload["reason"],
        "url": order_url(order),
    }
    yield "writing"
    _send(message, order, Letter(to, "merchant_notice", context))
    yield "sent"


def safe_url(url: str) -> str:
    """The address when a person may follow it, else nothing: only http and https with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _send(message: OutboxMessage, order: Order, letter: Letter) -> None:
    """Render in the merchant's zone and hand over to the mail server. Raises RetryLater when that fails."""
    with timezone.override(order.merchant.zone):
        subject = render_to_string(f"orders/mail/{letter.template}.subject.txt", letter.context)
        text = render_to_string(f"orders/mail/{letter.template}.txt", letter.context)
        html = render_to_string(f"orders/mail/{letter.template}.html", letter.context)
    mail = EmailMultiAlternatives(
        subject=_one_line(subject),
        body=text,
        from_email=_sender(order.merchant),
        to=letter.to,
        reply_to=[address for address in order.merchant.alert_addresses[:1] if "customer" in letter.template],
        headers={"Message-ID": _message_id(message)},
    )
    mail.attach_alternative(html, "text/html")
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        raise outbox.RetryLater(f"The mail server did not take the mail ({type(error).__name__}).") from error


def _sender(merchant: Merchant) -> str:
    return formataddr((_one_line(merchant.name), parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _message_id(message: OutboxMessage) -> str:
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{sha256(message.key.encode()).hexdigest()[:32]}@{host}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _merchant_addresses(merchant: Merchant) -> list[str]:
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(merchant.alert_addresses) or list(owners.values_list("user__email", flat=True).order_by("pk"))


def _shown(parcel: Parcel) -> dict[str, str]:
    return {"carrier": parcel.carrier, "number": parcel.number, "url": safe_url(parcel.url)}


def _numbers(parcels: list[Parcel]) -> str:
    return ", ".join(parcel.number for parcel in parcels)
