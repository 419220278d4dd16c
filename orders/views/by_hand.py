"""Push now: one push, or all of the chosen orders that wait for it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest, next_page
from accounts.models import Role
from orders.errors import OrderError
from orders.forms.order_data import PushNowForm
from orders.models import Order, OrderPush
from orders.services import by_hand

AT_ONCE = 100
SHOWN = 10  # refusals; more would hide the page


@require_POST
@role_required(Role.MANAGER)
def push_now(request: MerchantRequest, public_id: str) -> HttpResponse:
    rows = OrderPush.objects.of(request.merchant).select_related("order", "connection")
    push = get_object_or_404(rows, public_id=public_id)
    form = PushNowForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for error in form.errors["shipping_fee"]))
        return redirect("orders:detail", push.order.public_id)
    fee, by = form.cleaned_data["shipping_fee"], request.user.get_username()
    try:
        by_hand.push_now(push_id=push.pk, by=by, at=timezone.now(), shipping_fee=fee)
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Order {push.order.number} is on its way to {push.connection.name}.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def bulk_push(request: MerchantRequest) -> HttpResponse:
    """Each order for itself: one refusal keeps no other from being pushed."""
    chosen = request.POST.getlist("orders")[:AT_ONCE]
    orders = Order.objects.of(request.merchant).filter(public_id__in=chosen).order_by("placed_at", "pk")
    done, refusals = 0, []
    for order in orders:
        try:
            by_hand.push_order(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
        except OrderError as error:
            refusals.append(str(error))
        else:
            done += 1
    if done:
        messages.success(request, f"{done} pushed.")
    for refusal in refusals[:SHOWN]:
        messages.error(request, refusal)
    if len(refusals) > SHOWN:
        messages.error(request, f"{len(refusals) - SHOWN} more could not be pushed.")
    if not (done or refusals):
        messages.warning(request, "No order was chosen.")
    return redirect(next_page(request) or "orders:list")
