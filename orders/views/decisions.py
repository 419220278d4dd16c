"""Confirm, decline, cancel, check: one order or many."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest, next_page
from accounts.models import Role
from accounts.services import merchants
from orders.errors import OrderError
from orders.forms.orders import ReasonForm
from orders.models import Order
from orders.services import decisions, marking

AT_ONCE = 100


@require_POST
@role_required(Role.MANAGER)
def order_confirm(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    try:
        decisions.confirm(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Order {order.number} confirmed. Its payment is being taken.")
    return _back(request, order)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def order_decline(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        by, reason = request.user.get_username(), form.cleaned_data["reason"]
        try:
            decisions.decline(order_id=order.pk, reason=reason, by=by, at=timezone.now())
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Order {order.number} declined. The customer's authorization is released.")
            return redirect("orders:detail", public_id)
    return render(request, "orders/order_decline.html", {"order": order, "form": form})


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def order_cancel(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        by, reason = request.user.get_username(), form.cleaned_data["reason"]
        try:
            order = decisions.cancel(order_id=order.pk, reason=reason, by=by, at=timezone.now())
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            if order.cancel_wish is None:
                messages.success(request, f"Order {order.number} cancelled.")
            else:
                messages.warning(request, f"Order {order.number} will be cancelled as soon as its payment answers.")
            return redirect("orders:detail", public_id)
    return render(request, "orders/order_cancel.html", {"order": order, "form": form})


@require_POST
@role_required(Role.MANAGER)
def order_check(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = _order(request, public_id)
    try:
        decisions.check_again(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Asking the store again.")
    return redirect("orders:detail", public_id)


@require_POST
@role_required(Role.MANAGER)
def order_mark(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Send what waits for it to its suppliers."""
    order = _order(request, public_id)
    try:
        marking.mark(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Order {order.number} is on its way to the supplier.")
    return redirect("orders:detail", public_id)


@require_POST
@role_required(Role.MANAGER)
def bulk_confirm(request: MerchantRequest) -> HttpResponse:
    """Each order for itself: one refusal keeps no other from being confirmed."""
    chosen = request.POST.getlist("orders")[:AT_ONCE]
    orders = Order.objects.of(request.merchant).filter(public_id__in=chosen).order_by("placed_at", "pk")
    done, refusals = 0, []
    for order in orders:
        try:
            decisions.confirm(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
        except OrderError as error:
            refusals.append(str(error))
        else:
            done += 1
    if done:
        messages.success(request, f"{done} confirmed.")
    for refusal in refusals[:10]:
        messages.error(request, refusal)
    if len(refusals) > 10:  # more would hide the page
        messages.error(request, f"{len(refusals) - 10} more could not be confirmed.")
    if not (done or refusals):
        messages.warning(request, "No order was chosen.")
    return redirect(next_page(request) or "orders:list")


@require_POST
@role_required(Role.MANAGER)
def auto_accept(request: MerchantRequest) -> HttpResponse:
    on = request.POST.get("on") == "1"
    merchants.set_auto_accept(merchant_id=request.merchant.pk, on=on, by=request.user.get_username(), at=timezone.now())
    if on:
        text = "Auto-accept is on: new orders that their store will take are confirmed and paid at once."
    else:
        text = "Auto-accept is off: new orders wait for you."
    messages.success(request, text)
    return redirect("orders:list")


def _order(request: MerchantRequest, public_id: str) -> Order:
    return get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)


def _back(request: MerchantRequest, order: Order) -> HttpResponse:
    return redirect(next_page(request) or reverse("orders:detail", args=[order.public_id]))
