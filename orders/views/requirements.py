"""What the merchant asks of orders, for every channel and for single ones."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.errors import OrderError
from orders.forms.drafts import RequirementsForm
from orders.services import requirements
from orders.services.requirements import EVERY, ChannelNeeds

SAVED = "Saved. Orders that wait for a decision are looked at again."


@require_http_methods(["GET", "POST"])
@merchant_required
def requirements_settings(request: MerchantRequest) -> HttpResponse:
    """A form for each channel; the one that was sent says in `channel` which it is."""
    listed = requirements.listed(request.merchant)
    if request.method == "POST":
        if request.membership.role == Role.VIEWER:
            raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
        return _save(request, _of(listed, request.POST.get("channel", "")))
    forms = [_shown(one) for one in listed]
    return render(request, "orders/requirements_settings.html", {"forms": forms, "every": EVERY})


@require_POST
@role_required(Role.MANAGER)
def requirements_follow(request: MerchantRequest) -> HttpResponse:
    """Let a channel go by what counts for every channel again."""
    one = _of(requirements.listed(request.merchant), request.POST.get("channel", ""))
    try:
        requirements.follow_every(
            merchant_id=request.merchant.pk, key=one.key, by=request.user.get_username(), at=timezone.now()
        )
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{one.name} goes by what counts for every channel.")
    return redirect("orders:requirements")


def _save(request: MerchantRequest, one: ChannelNeeds) -> HttpResponse:
    form = RequirementsForm(request.POST, prefix=one.key)
    form.is_valid()  # boxes alone: every input means something
    requirements.save(
        merchant_id=request.merchant.pk,
        key=one.key,
        needs=form.needs,
        by=request.user.get_username(),
        at=timezone.now(),
    )
    messages.success(request, SAVED)
    return redirect("orders:requirements")


def _of(listed: list[ChannelNeeds], key: str) -> ChannelNeeds:
    """Raises Http404 for a channel that the merchant does not have."""
    for one in listed:
        if one.key == key:
            return one
    raise Http404


def _shown(one: ChannelNeeds) -> dict[str, Any]:
    return {"channel": one, "form": RequirementsForm(prefix=one.key, initial=asdict(one.needs))}
