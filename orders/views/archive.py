"""Orders out of the lists and back: chosen ones, or all that have no shipping address."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest, next_page
from accounts.models import Role
from orders.errors import NeedsConsent
from orders.models import Order
from orders.services import archiving
from orders.services.archiving import Archived

CHOSEN_AT_MOST = 200
NAMED = 20  # orders on the page that asks
NO_ADDRESS = "no_address"


@require_POST
@role_required(Role.MANAGER)
def archive(request: MerchantRequest) -> HttpResponse:
    """Those without consequences at once; for others the page says what happens and asks."""
    orders, consent = _orders(request), request.POST.get("consent") == "1"
    try:
        result = archiving.archive(orders=orders, consent=consent, by=request.user.get_username(), at=timezone.now())
    except NeedsConsent as error:
        return render(request, "orders/archive_ask.html", _question(request, orders, str(error)))
    _tell(request, result, "archived")
    return redirect(_back(request))


@require_POST
@role_required(Role.MANAGER)
def unarchive(request: MerchantRequest) -> HttpResponse:
    result = archiving.unarchive(orders=_orders(request), by=request.user.get_username(), at=timezone.now())
    _tell(request, result, "brought back")
    return redirect(_back(request))


def _orders(request: MerchantRequest) -> QuerySet[Order]:
    if request.POST.get("scope") == NO_ADDRESS:
        return archiving.without_address(request.merchant)
    chosen = request.POST.getlist("orders")[:CHOSEN_AT_MOST]
    return Order.objects.of(request.merchant).filter(public_id__in=chosen)


def _question(request: MerchantRequest, orders: QuerySet[Order], text: str) -> dict[str, object]:
    rows = orders.filter(is_archived=False)
    named = archiving.asks_first(rows).order_by("placed_at", "pk")
    return {
        "text": text,
        "scope": request.POST.get("scope", ""),
        "chosen": request.POST.getlist("orders")[:CHOSEN_AT_MOST],
        "named": list(named[:NAMED]),
        "unnamed": max(named.count() - NAMED, 0),
        "all": rows.count(),
        "next": _back(request),
    }


def _tell(request: MerchantRequest, result: Archived, what: str) -> None:
    if not result.done:
        messages.warning(request, f"No order was {what}: none was chosen that could be.")
        return
    more = f" {result.more} more are left: do it again." if result.more else ""
    messages.success(request, f"{result.done} {what}.{more}")


def _back(request: MerchantRequest) -> str:
    return next_page(request) or reverse("orders:list")
