"""The practice stores as their staff see them; open to anybody who can reach them. Nothing here knows the portal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_q.tasks import async_task

from connectors.practice import dials, platforms, services
from connectors.practice.carriers.models import PracticeCarrier
from connectors.practice.events import DELIVER
from connectors.practice.forms import DialForm, FulfillForm, ParcelForms, QuantityForm, RefundForm, VariantForm
from connectors.practice.models import (
    PracticeDelivery,
    PracticeFulfillment,
    PracticeFulfillmentLine,
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
    shops = PracticeShop.objects.order_by("platform", "name", "pk")
    rows = [{"shop": here, "platform": platforms.of(here)} for here in shops]
    context = {
        "rows": rows,
        "carriers": PracticeCarrier.objects.order_by("name", "pk"),
        "mails": PracticeMail.objects.count(),
    }
    return render(request, "practice/index.html", context)


@login_not_required
@require_GET
def front_door(request: HttpRequest, platform: str, slug: str) -> HttpResponse:
    """The address that was connected, opened in a browser."""
    here = get_object_or_404(PracticeShop, platform=platform, slug=slug)
    return redirect("practice:shop", here.slug)


@login_not_required
@require_GET
def to_order(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    """The address that the platform itself gives an order's page."""
    return redirect("practice:order", slug, order_id)


