"""The practice stores as their staff see them, and the mailbox; open to anybody who can reach them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_q.tasks import async_task

from connectors.practice import dials, services
from connectors.practice.events import DELIVER
from connectors.practice.forms import DialForm, ParcelForms, QuantityForm, RefundForm, StockForm
from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeLine,
    PracticeMail,
    PracticeOrder,
    PracticeShop,
    PracticeVariant,
)
from connectors.practice.services import PracticeError

PAGE = 50
Action = Callable[..., HttpResponse]


@login_not_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    shops = PracticeShop.objects.order_by("name", "pk")
    return render(request, "practice/index.html", {"shops": shops, "mails": PracticeMail.objects.count()})


@login_not_required
@require_GET
def shop(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    rows = here.orders.prefetch_related("lines__fulfillment_lines__fulfillment").order_by("-created_at", "-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    orders = [{"order": row, "fulfillment": services.fulfillment_status(row)} for row in page]
    return render(request, "practice/shop.html", {"shop": here, "orders": orders, "page": page})


@login_not_required
@require_GET
def order(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    context = {
        "shop": row.shop,
        "order": row,
        "lines": row.lines.prefetch_related("fulfillment_lines__fulfillment").order_by("pk"),
        "fulfillments": row.fulfillments.prefetch_related("lines__line").order_by("pk"),
        "fulfillment_status": services.fulfillment_status(row),
        "parcels": ParcelForms(prefix="parcel"),
        "refundable": row.received - row.refunded,
    }
    return render(request, "practice/order.html", context)


def _acts(view: Action) -> Action:
    """A POST whose refusal is shown on the page it came from."""

    @login_not_required
    @require_POST
    @wraps(view)
    def act(request: HttpRequest, slug: str, **key: int) -> HttpResponse:
        try:
            return view(request, slug, **key)
        except PracticeError as error:
            messages.error(request, str(error))
            return redirect(request.headers.get("Referer") or "practice:index")

    return act


@_acts
def fulfill(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    quantities = {line.pk: _whole(request.POST.get(f"line-{line.pk}")) for line in row.lines.all()}
    services.fulfill(order_id=row.pk, quantities=quantities, parcels=_parcels(request))
    messages.success(request, "Fulfilled.")
    return redirect("practice:order", slug, row.pk)


@_acts
def cancel(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    services.cancel_order(order_id=row.pk)
    messages.success(request, "Cancelled.")
    return redirect("practice:order", slug, row.pk)


@_acts
def refund(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row, form = _order(slug, order_id), RefundForm(request.POST)
    if not form.is_valid():
        raise PracticeError("Give an amount.")
    services.refund(order_id=row.pk, amount=form.cleaned_data["amount"])
    messages.success(request, "Refunded.")
    return redirect("practice:order", slug, row.pk)


@_acts
def edit(request: HttpRequest, slug: str, line_id: int) -> HttpResponse:
    line = get_object_or_404(PracticeLine.objects.select_related("order"), order__shop__slug=slug, pk=line_id)
    form = QuantityForm(request.POST)
    if not form.is_valid():
        raise PracticeError("Give a whole number.")
    services.edit_quantity(line_id=line.pk, quantity=form.cleaned_data["quantity"])
    messages.success(request, "Changed.")
    return redirect("practice:order", slug, line.order_id)


@_acts
def tracking(request: HttpRequest, slug: str, fulfillment_id: int) -> HttpResponse:
    row = _fulfillment(slug, fulfillment_id)
    services.add_tracking(fulfillment_id=row.pk, parcels=_parcels(request))
    messages.success(request, "Tracking added.")
    return redirect("practice:order", slug, row.order_id)


@_acts
def cancel_fulfillment(request: HttpRequest, slug: str, fulfillment_id: int) -> HttpResponse:
    row = _fulfillment(slug, fulfillment_id)
    services.cancel_fulfillment(fulfillment_id=row.pk)
    messages.success(request, "The fulfillment is cancelled.")
    return redirect("practice:order", slug, row.order_id)


@login_not_required
@require_http_methods(["GET", "POST"])
def products(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    form = StockForm(request.POST) if request.method == "POST" else None
    if form and form.is_valid():
        variant = get_object_or_404(PracticeVariant, shop=here, pk=form.cleaned_data["variant"])
        PracticeVariant.objects.filter(pk=variant.pk).update(stock=form.cleaned_data["stock"])
        return redirect("practice:products", slug)
    page = Paginator(here.variants.order_by("sku", "pk"), 100).get_page(request.GET.get("page"))
    return render(request, "practice/products.html", {"shop": here, "page": page, "form": form})


@login_not_required
@require_GET
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    page = Paginator(here.deliveries.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return render(
        request, "practice/webhooks.html", {"shop": here, "subscriptions": here.webhooks.order_by("pk"), "page": page}
    )


@_acts
def deliver_again(request: HttpRequest, slug: str, delivery_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeDelivery, shop__slug=slug, pk=delivery_id)
    async_task(DELIVER, row.pk)
    messages.success(request, "On its way again, under the same id.")
    return redirect("practice:webhooks", slug)


@login_not_required
@require_http_methods(["GET", "POST"])
def turn_dials(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    form = DialForm(request.POST) if request.method == "POST" else None
    if form and form.is_valid() and form.cleaned_data["name"] in dials.DIALS:
        data = form.cleaned_data
        dials.turn(here.pk, data["name"], left=data["left"], seconds=data["seconds"] or 0)
        messages.success(request, f"{dials.DIALS[data['name']].label}: {data['left']} to go.")
        return redirect("practice:dials", slug)
    rows = [
        {"name": name, "dial": dial, "left": here.dials.get(name, {}).get("left", 0),
         "seconds": here.dials.get(name, {}).get("seconds", dial.seconds)}
        for name, dial in dials.DIALS.items()
    ]  # fmt: skip
    return render(request, "practice/dials.html", {"shop": here, "rows": rows, "form": form})


@login_not_required
@require_GET
def mailbox(request: HttpRequest) -> HttpResponse:
    page = Paginator(PracticeMail.objects.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "practice/mailbox.html", {"page": page})


@login_not_required
@require_GET
def mail(request: HttpRequest, mail_id: int) -> HttpResponse:
    return render(request, "practice/mail.html", {"mail": get_object_or_404(PracticeMail, pk=mail_id)})


# A mail brings its own styles; nothing in it may run or load anything.
@csp_replace(
    {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "frame-ancestors": ["'self'"], "sandbox": [""]}
)
@xframe_options_sameorigin
@login_not_required
@require_GET
def mail_html(request: HttpRequest, mail_id: int) -> HttpResponse:
    return HttpResponse(get_object_or_404(PracticeMail, pk=mail_id).html)


def _order(slug: str, order_id: int) -> PracticeOrder:
    return get_object_or_404(PracticeOrder.objects.select_related("shop"), shop__slug=slug, pk=order_id)


def _fulfillment(slug: str, fulfillment_id: int) -> PracticeFulfillment:
    return get_object_or_404(PracticeFulfillment, order__shop__slug=slug, pk=fulfillment_id)


def _parcels(request: HttpRequest) -> list[dict[str, Any]]:
    forms = ParcelForms(request.POST, prefix="parcel")
    if not forms.is_valid():
        raise PracticeError("A tracking address must begin with https://.")
    return [form.cleaned_data for form in forms if form.cleaned_data.get("number")]


def _whole(value: str | None) -> int:
    if value is None or not value.strip():
        return 0
    if not value.strip().isdigit():
        raise PracticeError("Quantities are whole numbers.")
    return int(value)
