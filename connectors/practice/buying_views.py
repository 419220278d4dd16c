"""Buying in a practice store as a customer would, and what its staff changes on such an order afterwards."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from connectors.practice import buying, platforms, services
from connectors.practice.buying_forms import AddressForm, BuyForm
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError


@login_not_required
@require_http_methods(["GET", "POST"])
def buy(request: HttpRequest, slug: str) -> HttpResponse:
    """The customer's way: choose, say where to, pay or not."""
    here = get_object_or_404(PracticeShop, slug=slug)
    if not platforms.of(here).sells:
        raise Http404
    form = BuyForm(request.POST if request.method == "POST" else None, shop=here)
    if form.is_valid():
        try:
            order = buying.buy(shop_id=here.pk, cart=form.cart())
        except PracticeError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{order.name} is placed.")
            return redirect("practice:order", slug, order.pk)
    status = 422 if form.errors else 200
    return render(request, "practice/buy.html", {"shop": here, "form": form}, status=status)


@login_not_required
@require_POST
def mark_paid(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeOrder, shop__slug=slug, pk=order_id)
    try:
        services.mark_as_paid(order_id=row.pk)
    except PracticeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The order is paid.")
    return redirect("practice:order", slug, row.pk)


@login_not_required
@require_http_methods(["GET", "POST"])
def change_address(request: HttpRequest, slug: str, order_id: int) -> HttpResponse:
    row = get_object_or_404(PracticeOrder.objects.select_related("shop"), shop__slug=slug, pk=order_id)
    initial = row.details.get("shippingAddress") or {}
    form = AddressForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            services.change_address(order_id=row.pk, address=form.address())
        except PracticeError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The address is changed.")
            return redirect("practice:order", slug, row.pk)
    context = {"shop": row.shop, "order": row, "form": form}
    return render(request, "practice/address.html", context, status=422 if form.errors else 200)