@login_not_required
@require_GET
def shop(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    page = Paginator(_with_lines(here.orders.order_by("-created_at", "-pk")), PAGE).get_page(request.GET.get("page"))
    orders = [{"order": row, "fulfillment": services.fulfillment_status(row)} for row in page]
    context = {
        "shop": here,
        "orders": orders,
        "page": page,
        "address": _address(request, here),
        "typed": _typed(here),
        "sells": platforms.of(here).sells,
    }
    return render(request, "practice/shop.html", context)


@login_not_required
@require_GET
def order(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    rows = _with_lines(PracticeOrder.objects.select_related("shop", "customer"))
    row = get_object_or_404(rows, shop__slug=slug, pk=order_id)
    sent = Prefetch("lines", PracticeFulfillmentLine.objects.select_related("line").order_by("pk"))
    context = {
        "shop": row.shop,
        "order": row,
        "lines": sorted(row.lines.all(), key=lambda line: line.pk),
        "fulfillments": row.fulfillments.prefetch_related(sent).order_by("pk"),
        "refunds": row.refunds.order_by("pk"),
        "events": row.events.order_by("-at", "-pk"),
        "fulfillment_status": services.fulfillment_status(row),
        "parcels": ParcelForms(prefix="parcel"),
        "refundable": row.received - row.refunded,
        "bought": row.customer.orders.count() if row.customer else 0,
    }
    return render(request, "practice/order.html", context)


def _acts(view: Action) -> Action:
    """A POST whose refusal is shown on the page that it leads back to: an order's or, without one, the shop's."""

    @login_not_required
    @require_POST
    @wraps(view)
    def act(request: HttpRequest, slug: str, **key: int) -> HttpResponse:
        try:
            return view(request, slug, **key)
        except PracticeError as error:
            messages.error(request, str(error))
            return _back(slug, **key)

    return act


@_acts
def fulfill(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    form = FulfillForm(request.POST, lines=row.lines.order_by("pk"))
    if not form.is_valid():
        raise PracticeError("Quantities are whole numbers.")
    services.fulfill(order_id=row.pk, quantities=form.quantities(), parcels=_parcels(request))
    messages.success(request, "The items are fulfilled.")
    return _back(slug, order_id=row.pk)


@_acts
def cancel(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    services.cancel_order(order_id=row.pk, restock="restock" in request.POST)
    messages.success(request, "The order is cancelled.")
    return _back(slug, order_id=row.pk)


@_acts
def delete(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = _order(slug, order_id)
    services.delete_order(order_id=row.pk)
    messages.success(request, f"{row.name} is deleted.")
    return _back(slug)


@_acts
def refund(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row, form = _order(slug, order_id), RefundForm(request.POST)
    if not form.is_valid():
        raise PracticeError("Give an amount.")
    services.refund(order_id=row.pk, amount=form.cleaned_data["amount"], note=form.cleaned_data["note"])
    messages.success(request, "The money is given back in the store's books.")
    return _back(slug, order_id=row.pk)


@_acts
def edit(request: HttpRequest, slug: str, line_id: int) -> HttpResponse:
    line = get_object_or_404(PracticeLine, order__shop__slug=slug, pk=line_id)
    form = QuantityForm(request.POST)
    if not form.is_valid():
        raise PracticeError("Give a whole number.")
    services.edit_quantity(line_id=line.pk, quantity=form.cleaned_data["quantity"])
    messages.success(request, "The order is edited.")
    return _back(slug, order_id=line.order_id)


@_acts
def tracking(request: HttpRequest, slug: str, fulfillment_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeFulfillment, order__shop__slug=slug, pk=fulfillment_id)
    services.add_tracking(fulfillment_id=row.pk, parcels=_parcels(request))
    messages.success(request, "Tracking is added.")
    return _back(slug, order_id=row.order_id)


@_acts
def cancel_fulfillment(request: HttpRequest, slug: str, fulfillment_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeFulfillment, order__shop__slug=slug, pk=fulfillment_id)
    services.cancel_fulfillment(fulfillment_id=row.pk)
    messages.success(request, "The fulfillment is cancelled.")
    return _back(slug, order_id=row.order_id)


@login_not_required
@require_GET
def products(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    page = Paginator(here.variants.order_by("sku", "pk"), PAGE).get_page(request.GET.get("page"))
    kind = platforms.of(here)
    rows = [{"variant": row, "place": kind.place_of(row)} for row in page]
    context = {"shop": here, "page": page, "rows": rows, "places": kind.places(here)}
    return render(request, "practice/products.html", context)


@_acts
def edit_product(request: HttpRequest, slug: str, variant_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeVariant, shop__slug=slug, pk=variant_id)
    form = VariantForm(request.POST)
    if form.is_valid():
        services.edit_product(variant_id=row.pk, **form.cleaned_data)
        messages.success(request, f"{row.sku} is changed.")
    else:
        messages.error(request, "Stock is a whole number.")
    return redirect("practice:products", slug)


@login_not_required
@require_GET
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    page = Paginator(here.deliveries.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {"shop": here, "subscriptions": here.webhooks.order_by("pk"), "page": page}
    return render(request, "practice/webhooks.html", context)


@_acts
def deliver_again(request: HttpRequest, slug: str, delivery_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeDelivery, shop__slug=slug, pk=delivery_id)
    async_task(DELIVER, row.pk, retries=False)
    messages.success(request, "On its way again, under the same id.")
    return redirect("practice:delivery", slug, row.pk)


@login_not_required
@require_GET
def delivery(request: HttpRequest, slug: str, delivery_id: int) -> HttpResponse:
    """One webhook: what left, what the other side answered, and when it is sent again."""
    row = get_object_or_404(PracticeDelivery.objects.select_related("shop"), shop__slug=slug, pk=delivery_id)
    attempts = [{**attempt, "at": datetime.fromisoformat(attempt["at"])} for attempt in reversed(row.attempts)]
    platform = platforms.of(row.shop)
    context = {
        "shop": row.shop,
        "delivery": row,
        "attempts": attempts,
        "faults": [dials.DIALS[name].label for name in row.faults],
        "platform": platform,
        "retries": len(platform.retries_s),
    }
    return render(request, "practice/delivery.html", context)


@login_not_required
@require_http_methods(["GET", "POST"])
def turn_dials(request: HttpRequest, slug: str) -> HttpResponse:
    here = get_object_or_404(PracticeShop, slug=slug)
    form = DialForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        name, left = form.cleaned_data["name"], form.cleaned_data["left"]
        dials.turn(here.pk, name, left=left, seconds=form.cleaned_data["seconds"])
        messages.success(
            request, f"{dials.DIALS[name].label}: {left} to go." if left else f"{dials.DIALS[name].label}: off."
        )
        return redirect("practice:dials", slug)
    known = {name: dial for name, dial in dials.DIALS.items() if name in platforms.of(here).faults}
    rows = [{"name": name, "dial": dial, **_setting(here, name)} for name, dial in known.items()]
    return render(request, "practice/dials.html", {"shop": here, "rows": rows, "form": form})


def _address(request: HttpRequest, here: PracticeShop) -> str:
    return request.build_absolute_uri(platforms.address(here))


def _typed(here: PracticeShop) -> tuple[platforms.Typed, ...]:
    return platforms.of(here).typed(here)


def _setting(here: PracticeShop, name: str) -> dict[str, Any]:
    return {"left": 0, "seconds": dials.DIALS[name].seconds, **here.dials.get(name, {})}


def _with_lines(rows: QuerySet[PracticeOrder]) -> QuerySet[PracticeOrder]:
    return rows.prefetch_related("lines__fulfillment_lines__fulfillment")


def _order(slug: str, order_id: int) -> PracticeOrder:
    return get_object_or_404(PracticeOrder, shop__slug=slug, pk=order_id)


def _back(
    slug: str, *, order_id: int | None = None, line_id: int | None = None, fulfillment_id: int | None = None, **_: int
) -> HttpResponse:
    """To the order that the action was about; to the shop's orders when there is none any more."""
    orders = PracticeOrder.objects.filter(shop__slug=slug)
    if line_id:
        orders = orders.filter(lines=line_id)
    elif fulfillment_id:
        orders = orders.filter(fulfillments=fulfillment_id)
    else:
        orders = orders.filter(pk=order_id or 0)
    row = orders.first()
    return redirect("practice:order", slug, row.pk) if row else redirect("practice:shop", slug)


def _parcels(request: HttpRequest) -> list[dict[str, Any]]:
    forms = ParcelForms(request.POST, prefix="parcel")
    if not forms.is_valid():
        raise PracticeError("A tracking address is a web address, and a parcel with one has a number.")
    return [form.cleaned_data for form in forms if form.cleaned_data.get("number")]
