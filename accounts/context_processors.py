"""What every page shows of the person and the merchant."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Merchant, Role


def merchant(request: HttpRequest) -> dict[str, Any]:
    """`merchant`, `merchants` (lazily, for the switcher) and what the role may do."""
    membership = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "merchant": membership.merchant,
        "merchants": Merchant.objects.of_user(membership.user),
        "role": membership.role,
        "may_change": membership.role in (Role.OWNER, Role.MANAGER),
        "may_own": membership.role == Role.OWNER,
    }
