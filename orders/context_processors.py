"""What the frame of every page shows of the orders and of the background work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone

from orders.enums import Headline
from orders.models import Order, PumpBeat

_MANY = 100


def order_manager(request: HttpRequest) -> dict[str, Any]:
    """`counts` and `worker`, one small query each; nothing for strangers."""
    merchant = getattr(request, "merchant", None)
    if merchant is None:
        return {}
    waiting = Order.objects.of(merchant).filter(headline=Headline.NEEDS_CONFIRMATION)[:_MANY].count()
    return {"counts": {"needs_confirmation": f"{_MANY - 1}+" if waiting >= _MANY else waiting}, "worker": _worker()}


def _worker() -> dict[str, str]:
    beat = PumpBeat.objects.aggregate(latest=Max("at"))["latest"]
    if beat is None or timezone.now() - beat > timedelta(seconds=120):
        return {"tone": "bad", "text": "Background work is not running"}
    return {"tone": "ok", "text": "Background work is running"}
