"""The mail about what keeps orders from their destination: how many, how much money, and the one place to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.urls import reverse

from accounts.models import Merchant
from connectors.base import BlockerCode
from connectors.money import Money
from orders.enums import Topic
from orders.models import Order, OutboxMessage, SyncFault
from orders.services import mails, sync_faults
from orders.services.mails import one_line

NAMED = 5  # orders in a mail
_LINKS = frozenset({BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE})
_ACCESS = frozenset({BlockerCode.CREDENTIALS_EXPIRED, BlockerCode.SCOPE_MISSING, BlockerCode.STORE_UNREACHABLE})


def is_about(message: OutboxMessage) -> bool:
    return message.topic == Topic.TELL_MERCHANT and "fault" in message.payload


def letter(message: OutboxMessage, to: list[str], merchant: Merchant) -> mails.Letter | None:
    """None when there is nothing left to tell."""
    fault = SyncFault.objects.select_related("connection").get(pk=message.payload["fault"])
    kept = sync_faults.kept_by(fault)
    count = kept.count()
    if message.payload["kind"] == "sync_repaired":
        if fault.repaired_at is None:
            return None  # it is back already
        return mails.Letter(to, "merchant_repaired", _repaired(fault), merchant)
    if not count:
        return None
    SyncFault.objects.filter(pk=fault.pk).update(orders_told=count)
    return mails.Letter(to, "merchant_fault", _fault(fault, kept, count), merchant)


def money_of(orders: QuerySet[Order]) -> str:
    """The orders' totals, one amount per currency."""
    sums = orders.order_by("currency").values_list("currency").annotate(Sum("total"))
    return " + ".join(str(Money(amount, currency)) for currency, amount in sums)


def _fault(fault: SyncFault, kept: QuerySet[Order], count: int) -> dict[str, Any]:
    numbers = [one_line(number) for number in kept.values_list("number", flat=True)[:NAMED]]
    url, button = _repair(fault, kept, count)
    return {
        "connection": one_line(fault.connection.name),
        "reason": one_line(fault.reason),
        "count": count,
        "money": money_of(kept),
        "numbers": numbers,
        "more": count - len(numbers),
        "still": fault.mails > 1,
        "since": fault.began_at,
        "url": settings.BASE_URL + url,
        "button": button,
    }


def _repaired(fault: SyncFault) -> dict[str, Any]:
    return {
        "connection": one_line(fault.connection.name),
        "reason": one_line(fault.reason),
        "count": fault.orders_told,
        "since": fault.began_at,
        "until": fault.repaired_at,
        "url": settings.BASE_URL + reverse("orders:list"),
    }


def _repair(fault: SyncFault, kept: QuerySet[Order], count: int) -> tuple[str, str]:
    """The one place where this cause is mended, and what the button says."""
    connection = fault.connection
    if fault.code in _LINKS and fault.value:
        path = reverse("orders:link_sku", args=[connection.public_id])
        return f"{path}?sku={quote(fault.value, safe='')}", f"Link {one_line(fault.value)}"
    if fault.code in _ACCESS:
        return reverse("connectors:detail", args=[connection.public_id]), f"Open {one_line(connection.name)}"
    if count == 1:
        return reverse("orders:detail", args=[kept.values_list("public_id", flat=True)[0]]), "Open the order"
    return f"{reverse('orders:list')}?tab=attention&destination={connection.public_id}", "Open these orders"


def tell(message: OutboxMessage, to: list[str], merchant: Merchant) -> Iterator[str]:
    """Send it, when there is still something to tell. Raises mails.AddressRefused."""
    written = letter(message, to, merchant)
    if written is not None:
        yield "sending"
        mails.send(written, key=message.key)
        yield "sent"
