"""The product-link workbench: which unlinked SKUs block what, what could stand for them, and what a link would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.models import CatalogVariant, Connection, ProductLink, UnlinkedSku
from connectors.services import catalog, finding, links
from connectors.services.links import Choice, SkuRefused
from orders.services import impact, linking
from orders.views.htmx import wants_partial

PAGE = 25
AT_ONCE = 100


@require_GET
@merchant_required
def workbench(request: MerchantRequest) -> HttpResponse:
    skipped, by_money = request.GET.get("tab") == "skipped", request.GET.get("sort") == "money"
    rows = linking.ranked(request.merchant, skipped=skipped, by_money=by_money)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    rows_shown = linking.with_candidates(list(page))
    context = {
        "page": page,
        "skipped": skipped,
        "by_money": by_money,
        "shown": [_shown(one, request.merchant.currency) for one in rows_shown],
        "has_connection": bool(rows) or Connection.objects.of(request.merchant).standing().exists(),
    }
    return render(request, "orders/links.html", context)


@require_GET
@merchant_required
@vary_on_headers("HX-Request")
def sku_page(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One SKU of one connection: what the marketplace calls it, which orders wait, and products to choose from."""
    connection, sku = _connection(request, public_id), _sku(request.GET)
    words = request.GET.get("q", "").replace("\x00", "")[:120].strip()
    offer = linking.to_choose_from(connection, sku, words)
    context = {
        "connection": connection,
        "sku": sku,
        "words": words,
        "title": offer.title,
        "orders": [push.order for push in offer.waiting],
        "more_orders": offer.more,
        "candidates": offer.candidates,
        "link": ProductLink.objects.filter(connection=connection, sku=sku).first(),
        "unlinked": UnlinkedSku.objects.filter(connection=connection, sku=sku).first(),
        "reading": catalog.reading_of(connection),
    }
    template = "orders/_partials/link_candidates.html" if wants_partial(request) else "orders/link_sku.html"
    return render(request, template, context)


