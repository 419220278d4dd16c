"""The set-up of a store that was just connected, a page for each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.forms import StoreOrdersForm
from connectors.models import Connection, UnlinkedSku
from connectors.services import catalog, connections, store_setup

Page = dict[str, Any] | None  # what a step shows; None when it was saved and the next one is due


@require_GET
@role_required(Role.MANAGER)
def start(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Go on where it was left; from the start when all was done."""
    connection = _get(request, public_id)
    name = store_setup.next_step(connection) or store_setup.STEPS[0].name
    return redirect("connectors:start_step", public_id, name)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def start_step(request: MerchantRequest, public_id: str, step: str) -> HttpResponse:
    connection = _get(request, public_id)
    if step not in _STEPS:
        raise Http404
    shown = _STEPS[step](request, connection)
    if shown is None:
        return _go_on(request, connection, step)
    context = {
        "connection": connection,
        "steps": store_setup.STEPS,
        "done": connection.sync_settings.setup_done,
        "step": step,
        "template": f"connectors/_partials/start_{step}.html",
        **shown,
    }
    return render(request, "connectors/start.html", context, status=422 if "refused" in shown else 200)


def _go_on(request: MerchantRequest, connection: Connection, step: str) -> HttpResponse:
    following = store_setup.after(step)
    if following:
        return redirect("connectors:start_step", connection.public_id, following)
    messages.success(request, f"{connection.name} is set up.")
    return redirect("connectors:detail", connection.public_id)


# --- the steps -------------------------------------------------------------------------------------


def _connection(request: MerchantRequest, connection: Connection) -> Page:
    """The store is asked once more who it is, and what it refuses is said in its words."""
    if request.method != "POST":
        return {}
    try:
        shop = connections.test(connection_id=connection.pk, at=timezone.now())
    except ConnectorError as error:
        return {"refused": str(error)}
    missing = f" Missing permissions: {', '.join(shop.missing_scopes)}." if shop.missing_scopes else ""
    messages.success(request, f"{shop.name} answered. Its currency is {shop.currency}.{missing}")
    _save(request, connection, "connection")
    return None


def _orders(request: MerchantRequest, connection: Connection) -> Page:
    initial = {"sync_orders": connection.sync_settings.sync_orders}
    form = StoreOrdersForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        return {"form": form}
    _save(request, connection, "orders", **form.cleaned_data)
    return None


def _products(request: MerchantRequest, connection: Connection) -> Page:
    if request.method == "POST":
        _save(request, connection, "products")
        return None
    asked = UnlinkedSku.objects.filter(connection=connection).asked().count()
    return {"reading": catalog.reading_of(connection), "asked": asked}


_STEPS: dict[str, Callable[[MerchantRequest, Connection], Page]] = {
    "connection": _connection,
    "orders": _orders,
    "products": _products,
}


def _save(request: MerchantRequest, connection: Connection, step: str, **chosen: bool) -> None:
    by = request.user.get_username()
    store_setup.save(connection_id=connection.pk, step=step, by=by, at=timezone.now(), **chosen)


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().own().select_related("sync_settings")
    connection = get_object_or_404(standing, public_id=public_id)
    if not store_setup.offered(connection):
        raise Http404
    return connection
