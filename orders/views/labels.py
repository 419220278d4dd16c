"""Labels from a carrier: asked for, chosen and bought, printed, voided, shipped with. A worker speaks to the carrier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.models import CarrierAccount
from orders.errors import InvalidShipment, OrderError
from orders.forms.labels import BuyForm, LabelBoxForms, LabelForm, NumbersForm, label_boxes, rates_of
from orders.forms.shipping import offered
from orders.models import LabelBox, LabelStatus, Order, ShippingLabel
from orders.services import label_sheet, labels, open_units
from orders.views import pdf

PER_PAGE = 50
_MOVING = (LabelStatus.RATING, LabelStatus.BUYING, LabelStatus.VOIDING)
_FOR_SALE = (LabelStatus.RATED, LabelStatus.REFUSED)
_ENDS = (LabelStatus.RATING, *_FOR_SALE, LabelStatus.BUYING, LabelStatus.UNSURE)


@require_http_methods(["GET", "POST"])
@role_required(Role.MANAGER)
def label_new(request: MerchantRequest, public_id: str) -> HttpResponse:
    """What goes into which parcels, and whom to ask for rates."""
    order = get_object_or_404(Order.objects.of(request.merchant), public_id=public_id)
    if order.has_pickup:
        return redirect("orders:ready", public_id)
    accounts = labels.sellers(CarrierAccount.objects.of(request.merchant).standing().order_by("name", "pk"))
    posted = request.POST if request.method == "POST" else None
    rows = open_units.open_lines(order)
    form, boxes = LabelForm(posted, offered=offered(rows), accounts=accounts), label_boxes(posted)
    if posted is not None and form.is_valid() & boxes.is_valid():
        label = _ask(request, order, form, boxes)
        if label is not None:
            return redirect("orders:label", label.public_id)
    context = {
        "order": order,
        "form": form,
        "boxes": boxes,
        "rows": rows,
        "accounts": accounts,
        "closed": open_units.why_closed(order),
    }
    return render(request, "orders/label_new.html", context, status=422 if posted is not None else 200)


@require_GET
@merchant_required
def label_list(request: MerchantRequest) -> HttpResponse:
    rows = ShippingLabel.objects.of(request.merchant).for_list()
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/labels.html", {"page": page})


@require_GET
@merchant_required
def label_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _page(request, _get(request, public_id))


@require_POST
@role_required(Role.MANAGER)
def label_buy(request: MerchantRequest, public_id: str) -> HttpResponse:
    label = _get(request, public_id)
    form = BuyForm(request.POST, label=label)
    if not form.is_valid():
        return _page(request, label, refusal=str(form.errors["rate"][0]))
    return _change(
        request, public_id, labels.buy, "The label is being bought.", service=form.service, agreed=form.agreed
    )


@require_POST
@role_required(Role.MANAGER)
def label_ask_again(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, labels.ask_again, "The carrier is asked for rates again.")


@require_POST
@role_required(Role.MANAGER)
def label_look(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, labels.look_again, "Looking at the carrier. Nothing is bought by that.")


@require_POST
@role_required(Role.MANAGER)
def label_buy_again(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, labels.buy_again, "The label is being bought again.")


@require_POST
@role_required(Role.MANAGER)
def label_settle(request: MerchantRequest, public_id: str) -> HttpResponse:
    """The carrier sold it after all, under the numbers that were typed."""
    label = _get(request, public_id)
    form = NumbersForm(request.POST)
    if not form.is_valid():
        return _page(request, label, refusal="Type the tracking numbers.")
    return _change(request, public_id, labels.settle, "Kept under that number.", numbers=form.given)


@require_POST
@role_required(Role.MANAGER)
def label_withdraw(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, labels.withdraw, "Withdrawn: it is not bought.")


@require_POST
@role_required(Role.MANAGER)
def label_void(request: MerchantRequest, public_id: str) -> HttpResponse:
    return _change(request, public_id, labels.void, "The label is being voided.")


@require_POST
@role_required(Role.MANAGER)
def label_ship(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Its parcels are handed over."""
    label = _get(request, public_id)
    try:
        labels.ship(label_id=label.pk, by=request.user.get_username(), at=timezone.now())
    except OrderError as error:
        messages.error(request, str(error))
        return redirect("orders:label", public_id)
    messages.success(request, "Shipped. The customer is told by e-mail.")
    return redirect("orders:detail", label.order.public_id)


@require_GET
@role_required(Role.MANAGER)
def label_file(request: MerchantRequest, public_id: str) -> HttpResponse:
    label = _get(request, public_id)
    return _print(request, [label.public_id], f"label-{label.reference}")


@require_POST
@role_required(Role.MANAGER)
def labels_file(request: MerchantRequest) -> HttpResponse:
    """Those that were chosen in the list, in one PDF."""
    return _print(request, request.POST.getlist("labels")[: label_sheet.MOST_PRINTED], "labels")


def _ask(request: MerchantRequest, order: Order, form: LabelForm, boxes: LabelBoxForms) -> ShippingLabel | None:
    """None when it was refused: then the forms say why."""
    try:
        return labels.ask(
            order_id=order.pk,
            account_id=form.account.pk,
            lines=form.wanted(),
            boxes=boxes.boxes(),
            by=request.user.get_username(),
            at=timezone.now(),
        )
    except InvalidShipment as error:
        form.refuse(error, boxes)
    except OrderError as error:
        form.add_error(None, str(error))
    return None


def _page(request: MerchantRequest, label: ShippingLabel, *, refusal: str = "") -> HttpResponse:
    boxes = label.boxes.order_by("position").defer("image")
    context = {
        "label": label,
        "lines": label.lines.select_related("line").order_by("line__position"),
        "boxes": boxes,
        "has_pictures": LabelBox.objects.filter(label=label, image__isnull=False).exists(),
        "rates": rates_of(label) if label.status in _FOR_SALE else [],
        "is_stale": labels.is_stale(label, at=timezone.now()),
        "form": NumbersForm(),
        "is_moving": label.status in _MOVING,
        "may_end": label.status in _ENDS,
        "refusal": refusal,
    }
    return render(request, "orders/label_detail.html", context, status=422 if refusal else 200)


def _print(request: MerchantRequest, public_ids: list[str], name: str) -> HttpResponse:
    sheet = label_sheet.of(ShippingLabel.objects.of(request.merchant).filter(public_id__in=public_ids))
    if not sheet:
        messages.warning(request, "There is nothing to print: the carrier gave no picture, or it is too old.")
        return redirect("orders:labels")
    return pdf.download(sheet, name)


def _change(
    request: MerchantRequest, public_id: str, service: Callable[..., ShippingLabel], done: str, /, **fields: Any
) -> HttpResponse:
    label = _get(request, public_id)
    try:
        service(label_id=label.pk, by=request.user.get_username(), at=timezone.now(), **fields)
    except OrderError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("orders:label", public_id)


def _get(request: MerchantRequest, public_id: str) -> ShippingLabel:
    rows = ShippingLabel.objects.of(request.merchant).select_related("order", "account", "fulfillment")
    return get_object_or_404(rows, public_id=public_id)
