"""Connection pages. A network call happens in a request only where a person waits for its answer: connect and test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors import pending, registry
from connectors.base import Entry
from connectors.errors import ConnectorError, MovedError, ServerKeyError
from connectors.forms import ConnectForm, ReconnectForm
from connectors.models import Connection
from connectors.services import (
    apps,
    catalog,
    connecting,
    connections,
    desk,
    desk_folder,
    health,
    practice,
    store_setup,
    suppliers,
)
from connectors.services.connections import StateRefused

LATEST_CALLS = 8
LATEST_ORDERS = 50
LATEST_FILES = 20


@require_GET
@merchant_required
def connection_list(request: MerchantRequest) -> HttpResponse:
    at = timezone.now()
    rows = Connection.objects.of(request.merchant).standing().own().order_by("name", "pk")
    rows = rows.annotate(unread_since=F("channel__sync__failing_since"))
    shown = [
        {
            "connection": row,
            "health": health.of(row, at=at),
            "sends_webhooks": registry.connector_class(row.platform).capabilities.webhooks,
        }
        for row in rows
    ]
    return render(request, "connectors/connection_list.html", {"connections": shown})


@require_GET
@role_required(Role.MANAGER)
def gallery(request: MerchantRequest) -> HttpResponse:
    """The platforms that can be connected."""
    return render(request, "connectors/gallery.html", {"platforms": registry.platforms()})


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def connection_new(request: MerchantRequest, platform: str) -> HttpResponse:
    if not registry.knows(platform):
        raise Http404
    posted = practice.completed(request.POST, platform) if request.method == "POST" else None
    form = ConnectForm(posted, platform=platform, offers=practice.choices(request.merchant, platform))
    if form.is_valid():
        try:
            connection = _connect(request, form, platform)
        except ServerKeyError as error:
            name = form.cleaned_data["name"]
            asked = pending.of(error, form.entry, merchant_id=request.merchant.pk, platform=platform, name=name)
            return _ask_to_confirm(request, asked)
        if connection is not None:
            return after_connecting(connection)
    return connect_page(request, platform, form)


def connect_page(request: MerchantRequest, platform: str, form: ConnectForm) -> HttpResponse:
    """The form, with what was typed and what is wrong with it."""
    context = {
        "platform": next(known for known in registry.platforms() if known.key == platform),
        "form": form,
        "offers": practice.offers(request.merchant, platform),
        "may_authorize": apps.can_authorize(platform),
    }
    return render(request, "connectors/connection_new.html", context, status=422 if form.errors else 200)


@require_GET
@merchant_required
def connection_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _page(request, _get(request, public_id))


@require_POST
@role_required(Role.MANAGER)
def connection_test(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    try:
        shop = connections.test(connection_id=connection.pk, at=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{connection.name} did not answer as it should: {error}")
    else:
        missing = f" Missing permissions: {', '.join(shop.missing_scopes)}." if shop.missing_scopes else ""
        messages.success(request, f"{shop.name} answered. Its currency is {shop.currency}.{missing}")
    return redirect("connectors:detail", public_id)


@require_POST
@role_required(Role.MANAGER)
def connection_webhooks(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    missing = connections.register_webhooks(connection_id=connection.pk, at=timezone.now())
    if missing:
        messages.error(
            request, "Not all webhooks could be set up. Changes are still found by asking the store regularly."
        )
    else:
        messages.success(request, "Webhooks are in place.")
    return redirect("connectors:detail", public_id)


@require_POST
@role_required(Role.MANAGER)
def connection_pause(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, connections.pause, "Paused. Orders wait until you resume.")


@require_POST
@role_required(Role.MANAGER)
def connection_resume(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, connections.resume, "Resumed. Waiting orders go on.")


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def connection_reconnect(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    form = ReconnectForm(request.POST if request.method == "POST" else None, connection=connection)
    if form.is_valid():
        try:
            if _reconnect(request, connection, form):
                return redirect("connectors:detail", public_id)
        except ServerKeyError as error:
            asked = pending.of(
                error,
                form.entry,
                merchant_id=request.merchant.pk,
                platform=connection.platform,
                connection=public_id,
            )
            return _ask_to_confirm(request, asked)
        except MovedError as error:
            return ask_about_address(request, connection, form.entry, error)
    return reconnect_page(request, connection, form)


def reconnect_page(request: MerchantRequest, connection: Connection, form: ReconnectForm) -> HttpResponse:
    """The form, with what was typed and what is wrong with it."""
    may_authorize = apps.can_authorize(connection.platform)
    context = {"connection": connection, "form": form, "may_authorize": may_authorize}
    return render(request, "connectors/connection_reconnect.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def connection_disconnect(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    if request.method == "POST":
        try:
            connections.disconnect(connection_id=connection.pk, by=_by(request), at=timezone.now())
        except StateRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{connection.name} is disconnected and its access token forgotten.")
        return redirect("connectors:list")
    return render(request, "connectors/connection_disconnect.html", {"connection": connection})


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().own().select_related("sync_settings")
    return get_object_or_404(standing, public_id=public_id)


def _by(request: HttpRequest) -> str:
    return request.user.get_username()


def _page(request: MerchantRequest, connection: Connection, **forms: Any) -> HttpResponse:
    """The connection's page; `forms` are those that were refused, with what was typed."""
    at = timezone.now()
    offers = registry.connector_class(connection.platform).capabilities
    context = {
        "connection": connection,
        "health": health.of(connection, at=at),
        "facts": health.facts(connection, at=at),
        "calls": connection.calls.order_by("-at", "-pk")[:LATEST_CALLS],
        "reading": catalog.reading_of(connection),
        "supplier": _supplier(connection),
        "has_desk": offers.desk,
        "has_folders": offers.folders,
        "purchase_orders": desk.listed(connection, limit=LATEST_ORDERS) if offers.desk else (),
        "tracking_files": desk_folder.listed(connection, limit=LATEST_FILES) if offers.folders else (),
        "folder_warning": desk_folder.warning(connection, at=at) if offers.folders else None,
        "fetches_tracking": offers.folders and desk_folder.fetches(connection),
        "has_webhooks": offers.webhooks,
        "setup_left": store_setup.next_step(connection) if store_setup.offered(connection) else "",
        "has_customers": offers.channel,
        "unread_since": health.unread_since(connection) if offers.channel else None,
        **forms,
    }
    return render(request, "connectors/connection_detail.html", context, status=422 if forms else 200)


