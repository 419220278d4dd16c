"""The door of a practice site: faults, agent, key, limits, permission, then the work; refusals in Squarespace's shapes."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from connectors.practice import apps, faults, platforms, services
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.services import PracticeError
from connectors.practice.squarespace import (
    adjusting,
    answers,
    ids,
    importing,
    limits,
    listing,
    nodes,
    rules,
    subscriptions,
)
from connectors.practice.squarespace.answers import MISSING, Refused
from connectors.practice.squarespace.subscriptions import ORDERS

IDS_MAX = 50
INVENTORY, OAUTH = "website.inventory", "oauth"
_KEY = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed the door."""

    shop: PracticeShop
    request: HttpRequest
    oauth: bool

    def key(self) -> str | None:
        """The key against repeats, None without one. Raises Refused for what is no key."""
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            raise Refused("'Idempotency-Key' must be at most 64 alphanumeric characters, dashes and underscores.")
        return key

    def json(self) -> dict[str, Any]:
        """Raises Refused for anything but a JSON object."""
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refused("The body must be a JSON object.", subtype=None)
        return body

    def url(self) -> str:
        return self.request.build_absolute_uri(self.request.path)


Work = Callable[..., HttpResponse]


def door(*methods: str, needs: str = "") -> Callable[[Work], Work]:
    """A view of the APIs. `needs` is a scope, or that the app came by OAuth."""

    def wrap(work: Work) -> Work:
        @csrf_exempt
        @login_not_required
        @wraps(work)
        def view(request: HttpRequest, slug: str, **key: str) -> HttpResponse:
            shop = PracticeShop.objects.filter(platform="squarespace", slug=slug).first()
            if shop is None:
                return nowhere(request, slug)
            refused = faults.before(shop) or _outside(shop, request)
            if refused is not None:
                return refused
            call = Call(shop, request, oauth=_by_app(shop, _bearer(request)))
            if request.method not in methods:
                return answers.problem("Method Not Allowed", "", status=405, instance=request.path)
            if not _allowed(call, needs):
                return answers.forbidden()
            return _carry_out(work, call, **key)

        return view

    return wrap


@csrf_exempt
@login_not_required
def nowhere(request: HttpRequest, slug: str, **_: str) -> HttpResponse:
    """What the gateway says of an address that it does not know."""
    return answers.problem("Not Found", "No such endpoint.", status=404, instance=request.path)


@login_not_required
def to_orders(request: HttpRequest, slug: str) -> HttpResponse:
    """The address that Squarespace itself gives the list of orders."""
    return redirect("practice:shop", get_object_or_404(PracticeShop, platform="squarespace", slug=slug).slug)


@door("GET")
def website(call: Call) -> HttpResponse:
    url = call.request.build_absolute_uri(platforms.address(call.shop))
    return answers.ok(nodes.website(call.shop, url=url))


@door("GET", "POST", needs=ORDERS)
def orders(call: Call) -> HttpResponse:
    if call.request.method == "GET":
        return answers.ok(listing.orders(call.shop, call.request.GET.dict(), url=call.url()))
    key = call.key()
    if key is None:
        return _no_key("/1.0/commerce/orders")
    if not call.oauth and not limits.admit_import(call.shop):
        return answers.too_many()
    row, _ = importing.import_order(call.shop.pk, call.json(), key=key, at=timezone.now())
    return answers.ok(nodes.order(_fresh(row)), status=201)


@door("GET", needs=ORDERS)
def order(call: Call, order_id: str) -> HttpResponse:
    return answers.ok(nodes.order(_find(call.shop, order_id)))


@door("POST", needs=ORDERS)
def fulfillments(call: Call, order_id: str) -> HttpResponse:
    """Shipments make an order fulfilled; more can be added at any time."""
    row, body = _find(call.shop, order_id), call.json()
    if not isinstance(body.get("shouldSendNotification"), bool):
        raise Refused("'shouldSendNotification' is required.", subtype=MISSING)
    shipments = body.get("shipments")
    if not shipments:
        raise Refused("'shipments' is required.", subtype=MISSING)
    rules.check_shipments(shipments, name="shipments")
    standing = row.fulfillments.filter(status=services.SUCCESS).first()
    try:
        if standing:
            services.add_tracking(fulfillment_id=standing.pk, parcels=importing.parcels(shipments))
        else:
            services.fulfill(order_id=row.pk, quantities=None, parcels=importing.parcels(shipments))
    except PracticeError as error:
        raise Refused(str(error)) from error
    return HttpResponse(status=204)


