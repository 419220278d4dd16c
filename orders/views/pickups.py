"""Carriers that are to come: asked for one order or many, listed, called off, settled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.errors import ConnectorError
from connectors.models import CarrierAccount
from orders.enums import PickupStatus
from orders.errors import InvalidShipment, OrderError
from orders.forms.pickups import CLOSES, OPENS, NumberForm, PickupForm
from orders.models import CarrierPickup, Order
from orders.services import carrier_pickups

PER_PAGE = 50
_MOVING = (PickupStatus.REQUESTED, PickupStatus.CANCELLING)
_ENDS = (PickupStatus.REQUESTED, PickupStatus.SCHEDULED, PickupStatus.FAILED)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def pickup_new(request: MerchantRequest) -> HttpResponse:
    """For one order by its link, or for those that were chosen in the list."""
    orders = _chosen(request)
    if not orders or len(orders) > carrier_pickups.MOST_ORDERS:
        text = f"Choose at most {carrier_pickups.MOST_ORDERS} orders." if orders else "No order was chosen."
        messages.warning(request, text)
        return redirect("orders:list")
    accounts = list(CarrierAccount.objects.of(request.merchant).standing().order_by("name", "pk"))
    sent = request.POST if "schedule" in request.POST or "quote" in request.POST else None
    form = PickupForm(
        sent, merchant=request.merchant, accounts=accounts, loads=carrier_pickups.loads(orders),
        initial=_initial(request),
    )  # fmt: skip
    cost = ""
    if form.is_valid():
        if "schedule" in request.POST:
            pickup = _schedule(request, form)
            if pickup is not None:
                return redirect("orders:pickup", pickup.public_id)
        else:
            cost = _cost(form)
    context = {"form": form, "orders": orders, "accounts": accounts, "cost": cost}
    return render(request, "orders/pickup_new.html", context, status=422 if form.errors else 200)


@require_GET
@merchant_required
def pickup_list(request: MerchantRequest) -> HttpResponse:
    rows = (
        CarrierPickup.objects.of(request.merchant).select_related("account__merchant").prefetch_related("rows__order")
    )
    page = Paginator(rows.order_by("-opens_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/pickups.html", {"page": page})


@require_GET
@merchant_required
def pickup_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    pickup = _get(request, public_id)
    context = {
        "pickup": pickup,
        "rows": pickup.rows.select_related("order").order_by("order__number", "pk"),
        "form": NumberForm(),
        "is_moving": pickup.status in _MOVING,
        "may_end": pickup.status in _ENDS,
    }
    return render(request, "orders/pickup_detail.html", context)


@require_POST
@role_required(Role.MANAGER)
def pickup_cancel(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, carrier_pickups.cancel, "Nobody comes, as soon as the carrier has heard of it.")


@require_POST
@role_required(Role.MANAGER)
def pickup_retry(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, carrier_pickups.try_again, "The carrier is asked again.")


@require_POST
@role_required(Role.MANAGER)
def pickup_settle(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The carrier has it after all, under the number that was typed."""
    _get(request, public_id)
    form = NumberForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Type the carrier's number.")
        return redirect("orders:pickup", public_id)
    return _change(request, public_id, carrier_pickups.settle, "Kept under that number.", **form.cleaned_data)


def _chosen(request: MerchantRequest) -> list[Order]:
    given = request.POST.getlist("orders") if request.method == "POST" else request.GET.getlist("order")
    wanted = given[: carrier_pickups.MOST_ORDERS + 1]
    return list(Order.objects.of(request.merchant).filter(public_id__in=wanted).order_by("placed_at", "pk"))


def _initial(request: MerchantRequest) -> dict[str, object]:
    """Tomorrow in the merchant's zone, in office hours."""
    today = timezone.now().astimezone(request.merchant.zone).date()
    return {"day": today + timedelta(days=1), "opens": OPENS, "closes": CLOSES}


def _schedule(request: MerchantRequest, form: PickupForm) -> CarrierPickup | None:
    """None when it was refused: then the form says why."""
    try:
        pickup = carrier_pickups.schedule(
            account_id=form.account.pk,
            wanted=form.wanted(),
            opens_at=form.moment("opens"),
            closes_at=form.moment("closes"),
            note=form.cleaned_data["note"],
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except InvalidShipment as error:
        form.refuse(error)
    except OrderError as error:
        form.add_error(None, str(error))
    else:
        messages.success(request, f"{pickup.account.name} is being asked.")
        return pickup
    return None


def _cost(form: PickupForm) -> str:
    """What the carrier says; empty when it was refused, which the form then says."""
    try:
        cost = carrier_pickups.quote(
            account_id=form.account.pk,
            wanted=form.wanted(),
            opens_at=form.moment("opens"),
            closes_at=form.moment("closes"),
            at=timezone.now(),
        )
    except InvalidShipment as error:
        form.refuse(error)
    except ConnectorError as error:
        form.add_error(None, str(error))
    else:
        return f"{form.account.name} asks {cost}." if cost else f"{form.account.name} does not say beforehand."
    return ""


def _change(
    request: MerchantRequest, public_id: str, service: Callable[..., CarrierPickup], done: str, **fields: object
) -> HttpResponse:
    pickup = _get(request, public_id)
    try:
        service(pickup_id=pickup.pk, by=request.user.get_username(), at=timezone.now(), **fields)
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("orders:pickup", public_id)


def _get(request: MerchantRequest, public_id: str) -> CarrierPickup:
    rows = CarrierPickup.objects.of(request.merchant).select_related("account__merchant")
    return get_object_or_404(rows, public_id=public_id)
