"""Pages of one connection's product links: the list, files in and out, and the copy of its catalog."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest, next_page
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.forms import LinkFileForm, LinkForm
from connectors.models import Connection, LinkImport, ProductLink
from connectors.services import catalog, finding, link_files, links
from connectors.services.link_files import FileRefused, ImportRefused, Verdict

PAGE = 50
ROWS_SHOWN = 200


@require_GET
@merchant_required
def link_list(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _page(request, _get(request, public_id))


@require_POST
@role_required(Role.MANAGER)
def link_save(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    form = LinkForm(request.POST)
    if form.is_valid() and _link(request, connection, form):
        return redirect("connectors:links", public_id)
    return _page(request, connection, link_form=form)


@require_POST
@role_required(Role.MANAGER)
def link_remove(request: MerchantRequest, public_id: str, link_id: int) -> HttpResponse:
    connection = _get(request, public_id)
    link = get_object_or_404(ProductLink, connection=connection, pk=link_id)
    links.unlink(link_id=link.pk, by=request.user.get_username(), at=timezone.now())
    messages.success(request, f"{link.sku} is no longer linked.")
    return redirect("connectors:links", public_id)


@require_GET
@merchant_required
def link_export(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    name = f"product-links-{timezone.localdate():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(link_files.written(connection), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@role_required(Role.MANAGER)
def link_import(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Read a file and show what it would do; nothing is saved yet but the rows as they were read."""
    connection, at = _get(request, public_id), timezone.now()
    form = LinkFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, connection, file_form=form)
    try:
        rows = link_files.read(form.cleaned_data["file"])
        kept = link_files.keep(connection, rows, by=request.user.get_username(), at=at)
    except FileRefused as refusal:
        form.add_error("file", str(refusal))
        return _page(request, connection, file_form=form)
    _ask_for_missing(request, connection, rows)
    return redirect("connectors:link_check", public_id, kept.public_id)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def link_check(request: MerchantRequest, public_id: str, import_id: str) -> HttpResponse:
    """What each row of a file would do; applied by POST, all of it or nothing."""
    connection = _get(request, public_id)
    kept = get_object_or_404(LinkImport, connection=connection, public_id=import_id, applied_at=None)
    if request.method == "POST" and _applied(request, kept):
        return redirect("connectors:links", public_id)
    checked = link_files.check(connection, link_files.rows_of(kept))
    counts = Counter(one.verdict for one in checked)
    context = {
        "connection": connection,
        "checked": sorted(checked, key=lambda one: not one.is_refused)[:ROWS_SHOWN],
        "hidden": max(len(checked) - ROWS_SHOWN, 0),
        "counts": [(link_files.WORDS[verdict], counts[verdict]) for verdict in Verdict if counts[verdict]],
        "to_save": sum(counts[verdict] for verdict in link_files.SAVED),
        "refused": sum(counts[verdict] for verdict in link_files.REFUSED),
        "fingerprint": link_files.fingerprint(checked),
    }
    return render(request, "connectors/link_check.html", context)


@require_GET
@merchant_required
def catalog_reading(request: MerchantRequest, public_id: str) -> HttpResponse:
    """How far the reading of the catalog is, as a part of a page; see `catalog_read` for the button."""
    connection = _get(request, public_id)
    reading = catalog.reading_of(connection)
    response = render(request, "connectors/_partials/catalog.html", {"connection": connection, "reading": reading})
    if not reading.is_running:
        response["HX-Trigger"] = "catalog-read"  # what is chosen from the catalog looks again
    return response


@require_POST
@role_required(Role.MANAGER)
def catalog_read(request: MerchantRequest, public_id: str) -> HttpResponse:
    connection = _get(request, public_id)
    try:
        catalog.start(connection_id=connection.pk, by=request.user.get_username(), at=timezone.now())
    except catalog.ReadingRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The catalog of {connection.name} is being read.")
    return redirect(next_page(request) or reverse("connectors:links", args=[public_id]))


def _get(request: MerchantRequest, public_id: str) -> Connection:
    standing = Connection.objects.of(request.merchant).standing()
    return get_object_or_404(standing, public_id=public_id)


def _page(request: MerchantRequest, connection: Connection, **forms: Any) -> HttpResponse:
    """The list from `after` on; `forms` are those that were refused, with what was typed."""
    words, after = (request.GET.get(name, "").replace("\x00", "")[:120] for name in ("q", "after"))
    rows = ProductLink.objects.filter(connection=connection)
    if words.strip():
        rows = rows.filter(Q(sku__icontains=words.strip()) | Q(variant_title__icontains=words.strip()))
    if after:
        rows = rows.filter(sku__gt=after)
    found = list(rows.order_by("sku")[: PAGE + 1])
    context = {
        "connection": connection,
        "links": found[:PAGE],
        "next": found[PAGE - 1].sku if len(found) > PAGE else "",
        "words": words,
        "after": after,
        "reading": catalog.reading_of(connection),
        "link_form": LinkForm(initial={"sku": request.GET.get("sku", "")[:120]}),
        "file_form": LinkFileForm(),
        **forms,
    }
    return render(request, "connectors/link_list.html", context, status=422 if forms else 200)


def _link(request: MerchantRequest, connection: Connection, form: LinkForm) -> bool:
    """Find the store's product by its SKU and link it. False when the form now says what is wrong."""
    sku, store_sku, at = form.cleaned_data["sku"], form.cleaned_data["store_sku"], timezone.now()
    try:
        hits = finding.ask_by_sku(connection, store_sku, at=at)
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
        by=request.user.get_username(),
        at=at,
    )
    messages.success(request, f"{sku} is linked to {hits[0].title}. Orders that waited for it go on.")
    return True


def _ask_for_missing(request: MerchantRequest, connection: Connection, rows: list[link_files.Row]) -> None:
    """A store that does not answer leaves those rows unknown, and the page says so."""
    try:
        link_files.ask_for_missing(connection, rows, at=timezone.now())
    except ConnectorError as error:
        messages.warning(
            request, f"{connection.name} could not be asked for the products that are not known yet: {error}"
        )


def _applied(request: MerchantRequest, kept: LinkImport) -> bool:
    """False when it was refused: the page says why and shows what would happen now."""
    seen, by = request.POST.get("seen", ""), request.user.get_username()
    try:
        count = link_files.apply(import_id=kept.pk, seen=seen, by=by, at=timezone.now())
    except ImportRefused as refusal:
        messages.error(request, str(refusal))
        return False
    messages.success(request, f"{count} link{'' if count == 1 else 's'} saved. Orders that waited for them go on.")
    return True
