"""What a merchant has switched on besides the main job."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import Merchant
from accounts.services import audit
from connectors import conditions
from connectors.models import Plan


def has_orders_addon(merchant_id: int) -> bool:
    """Whether the merchant's orders go to partners' stores."""
    return Plan.objects.filter(merchant_id=merchant_id, orders_addon=True).exists()


@transaction.atomic
def set_orders_addon(*, merchant_id: int, on: bool, by: str, at: datetime) -> Plan:
    """Switch the Orders add-on. Off: nothing is sent to partners' stores and nothing is lost; on: what waited goes on."""
    merchant = Merchant.objects.select_for_update().get(pk=merchant_id)
    plan = Plan.objects.filter(merchant=merchant).first() or Plan(merchant=merchant)
    if plan.pk is None or plan.orders_addon != on:
        plan.orders_addon, plan.changed_by, plan.changed_at = on, by, at
        plan.save()
        audit.record(merchant=merchant, kind="plan.orders_addon", subject=merchant.name, by=by, at=at, on=on)
    if on:
        conditions.cleared(conditions.addon_on(merchant.pk))
    return plan
