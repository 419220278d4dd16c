"""Orders for partners' stores: what one merchant pushes to others, and what it has to ship for them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import merchant_required, role_required
from accounts.http import MerchantRequest
from accounts.models import Role
from connectors.models import PartnerSettings
from connectors.services import plans
from orders.enums import AddressKind
from orders.errors import InvalidPush, OrderError
from orders.forms.partners import PushForm
from orders.models import Order, OrderPush
from orders.services import partner_orders as service
from orders.services.partner_outbound import note_of, tag_of

SHOWN_AT_ONCE = 50


@require_GET
@merchant_required
def partner_orders(request: MerchantRequest) -> HttpResponse:
    """The list of orders with synced products. Without the add-on there is no such page."""
    _refuse_without_addon(request)
    return _list(request)


@require_POST
@role_required(Role.MANAGER)
def partner_push(request: MerchantRequest, public_id: str) -> HttpResponse:
    """One order's part to one partner, with the shipping cost that was typed."""
    mine = OrderPush.objects.of(request.merchant).of_partners().select_related("order", "connection")
    push = get_object_or_404(mine, public_id=public_id)
    _refuse_without_addon(request)
    form = PushForm(request.POST, currency=push.order.currency)
    if form.is_valid():
        try:
            service.push(
                push_id=push.pk,
                shipping=form.cleaned_data["shipping"],
                by=request.user.get_username(),
                at=timezone.now(),
            )
        except InvalidPush as refusal:
            for wrong in refusal.problems:
                form.add_error("shipping", wrong.message)
        except OrderError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Order {push.order.number} is on its way to {push.connection.name}.")
            if request.POST.get("from") == "order":
                return redirect("orders:detail", push.order.public_id)
            return redirect(reverse("orders:partner_orders", query={"page": request.POST.get("page", "1")}))
    return _list(request, refused=push, form=form)


@require_GET
@merchant_required
def partner_shipments(request: MerchantRequest) -> HttpResponse:
    """What partners pushed to this merchant's stores: what to send, and where to."""
    page = Paginator(service.shipments_for(request.merchant), SHOWN_AT_ONCE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [_shipment(push) for push in page]}
    return render(request, "orders/partner_shipments.html", context)


def _refuse_without_addon(request: MerchantRequest) -> None:
    if not plans.has_orders_addon(request.merchant.pk):
        raise Http404


def _list(request: MerchantRequest, *, refused: OrderPush | None = None, form: PushForm | None = None) -> HttpResponse:
    """A page of the list; after a refusal the one that it came from, with the refused order on it wherever it stands."""
    orders = service.orders_of(request.merchant)
    page = Paginator(orders, SHOWN_AT_ONCE).get_page((request.POST if refused else request.GET).get("page"))
    shown = list(page)
    if refused is not None and refused.order not in shown:
        shown = [*orders.filter(pk=refused.order_id), *shown]
    context = {
        "page": page,
        "rows": [_row(order) for order in shown],
        "links": [_link(row) for row in service.connections_of(request.merchant)],
        "refused": refused,
        "form": form,
        "from_order": refused is not None and request.POST.get("from") == "order",
    }
    return render(request, "orders/partner_orders.html", context, status=422 if refused else 200)


def _row(order: Order) -> dict[str, Any]:
    pushes = order.partner_pushes  # type: ignore[attr-defined]  # partner_orders.orders_of
    return {"order": order, "state": service.state_of(pushes), "pushes": pushes}


def _link(connection: Any) -> dict[str, Any]:
    """One switch at the top of the list."""
    partnership = connection.partnership
    chosen: PartnerSettings | None = getattr(partnership, "settings", None)
    return {"name": connection.name, "public_id": partnership.public_id, "on": bool(chosen and chosen.automatic)}


def _shipment(push: OrderPush) -> dict[str, Any]:
    addresses = {address.kind: address for address in push.order.addresses.all()}
    parcels = [parcel for row in push.fulfillments.all() if row.status == "success" for parcel in row.parcels.all()]
    return {
        "push": push,
        "seller": push.connection.merchant.name,
        "tag": tag_of(push),
        "note": note_of(push),
        "lines": service.asked_of(push),
        "address": addresses.get(AddressKind.SHIPPING),
        "state": service.sent_state(push),
        "parcels": parcels,
    }
