"""Merchants and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.models import Membership, Merchant, Role, User
from accounts.services import audit


@transaction.atomic
def create(*, name: str, slug: str, owner: User, by: str, at: datetime, **fields: Any) -> Merchant:
    """A new merchant with its first owner."""
    merchant = Merchant.objects.create(name=name, slug=slug, **fields)
    Membership.objects.create(user=owner, merchant=merchant, role=Role.OWNER)
    audit.record(merchant=merchant, kind="merchant.created", subject=name, by=by, at=at)
    return merchant


def set_auto_accept(*, merchant_id: int, on: bool, by: str, at: datetime) -> Merchant:
    """Whether orders that their destination will take are confirmed without a person."""
    return save(merchant_id=merchant_id, by=by, at=at, auto_accept=on)


def save_order_settings(
    *,
    merchant_id: int,
    auto_accept: bool,
    confirm_within_hours: int,
    alert_addresses: Sequence[str],
    by: str,
    at: datetime,
) -> Merchant:
    """Change what counts for orders that arrive from now on."""
    return save(
        merchant_id=merchant_id,
        by=by,
        at=at,
        auto_accept=auto_accept,
        confirm_within_hours=confirm_within_hours,
        alert_addresses=list(alert_addresses),
    )


@transaction.atomic
def save(*, merchant_id: int, by: str, at: datetime, **fields: Any) -> Merchant:
    """Change fields of a merchant; what changed is audited."""
    merchant = Merchant.objects.select_for_update().get(pk=merchant_id)
    changed = {name: value for name, value in fields.items() if getattr(merchant, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(merchant, name, value)
        merchant.save(update_fields=list(changed))
        audit.record(merchant=merchant, kind="merchant.changed", subject=merchant.name, by=by, at=at, **changed)
        import_string(settings.MERCHANT_CHANGED)(merchant, changed, at=at)
    return merchant
