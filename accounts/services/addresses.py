"""E-mail addresses: which texts are one, and which is a merchant's own."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import Membership, Merchant, Role


def own_address(merchant: Merchant) -> str:
    """The merchant's first alert address, else its first owner's; empty when it has neither."""
    chosen = next(filter(is_address, merchant.alert_addresses), "")
    owners = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return chosen or owners.order_by("pk").values_list("user__email", flat=True).first() or ""


def is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
