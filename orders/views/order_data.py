"""A connection's order data settings: one page, with a try-out of its texts on a real order."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import connector_class
from orders.errors import InvalidSettings
from orders.forms.order_data import SettingsForms, TryForm
from orders.models import Order
from orders.services import order_data, text_templates
from orders.views.htmx import wants_partial

RECENT = 20  # orders that the texts can be tried on


@require_http_methods(["GET", "POST"])
@merchant_required
@vary_on_headers("HX-Request")
def order_data_settings(request: MerchantRequest, public_id: str) -> HttpResponse:
    """A post with `try` shows what the texts would be, and saves nothing."""
    connection = _get(request, public_id)
    forms = _forms(request, connection)
    trying = request.method == "POST" and "try" in request.POST
    if trying and wants_partial(request):
        return render(request, "orders/_partials/order_data_trial.html", _trial(request, connection))
    if request.method == "POST" and not trying and _saved(request, connection, forms):
        return redirect("orders:order_data", public_id)
    return _page(request, connection, forms, refused=not trying)


@require_POST
@role_required(Role.MANAGER)
def locations_read(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    try:
        found = order_data.read_locations(connection_id=connection.pk, at=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{connection.name} did not tell its locations: {error}")
    else:
        messages.success(request, f"{found} location{'' if found == 1 else 's'} read from {connection.name}.")
    return redirect("orders:order_data", public_id)


def _saved(request: MerchantRequest, connection: Connection, forms: SettingsForms) -> bool:
    """False when the forms now say what is wrong."""
    if request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    if not forms.is_valid():
        return False
    by = request.user.get_username()
    try:
        order_data.save(connection_id=connection.pk, by=by, at=timezone.now(), **forms.chosen)
    except InvalidSettings as error:
        forms.refuse(error)
        return False
    messages.success(request, "Saved. It counts for orders that have not been sent yet.")
    for idle in order_data.without_effect(connection.pk):
        messages.warning(request, idle.message)
    return True


def _page(request: MerchantRequest, connection: Connection, forms: SettingsForms, *, refused: bool) -> HttpResponse:
    offers = connector_class(connection.platform).capabilities
    context = {
        "connection": connection,
        "forms": forms,
        "form": forms.form,
        "without_effect": order_data.without_effect(connection.pk),
        "known": text_templates.known_fields(connection),
        "has_locations": offers.locations,
        "has_texts": bool(offers.tag_max or offers.note_max),
        "recent": list(_recent(connection)[:RECENT]),
        **_trial(request, connection),
    }
    status = 422 if refused and request.method == "POST" else 200
    return render(request, "orders/order_data.html", context, status=status)


def _forms(request: MerchantRequest, connection: Connection) -> SettingsForms:
    return SettingsForms(
        request.POST if request.method == "POST" else None,
        connection=connection,
        locations=order_data.locations_of(connection),
        taxes=order_data.taxes_of(connection),
        rules=order_data.rules_of(connection),
    )


def _trial(request: MerchantRequest, connection: Connection) -> dict[str, Any]:
    """What the texts are for one order: as typed, or as saved on the newest."""
    orders = _recent(connection)
    typed = TryForm(request.POST) if request.method == "POST" else None
    texts = text_templates.saved(connection)
    order = None
    if typed is not None and typed.is_valid():
        texts = {name: typed.cleaned_data[name] for name in texts}
        order = orders.filter(public_id=typed.cleaned_data["order"]).first()
    order = order or orders.first()
    return {"tried": order, "texts": [] if order is None else text_templates.trials(connection, order, texts)}


def _recent(connection: Connection) -> QuerySet[Order]:
    orders = Order.objects.filter(merchant_id=connection.merchant_id).select_related("channel", "merchant")
    return orders.order_by("-placed_at", "-pk")


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().own().filter(is_destination=True)
    return get_object_or_404(standing.select_related("sync_settings__location"), public_id=public_id)
