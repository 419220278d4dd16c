"""The page behind the link in a customer's mail: ask for a refund, and see what became of it. Open to whoever has it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from orders.errors import InvalidRefund, OrderError
from orders.forms.orders import RefundAskForm
from orders.models import Order, RefundRequest
from orders.services import refund_links, refund_quotes, refund_requests

MOST_BODY = 30 * 1024 * 1024  # bytes of one request with its pictures
TRIES_PER_HOUR = 20  # of one link: each may decode pictures


@never_cache
@login_not_required
@csrf_exempt  # reading the token reads the whole body: _refund_ask does it, once the size is known
@require_http_methods(["GET", "POST"])
def refund_ask(request: HttpRequest, token: str) -> HttpResponse:
    order = refund_links.order_of(token)
    if order is None:
        raise Http404
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BODY:
        return render(request, "orders/refund_ask_refused.html", {"too_large": True}, status=413)
    if request.method == "POST" and _too_many(order):
        return render(request, "orders/refund_ask_refused.html", {"too_large": False}, status=429)
    return _refund_ask(request, order)


@csrf_protect
def _refund_ask(request: HttpRequest, order: Order) -> HttpResponse:
    left = refund_quotes.left_of(order)
    sent = request.method == "POST"
    form = RefundAskForm(request.POST if sent else None, request.FILES if sent else None, left=left)
    if form.is_valid() and _asked(order, form):
        return redirect(request.path)
    made = list(RefundRequest.objects.filter(order=order).order_by("-created_at", "-pk"))
    may_ask = refund_requests.may_ask(left) and not any(row.status == "open" for row in made)
    context = {"order": order, "merchant": order.merchant, "form": form, "made": made, "may_ask": may_ask}
    with timezone.override(order.merchant.zone):
        return render(request, "orders/refund_ask.html", context)


def _asked(order: Order, form: RefundAskForm) -> bool:
    """False when it was refused: then the form says why."""
    values = form.cleaned_data
    try:
        refund_requests.ask(
            order_id=order.pk, lines=form.asked(), reason=values["reason"], note=values["note"], at=timezone.now()
        )
    except InvalidRefund as error:
        form.refuse(error)
    except OrderError as error:
        form.add_error(None, str(error))
    else:
        return True
    return False


def _too_many(order: Order) -> bool:
    """Counted by the hour."""
    key = f"refund-ask:{order.public_id}:{timezone.now():%Y%m%d%H}"
    cache.add(key, 0, timeout=3600)
    return cache.incr(key) > TRIES_PER_HOUR
