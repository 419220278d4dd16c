"""Sixty calls a minute for one account, whoever makes them."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from connectors.practice.models import PracticeShop

CALLS = 60
MINUTE = timedelta(minutes=1)


@transaction.atomic
def spend(shop: PracticeShop) -> int | None:
    """Calls that are left in this minute after this one; None when there was none left for it."""
    fresh, now = PracticeShop.objects.select_for_update().get(pk=shop.pk), timezone.now()
    left, began = fresh.bucket, fresh.bucket_at
    if began is None or now - began >= MINUTE:
        left, began = CALLS, now
    if left < 1:
        return None
    PracticeShop.objects.filter(pk=shop.pk).update(bucket=left - 1, bucket_at=began)
    return int(left) - 1
