"""The REST door of a practice S&S Activewear: faults, the limit, the key, then the work."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from connectors.practice import dials, faults, services
from connectors.practice.models import PracticeFulfillment, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.ssactivewear import answers, documents, limit, placing
from connectors.practice.ssactivewear.rules import OrderRefused, folded

CANCELLED_WITHIN = timedelta(minutes=10)
LISTED = timedelta(days=92)  # "placed in last 3 months"
DAYS = {"IL": ("4:00 CT", 1), "KS": ("4:00 CT", 2), "NV": ("4:00 PT", 4)}

Work = Callable[..., HttpResponse]
Row = dict[str, Any]


def _door(work: Work) -> Work:
    """Whoever comes in has the key and is within the limit; every answer says how many calls are left."""

    @csrf_exempt
    @login_not_required
    @wraps(work)
    def enter(request: HttpRequest, slug: str, **wanted: str) -> HttpResponse:
        shop = get_object_or_404(PracticeShop, platform="ssactivewear", slug=slug)
        fault = faults.before(shop)
        if fault is not None:
            return fault
        left = limit.spend(shop)
        if left is None:
            answer = answers.too_many()
        elif not _has_key(request, shop):
            answer = answers.unauthorized()
        else:
            answer = work(request, shop, **wanted)
        answer.headers["X-Rate-Limit-Remaining"] = str(left or 0)
        return answer

    return enter


@require_http_methods(["GET", "POST"])
@_door
def orders(request: HttpRequest, shop: PracticeShop) -> HttpResponse:
    if request.method == "POST":
        return _place(request, shop)
    first, last = (_asked(request, f"invoice{end}date") for end in ("start", "end"))
    rows = shop.orders.filter(created_at__gte=timezone.now() - LISTED)
    if first and last:
        try:
            rows = _invoiced(shop, date.fromisoformat(first), date.fromisoformat(last))
        except ValueError:
            return answers.refused([{"field": "InvoiceDate", "message": "Dates are yyyy-MM-dd."}])
    elif _asked(request, "all").lower() != "true":
        rows = shop.orders.filter(cancelled_at=None).exclude(fulfillments__status=services.SUCCESS)
    return _listed(request, shop, rows)


@require_http_methods(["GET", "DELETE"])
@_door
def some_orders(request: HttpRequest, shop: PracticeShop, wanted: str) -> HttpResponse:
    if request.method == "DELETE":
        return _cancel(shop, wanted)
    which = set(wanted.split(","))
    lag_s = dials.take(shop, "index_lag") or 0
    shown = shop.orders.filter(created_at__lte=timezone.now() - timedelta(seconds=lag_s))
    rows = shown.filter(Q(source_identifier__in=which) | Q(name__in=which))
    by_number = [row.pk for row in shown if {documents.guid(row), documents.invoice_number(row)} & which]
    return _listed(request, shop, rows | shown.filter(pk__in=by_number))


@require_GET
@_door
def inventory(request: HttpRequest, shop: PracticeShop, wanted: str) -> HttpResponse:
    return _products(request, shop, wanted, documents.inventory)


@require_GET
@_door
def products(request: HttpRequest, shop: PracticeShop, wanted: str) -> HttpResponse:
    return _products(request, shop, wanted, documents.product)


@require_GET
@_door
def styles(request: HttpRequest, shop: PracticeShop) -> HttpResponse:
    fields = _listing(_asked(request, "fields").lower())
    known = {documents.style_id(variant): variant for variant in shop.variants.order_by("-pk")}
    rows = [{"styleID": style, "brandName": known[style].title, "styleName": ""} for style in sorted(known)]
    return answers.rows([documents.chosen(row, fields) for row in rows])


@require_GET
@_door
def products_of_styles(request: HttpRequest, shop: PracticeShop) -> HttpResponse:
    """Without a filter it is the whole catalogue."""
    wanted, fields = _listing(_asked(request, "styleid")), _listing(_asked(request, "fields").lower())
    found = [row for row in shop.variants.order_by("pk") if not wanted or str(documents.style_id(row)) in wanted]
    if not found:
        return answers.not_found()
    places = _listing(_asked(request, "warehouses").upper())
    return answers.rows([documents.chosen(documents.product(row, places), fields) for row in found])


@require_GET
@_door
def payment_profiles(request: HttpRequest, shop: PracticeShop) -> HttpResponse:
    """A list in a list, as documented."""
    return answers.rows([shop.settings["profiles"].get(_asked(request, "email"), [])])


@require_GET
@_door
def days_in_transit(request: HttpRequest, shop: PracticeShop, wanted: str) -> HttpResponse:
    places = [
        {"warehouseAbbr": code, "cutOffTime": cut_off, "daysInTransit": days} for code, (cut_off, days) in DAYS.items()
    ]
    return answers.rows([{"zipCode": code, "warehouses": places} for code in wanted.split(",")])


# --- the work --------------------------------------------------------------------------------------


def _place(request: HttpRequest, shop: PracticeShop) -> HttpResponse:
    if request.content_type != "application/json":
        return answers.not_json()
    body = _body(request)
    if body is None:
        return answers.unreadable()
    try:
        if dials.take(shop, "takes_part") is not None:
            body = {**folded(body), "rejectlineerrors": False}
        placed = placing.place(shop.pk, body, at=timezone.now())
    except OrderRefused as refused:
        return answers.refused(refused.errors)
    rows = [
        documents.order(row, lines=True) for row in _whole(shop.orders.filter(pk__in=[o.pk for o in placed.orders]))
    ]
    takes_a_part = not folded(body).get("rejectlineerrors", True)
    both = {"orders": rows, "lineErrors": list(placed.line_errors)}
    answer = JsonResponse(both) if takes_a_part else answers.rows(rows)
    return faults.after(shop, answer, creates=bool(rows))


def _cancel(shop: PracticeShop, wanted: str) -> HttpResponse:
    """Those that could be cancelled; one that is too old, sent or cancelled is left out of the list."""
    rows = list(shop.orders.filter(name=wanted))
    if not rows:
        return answers.not_found("OrderNumber")
    done = [row.pk for row in rows if _may_cancel(row)]
    for pk in done:
        services.cancel_order(order_id=pk)
    answer = answers.rows([documents.order(row) for row in _whole(shop.orders.filter(pk__in=done))])
    return faults.after(shop, answer, creates=False)


def _may_cancel(row: PracticeOrder) -> bool:
    is_young = timezone.now() - row.created_at <= CANCELLED_WITHIN
    return is_young and not row.cancelled_at and not row.fulfillments.filter(status=services.SUCCESS).exists()


def _products(
    request: HttpRequest, shop: PracticeShop, wanted: str, row: Callable[[PracticeVariant, frozenset[str]], Row]
) -> HttpResponse:
    """Each product once, however many of its identifiers were asked for."""
    found = {variant.pk: variant for variant in placing.products(shop, wanted.split(","), own=True).values()}
    if not found:
        return answers.not_found()
    places, fields = _listing(_asked(request, "warehouses").upper()), _listing(_asked(request, "fields").lower())
    return answers.rows([documents.chosen(row(variant, places), fields) for variant in found.values()])


def _listed(request: HttpRequest, shop: PracticeShop, rows: QuerySet[PracticeOrder]) -> HttpResponse:
    lines, boxes = (_asked(request, name).lower() == "true" for name in ("lines", "boxes"))
    fields = _listing(_asked(request, "fields").lower())
    found = [documents.chosen(documents.order(row, lines=lines, boxes=boxes), fields) for row in _whole(rows)]
    if not found:
        return answers.not_found()
    return faults.after(shop, answers.rows(found), creates=False)


def _invoiced(shop: PracticeShop, start: date, end: date) -> QuerySet[PracticeOrder]:
    """Invoiced when they were sent, on either day or between them."""
    sent = PracticeFulfillment.objects.filter(
        order__shop=shop,
        status=services.SUCCESS,
        created_at__gte=documents.day_begins(start),
        created_at__lt=documents.day_begins(end + timedelta(days=1)),
    )
    return shop.orders.filter(pk__in=sent.values("order_id"))


def _whole(rows: QuerySet[PracticeOrder]) -> QuerySet[PracticeOrder]:
    """With all that one document shows, newest first."""
    related = ("lines__variant", "lines__fulfillment_lines__fulfillment", "fulfillments")
    return rows.distinct().select_related("shop").prefetch_related(*related).order_by("-created_at", "-pk")


# --- what came in ----------------------------------------------------------------------------------


def _has_key(request: HttpRequest, shop: PracticeShop) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = f"{shop.settings['account_number']}:{shop.access_token}".encode()
    return scheme.lower() == "basic" and hmac.compare_digest(given, expected)


def _asked(request: HttpRequest, name: str) -> str:
    """A parameter of the query, whose name counts in any case."""
    return next((str(value) for key, value in request.GET.items() if key.lower() == name), "")


def _listing(text: str) -> frozenset[str]:
    """A list with commas."""
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _body(request: HttpRequest) -> dict[str, Any] | None:
    """None when it is no JSON object."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
