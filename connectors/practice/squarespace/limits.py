"""300 requests a minute with a minute's cool-down, and 100 imports an hour with an API key."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from connectors.practice import dials
from connectors.practice.models import PracticeShop

REQUESTS, PER_S, COOL_DOWN_S = 300.0, 5.0, 60
IMPORTS, HOUR_S = 100, 3600


@transaction.atomic
def admit_request(shop: PracticeShop) -> bool:
    """Count a request. The one too many empties the bucket so far that it takes a minute to hold one again."""
    if dials.take(shop, "throttled") is not None:
        return False
    fresh, now = PracticeShop.objects.select_for_update().get(pk=shop.pk), timezone.now()
    restored = max((now - fresh.bucket_at).total_seconds(), 0.0) * PER_S if fresh.bucket_at else REQUESTS
    held = min(fresh.bucket + restored, REQUESTS)
    cooling = fresh.bucket < 0 and held < 1
    admitted = held >= 1
    left = held - 1 if admitted else held if cooling else 1 - COOL_DOWN_S * PER_S
    PracticeShop.objects.filter(pk=shop.pk).update(bucket=left, bucket_at=now)
    return admitted


@transaction.atomic
def admit_import(shop: PracticeShop) -> bool:
    """Count an import with an API key."""
    fresh, now = PracticeShop.objects.select_for_update().get(pk=shop.pk), timezone.now().timestamp()
    recent = [at for at in fresh.settings.get("imports", []) if at > now - HOUR_S]
    if len(recent) >= IMPORTS:
        return False
    fresh.settings["imports"] = [*recent, now]
    fresh.save(update_fields=["settings"])
    return True
