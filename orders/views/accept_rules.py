"""Settings > Auto-accept: the rules from the top, what they would have done, and a form for one more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.errors import InvalidSettings
from orders.forms.accepting import AcceptRuleForm, AcceptSettingsForm
from orders.models import AcceptRule
from orders.services import accept_rules, acceptance, backtest

SHOWN = 50  # orders of a look-back at once


@require_http_methods(["GET", "POST"])
@merchant_required
def auto_accept_settings(request: MerchantRequest) -> HttpResponse:
    if request.method == "POST" and request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    form = _rule_form(request, request.POST if request.method == "POST" else None)
    if form.is_valid() and _added(request, form):
        messages.success(request, "Saved. It counts for orders that are checked from now on.")
        return redirect("orders:auto_accept_settings")
    return _page(request, form, status=422 if form.errors else 200)


@require_GET
@merchant_required
def look_back(request: MerchantRequest) -> HttpResponse:
    """What the rules would have done with the last orders."""
    result = backtest.run(request.merchant, at=timezone.now())
    return _page(request, _rule_form(request, None), result=result)


@require_POST
@role_required(Role.MANAGER)
def settings_save(request: MerchantRequest) -> HttpResponse:
    form = AcceptSettingsForm(request.POST)
    if form.is_valid():
        accept_rules.save_settings(
            merchant_id=request.merchant.pk, by=request.user.get_username(), at=timezone.now(), **form.cleaned_data
        )
        messages.success(request, "Saved. It counts for orders that are checked from now on.")
    return redirect("orders:auto_accept_settings")


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def rule_edit(request: MerchantRequest, public_id: str) -> HttpResponse:
    rule = get_object_or_404(AcceptRule.objects.of(request.merchant), public_id=public_id)
    posted = request.POST if request.method == "POST" else None
    form = _rule_form(request, posted, initial=AcceptRuleForm.initial_of(rule))
    if form.is_valid() and _changed(request, rule, form):
        messages.success(request, "Saved. It counts for orders that are checked from now on.")
        return redirect("orders:auto_accept_settings")
    context = {"form": form, "rule": rule, "words": acceptance.describe(rule)}
    return render(request, "orders/accept_rule.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(Role.MANAGER)
def rule_raise(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, accept_rules.lift, "The rule is looked at earlier now.")


@require_POST
@role_required(Role.MANAGER)
def rule_remove(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, accept_rules.remove, "The rule is removed.")


def _change(request: MerchantRequest, public_id: str, service: Callable[..., None], done: str) -> HttpResponse:
    rule = get_object_or_404(AcceptRule.objects.of(request.merchant), public_id=public_id)
    service(rule_id=rule.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, done)
    return redirect("orders:auto_accept_settings")


def _rule_form(request: MerchantRequest, data: Any, initial: dict[str, Any] | None = None) -> AcceptRuleForm:
    merchant = request.merchant
    channels = accept_rules.channels_of(merchant)
    return AcceptRuleForm(data, channels=channels, currency=merchant.currency, initial=initial)


def _page(
    request: MerchantRequest, form: AcceptRuleForm, *, result: backtest.Result | None = None, status: int = 200
) -> HttpResponse:
    shadow = accept_rules.is_shadow(request.merchant)
    rules = AcceptRule.objects.of(request.merchant).in_order()
    context = {
        "form": form,
        "settings_form": AcceptSettingsForm(initial={"default": request.merchant.auto_accept, "shadow": shadow}),
        "shadow": shadow,
        "rules": [{"rule": rule, "words": acceptance.describe(rule)} for rule in rules],
        "result": result,
        "page": Paginator(result.orders, SHOWN).get_page(request.GET.get("page")) if result else None,
        "days": backtest.DAYS,
        "most": backtest.MOST,
    }
    return render(request, "orders/auto_accept.html", context, status=status)


def _added(request: MerchantRequest, form: AcceptRuleForm) -> bool:
    """False when the form now says what is wrong."""
    try:
        accept_rules.add(
            merchant_id=request.merchant.pk, rule=form.rule, by=request.user.get_username(), at=timezone.now()
        )
    except InvalidSettings as error:
        form.refuse(error)
        return False
    return True


def _changed(request: MerchantRequest, rule: AcceptRule, form: AcceptRuleForm) -> bool:
    """False when the form now says what is wrong."""
    try:
        accept_rules.change(rule_id=rule.pk, rule=form.rule, by=request.user.get_username(), at=timezone.now())
    except InvalidSettings as error:
        form.refuse(error)
        return False
    return True
