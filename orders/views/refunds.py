"""Refunds: given by line, tried again, withdrawn; and the customers' requests, issued or declined."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.money import Money, plain
from orders.errors import InvalidRefund, OrderError
from orders.forms.orders import ReasonForm, RefundForm
from orders.models import Order, Refund, RefundPicture, RefundRequest
from orders.services import missing_lines, owed_back, pictures, refund_links, refund_quotes, refund_requests, refunds
from orders.services.refund_quotes import Left, Quote, Wanted
from orders.views.htmx import wants_partial

PER_PAGE = 50


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def order_refund(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Compute what a refund comes to; confirm exactly the amount that was shown."""
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    if _is_repeated(request, order):
        return redirect("orders:detail", public_id)
    asked = _asked(request, order)
    left = refund_quotes.left_of(order)
    suggested = _suggested(request, order, left, asked)
    form = RefundForm(request.POST if request.method == "POST" else None, left=left, initial=_initial(suggested, left))
    quoted = _quoted(order, form) if form.is_bound else _quoted_at_once(order, suggested)
    confirmed = "confirm" in request.POST and quoted is not None and _is_shown(request, quoted, left)
    if confirmed and _issue(request, order, form, asked):
        return redirect("orders:detail", public_id)
    template = "orders/_partials/refund_total.html" if wants_partial(request) else "orders/order_refund.html"
    return render(request, template, _context(order, left, form, quoted, asked))


@require_POST
@role_required(Role.MANAGER)
def refund_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    refund = _refund(request, public_id)
    try:
        refunds.try_again(refund_id=refund.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Giving the money back again.")
    return redirect("orders:detail", refund.order.public_id)


@require_POST
@role_required(Role.MANAGER)
def refund_withdraw(request: MerchantRequest, public_id: str) -> HttpResponse:
    refund = _refund(request, public_id)
    try:
        refunds.withdraw(refund_id=refund.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The refund is withdrawn: nothing was given back.")
    return redirect("orders:detail", refund.order.public_id)


@never_cache
@require_POST
@role_required(Role.MANAGER)
def refund_link(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The customer's own link, to be passed on: shown once, to whoever may give refunds."""
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    try:
        url = refund_links.hand_out(order_id=order.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
        return redirect("orders:detail", public_id)
    context = {"order": order, "url": url, "valid_for": refund_links.VALID_FOR}
    template = "orders/_partials/refund_link.html" if wants_partial(request) else "orders/refund_link.html"
    return render(request, template, context)


@require_GET
@merchant_required
def request_list(request: MerchantRequest) -> HttpResponse:
    """Those that wait for an answer, oldest first; with ?all=1 every one, newest first."""
    rows = RefundRequest.objects.of(request.merchant).select_related("order").prefetch_related("lines__line")
    every = request.GET.get("all") == "1"
    rows = rows.order_by("-created_at", "-pk") if every else rows.open().order_by("created_at", "pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    owed = [] if every else owed_back.listed(request.merchant)
    return render(request, "orders/refund_requests.html", {"page": page, "every": every, "owed_orders": owed})


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def request_decline(request: MerchantRequest, public_id: str) -> HttpResponse:
    rows = RefundRequest.objects.of(request.merchant).select_related("order")
    asked = get_object_or_404(rows, public_id=public_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        by, answer = request.user.get_username(), form.cleaned_data["reason"]
        try:
            refund_requests.decline(request_id=asked.pk, answer=answer, by=by, at=timezone.now())
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Declined. The customer is told by e-mail.")
            return redirect("orders:detail", asked.order.public_id)
    return render(request, "orders/refund_decline.html", {"asked": asked, "order": asked.order, "form": form})


@require_GET
@cache_control(private=True, max_age=3600)
@merchant_required
def picture(request: MerchantRequest, public_id: str) -> HttpResponse:
    """A customer's picture, for members of the merchant alone."""
    row = get_object_or_404(RefundPicture.objects.of(request.merchant), public_id=public_id)
    headers = {"Content-Disposition": f'inline; filename="{row.public_id}.jpg"'}
    return HttpResponse(bytes(row.content), content_type=pictures.CONTENT_TYPE, headers=headers)


# --- the form --------------------------------------------------------------------------------------


def _is_repeated(request: MerchantRequest, order: Order) -> bool:
    """The same click again: its refund is promised already."""
    key = request.POST.get("key", "")
    return bool(key) and Refund.objects.filter(order=order, key=key).exists()


def _asked(request: MerchantRequest, order: Order) -> RefundRequest | None:
    """The customer's request that the form was opened from."""
    public_id = request.GET.get("request")
    if not public_id:
        return None
    return get_object_or_404(RefundRequest, order=order, public_id=public_id)


def _suggested(request: MerchantRequest, order: Order, left: Left, asked: RefundRequest | None) -> Wanted | None:
    """What the form is opened with: the customer's wish, what a store took off by itself or left out, or nothing."""
    if asked is not None:
        return refund_requests.wanted(asked, left)
    if "missing" in request.GET:
        return missing_lines.suggested(order, left)
    return owed_back.suggested(order, left) if "store" in request.GET else None


def _initial(suggested: Wanted | None, left: Left) -> dict[str, Any]:
    """With a key for one refund."""
    shown = {} if suggested is None else RefundForm.initial_of(suggested, left)
    return {"key": uuid.uuid4().hex, **shown}


def _quoted_at_once(order: Order, suggested: Wanted | None) -> Quote | None:
    try:
        return None if suggested is None else refund_quotes.quote(order, suggested)
    except OrderError:
        return None  # nothing is left of it: the form says what is


def _quoted(order: Order, form: RefundForm) -> Quote | None:
    if not form.is_valid():
        return None
    try:
        return refund_quotes.quote(order, form.wanted())
    except InvalidRefund as error:
        form.refuse(error)
    except OrderError as error:
        form.add_error(None, str(error))
    return None


def _is_shown(request: MerchantRequest, quoted: Quote, left: Left) -> bool:
    """Whether the person saw this very amount before confirming it."""
    return request.POST.get("shown") == plain(quoted.amount, left.currency)


def _issue(request: MerchantRequest, order: Order, form: RefundForm, asked: RefundRequest | None) -> bool:
    """False when it was refused after all: then the form says why."""
    try:
        refund, _ = refunds.issue(
            order_id=order.pk,
            wanted=form.wanted(),
            by=request.user.get_username(),
            at=timezone.now(),
            key=form.cleaned_data["key"],
            request_id=asked.pk if asked else None,
        )
    except InvalidRefund as error:
        form.refuse(error)
    except OrderError as error:
        form.add_error(None, str(error))
    else:
        text = f"{Money(refund.amount, refund.currency)} is on its way back to the customer."
        messages.success(request, text)
        return True
    return False


def _context(
    order: Order, left: Left, form: RefundForm, quoted: Quote | None, asked: RefundRequest | None
) -> dict[str, Any]:
    return {
        "order": order,
        "left": left,
        "form": form,
        "quoted": quoted,
        "shown": plain(quoted.amount, left.currency) if quoted else "",
        "asked": asked,
        "owed": owed_back.of(order),
    }


def _refund(request: MerchantRequest, public_id: str) -> Refund:
    return get_object_or_404(Refund.objects.of(request.merchant).select_related("order"), public_id=public_id)
