"""The REST door of a practice store: permalinks, faults, key, body, then the work; refusals in WooCommerce's shape."""

from __future__ import annotations

import hmac
import json
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from connectors.practice import dials, faults
from connectors.practice.models import PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.woocommerce import batch, documents, hooks, listing, options, ordering
from connectors.practice.woocommerce.refusal import Refusal, invalid, no_route

UNKNOWN_KEY = {
    "GET": ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
    "POST": ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
}
FATAL = {
    "code": "internal_server_error",
    "message": "<p>There has been a critical error on this website.</p>",
    "data": {"status": 500, "error": {"type": 1, "message": "Allowed memory size exhausted"}},
}
_AUTHENTICATION = "woocommerce_rest_authentication_error"
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Call:
    shop: PracticeShop
    method: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """What a view answers."""

    body: Any
    status: int = 200
    created: bool = False  # an order: what the dials lose
    headers: Mapping[str, str] | None = None


View = Callable[..., Given]


def door(*methods: str, is_open: bool = False) -> Callable[[View], Callable[..., HttpResponse]]:
    """Let a request in as WooCommerce does. `is_open`: no key is needed."""

    def decorate(view: View) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def enter(request: HttpRequest, slug: str, **key: Any) -> HttpResponse:
            shop = get_object_or_404(PracticeShop, platform="woocommerce", slug=slug)
            if shop.settings["permalinks"] == "plain":
                return HttpResponse("<!doctype html><title>Page not found</title>", status=404)
            fault = faults.before(shop)
            if fault is not None:
                return fault
            try:
                given = _enter(shop, request, view, methods, key, is_open=is_open)
            except Refusal as refusal:
                return JsonResponse(refusal.body, status=refusal.status)
            return faults.after(shop, _answer(given, request.GET.get("_fields", "")), creates=given.created)

        return enter

    return decorate


def _enter(
    shop: PracticeShop,
    request: HttpRequest,
    view: View,
    methods: tuple[str, ...],
    key: Mapping[str, Any],
    *,
    is_open: bool,
) -> Given:
    method = request.method or ""
    if method not in methods or not (is_open or shop.settings["active"]):
        raise no_route()
    if not is_open:
        _check_key(shop, request)
    call = Call(shop, method, request.GET.dict(), _body(request), timezone.now())
    if method not in _CHANGES:
        return view(call, **key)
    with transaction.atomic():
        PracticeShop.objects.select_for_update().get(pk=shop.pk)
        try:
            return view(call, **key)
        except Refusal as refusal:
            if not refusal.leaves:
                raise
            refused = refusal
    raise refused


def _check_key(shop: PracticeShop, request: HttpRequest) -> None:
    key, secret = _basic(request.headers.get("Authorization", ""))
    known = hmac.compare_digest(key.encode(), shop.access_token.encode())
    if not known:
        raise Refusal(401, *UNKNOWN_KEY.get(request.method or "", UNKNOWN_KEY["GET"]))
    if not hmac.compare_digest(secret.encode(), shop.settings["consumer_secret"].encode()):
        raise Refusal(401, _AUTHENTICATION, "Consumer secret is invalid.")
    right = "write" if request.method in _CHANGES else "read"
    if not {right, "read_write"} & set(shop.scopes):
        raise Refusal(401, _AUTHENTICATION, f"The API key provided does not have {right} permissions.")
    if shop.settings["role"] not in ("administrator", "shop_manager"):
        raise Refusal(403, *UNKNOWN_KEY.get(request.method or "", UNKNOWN_KEY["GET"]))


def _basic(header: str) -> tuple[str, str]:
    kind, _, encoded = header.partition(" ")
    try:
        key, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (key, secret) if kind == "Basic" else ("", "")


def _body(request: HttpRequest) -> Mapping[str, Any]:
    """Nothing, where it is not called JSON or is no object: such an order is created, and empty."""
    if "json" not in (request.content_type or "") or not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal(
            400, "rest_invalid_json", "Invalid JSON body passed.", json_error_message="Syntax error"
        ) from None
    return body if isinstance(body, dict) else {}


