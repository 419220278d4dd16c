"""One order's page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.decorators import merchant_required
from accounts.http import MerchantRequest
from connectors.conditions import captured
from connectors.models import Connection
from connectors.money import total
from connectors.registry import connector_class
from orders import due
from orders.enums import (
    AddressKind,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
    PushStatus,
    RefundStatus,
    ShipmentStatus,
)
from orders.models import Order, OrderLine, OrderPush, Payment
from orders.services import (
    by_hand,
    called_off,
    draft_fields,
    kept_out,
    looks,
    missing_lines,
    open_units,
    overcharged,
    owed_back,
    readiness,
    refund_links,
    refund_quotes,
    routing,
    still_due,
    terms,
)
from orders.services.push_records import compares_totals
from orders.views import fixes
from orders.views.htmx import wants_partial

_LEFT = {PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.PUSHED, PushStatus.CANCELLED}
_MOVABLE = {OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED}
_MOVING = {PushStatus.QUEUED, PushStatus.SENDING, PushStatus.UNKNOWN}


@require_GET
@merchant_required
@vary_on_headers("HX-Request")
def order_detail(request: MerchantRequest, public_id: str) -> HttpResponse:
    order = get_object_or_404(Order.objects.of(request.merchant).for_page(), public_id=public_id)
    template = "orders/_partials/order_body.html" if wants_partial(request) else "orders/order_detail.html"
    destinations = routing.destinations(request.merchant, source_id=order.channel.connection_id)
    return render(request, template, context_of(order, destinations))


def context_of(order: Order, destinations: Sequence[Connection]) -> dict[str, Any]:
    """All that the page shows, from rows that are read already."""
    pushes = sorted(order.pushes.all(), key=lambda push: (push.connection.name, push.generation))
    addresses = {address.kind: address for address in order.addresses.all()}
    payment = getattr(order, "payment", None)
    return {
        "order": order,
        "payment": payment,
        "origin": getattr(order, "origin", None),
        "lines": sorted(order.lines.all(), key=lambda line: line.position),
        "pushes": [_card(push, order, destinations) for push in pushes],
        "lost": _lost(order, pushes) if destinations else [],
        "destinations": destinations,
        "is_split": len(destinations) > 1 or len(pushes) > 1,
        "may_move": order.status in _MOVABLE,
        "ready_notice": getattr(order, "ready_notice", None),
        "fulfillments": sorted(order.fulfillments.all(), key=lambda row: row.pk),
        "events": sorted(order.events.all(), key=lambda event: (event.at, event.pk), reverse=True),
        "shipping_address": addresses.get(AddressKind.SHIPPING),
        "billing_address": addresses.get(AddressKind.BILLING),
        "may_confirm": order.status == OrderStatus.PENDING and readiness.unpayable(order) is None,
        "may_decline": order.status in (OrderStatus.PENDING, OrderStatus.DRAFT),
        "may_cancel": order.status == OrderStatus.CONFIRMED and order.cancel_wish is None,
        "may_ship": _may_ship(order, pushes),
        "may_send_carrier": order.status in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
        and not open_units.is_unpaid(order)
        and not order.has_pickup
        and _leaves_from_here(order, pushes),
        "pickups": sorted(order.pickup_rows.all(), key=lambda row: row.pk),
        "labels": sorted(order.labels.all(), key=lambda label: label.pk),
        "may_refund": payment is not None
        and not payment.taken_in_store
        and payment.status in refund_quotes.TAKEN
        and payment.captured > _promised(order),
        "may_link": not refund_links.why_none(order, payment),
        "refunds": sorted(order.refunds.all(), key=lambda refund: refund.pk),
        "refund_requests": sorted(order.refund_requests.all(), key=lambda asked: asked.pk, reverse=True),
        "owed": owed_back.of_rows(pushes, order.refunds.all(), payment),
        "unasked": _unasked(order, pushes),
        "still_asked": called_off.still_asked(order, pushes),
        "may_check": order.status == OrderStatus.PENDING or _waits_for_check(order, pushes),
        "payment_failed": payment is not None
        and payment.status == PaymentStatus.FAILED
        and order.status == OrderStatus.CONFIRMED,
        "is_moving": _is_moving(order, pushes),
        "why": getattr(order, "accept_decision", None),
        "deadlines": _deadlines(order),
    }


def _card(push: OrderPush, order: Order, destinations: Sequence[Connection]) -> dict[str, Any]:
    """One destination's part of the order, and where its lines could go instead."""
    lines = sorted((row.line for row in push.push_lines.all()), key=lambda line: line.position)
    can_push = by_hand.can_push(push)
    left = bool(push.remote_id) or push.status in _LEFT or push.generation > 1
    given_back = Decimal(0) if push.status == PushStatus.SKIPPED else still_due.given_back_by_now(push)
    return {
        "push": push,
        "given_back": given_back,
        "goes_as": push.total - given_back,
        "blockers": [_shown(push, item) for item in push.blockers],
        "compares": compares_totals(push),
        "can_push": can_push,
        "may_return": bool(lines) and kept_out.is_by_hand(push) and order.status in _MOVABLE,
        "may_fee": can_push and not terms.why_no_fee(push, order),
        "missing": missing_lines.owed(push) if push.status == PushStatus.HELD and not push.remote_cancelled else [],
        "ended_by_refund": push.status == PushStatus.SKIPPED and push.reason == called_off.REASON,
        "given_there": [row for row in push.push_lines.all() if row.given_back_there],
        "more": overcharged.of(push),
        "copies": push.undecided_copies if push.status == PushStatus.HELD else [],
        "cancels": connector_class(push.connection.platform).capabilities.cancel,
        "lines": lines,
        "targets": [] if left else [other for other in destinations if other.pk != push.connection_id],
    }


