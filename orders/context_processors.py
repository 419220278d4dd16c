"""What the frame of every page shows of the orders and of the background work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, Max, OuterRef
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import Merchant
from connectors.models import Partnership, Plan, UnlinkedSku
from orders.enums import Headline
from orders.models import Order, PumpBeat, RefundRequest

_MANY = 100


def order_manager(request: HttpRequest) -> dict[str, Any]:
    """`counts` (one small query each) and `worker` (another), asked by the pages that show them; nothing for strangers."""
    merchant = getattr(request, "merchant", None)
    if merchant is None:
        return {}
    return {
        "counts": SimpleLazyObject(lambda: _counts(merchant)),
        "worker": SimpleLazyObject(_worker),
        "partner_tabs": SimpleLazyObject(lambda: _partner_tabs(merchant)),
    }


def _counts(merchant: Merchant) -> dict[str, int | str]:
    waiting = Order.objects.of(merchant).filter(headline=Headline.NEEDS_CONFIRMATION, is_archived=False)[:_MANY].count()
    asked = RefundRequest.objects.of(merchant).open()[:_MANY].count()
    unlinked = UnlinkedSku.objects.of(merchant).asked()[:_MANY].count()
    return {"needs_confirmation": _few(waiting), "refund_requests": _few(asked), "unlinked": _few(unlinked)}


def _partner_tabs(merchant: Merchant) -> dict[str, bool]:
    """Which of the lists about partners there are; one query, and only on the pages that show them."""
    tabs = Merchant.objects.filter(pk=merchant.pk).values(
        sells=Exists(Plan.objects.filter(merchant=OuterRef("pk"), orders_addon=True)),
        ships=Exists(Partnership.objects.filter(source=OuterRef("pk"), connection__isnull=False)),
    )
    found = {name: bool(there) for name, there in tabs[0].items()}
    return found | {"any": any(found.values())}


def _few(count: int) -> int | str:
    return f"{_MANY - 1}+" if count >= _MANY else count


def _worker() -> dict[str, str]:
    beat = PumpBeat.objects.aggregate(latest=Max("at"))["latest"]
    if beat is None or timezone.now() - beat > timedelta(seconds=120):
        return {"tone": "bad", "text": "Background work is not running"}
    return {"tone": "ok", "text": "Background work is running"}