def _supplier(connection: Connection) -> dict[str, Any] | None:
    """What was chosen for a supplier, and the step of its set-up that comes next; None for a store."""
    if not suppliers.is_supplier(connection):
        return None
    chosen = suppliers.settings_of(connection)
    method = suppliers.methods(connection).get(chosen.shipping_method, chosen.shipping_method)
    return {"chosen": chosen, "method": method, "next": suppliers.next_step(connection, chosen)}


def _change(request: MerchantRequest, public_id: str, service: Callable[..., Connection], done: str) -> HttpResponse:
    connection = _get(request, public_id)
    try:
        service(connection_id=connection.pk, by=_by(request), at=timezone.now())
    except StateRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("connectors:detail", public_id)


def _connect(request: MerchantRequest, form: ConnectForm, platform: str) -> Connection | None:
    """None when the form now says what is wrong. Raises ServerKeyError when a person has to confirm the server."""
    try:
        return establish(request, form.entry, platform=platform, name=form.cleaned_data["name"])
    except ServerKeyError:
        raise
    except (ConnectorError, IntegrityError) as error:
        blame(form, error)
    return None


def establish(request: MerchantRequest, entry: Entry, *, platform: str, name: str) -> Connection:
    """Raises ConnectorError, or IntegrityError for one that is there."""
    done = connecting.establish(
        merchant_id=request.merchant.pk, entry=entry, platform=platform, name=name, by=_by(request), at=timezone.now()
    )
    _say(request, connections.welcome(done.connection), done)
    return done.connection


def after_connecting(connection: Connection) -> HttpResponse:
    """A supplier is set up first."""
    page = "connectors:setup" if suppliers.is_supplier(connection) else "connectors:detail"
    return redirect(page, connection.public_id)


def _ask_to_confirm(request: MerchantRequest, asked: pending.Pending) -> HttpResponse:
    pending.keep(request.session, asked, at=timezone.now())
    return redirect("connectors:confirm_server")


def blame(form: ConnectForm | ReconnectForm, error: ConnectorError | StateRefused | IntegrityError) -> None:
    """Beside the field that is wrong."""
    field, text = connecting.blamed(form.platform.FIELDS, error)
    form.add_error(field if field in form.fields else None, text)


def _say(request: MerchantRequest, text: str, done: connecting.Connected) -> None:
    messages.success(request, text)
    for warning in done.warnings:
        messages.warning(request, warning)


def _reconnect(request: MerchantRequest, connection: Connection, form: ReconnectForm) -> bool:
    """False when the form now says what is wrong. Raises ServerKeyError or MovedError when a person has to confirm it."""
    form.entry = connecting.with_known_server(connection, form.entry)
    try:
        reestablish(request, connection, form.entry)
    except (ServerKeyError, MovedError):
        raise
    except (ConnectorError, StateRefused) as error:
        blame(form, error)
        return False
    return True


def reestablish(request: MerchantRequest, connection: Connection, entry: Entry, *, moved_to: str = "") -> None:
    """Raises what connecting.reestablish() raises."""
    done = connecting.reestablish(connection, entry, moved_to=moved_to, by=_by(request), at=timezone.now())
    _say(request, f"{connection.name} is connected again. Waiting orders go on.", done)


def ask_about_address(
    request: MerchantRequest, connection: Connection, entry: Entry, error: MovedError
) -> HttpResponse:
    """The page on which a person says whether it is the same supplier."""
    asked = pending.moved(
        entry,
        merchant_id=request.merchant.pk,
        platform=connection.platform,
        connection=connection.public_id,
        moved_to=error.moved_to,
    )
    return _ask_to_confirm(request, asked)
