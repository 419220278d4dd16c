"""Shipping an order from here, its tracking, and click and collect."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.decorators import role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from orders.errors import InvalidShipment, OrderError
from orders.forms.shipping import (
    HandOverForm,
    LinesForm,
    ParcelForms,
    ShipForm,
    box_forms,
    offered,
    tracking_forms,
    waiting,
)
from orders.models import Fulfillment, Order
from orders.services import collecting, open_units, shipping
from orders.services.shipping import Wanted


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def order_ship(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Parcels with their lines; for click and collect the page that sets units aside."""
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    if order.has_pickup:
        return redirect("orders:ready", public_id)
    posted = request.POST if request.method == "POST" else None
    if _is_repeated(request, order):
        return redirect("orders:detail", public_id)
    rows = open_units.open_lines(order)
    form = ShipForm(posted, offered=offered(rows), initial={"key": uuid.uuid4().hex})
    boxes = box_forms(posted)
    if posted is not None and form.is_valid() & boxes.is_valid() and _ship(request, order, form, boxes):
        return redirect("orders:detail", public_id)
    context = {"order": order, "form": form, "boxes": boxes, "rows": rows, "closed": open_units.why_closed(order)}
    return render(request, "orders/order_ship.html", context, status=422 if posted is not None else 200)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def tracking_add(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _own(request, public_id)
    posted = request.POST if request.method == "POST" else None
    forms = tracking_forms(posted, row)
    refusals: list[str] = []
    if posted is not None and forms.is_valid():
        try:
            shipping.add_tracking(
                fulfillment_id=row.pk, parcels=forms.wanted(), by=request.user.get_username(), at=timezone.now()
            )
        except InvalidShipment as error:
            refusals = _refuse(forms, error)
        except OrderError as error:
            refusals = [str(error)]
        else:
            messages.success(request, "Saved. The customer is told of new numbers by e-mail.")
            return redirect("orders:detail", row.order.public_id)
    context = {"order": row.order, "fulfillment": row, "forms": forms, "refusals": refusals}
    return render(request, "orders/tracking_add.html", context, status=422 if posted is not None else 200)


@require_POST
@role_required(Role.MANAGER)
def fulfillment_take_back(request: MerchantRequest, public_id: str) -> HttpResponse:
    row = _own(request, public_id)
    try:
        shipping.take_back(fulfillment_id=row.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Taken back: its units can be sent again. The customer is not told.")
    return redirect("orders:detail", row.order.public_id)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def order_ready(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Set units aside for a customer who collects them."""
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    if not order.has_pickup:
        return redirect("orders:ship", public_id)
    posted = request.POST if request.method == "POST" else None
    rows = open_units.open_lines(order)
    form = LinesForm(posted, offered=offered(rows))
    if form.is_valid():
        by, lines = request.user.get_username(), form.wanted()
        try:
            row = collecting.set_aside(order_id=order.pk, lines=lines, by=by, at=timezone.now())
        except InvalidShipment as error:
            form.refuse(error)
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Ready for pickup under the code {row.pickup_code}. The customer is told.")
            return redirect("orders:detail", public_id)
    context = {"order": order, "form": form, "rows": rows, "closed": open_units.why_closed(order)}
    return render(request, "orders/order_ready.html", context, status=422 if posted is not None else 200)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def hand_over(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The customer, or somebody for them, is here."""
    row = _own(request, public_id)
    posted = request.POST if request.method == "POST" else None
    initial = {"collected_by": row.order.customer_name}
    form = HandOverForm(posted, offered=waiting(row), initial=initial)
    if form.is_valid():
        try:
            collecting.hand_over(
                fulfillment_id=row.pk,
                collected_by=form.cleaned_data["collected_by"],
                lines=form.wanted(),
                by=request.user.get_username(),
                at=timezone.now(),
            )
        except InvalidShipment as error:
            form.refuse(error)
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Handed over.")
            return redirect("orders:detail", row.order.public_id)
    context = {"order": row.order, "fulfillment": row, "form": form}
    return render(request, "orders/hand_over.html", context, status=422 if posted is not None else 200)


def _is_repeated(request: MerchantRequest, order: Order) -> bool:
    """The same click again: its shipment is recorded already."""
    key = request.POST.get("key", "")
    return bool(key) and Fulfillment.objects.filter(order=order, key=key[:255]).exists()


def _ship(request: MerchantRequest, order: Order, form: ShipForm, boxes: ParcelForms) -> bool:
    """False when it was refused: then the forms say why."""
    wanted = Wanted(form.wanted(), boxes.wanted())
    by, key = request.user.get_username(), form.cleaned_data["key"]
    try:
        shipping.ship(order_id=order.pk, wanted=wanted, by=by, at=timezone.now(), key=key)
    except InvalidShipment as error:
        form.refuse(error, boxes)
    except OrderError as error:
        form.add_error(None, str(error))
    else:
        messages.success(request, "Shipped. The customer is told by e-mail.")
        return True
    return False


def _refuse(forms: ParcelForms, error: InvalidShipment) -> list[str]:
    """What has a field stands beside it; the rest is returned."""
    rest = []
    for problem in error.problems:
        nth, _, name = problem.field.removeprefix("parcels[").partition("].")
        if name:
            forms.refuse(int(nth), name, problem.message)
        else:
            rest.append(problem.message)
    return rest


def _own(request: MerchantRequest, public_id: str) -> Fulfillment:
    """One that was made here; a destination's is 404: there is nothing to do to it."""
    rows = Fulfillment.objects.of(request.merchant).own().select_related("order")
    return get_object_or_404(rows, public_id=public_id)
