"""Settings > Opening hours & deadlines."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.errors import InvalidSettings
from orders.forms.accepting import OpeningHoursForm
from orders.models import ShipWithin
from orders.services import accept_rules, deadlines, opening_hours


@require_http_methods(["GET", "POST"])
@merchant_required
def opening_hours_settings(request: MerchantRequest) -> HttpResponse:
    merchant = request.merchant
    if request.method == "POST" and request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    hours = opening_hours.of(merchant)
    ship_within = dict(ShipWithin.objects.filter(merchant=merchant).values_list("channel_id", "days"))
    form = OpeningHoursForm(
        request.POST if request.method == "POST" else None,
        channels=accept_rules.channels_of(merchant),
        initial=OpeningHoursForm.initial_of(hours, ship_within),
    )
    if form.is_valid() and _saved(request, form):
        messages.success(request, "Saved. Deadlines count for orders that arrive from now on, reminders for all.")
        return redirect("orders:opening_hours")
    confirm_by, ship_by = deadlines.sample(hours, at=timezone.now()) if hours.pk else (None, None)
    context = {"form": form, "is_set": bool(hours.pk), "confirm_by": confirm_by, "ship_by": ship_by}
    return render(request, "orders/opening_hours.html", context, status=422 if form.errors else 200)


def _saved(request: MerchantRequest, form: OpeningHoursForm) -> bool:
    """False when the form now says what is wrong."""
    try:
        opening_hours.save(
            merchant_id=request.merchant.pk,
            hours=form.hours,
            ship_within=form.ship_within,
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except InvalidSettings as error:
        form.refuse(error)
        return False
    return True
