"""Sending a part of an order once more: what stands at its destination, what can be done about it, and how it goes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.enums import ReexportStatus, ReexportWay
from orders.errors import OrderError
from orders.forms.orders import ReexportForm
from orders.models import OrderPush, Reexport
from orders.services import reexports
from orders.views.htmx import wants_partial

_STATES = {
    "gone": "It is not there any more.",
    "cancelled": "It is cancelled there.",
    "live": "It stands there and has not been sent.",
    "sent": "It was sent to the customer, in full or in part.",
    "refunded": "It stands there, and money was given back for it there.",
    "several": "More than one order stands there for this one.",
}


@require_http_methods(["GET", "POST"])
@merchant_required
@vary_on_headers("HX-Request")
def push_reexport(request: MerchantRequest, public_id: str) -> HttpResponse:
    """GET: the last re-export of the push, or how to begin one. POST: begin one."""
    push = _push(request, public_id)
    if request.method == "POST":
        if request.membership.role == Role.VIEWER:
            raise PermissionDenied("Your role (Viewer) may look at this but not change it.")
        try:
            reexports.ask(push_id=push.pk, by=request.user.get_username(), at=timezone.now())
        except OrderError as error:
            messages.error(request, str(error))
        return redirect("orders:reexport", public_id)
    return _page(request, push)


@require_POST
@role_required(Role.MANAGER)
def choose(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _row(request, public_id)
    form = ReexportForm(request.POST)
    if form.is_valid():
        try:
            reexports.choose(reexport_id=row.pk, way=form.chosen, by=request.user.get_username(), at=timezone.now())
        except OrderError as error:
            form.add_error("way", str(error))
        else:
            return redirect("orders:reexport", row.push.public_id)
    return _page(request, _push(request, row.push.public_id), form)


@require_POST
@role_required(Role.MANAGER)
def look_again(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _act(request, public_id, reexports.look_again)


@require_POST
@role_required(Role.MANAGER)
def withdraw(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _act(request, public_id, reexports.withdraw)


def _act(request: MerchantRequest, public_id: str, service: Callable[..., Reexport]) -> HttpResponse:
    row = _row(request, public_id)
    try:
        service(reexport_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    return redirect("orders:reexport", row.push.public_id)


def _page(request: MerchantRequest, push: OrderPush, form: ReexportForm | None = None) -> HttpResponse:
    row = push.reexports.select_related("successor").order_by("-pk").first()
    total = row.found.get("total") if row else None
    context: dict[str, Any] = {
        "push": push,
        "order": push.order,
        "reexport": row,
        "total_there": Decimal(total) if total else None,
        "found": _STATES.get(row.found.get("state", ""), "") if row else "",
        "ways": [_shown(way, row.way) for way in row.ways] if row else [],
        "refusal": "" if row and row.is_open else reexports.why_not(push),
        "form": form or ReexportForm(),
        "is_moving": row is not None and row.status in (ReexportStatus.LOOKING, ReexportStatus.RUNNING),
    }
    template = "orders/_partials/reexport.html" if wants_partial(request) else "orders/reexport.html"
    return render(request, template, context, status=422 if form else 200)


def _shown(way: dict[str, Any], chosen: str) -> dict[str, Any]:
    words = {name: ", ".join(part.replace("_", " ") for part in way[name]) for name in ("fields", "left")}
    return {**way, **words, "label": ReexportWay(way["way"]).label, "chosen": way["way"] == chosen}


def _push(request: MerchantRequest, public_id: str) -> OrderPush:
    rows = OrderPush.objects.of(request.merchant).select_related("order__channel", "connection")
    return get_object_or_404(rows, public_id=public_id)


def _row(request: MerchantRequest, public_id: str) -> Reexport:
    rows = Reexport.objects.of(request.merchant).select_related("push")
    return get_object_or_404(rows, public_id=public_id)
