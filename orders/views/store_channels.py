"""Orders from a store: turned on and off, read on demand, and what the latest reading brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.models import Connection
from orders.errors import OrderError
from orders.forms.stores import StoreChannelForm
from orders.models import Order, OrderSync
from orders.services import store_changes, store_channels, store_hints, store_sync
from orders.views.htmx import wants_partial


@require_http_methods(["GET", "POST"])
@merchant_required
@vary_on_headers("HX-Request")
def store_channel(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The switch and the date; htmx asks for the progress alone."""
    connection = _store(request, public_id)
    if request.method == "POST" and request.membership.role == Role.VIEWER:
        raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
    sync = store_channels.sync_of(connection)
    if wants_partial(request):
        return render(request, "orders/_partials/store_sync.html", _progress(connection, sync))
    form = StoreChannelForm(request.POST if request.method == "POST" else None, initial=_initial(request, connection))
    if form.is_valid() and _saved(request, connection, form):
        return redirect("orders:store_channel", public_id)
    context = {"form": form, **_progress(connection, sync)}
    return render(request, "orders/store_channel.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(Role.MANAGER)
def store_sync_start(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _store(request, public_id)
    try:
        store_sync.start(connection_id=connection.pk, by=_by(request), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Reading the orders of {connection.name}.")
    return redirect("orders:store_channel", public_id)


@require_http_methods(["GET", "POST"])
@merchant_required
def sync_all(request: MerchantRequest) -> HttpResponse:
    """The Order Manager's button: every store channel is read; then, and for GET, how far each is."""
    if request.method == "POST":
        if request.membership.role == Role.VIEWER:
            raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
        _start_all(request)
        return redirect("orders:sync")
    syncs = store_channels.of(request.merchant)
    unread = store_hints.unread([sync.channel.connection_id or 0 for sync in syncs])
    shown = [_progress(_connection(sync), sync, unread) for sync in syncs]
    template = "orders/_partials/store_syncs.html" if wants_partial(request) else "orders/store_syncs.html"
    return render(request, template, {"channels": shown, "is_running": any(row["is_running"] for row in shown)})


@require_POST
@role_required(Role.MANAGER)
def change_settle(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    try:
        store_changes.settle(order_id=order.pk, by=_by(request), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Settled.")
    return redirect("orders:detail", public_id)


def _store(request: MerchantRequest, public_id: str) -> Connection:
    """A connection in which customers can order."""
    connection = get_object_or_404(Connection.objects.of(request.merchant).standing().own(), public_id=public_id)
    if not store_channels.offered(connection):
        raise Http404
    return connection


def _saved(request: MerchantRequest, connection: Connection, form: StoreChannelForm) -> bool:
    """False when the form now says what is wrong."""
    by, at = _by(request), timezone.now()
    if not form.cleaned_data["on"]:
        store_channels.turn_off(connection_id=connection.pk, by=by, at=at)
        messages.success(request, f"Orders placed in {connection.name} stay there.")
        return True
    placed_from = request.merchant.day_bounds(form.cleaned_data["placed_from"])[0]
    try:
        opened = store_sync.open_channel(connection_id=connection.pk, placed_from=placed_from, by=by, at=at)
    except OrderError as error:
        form.add_error("placed_from", str(error))
        return False
    messages.success(request, f"Orders placed in {connection.name} come in from now on.")
    if opened.not_read:
        messages.warning(request, opened.not_read)
    if not opened.tells:
        messages.info(request, "The store does not tell of orders by itself: it is asked every few minutes.")
    return True


def _initial(request: MerchantRequest, connection: Connection) -> dict[str, Any]:
    sync = store_channels.sync_of(connection)
    placed_from = sync.placed_from if sync else timezone.now()
    return {"on": connection.is_channel, "placed_from": placed_from.astimezone(request.merchant.zone).date()}


def _start_all(request: MerchantRequest) -> None:
    for sync in store_channels.of(request.merchant):
        try:
            store_sync.start(connection_id=_connection(sync).pk, by=_by(request), at=timezone.now())
        except OrderError as error:
            messages.error(request, str(error))


def _progress(
    connection: Connection, sync: OrderSync | None, unread: Mapping[int, int] | None = None
) -> dict[str, Any]:
    counted = store_hints.unread([connection.pk]) if unread is None else unread
    return {
        "connection": connection,
        "sync": sync,
        "is_running": sync is not None and sync.is_running,
        "skips": store_channels.skips(sync) if sync else [],
        "unread": counted.get(connection.pk, 0),
    }


def _connection(sync: OrderSync) -> Connection:
    connection = sync.channel.connection
    assert connection is not None  # noqa: S101  # a store channel has one
    return connection


def _by(request: MerchantRequest) -> str:
    return request.user.get_username()