@require_GET
@merchant_required
@vary_on_headers("HX-Request")
def try_link(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What a link would do for the waiting orders. Reads alone, so viewers may ask too."""
    connection, sku = _connection(request, public_id), _sku(request.GET)
    variant = _variant(connection, request.GET.get("variant", ""))
    context = {
        "connection": connection,
        "sku": sku,
        "variant": variant,
        "trial": linking.try_link(connection, sku, variant),
    }
    template = "orders/_partials/link_trial.html" if wants_partial(request) else "orders/link_trial.html"
    return render(request, template, context)


@require_POST
@role_required(Role.MANAGER)
def save_link(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection, sku = _connection(request, public_id), _sku(request.POST)
    variant = _variant(connection, request.POST.get("variant", ""))
    if not sku:
        messages.error(request, "There is no SKU to link.")
        return redirect("orders:links")
    links.link(
        connection_id=connection.pk,
        sku=sku,
        variant_id=variant.variant_id,
        variant_title=variant.title,
        by=request.user.get_username(),
        at=timezone.now(),
    )
    messages.success(request, f"{sku} is linked to {variant}. Orders that waited for it go on.")
    return redirect("orders:links")


@require_POST
@role_required(Role.MANAGER)
def save_many(request: MerchantRequest) -> HttpResponse:
    """The chosen SKUs, each with the product chosen beside it: all of a connection's or none."""
    by, at = request.user.get_username(), timezone.now()
    chosen = _chosen(request)
    count = sum(
        links.link_many(connection_id=connection_id, choices=choices, by=by, at=at)
        for connection_id, choices in chosen.items()
    )
    if count:
        messages.success(request, f"{count} SKU{'' if count == 1 else 's'} linked. Orders that waited for them go on.")
    else:
        messages.warning(request, "No SKU with a product was chosen.")
    return redirect("orders:links")


@require_POST
@role_required(Role.MANAGER)
def ask_store(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Ask the store itself for a SKU that the copy of its catalog does not have."""
    connection, sku = _connection(request, public_id), _sku(request.POST)
    store_sku = request.POST.get("q", "").replace("\x00", "")[:255].strip()
    if not store_sku:
        messages.error(request, "Type the SKU as the store writes it.")
        return redirect(_page_of(connection, sku))
    try:
        hits = finding.ask_by_sku(connection, store_sku, at=timezone.now())
    except ConnectorError as error:
        messages.error(request, f"{connection.name} could not be asked: {error}")
    else:
        found = f"{len(hits)} product{'' if len(hits) == 1 else 's'}" if hits else "no product"
        messages.info(request, f"{connection.name} has {found} with SKU {store_sku}.")
    return redirect(_page_of(connection, sku, q=store_sku))


@require_POST
@role_required(Role.MANAGER)
def skip(request: MerchantRequest, unlinked_id: int) -> HttpResponse:
    return _put(request, unlinked_id, links.skip, "is put aside. Its orders go on waiting.")


@require_POST
@role_required(Role.MANAGER)
def bring_back(request: MerchantRequest, unlinked_id: int) -> HttpResponse:
    return _put(request, unlinked_id, links.bring_back, "is asked for again.")


@require_GET
@merchant_required
@vary_on_headers("HX-Request")
def disconnect_impact(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What disconnecting would do; a part of the disconnect page, and a page of its own."""
    connection = _connection(request, public_id)
    context = {"connection": connection, "impact": impact.of(connection)}
    template = "orders/_partials/impact.html" if wants_partial(request) else "orders/impact.html"
    return render(request, template, context)


def _put(request: MerchantRequest, unlinked_id: int, service: Callable[..., UnlinkedSku], done: str) -> HttpResponse:
    row = _unlinked(request, unlinked_id)
    try:
        service(unlinked_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except SkuRefused as refusal:
        messages.error(request, f"{row.sku}: {refusal}")
    else:
        messages.success(request, f"{row.sku} {done}")
    return redirect("orders:links")


def _connection(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing().select_related("sync_settings")
    return get_object_or_404(standing, public_id=public_id)


def _unlinked(request: MerchantRequest, unlinked_id: int) -> UnlinkedSku:
    return get_object_or_404(UnlinkedSku.objects.of(request.merchant), pk=unlinked_id)


def _variant(connection: Connection, key: str) -> CatalogVariant:
    """By the key of its row in the copy of the catalog; another connection's does not exist."""
    return get_object_or_404(CatalogVariant, connection=connection, pk=int(key) if _is_key(key) else 0)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _sku(given: Any) -> str:
    """Without NUL, as long as a line's SKU can be."""
    return str(given.get("sku", "")).replace("\x00", "")[:120]


def _page_of(connection: Connection, sku: str, **more: str) -> str:
    return f"{reverse('orders:link_sku', args=[connection.public_id])}?{urlencode({'sku': sku, **more})}"


def _shown(one: linking.Blocked, currency: str) -> dict[str, Any]:
    """A row of the workbench. A single product that can be sold is chosen beforehand."""
    sellable = [variant for variant in one.candidates if variant.sellable]
    return {
        "row": one.row,
        "title": one.title,
        "orders": one.orders,
        "amount": one.in_currency(currency),
        "elsewhere": one.elsewhere(currency),
        "candidates": one.candidates,
        "best": sellable[0].pk if len(sellable) == 1 else None,
        "url": _page_of(one.row.connection, one.row.sku),
    }


def _chosen(request: MerchantRequest) -> dict[int, list[Choice]]:
    """By connection, what was ticked and has a product of that same connection beside it."""
    ticked = [key for key in request.POST.getlist("links")[:AT_ONCE] if _is_key(key)]
    rows = UnlinkedSku.objects.of(request.merchant).filter(pk__in=ticked)
    named = {row.pk: request.POST.get(f"variant-{row.pk}", "") for row in rows}
    keys = [key for key in named.values() if _is_key(key)]
    variants = {str(variant.pk): variant for variant in CatalogVariant.objects.filter(pk__in=keys)}
    chosen: dict[int, list[Choice]] = {}
    for row in rows:
        variant = variants.get(named[row.pk])
        if variant is not None and variant.connection_id == row.connection_id:
            choice = Choice(row.sku, variant.variant_id, variant.title)
            chosen.setdefault(row.connection_id, []).append(choice)
    return chosen
