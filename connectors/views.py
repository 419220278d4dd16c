"""Connection pages. A network call happens in a request only where a person waits for its answer: connect and test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.forms import LinkForm, ReconnectForm, ShopifyForm, SyncSettingsForm, chosen
from connectors.models import Connection, ProductLink
from connectors.services import connections, health, links, practice
from connectors.services.clients import connector_for

PAGE = 50


@require_GET
@merchant_required
def connection_list(request: MerchantRequest) -> HttpResponse:
    at = timezone.now()
    rows = Connection.objects.of(request.merchant).standing().order_by("name", "pk")
    shown = [{"connection": row, "health": health.of(row, at=at)} for row in rows]
    return render(request, "connectors/connection_list.html", {"connections": shown})


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def connection_new(request: MerchantRequest) -> HttpResponse:
    form = ShopifyForm(practice.completed(request.POST) or None)
    if request.method == "POST" and form.is_valid():
        connection = _connect(request, form)
        if connection is not None:
            return redirect("connectors:detail", connection.public_id)
    offers = practice.offers(request.merchant) if settings.PRACTICE_STORES else []
    return render(request, "connectors/connection_new.html", {"form": form, "offers": offers})


@require_GET
@merchant_required
def connection_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _page(request, _get(request, public_id))


@require_POST
@role_required(Role.MANAGER)
def connection_settings(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    form = SyncSettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, connection, settings_form=form)
    connections.save_settings(connection_id=connection.pk, by=_by(request), at=timezone.now(), **chosen(form))
    messages.success(request, "Saved. It counts for orders that have not been sent yet.")
    return redirect("connectors:detail", public_id)


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
    form = ReconnectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        credentials = {"access_token": form.cleaned_data["access_token"]}
        try:
            shop = connections.ask(platform=connection.platform, base_url=connection.base_url, credentials=credentials)
        except ConnectorError as error:
            form.add_error("access_token", str(error))
        else:
            if shop.remote_id != connection.remote_id:
                form.add_error("access_token", f"This token belongs to another store: {shop.name}.")
            else:
                _reconnect(request, connection, form)
                return redirect("connectors:detail", public_id)
    return render(request, "connectors/connection_reconnect.html", {"connection": connection, "form": form})


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def connection_disconnect(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    if request.method == "POST":
        connections.disconnect(connection_id=connection.pk, by=_by(request), at=timezone.now())
        messages.success(request, f"{connection.name} is disconnected and its access token forgotten.")
        return redirect("connectors:list")
    return render(request, "connectors/connection_disconnect.html", {"connection": connection})


@require_POST
@role_required(Role.MANAGER)
def link_save(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    form = LinkForm(request.POST)
    if form.is_valid() and _link(request, connection, form):
        return redirect("connectors:detail", public_id)
    return _page(request, connection, link_form=form)


@require_POST
@role_required(Role.MANAGER)
def link_remove(request: MerchantRequest, public_id: str, link_id: int) -> HttpResponse:
    connection = _get(request, public_id)
    link = get_object_or_404(ProductLink, connection=connection, pk=link_id)
    links.unlink(link_id=link.pk, by=_by(request), at=timezone.now())
    messages.success(request, f"{link.sku} is no longer linked.")
    return redirect("connectors:detail", public_id)


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().select_related("sync_settings")
    return get_object_or_404(standing, public_id=public_id)


def _by(request: HttpRequest) -> str:
    return request.user.get_username()


def _page(request: MerchantRequest, connection: Connection, **forms: Any) -> HttpResponse:
    """The connection's page; `forms` are those that were refused, with what was typed."""
    calls = Paginator(connection.calls.order_by("-at", "-pk"), PAGE).get_page(request.GET.get("calls"))
    linked = Paginator(connection.product_links.order_by("sku", "pk"), PAGE).get_page(request.GET.get("links"))
    context = {
        "connection": connection,
        "health": health.of(connection, at=timezone.now()),
        "settings_form": SyncSettingsForm(instance=connection.sync_settings),
        "link_form": LinkForm(initial={"sku": request.GET.get("sku", "")}),
        "calls": calls,
        "links": linked,
        **forms,
    }
    return render(request, "connectors/connection_detail.html", context, status=422 if forms else 200)


def _change(request: MerchantRequest, public_id: str, service: Callable[..., Connection], done: str) -> HttpResponse:
    service(connection_id=_get(request, public_id).pk, by=_by(request), at=timezone.now())
    messages.success(request, done)
    return redirect("connectors:detail", public_id)


def _connect(request: MerchantRequest, form: ShopifyForm) -> Connection | None:
    """Ask first, save then, set up webhooks last. None when the form now says what is wrong."""
    data = form.cleaned_data
    credentials = {"access_token": data["access_token"]}
    try:
        shop = connections.ask(platform="shopify", base_url=data["base_url"], credentials=credentials)
        connection = connections.connect(
            merchant_id=request.merchant.pk,
            platform="shopify",
            name=data["name"],
            base_url=data["base_url"],
            credentials=credentials,
            webhook_secrets=[data["webhook_secret"]],
            shop=shop,
            by=_by(request),
            at=timezone.now(),
        )
    except ConnectorError as error:
        form.add_error("access_token" if error.code == "credentials_expired" else "base_url", str(error))
        return None
    except IntegrityError:
        form.add_error("base_url", "This store is connected already.")
        return None
    _say_connected(request, connection, shop.missing_scopes)
    return connection


def _say_connected(request: MerchantRequest, connection: Connection, missing_scopes: tuple[str, ...]) -> None:
    messages.success(request, f"{connection.name} is connected. New orders go there once they are confirmed.")
    if missing_scopes:
        messages.warning(request, f"The token lacks permissions that are needed: {', '.join(missing_scopes)}.")
    if connection.currency != request.merchant.currency:
        text = f"The store sells in {connection.currency}: orders in another currency will be blocked."
        messages.warning(request, text)
    if connections.register_webhooks(connection_id=connection.pk, at=timezone.now()):
        messages.warning(request, "Webhooks could not be set up yet. Changes are found by asking the store regularly.")


def _reconnect(request: MerchantRequest, connection: Connection, form: ReconnectForm) -> None:
    secret = form.cleaned_data["webhook_secret"]
    connections.reconnect(
        connection_id=connection.pk,
        credentials={"access_token": form.cleaned_data["access_token"]},
        webhook_secrets=[secret] if secret else [],
        by=_by(request),
        at=timezone.now(),
    )
    messages.success(request, f"{connection.name} is connected again. Waiting orders go on.")


def _link(request: MerchantRequest, connection: Connection, form: LinkForm) -> bool:
    """Find the store's product by its SKU and link it. False when the form now says what is wrong."""
    sku, store_sku = form.cleaned_data["sku"], form.cleaned_data["store_sku"]
    try:
        hits = connector_for(connection, deadline_s=connections.ASK_DEADLINE_S).find_variants([store_sku])[store_sku]
    except ConnectorError as error:
        form.add_error("store_sku", str(error))
        return False
    if len(hits) != 1:
        form.add_error("store_sku", f"The store has {len(hits) or 'no'} products with this SKU.")
        return False
    links.link(
        connection_id=connection.pk,
        sku=sku,
        variant_id=hits[0].variant_id,
        variant_title=hits[0].title,
        by=_by(request),
        at=timezone.now(),
    )
    messages.success(request, f"{sku} is linked to {hits[0].title}. Orders that waited for it go on.")
    return True
