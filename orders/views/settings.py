"""Order settings of the merchant."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from accounts.models import Role
from accounts.services import merchants
from orders.forms.orders import OrderSettingsForm


@require_http_methods(["GET", "POST"])
@merchant_required
def order_settings(request: MerchantRequest) -> HttpResponse:
    merchant = request.merchant
    if request.method == "POST" and request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    initial = {
        "auto_accept": merchant.auto_accept,
        "confirm_within_hours": merchant.confirm_within_hours,
        "alert_addresses": "\n".join(merchant.alert_addresses),
    }
    form = OrderSettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        merchants.save_order_settings(
            merchant_id=merchant.pk, by=request.user.get_username(), at=timezone.now(), **form.cleaned_data
        )
        messages.success(request, "Saved. It counts for orders that arrive from now on.")
        return redirect("orders:settings")
    return render(request, "orders/order_settings.html", {"form": form})
