"""What a merchant has switched on besides the main job."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors import conditions
from connectors.services import plans
from orders.models import OrderPush


@require_http_methods(["GET", "POST"])
@role_required(Role.OWNER)
def plan(request: MerchantRequest) -> HttpResponse:
    if request.method == "POST":
        on = request.POST.get("orders_addon") == "1"
        plans.set_orders_addon(
            merchant_id=request.merchant.pk, on=on, by=request.user.get_username(), at=timezone.now()
        )
        done = (
            "The Orders add-on is on: what waited goes on."
            if on
            else "The Orders add-on is off: orders wait, nothing is lost."
        )
        messages.success(request, done)
        return redirect("orders:plan")
    waiting = OrderPush.objects.of(request.merchant).filter(wait_for=conditions.addon_on(request.merchant.pk))
    context = {"orders_addon": plans.has_orders_addon(request.merchant.pk), "waiting": waiting.count()}
    return render(request, "orders/plan.html", context)
