"""Where lines go: moved on an order's page, and the rules for all orders to come."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.services import connections
from orders.errors import OrderError
from orders.forms.orders import DefaultDestinationForm, MoveForm, RuleForm
from orders.models import Order, RoutingRule
from orders.services import rerouting, routing, routing_rules


@require_POST
@role_required(Role.MANAGER)
def lines_move(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    destinations = routing.destinations(request.merchant)
    form = MoveForm(request.POST, lines=order.lines.all(), destinations=destinations)
    if not form.is_valid():
        for refusals in form.errors.values():
            messages.error(request, " ".join(str(refusal) for refusal in refusals))
        return redirect("orders:detail", public_id)
    try:
        rerouting.move(order_id=order.pk, moves=form.moves, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Moved.")
    return redirect("orders:detail", public_id)


@require_http_methods(["GET", "POST"])
@merchant_required
def routing_settings(request: MerchantRequest) -> HttpResponse:
    """The rules from the top, the default destination, and a form for one more rule."""
    if request.method == "POST" and request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    destinations = routing.destinations(request.merchant)
    form = RuleForm(request.POST if request.method == "POST" else None, destinations=destinations)
    if form.is_valid() and _added(request, form):
        messages.success(request, "Saved. It counts for orders that arrive from now on.")
        return redirect("orders:routing")
    rules = RoutingRule.objects.of(request.merchant).in_order().select_related("connection")
    standing = {connection.pk for connection in destinations}
    context = {
        "form": form,
        "default_form": DefaultDestinationForm(destinations=routing.own_destinations(request.merchant)),
        "destinations": destinations,
        "rules": [{"rule": rule, "stands": rule.connection_id in standing} for rule in rules],
    }
    return render(request, "orders/routing_settings.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(Role.MANAGER)
def default_save(request: MerchantRequest) -> HttpResponse:
    form = DefaultDestinationForm(request.POST, destinations=routing.own_destinations(request.merchant))
    if not form.is_valid():
        messages.error(request, "Choose one of your stores.")
        return redirect("orders:routing")
    connection = form.connections[form.cleaned_data["default"]]
    connections.set_default(connection_id=connection.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, f"{connection.name} takes what nothing sends elsewhere.")
    return redirect("orders:routing")


@require_POST
@role_required(Role.MANAGER)
def rule_raise(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, routing_rules.lift, "The rule is looked at earlier now.")


@require_POST
@role_required(Role.MANAGER)
def rule_remove(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, routing_rules.remove, "The rule is removed.")


def _change(request: MerchantRequest, public_id: str, service: Callable[..., None], done: str) -> HttpResponse:
    rule = get_object_or_404(RoutingRule.objects.of(request.merchant), public_id=public_id)
    service(rule_id=rule.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, done)
    return redirect("orders:routing")


def _added(request: MerchantRequest, form: RuleForm) -> bool:
    """False when the form now says what is wrong."""
    try:
        routing_rules.add(
            merchant_id=request.merchant.pk, rule=form.rule, by=request.user.get_username(), at=timezone.now()
        )
    except OrderError as error:
        form.add_error(None, str(error))
        return False
    return True