def _answer(given: Given, fields: str) -> HttpResponse:
    body = given.body
    if fields:
        wanted = fields.split(",")
        body = [_picked(item, wanted) for item in body] if isinstance(body, list) else _picked(body, wanted)
    return JsonResponse(body, status=given.status, headers=dict(given.headers or {}), safe=False)


def _picked(item: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    return {name: item[name] for name in wanted if name in item}


# --- the store itself ----------------------------------------------------------------------------


@door("GET", is_open=True)
def index(call: Call) -> Given:
    spaces = ["oembed/1.0", "wp/v2", *(["wc/v3"] if call.shop.settings["active"] else [])]
    about = {"name": call.shop.name, "home": options.home(call.shop), "timezone_string": call.shop.time_zone}
    return Given({**about, "gmt_offset": 12, "namespaces": spaces})


@door("GET")
def system_status(call: Call) -> Given:
    environment = {"home_url": options.home(call.shop), "version": call.shop.settings["version"]}
    return Given({"environment": environment, "settings": {"currency": call.shop.currency}})


@door("GET")
def settings(call: Call, group: str) -> Given:
    return Given(options.group(call.shop, group))


@door("GET")
def taxes(call: Call) -> Given:
    return _paged(call, call.shop.settings["rates"])


@door("GET", "POST")
def products(call: Call) -> Given:
    """SKUs find variations too and ignore case; ids find no variations."""
    if call.method == "POST":
        return Given(documents.product(_new_product(call)), 201)
    rows = call.shop.variants.order_by("pk")
    found = [documents.product(row) for row in rows]
    if "include" in call.query:
        ids = call.query["include"].split(",")
        found = [row for row in found if str(row["id"]) in ids and not row["parent_id"]]
    elif "sku" in call.query:
        wanted = {sku.strip().lower() for sku in (*call.query["sku"].split(","), call.query["sku"])}
        found = [row for row in found if row["sku"].lower() in wanted]
    else:
        found = [row for row in found if not row["parent_id"]]
    return _paged(call, found)


@door("GET", "DELETE")
def product(call: Call, number: int) -> Given:
    """A practice store has no trash for products."""
    row = PracticeVariant.objects.filter(shop=call.shop, pk=number).first()
    if row is None:
        raise Refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    if call.method == "DELETE" and call.query.get("force") != "true":
        raise Refusal(501, "woocommerce_rest_trash_not_supported", "Products do not support trashing.")
    given = Given(documents.product(row))
    if call.method == "DELETE":
        row.delete()
    return given


@door("GET")
def variations(call: Call, number: int) -> Given:
    """A variation is named for what was chosen of its product."""
    rows = call.shop.variants.order_by("pk")
    parent = rows.filter(pk=number).first()
    if parent is None:
        raise Refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    found = [documents.variation(row, parent) for row in rows if row.details.get("parent_id") == number]
    return _paged(call, found)


def _new_product(call: Call) -> PracticeVariant:
    """A simple one. A SKU that another product has is refused."""
    sku = str(call.body.get("sku") or "")
    if sku and call.shop.variants.filter(sku__iexact=sku).exists():
        raise Refusal(400, "product_invalid_sku", "Invalid or duplicated SKU.")
    try:
        price = Decimal(str(call.body.get("regular_price") or 0))
    except InvalidOperation:
        raise invalid("regular_price", "regular_price is not of type string.") from None
    return call.shop.variants.create(
        sku=sku,
        title=str(call.body.get("name") or "Product"),
        price=price,
        stock=int(call.body.get("stock_quantity") or 0),
        is_tracked=bool(call.body.get("manage_stock")),
    )


# --- orders --------------------------------------------------------------------------------------


@door("GET", "POST")
def orders(call: Call) -> Given:
    if call.method == "POST":
        dies = dials.take(call.shop, dials.HALF_MADE) is not None
        row = ordering.create(call.shop.pk, call.body, at=call.at, dies=dies)
        if dies:
            return Given(FATAL, 500)
        return Given(documents.order(row), 201, created=True)
    rows = listing.orders(call.shop, call.query)
    return _paged(call, rows, documents.order)


@door("POST", "PUT", "PATCH")
def batch_of_orders(call: Call) -> Given:
    return Given(batch.orders(call.shop, call.body, at=call.at))


@door("GET", "POST", "PUT", "PATCH", "DELETE")
def order(call: Call, number: int) -> Given:
    """An unknown one is 404 to read and 400 to change."""
    row = _order(call, number)
    if row is None:
        status = 404 if call.method == "GET" else 400
        raise Refusal(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    if call.method == "DELETE":
        if call.query.get("force") == "true":
            given = Given(documents.order(row))
            row.delete()
            return given
        row = ordering.trash(row, at=call.at)
    elif call.method != "GET":
        row = ordering.update(row, call.body, at=call.at)
    return Given(documents.order(row))


@door("GET", "POST")
def notes(call: Call, number: int) -> Given:
    row = _of_order(call, number)
    if call.method == "POST":
        return Given(ordering.add_note(row, call.body, at=call.at), 201)
    return Given(row.details["notes"][::-1])


@door("GET", "POST")
def refunds(call: Call, number: int) -> Given:
    row = _of_order(call, number)
    if call.method == "POST":
        return Given(ordering.refund(row, call.body), 201)
    return Given([documents.refund_of_order(each) for each in row.refunds.order_by("pk")])


@door("GET")
def fulfillments(call: Call, number: int) -> Given:
    if not call.shop.settings["fulfillments"]:
        raise no_route()
    return Given(documents.fulfillments(_of_order(call, number)))


@door("GET")
def shipment_trackings(call: Call, number: int) -> Given:
    """The plugin's own list; it works out the address that an item lacks."""
    row = _of_order(call, number)
    trackings = [tracking for each in row.fulfillments.order_by("pk") for tracking in each.trackings]
    link = "https://track.example/{number}"
    return Given([{"tracking_number": one["number"], "tracking_link": link.format(**one)} for one in trackings])


def _order(call: Call, number: int) -> PracticeOrder | None:
    return PracticeOrder.objects.select_related("shop").filter(shop=call.shop, pk=number).first()


def _of_order(call: Call, number: int) -> PracticeOrder:
    row = _order(call, number)
    if row is None:
        raise Refusal(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
    return row


def _paged(call: Call, rows: list[Any], shown: Callable[[Any], Any] | None = None) -> Given:
    page, size = listing.page_of(call.query)
    part = rows[(page - 1) * size : page * size]
    headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(math.ceil(len(rows) / size))}
    return Given([shown(row) for row in part] if shown else part, headers=headers)


# --- webhooks ------------------------------------------------------------------------------------


@door("GET", "POST")
def webhooks(call: Call) -> Given:
    if call.method == "POST":
        return Given(hooks.create(call.shop, call.body, at=call.at), 201)
    return _paged(call, [hooks.document(row) for row in call.shop.webhooks.order_by("pk")])


@door("GET", "POST", "PUT", "DELETE")
def webhook(call: Call, number: int) -> Given:
    row = call.shop.webhooks.filter(pk=number).first()
    if row is None:
        raise Refusal(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
    if call.method == "DELETE":
        if call.query.get("force") != "true":
            raise Refusal(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        given = Given(hooks.document(row))
        row.delete()
        return given
    return Given(hooks.document(row) if call.method == "GET" else hooks.update(row, call.body, at=call.at))


# --- elsewhere -----------------------------------------------------------------------------------


@door("GET", "POST", "PUT", "PATCH", "DELETE", is_open=True)
def nowhere(call: Call, rest: str) -> Given:
    raise no_route()


@login_not_required
@require_GET
def admin_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The address that WooCommerce gives an order's page."""
    number = request.GET.get("id", "")
    if request.GET.get("page") != "wc-orders" or not number.isdigit():
        return redirect("practice:shop", slug)
    return redirect("practice:order", slug, int(number))
