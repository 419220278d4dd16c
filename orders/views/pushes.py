"""What a person can do about a push, or about a payment that failed."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest, next_page
from accounts.models import Role
from connectors.services.clients import connector_for
from orders.enums import PushStatus
from orders.errors import OrderError
from orders.forms.orders import FoundForm
from orders.models import Order, OrderPush
from orders.services import (
    duplicates,
    kept_out,
    missing_again,
    overcharged,
    payments,
    preview,
    push_findings,
    pushes,
    remote_cancel,
)
from orders.views.by_hand import AT_ONCE, SHOWN


@require_POST
@role_required(Role.MANAGER)
def push_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, pushes.retry, said="Sending it to {} again; it is looked for there first.")


@require_POST
@role_required(Role.MANAGER)
def push_skip(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, pushes.skip, said="Kept out of {}.")


@require_POST
@role_required(Role.MANAGER)
def push_bring_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, kept_out.bring_back, said="It goes to {} after all.")


@require_POST
@role_required(Role.MANAGER)
def bulk_retry(request: MerchantRequest) -> HttpResponse:
    """All held pushes of the chosen orders, each for itself: one refusal keeps no other from being sent again."""
    chosen = request.POST.getlist("orders")[:AT_ONCE]
    rows = OrderPush.objects.of(request.merchant).filter(order__public_id__in=chosen, status=PushStatus.HELD)
    done, refusals = 0, []
    for push in rows.filter(remote_id="").select_related("order").order_by("order__placed_at", "pk"):
        try:
            pushes.retry(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
        except OrderError as error:
            refusals.append(f"Order {push.order.number}: {error}")
        else:
            done += 1
    if done:
        messages.success(request, f"{done} sent again; each is looked for there first.")
    for refusal in refusals[:SHOWN]:
        messages.error(request, refusal)
    if len(refusals) > SHOWN:
        messages.error(request, f"{len(refusals) - SHOWN} more could not be sent again.")
    if not (done or refusals):
        messages.warning(request, "None of the chosen orders is held on its way to a store.")
    return redirect(next_page(request) or "orders:list")


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def push_found(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What a person found at the destination: the order under an id, which is read before it is believed."""
    push = _push(request, public_id)
    form = FoundForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            typed, by = form.cleaned_data["remote_id"], request.user.get_username()
            push_findings.is_there(push_id=push.pk, typed=typed, by=by, at=timezone.now())
        except OrderError as error:
            form.add_error("remote_id", str(error))
        else:
            messages.success(request, f"Recorded: it is in {push.connection.name}.")
            return redirect("orders:detail", push.order.public_id)
    return render(request, "orders/push_found.html", {"push": push, "order": push.order, "form": form})


@require_POST
@role_required(Role.MANAGER)
def push_not_there(request: MerchantRequest, public_id: str) -> HttpResponse:
    push = _push(request, public_id)
    try:
        found = push_findings.is_not_there(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
        return redirect("orders:push_found", public_id)
    if found.remote_id:
        messages.success(request, f"It is there, as {found.remote_name}: recorded.")
    else:
        messages.success(request, "It is not there: send it again, or keep it out of this store.")
    return redirect("orders:detail", push.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def push_cancel(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Once more, for an order that was called off here and stands there."""
    return _carry_out(request, public_id, remote_cancel.ask_again, said="Cancelling it in {} again.")


@require_POST
@role_required(Role.MANAGER)
def push_two_orders(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, duplicates.are_two, said="Noted: {} has two orders, and both are meant.")


@require_POST
@role_required(Role.MANAGER)
def push_cancel_copies(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(
        request,
        public_id,
        duplicates.cancel_copies,
        said="The copy in {} is being dealt with; it is looked at after that.",
    )


@require_POST
@role_required(Role.MANAGER)
def push_send_missing(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, missing_again.send, said="What is missing in {} goes there again.")


@require_POST
@role_required(Role.MANAGER)
def push_keep_missing(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(
        request, public_id, missing_again.keep, said="What is missing in {} stays here: ship it from here."
    )


@require_POST
@role_required(Role.MANAGER)
def push_given_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, missing_again.given_back, said="Noted: what {} left out is given back.")


@require_POST
@role_required(Role.MANAGER)
def push_not_given_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, missing_again.not_given_back, said="Noted: what {} left out is owed again.")


@require_POST
@role_required(Role.MANAGER)
def push_settle_total(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _carry_out(request, public_id, overcharged.settle, said="Noted: what {} holds is settled.")


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


def _carry_out(request: MerchantRequest, public_id: str, act: Callable[..., object], *, said: str) -> HttpResponse:
    """Do it, say so with the destination's name in `said`, or say why not; back to the order."""
    push = _push(request, public_id)
    try:
        act(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said.format(push.connection.name))
    return redirect("orders:detail", push.order.public_id)


def _push(request: MerchantRequest, public_id: str) -> OrderPush:
    rows = OrderPush.objects.of(request.merchant).select_related("order__channel", "connection__sync_settings")
    return get_object_or_404(rows, public_id=public_id)
