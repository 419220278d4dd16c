"""One order's page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from connectors.base import BlockerCode
from orders.enums import AddressKind, OrderStatus, PaymentStatus, PushStatus
from orders.models import Order, OrderPush
from orders.views.htmx import wants_partial

_BY_LINK = {BlockerCode.UNMAPPED_SKU, BlockerCode.DUPLICATE_SKU, BlockerCode.SKU_GONE}
_MOVING = {PushStatus.QUEUED, PushStatus.SENDING, PushStatus.UNKNOWN}


@require_GET
@merchant_required
@vary_on_headers("HX-Request")
def order_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(request.merchant).for_page(), public_id=public_id)
    template = "orders/_partials/order_body.html" if wants_partial(request) else "orders/order_detail.html"
    return render(request, template, context_of(order))


def context_of(order: Order) -> dict[str, Any]:
    """All that the page shows, from rows that are read already."""
    pushes = sorted(order.pushes.all(), key=lambda push: (push.connection.name, push.generation))
    addresses = {address.kind: address for address in order.addresses.all()}
    payment = getattr(order, "payment", None)
    return {
        "order": order,
        "payment": payment,
        "lines": sorted(order.lines.all(), key=lambda line: line.position),
        "pushes": [{"push": push, "blockers": [_shown(push, item) for item in push.blockers]} for push in pushes],
        "fulfillments": sorted(order.fulfillments.all(), key=lambda row: row.pk),
        "events": sorted(order.events.all(), key=lambda event: (event.at, event.pk), reverse=True),
        "shipping_address": addresses.get(AddressKind.SHIPPING),
        "billing_address": addresses.get(AddressKind.BILLING),
        "may_confirm": order.status == OrderStatus.PENDING,
        "may_decline": order.status in (OrderStatus.PENDING, OrderStatus.DRAFT),
        "may_cancel": order.status == OrderStatus.CONFIRMED,
        "may_check": order.status == OrderStatus.PENDING or _waits_for_check(order, pushes),
        "payment_failed": payment is not None
        and payment.status == PaymentStatus.FAILED
        and order.status == OrderStatus.CONFIRMED,
        "is_moving": _is_moving(order, pushes),
    }


def _shown(push: OrderPush, blocker: dict[str, str]) -> dict[str, Any]:
    return blocker | {"link": blocker["code"] in _BY_LINK, "connection": push.connection}


def _waits_for_check(order: Order, pushes: list[OrderPush]) -> bool:
    untaken = order.payment_status in (PaymentStatus.AUTHORIZED, PaymentStatus.NONE)
    return order.status == OrderStatus.CONFIRMED and untaken and any(push.status == PushStatus.HELD for push in pushes)


def _is_moving(order: Order, pushes: list[OrderPush]) -> bool:
    """Something will change by itself within seconds: the page looks again."""
    if any(push.checking or push.status in _MOVING for push in pushes):
        return True
    held = any(push.status == PushStatus.HELD for push in pushes)
    return order.status == OrderStatus.CONFIRMED and order.payment_status == PaymentStatus.AUTHORIZED and not held
