"""The request as our views know it."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import Membership, Merchant, User


class MerchantRequest(HttpRequest):
    """A request of a signed-in member: what `merchant_required` has made sure of."""

    user: User  # never anonymous here
    merchant: Merchant
    membership: Membership