@door("GET", needs=INVENTORY)
def inventory(call: Call) -> HttpResponse:
    return answers.ok(listing.inventory(call.shop, call.request.GET.dict(), url=call.url()))


@door("POST", needs=INVENTORY)
def inventory_adjustments(call: Call) -> HttpResponse:
    key = call.key()
    if key is None:
        return _no_key("/1.0/commerce/inventory/adjustments")
    adjusting.adjust(call.shop.pk, call.json(), key=key)
    return HttpResponse(status=204)


@door("GET", needs=INVENTORY)
def inventory_items(call: Call, variant_ids: str) -> HttpResponse:
    """One that is not there makes the whole a 404."""
    wanted = variant_ids.split(",")
    if len(wanted) > IDS_MAX:
        raise Refused(f"At most {IDS_MAX} ids can be specified.")
    found = call.shop.variants.filter(pk__in=map(ids.variant_pk, wanted)).order_by("pk")
    rows = {ids.of_variant(row): row for row in found}
    if set(wanted) - set(rows):
        raise Refused("One or more requested inventory items were not found.", subtype=None, status=404)
    return answers.ok({"inventory": [nodes.stock(row) for row in rows.values()]})


@door("GET", "POST", needs=OAUTH)
def webhook_subscriptions(call: Call) -> HttpResponse:
    if call.request.method == "GET":
        return answers.ok({"webhookSubscriptions": subscriptions.listed(call.shop)})
    return answers.ok(subscriptions.subscribe(call.shop.pk, call.json(), scopes=call.shop.scopes), status=201)


@door("GET", "POST", "DELETE", needs=OAUTH)
def webhook_subscription(call: Call, number: str) -> HttpResponse:
    row = subscriptions.find(call.shop, number)
    if call.request.method == "DELETE":
        row.delete()
        return HttpResponse(status=204)
    if call.request.method == "GET":
        return answers.ok(subscriptions.node(row))
    return answers.ok(subscriptions.update(call.shop.pk, number, call.json(), scopes=call.shop.scopes))


@door("POST", needs=OAUTH)
def rotate_secret(call: Call, number: str) -> HttpResponse:
    return answers.ok(subscriptions.rotate(call.shop.pk, number))


def _no_key(path: str) -> HttpResponse:
    detail = "Required header 'Idempotency-Key' is not present."
    return answers.problem("Bad Request", detail, status=400, instance=path)


def _carry_out(work: Work, call: Call, **key: str) -> HttpResponse:
    before = call.shop.orders.count()
    try:
        answer = work(call, **key)
    except Refused as refused:
        answer = answers.refusal(str(refused), subtype=refused.subtype, status=refused.status)
    return faults.after(call.shop, answer, creates=call.shop.orders.count() > before)


def _outside(shop: PracticeShop, request: HttpRequest) -> HttpResponse | None:
    """Who says not who it is, or brings no key, or asks too much."""
    if not request.headers.get("User-Agent"):
        return answers.problem("Bad Request", "A User-Agent header is required.", status=400, instance=request.path)
    bearer = _bearer(request)
    if not _is(bearer, shop.access_token) and not _by_app(shop, bearer):
        return answers.unauthorized()
    return None if limits.admit_request(shop) else answers.too_many()


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _by_app(shop: PracticeShop, bearer: str) -> bool:
    """With a token of an app that has not run out: then its scopes count."""
    if _is(bearer, shop.settings["oauthToken"]):
        return True
    granted = apps.access_of(shop, bearer, at=timezone.now())
    if granted is not None:
        shop.scopes = granted.scopes
    return granted is not None


def _is(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _allowed(call: Call, needs: str) -> bool:
    """A scope lets read and write, its .read lets read."""
    if needs == OAUTH:
        return call.oauth
    granted = set(call.shop.scopes)
    return not needs or needs in granted or (call.request.method == "GET" and f"{needs}.read" in granted)


def _find(shop: PracticeShop, order_id: str) -> PracticeOrder:
    row = listing.with_all(shop.orders.filter(pk=ids.order_pk(order_id))).first()
    if row is None:
        raise Refused("The order was not found.", subtype=None, status=404)
    return row


def _fresh(row: PracticeOrder) -> PracticeOrder:
    return listing.with_all(PracticeOrder.objects.all()).get(pk=row.pk)
