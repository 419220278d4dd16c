"""What a store's staff and its own system do in a practice store. Every change is told by webhooks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connectors.practice import events
from connectors.practice.models import (
    PracticeFulfillment,
    PracticeFulfillmentLine,
    PracticeLine,
    PracticeOrder,
    PracticeShop,
    PracticeVariant,
)

SCOPES = [
    "write_orders",
    "read_products",
    "read_inventory",
    "read_locations",
    "read_fulfillments",
    "write_merchant_managed_fulfillment_orders",
]


class PracticeError(Exception):
    """The store refuses; the text says why."""


@transaction.atomic
def open_shop(
    *, slug: str, name: str, currency: str, taxes_included: bool, variants: Sequence[Mapping[str, Any]]
) -> PracticeShop:
    """A practice store with products; one that exists gets the products it lacks."""
    shop, _ = PracticeShop.objects.get_or_create(
        slug=slug,
        defaults={
            "name": name,
            "currency": currency,
            "taxes_included": taxes_included,
            "access_token": f"shpat_{secrets.token_hex(16)}",
            "webhook_secret": next(iter(settings.SHOPIFY_APP_SECRETS), secrets.token_hex(16)),
            "scopes": SCOPES,
        },
    )
    known = set(shop.variants.values_list("sku", flat=True))
    PracticeVariant.objects.bulk_create(
        PracticeVariant(
            shop=shop, sku=item["sku"], title=item["title"], price=Decimal(item["price"]), stock=item.get("stock", 100)
        )
        for item in variants
        if item["sku"] not in known
    )
    return shop


@transaction.atomic
def fulfill(
    *, order_id: int, quantities: Mapping[int, int] | None, parcels: Sequence[Mapping[str, str]]
) -> PracticeFulfillment:
    """Send units by line pk (None: all that is left), in parcels with number, company and url."""
    order, at = _locked(order_id), timezone.now()
    if order.cancelled_at:
        raise PracticeError("A cancelled order cannot be fulfilled.")
    lines = list(order.lines.prefetch_related("fulfillment_lines__fulfillment"))
    wanted = {line.pk: line.unfulfilled for line in lines} if quantities is None else dict(quantities)
    _check_quantities(lines, wanted)
    fulfillment = PracticeFulfillment.objects.create(order=order, trackings=_trackings(parcels), created_at=at, updated_at=at)
    PracticeFulfillmentLine.objects.bulk_create(
        PracticeFulfillmentLine(fulfillment=fulfillment, line_id=pk, quantity=units) for pk, units in wanted.items() if units
    )
    _touch(order, at)
    events.fulfillment(fulfillment, "fulfillments/create")
    return fulfillment


@transaction.atomic
def add_tracking(*, fulfillment_id: int, parcels: Sequence[Mapping[str, str]]) -> PracticeFulfillment:
    """Tracking that came later."""
    fulfillment = PracticeFulfillment.objects.select_related("order").get(pk=fulfillment_id)
    if fulfillment.status != "SUCCESS":
        raise PracticeError("This fulfillment was cancelled.")
    fulfillment.trackings = [*fulfillment.trackings, *_trackings(parcels)]
    return _changed(fulfillment)


@transaction.atomic
def cancel_fulfillment(*, fulfillment_id: int) -> PracticeFulfillment:
    fulfillment = PracticeFulfillment.objects.select_related("order").get(pk=fulfillment_id)
    if fulfillment.status != "SUCCESS":
        raise PracticeError("This fulfillment was cancelled already.")
    fulfillment.status = "CANCELLED"
    return _changed(fulfillment)


@transaction.atomic
def cancel_order(*, order_id: int, reason: str = "OTHER", restock: bool = True) -> PracticeOrder:
    order, at = _locked(order_id), timezone.now()
    if order.cancelled_at:
        raise PracticeError("Cannot cancel an order that has already been canceled")
    if order.fulfillments.filter(status="SUCCESS").exists():
        raise PracticeError("Cannot cancel an order that has outstanding fulfillments")
    order.cancelled_at, order.cancel_reason = at, reason
    order.save(update_fields=["cancelled_at", "cancel_reason"])
    if restock:
        for line in order.lines.exclude(variant=None).select_related("variant"):
            PracticeVariant.objects.filter(pk=line.variant_id).update(stock=line.variant.stock + line.quantity)
    _touch(order, at)
    events.order(order, "orders/cancelled")
    return order


@transaction.atomic
def refund(*, order_id: int, amount: Decimal) -> PracticeOrder:
    """Money given back in the store's own books."""
    order = _locked(order_id)
    if amount <= 0 or amount > order.received - order.refunded:
        raise PracticeError("Refund amount must be more than zero and not more than what was paid.")
    order.refunded += amount
    order.financial_status = "REFUNDED" if order.refunded == order.received else "PARTIALLY_REFUNDED"
    order.save(update_fields=["refunded", "financial_status"])
    _touch(order, timezone.now())
    events.refund(order, amount)
    return order


@transaction.atomic
def edit_quantity(*, line_id: int, quantity: int) -> PracticeOrder:
    """Change how many of a line were ordered; the store sums up anew."""
    line = PracticeLine.objects.select_related("order").get(pk=line_id)
    order = _locked(line.order_id)
    if quantity < line.fulfilled or order.cancelled_at:
        raise PracticeError("Fewer than were sent already, or a cancelled order, cannot be set.")
    difference = line.price * (quantity - line.quantity)
    line.quantity = quantity
    line.save(update_fields=["quantity"])
    order.subtotal += difference
    order.total += difference
    order.save(update_fields=["subtotal", "total"])
    _touch(order, timezone.now())
    events.edited(order)
    return order


def fulfillment_status(order: PracticeOrder) -> str:
    """The display status, from the lines."""
    lines = list(order.lines.prefetch_related("fulfillment_lines__fulfillment"))
    sent = sum(line.fulfilled for line in lines)
    if not sent:
        return "UNFULFILLED"
    return "FULFILLED" if all(line.unfulfilled <= 0 for line in lines) else "PARTIALLY_FULFILLED"


def _check_quantities(lines: Sequence[PracticeLine], wanted: Mapping[int, int]) -> None:
    left = {line.pk: line.unfulfilled for line in lines}
    if any(pk not in left or units < 0 or units > left[pk] for pk, units in wanted.items()) or not any(wanted.values()):
        raise PracticeError("Invalid fulfillment order line item quantity requested.")


def _trackings(parcels: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [
        {"number": parcel["number"], "company": parcel.get("company", ""), "url": parcel.get("url", "")}
        for parcel in parcels
        if parcel.get("number")
    ]


def _changed(fulfillment: PracticeFulfillment) -> PracticeFulfillment:
    fulfillment.updated_at = timezone.now()
    fulfillment.save(update_fields=["trackings", "status", "updated_at"])
    _touch(fulfillment.order, fulfillment.updated_at)
    events.fulfillment(fulfillment, "fulfillments/update")
    return fulfillment


def _touch(order: PracticeOrder, at: datetime) -> None:
    order.updated_at = at
    order.save(update_fields=["updated_at"])


def _locked(order_id: int) -> PracticeOrder:
    return PracticeOrder.objects.select_for_update(of=("self",)).select_related("shop").get(pk=order_id)
