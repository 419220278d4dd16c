"""What a person can do about a push, or about a payment that failed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.services.clients import connector_for
from orders.errors import OrderError
from orders.models import Order, OrderPush
from orders.services import kept_out, payments, preview, pushes, remote_cancel


@require_POST
@role_required(Role.MANAGER)
def push_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    push = _push(request, public_id)
    try:
        pushes.retry(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Sending it to {push.connection.name} again; it is looked for there first.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def push_skip(request: MerchantRequest, public_id: str) -> HttpResponse:
    push = _push(request, public_id)
    try:
        pushes.skip(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Kept out of {push.connection.name}.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def push_bring_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    push = _push(request, public_id)
    try:
        kept_out.bring_back(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"It goes to {push.connection.name} after all.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def push_cancel(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Once more, for an order that was called off here and stands there."""
    push = _push(request, public_id)
    try:
        remote_cancel.ask_again(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Cancelling it in {push.connection.name} again.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def capture_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    try:
        payments.retry_capture(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Taking the payment again.")
    return redirect("orders:detail", public_id)


@require_GET
@merchant_required
def push_preview(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The very calls that would be made for the push now. Nobody is asked and nothing is sent."""
    push = _push(request, public_id)
    shown = preview.of(push, connector_for(push.connection))
    return render(request, "orders/push_preview.html", {"preview": shown, "push": push, "order": push.order})


def _push(request: MerchantRequest, public_id: str) -> OrderPush:
    rows = OrderPush.objects.of(request.merchant).select_related("order__channel", "connection__sync_settings")
    return get_object_or_404(rows, public_id=public_id)
