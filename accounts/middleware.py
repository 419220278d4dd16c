"""Puts the merchant that a person works for on the request, and shows times in that merchant's zone."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Membership

SESSION_KEY = "merchant"


class MerchantMiddleware:
    """Sets `request.merchant` and `request.membership`; None for strangers and for people without a merchant."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        membership = current_membership(request)
        request.membership = membership  # type: ignore[attr-defined]  # see accounts.http.MerchantRequest
        request.merchant = membership.merchant if membership else None  # type: ignore[attr-defined]
        if membership is None:
            return self.get_response(request)
        with timezone.override(membership.merchant.zone):
            return self.get_response(request)


def current_membership(request: HttpRequest) -> Membership | None:
    """The chosen merchant's membership, else the first one."""
    if not request.user.is_authenticated:
        return None
    memberships = Membership.objects.filter(user=request.user, merchant__is_active=True).select_related("merchant")
    chosen: int | None = request.session.get(SESSION_KEY)
    found = (memberships.filter(merchant_id=chosen).first() if chosen else None) or memberships.order_by("pk").first()
    if found is not None:
        found.user = request.user  # read already
    return found
