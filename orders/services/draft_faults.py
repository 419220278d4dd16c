"""Drafts that wait for a person, by what they lack: one mail when it begins and one a day while it lasts.

Which orders a cause keeps is read off them whenever a mail is written, so that no count can be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Merchant
from connectors.base import Blocker
from orders import alarms
from orders.enums import OrderStatus, Topic
from orders.models import DraftFault, Order, OutboxMessage
from orders.services import mails, sync_fault_mails
from orders.services.mails import one_line

SETTLE = timedelta(minutes=2)  # so that the first mail of a burst counts all of it
DIGEST_EVERY = timedelta(days=1)
SAME_AGAIN = timedelta(hours=1)  # a cause that comes back so soon is the one that was told
NAMED = 5  # orders in a mail
AT_ONCE = 200


def report(order: Order, gaps: Sequence[Blocker], *, at: datetime) -> None:
    """The order became a draft. The first of a cause promises a mail. Inside a transaction."""
    cause = {"merchant_id": order.merchant_id, "channel_id": order.channel_id, "code": gaps[0].code.value}
    if DraftFault.objects.open().filter(**cause).exists():
        return
    again = DraftFault.objects.filter(ended_at__gte=at - SAME_AGAIN, **cause).order_by("-pk").first()
    if again is not None:
        DraftFault.objects.filter(pk=again.pk).update(ended_at=None)
        return
    fault, created = DraftFault.objects.get_or_create(**cause, ended_at=None, defaults={"began_at": at, "told_at": at})
    if created:
        _tell(fault, at=at, delay=SETTLE)


def sweep(*, at: datetime) -> None:
    """Once a minute: causes that are over, and those that were told a day ago and last. Safe to repeat."""
    rows = DraftFault.objects.open().order_by("told_at", "pk").values_list("pk", flat=True)
    for fault_id in list(rows[:AT_ONCE]):
        with transaction.atomic():
            _look(fault_id, at=at)


def kept_by(fault: DraftFault) -> QuerySet[Order]:
    """The drafts that lack this before all else; archived ones wait for nobody."""
    drafts = Order.objects.filter(status=OrderStatus.DRAFT, is_archived=False, blockers__0__code=fault.code)
    return drafts.filter(merchant=fault.merchant_id, channel=fault.channel_id).order_by("placed_at", "pk")


def is_about(message: OutboxMessage) -> bool:
    return message.topic == Topic.TELL_MERCHANT and "draft_fault" in message.payload


def tell(message: OutboxMessage, to: list[str], merchant: Merchant) -> Iterator[str]:
    """Send it, when there is still something to tell. Raises mails.AddressRefused."""
    written = _letter(message, to, merchant)
    if written is not None:
        yield "sending"
        mails.send(written, key=message.key)
        yield "sent"


def _letter(message: OutboxMessage, to: list[str], merchant: Merchant) -> mails.Letter | None:
    """None when there is nothing left to tell."""
    fault = DraftFault.objects.select_related("channel").get(pk=message.payload["draft_fault"])
    kept = kept_by(fault)
    count = kept.count()
    if not count:
        return None
    first = kept[0]
    numbers = [one_line(number) for number in kept.values_list("number", flat=True)[:NAMED]]
    context: dict[str, Any] = {
        "channel": one_line(fault.channel.name),
        "reason": one_line(first.blockers[0]["message"]),
        "count": count,
        "money": sync_fault_mails.money_of(kept),
        "numbers": numbers,
        "more": count - len(numbers),
        "still": fault.mails > 1,
        "since": fault.began_at,
        "url": settings.BASE_URL + _page(fault, first, count),
        "button": "Complete it" if count == 1 else "Open these drafts",
    }
    return mails.Letter(to, "merchant_drafts", context, merchant)


def _page(fault: DraftFault, first: Order, count: int) -> str:
    if count == 1:
        return reverse("orders:draft", args=[first.public_id])
    return f"{reverse('orders:list')}?tab=drafts&gap={fault.code}"


def _look(fault_id: int, *, at: datetime) -> None:
    fault = DraftFault.objects.select_for_update(of=("self",)).select_related("channel").get(pk=fault_id)
    if fault.ended_at is not None:
        return
    if not kept_by(fault).exists():
        fault.ended_at = at
        fault.save(update_fields=["ended_at"])
    elif at - fault.told_at >= DIGEST_EVERY:
        fault.mails, fault.told_at = fault.mails + 1, at
        fault.save(update_fields=["mails", "told_at"])
        _tell(fault, at=at)


def _tell(fault: DraftFault, *, at: datetime, delay: timedelta = timedelta(0)) -> None:
    """Promise one mail, about no order of its own: it stands in the merchant's lane."""
    payload = {"kind": "drafts_waiting", "draft_fault": fault.pk, "connection": fault.channel.connection_id}
    key = f"tell:drafts_waiting:{fault.public_id}:{fault.mails}"
    alarms.post_mail(merchant_id=fault.merchant_id, key=key, payload=payload, at=at, delay_s=delay.total_seconds())
