"""The request as our views know it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Membership, Merchant, User


class MerchantRequest(HttpRequest):
    """A request of a signed-in member: what `merchant_required` has made sure of."""

    user: User  # never anonymous here
    merchant: Merchant
    membership: Membership


def next_page(request: HttpRequest) -> str:
    """Where the posted form wants to go back to; "" unless that is a page of ours."""
    target = request.POST.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}) else ""
