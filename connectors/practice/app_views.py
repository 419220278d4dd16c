"""The page on which a practice store's owner deals with the app that the portal is there."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from connectors.practice import app_events, platforms
from connectors.practice.forms import PrivacyForm
from connectors.practice.models import PracticeShop
from connectors.practice.services import PracticeError

ORDERS = 50  # to choose a customer by


@login_not_required
@require_GET
def app(request: HttpRequest, slug: str) -> HttpResponse:
    here = _shop(slug)
    orders = here.orders.order_by("-created_at", "-pk")[:ORDERS]
    return render(request, "practice/app.html", {"shop": here, "platform": platforms.of(here), "orders": orders})


@login_not_required
@require_POST
def uninstall(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        app_events.uninstall(shop_id=_shop(slug).pk)
    except PracticeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The app is uninstalled. What it was given works no more.")
    return redirect("practice:app", slug)


@login_not_required
@require_POST
def ask_for_privacy(request: HttpRequest, slug: str) -> HttpResponse:
    here, form = _shop(slug), PrivacyForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose what is asked for.")
        return redirect("practice:app", slug)
    try:
        app_events.ask_for_privacy(shop_id=here.pk, **form.cleaned_data)
    except PracticeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{form.cleaned_data['topic']} is on its way.")
    return redirect("practice:app", slug)


def _shop(slug: str) -> PracticeShop:
    here = get_object_or_404(PracticeShop, slug=slug)
    if not platforms.of(here).uninstalls:
        raise Http404
    return here