def _lost(order: Order, pushes: Sequence[OrderPush]) -> list[OrderLine]:
    """The lines that go nowhere."""
    routed = {row.line_id for push in pushes for row in push.push_lines.all()}
    return sorted((line for line in order.lines.all() if line.pk not in routed), key=lambda line: line.position)


def _shown(push: OrderPush, blocker: dict[str, str]) -> dict[str, Any]:
    return blocker | {
        "fix": fixes.of(blocker["code"], blocker.get("value", ""), push.connection),
        "fill": push.order.status == OrderStatus.PENDING and draft_fields.section_of(blocker["field"]),
    }


def _waits_for_check(order: Order, pushes: list[OrderPush]) -> bool:
    payment = getattr(order, "payment", None)
    nothing_to_take = payment is None or payment.taken_in_store or _is_paid_before(order, payment)
    untaken = order.payment_status == PaymentStatus.AUTHORIZED or (
        nothing_to_take and not any(push.sent_at for push in pushes)
    )
    return order.status == OrderStatus.CONFIRMED and untaken and any(push.status == PushStatus.HELD for push in pushes)


def _is_paid_before(order: Order, payment: Payment) -> bool:
    """Somebody captured the payment at the gateway before the order was confirmed."""
    return bool(payment.captured_at and order.decided_at and payment.captured_at <= order.decided_at)


def _may_ship(order: Order, pushes: Sequence[OrderPush]) -> bool:
    """Something may be left to send from here; the page of that says what."""
    if order.status != OrderStatus.CONFIRMED or open_units.is_unpaid(order):
        return False
    if order.fulfillment_status == FulfillmentStatus.READY:
        return False
    return _has_open_lines(order, pushes)


def _leaves_from_here(order: Order, pushes: Sequence[OrderPush]) -> bool:
    """Something was shipped from here, or may be."""
    own = any(row.push_id is None and row.status == ShipmentStatus.SUCCESS for row in order.fulfillments.all())
    return own or _has_open_lines(order, pushes)


def _has_open_lines(order: Order, pushes: Sequence[OrderPush]) -> bool:
    if _unasked(order, pushes):
        return True
    elsewhere = {row.line_id for push in pushes if push.status not in looks.ELSEWHERE for row in push.push_lines.all()}
    return any(line.fulfilled_quantity < line.due_quantity for line in order.lines.all() if line.pk not in elsewhere)


def _unasked(order: Order, pushes: Sequence[OrderPush]) -> list[tuple[OrderLine, int]]:
    """Lines with the units that their destination was not asked for; read again only where it was asked for less."""
    rows = [row for push in pushes for row in push.push_lines.all() if row.sent_quantity is not None]
    units = open_units.unasked([order]) if rows else {}
    return [(line, units[line.pk]) for line in order.lines.all() if line.pk in units]


def _promised(order: Order) -> Decimal:
    """Given back, or on its way."""
    return total(refund.amount for refund in order.refunds.all() if refund.status != RefundStatus.WITHDRAWN)


def _deadlines(order: Order) -> list[tuple[str, datetime]]:
    """All that still count, the nearest first."""
    shipping = order.status in due.OPEN or due.is_to_ship(
        status=order.status, payment=order.payment_status, fulfillment=order.fulfillment_status
    )
    known = [(order.ship_by, "Ship by")] if shipping else []
    if order.status in due.OPEN or (order.status == OrderStatus.CONFIRMED and order.payment_status in due.UNTAKEN):
        known += [(order.deadline, "Confirm by"), (order.authorized_until, "Authorized until")]
    return [(label, at) for at, label in sorted((at, label) for at, label in known if at is not None)]


def _is_moving(order: Order, pushes: list[OrderPush]) -> bool:
    """Something will change by itself within seconds: the page looks again."""
    if any(push.checking or push.status in _MOVING for push in pushes):
        return True
    if any(refund.status == RefundStatus.REQUESTED and not refund.gateway_id for refund in order.refunds.all()):
        return True
    held = any(push.status == PushStatus.HELD for push in pushes)
    # what was paid in a store waits for the last check alone
    last_check = any(push.wait_for == captured(order.pk) for push in pushes)
    untaken = order.payment_status == PaymentStatus.AUTHORIZED or (
        last_check and order.payment_status != PaymentStatus.FAILED
    )
    return order.status == OrderStatus.CONFIRMED and untaken and not held
