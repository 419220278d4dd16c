"""What a store's staff and its own system do in a practice store. Every change is told by webhooks.

A practice store stands for the world outside: it has its own clock. All changes of one store wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors import money
from connectors.practice import events, platforms
from connectors.practice.models import (
    PracticeEvent,
    PracticeFulfillment,
    PracticeFulfillmentLine,
    PracticeLine,
    PracticeOrder,
    PracticeRefund,
    PracticeShop,
    PracticeVariant,
)
from connectors.practice.platforms import Change

SUCCESS, CANCELLED = "SUCCESS", "CANCELLED"


class PracticeError(Exception):
    """The store refuses; the text says why, in the platform's words where they are known."""


@transaction.atomic
def open_shop(
    *,
    slug: str,
    name: str,
    currency: str,
    taxes_included: bool,
    variants: Sequence[Mapping[str, Any]],
    platform: str = "shopify",
) -> PracticeShop:
    """A practice store with products {sku, title, price, stock, details}; one that exists gets the products it lacks."""
    kind = platforms.named(platform)
    fixed = {"name": name, "platform": platform, "currency": currency, "taxes_included": taxes_included}
    shop = PracticeShop.objects.filter(slug=slug).first() or PracticeShop.objects.create(
        slug=slug, domain=kind.domain(slug), **fixed, **kind.keys()
    )
    known = set(shop.variants.values_list("sku", flat=True))
    PracticeVariant.objects.bulk_create(
        PracticeVariant(
            shop=shop,
            sku=item["sku"],
            title=item["title"],
            price=Decimal(item["price"]),
            stock=item.get("stock", 100),
            details=item.get("details", {}),
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
    lines = list(order.lines.order_by("pk").prefetch_related("fulfillment_lines__fulfillment"))
    wanted = {line.pk: line.unfulfilled for line in lines} if quantities is None else dict(quantities)
    _check_quantities(lines, wanted)
    if not platforms.of(order.shop).sends_parts and any(line.unfulfilled > wanted.get(line.pk, 0) for line in lines):
        raise PracticeError("An order is fulfilled whole here: all that is left, in as many parcels as it takes.")
    fulfillment = PracticeFulfillment.objects.create(
        order=order, trackings=_trackings(parcels), created_at=at, updated_at=at
    )
    PracticeFulfillmentLine.objects.bulk_create(
        PracticeFulfillmentLine(fulfillment=fulfillment, line_id=pk, quantity=units)
        for pk, units in wanted.items()
        if units
    )
    units = sum(wanted.values())
    _happened(order, at, f"{units} item{'' if units == 1 else 's'} fulfilled.")
    events.tell(Change("fulfilled", order, fulfillment=fulfillment))
    return fulfillment


@transaction.atomic
def add_tracking(*, fulfillment_id: int, parcels: Sequence[Mapping[str, str]]) -> PracticeFulfillment:
    """Tracking that came later, beside what is there."""
    fulfillment = _standing(fulfillment_id)
    if not _trackings(parcels):
        raise PracticeError("Give a tracking number.")
    return _track(fulfillment, [*fulfillment.trackings, *_trackings(parcels)])


@transaction.atomic
def replace_tracking(*, fulfillment_id: int, parcels: Sequence[Mapping[str, str]]) -> PracticeFulfillment:
    """Tracking in place of what is there."""
    return _track(_standing(fulfillment_id), _trackings(parcels))


@transaction.atomic
def cancel_fulfillment(*, fulfillment_id: int) -> PracticeFulfillment:
    fulfillment = _standing(fulfillment_id)
    fulfillment.status = CANCELLED
    _update(fulfillment, "A fulfillment was cancelled.")
    return fulfillment


@transaction.atomic
def prepare(*, order_id: int, place: int) -> PracticeOrder:
    """What one place of the shop has of an order waits there for its customer, who gets a mail of the shop."""
    order = _locked(order_id)
    order.details = {**order.details, "prepared": [*order.details.get("prepared", []), place]}
    order.save(update_fields=["details"])
    _happened(order, timezone.now(), "Ready for pickup: the customer was told.")
    return order


@transaction.atomic
def cancel_order(*, order_id: int, reason: str = "OTHER", restock: bool = True) -> PracticeOrder:
    order, at = _locked(order_id), timezone.now()
    if order.cancelled_at:
        raise PracticeError("Cannot cancel an order that has already been canceled")
    if order.fulfillments.filter(status=SUCCESS).exists():
        raise PracticeError("Cannot cancel an order that has outstanding fulfillments")
    order.cancelled_at, order.cancel_reason = at, reason
    order.save(update_fields=["cancelled_at", "cancel_reason"])
    if restock:
        _restock(order)
    _happened(order, at, "The order was cancelled.")
    events.tell(Change("cancelled", order))
    return order


@transaction.atomic
def refund(
    *, order_id: int, amount: Decimal, note: str = "", key: str = "", lines: Sequence[Mapping[str, Any]] = ()
) -> PracticeRefund:
    """Give money back, or take `lines` off the order that were checked before. The same `key` is the same refund."""
    order, at = _locked(order_id), timezone.now()
    earlier = order.refunds.filter(key=key).first() if key else None
    if earlier:
        return earlier
    if amount < 0 or not (amount or lines) or amount > order.received - order.refunded:
        raise PracticeError("Refund amount must be more than zero and not more than what was paid.")
    if not money.fits(amount, order.currency):
        raise PracticeError(f"{order.currency} has fewer decimals.")
    order.refunded += amount
    order.financial_status = payment_status(order)
    order.save(update_fields=["refunded", "financial_status"])
    row = PracticeRefund.objects.create(
        order=order, amount=amount, note=note, key=key, lines=list(lines), created_at=at
    )
    units = sum(line["quantity"] for line in lines)
    taken = f" {units} item{'' if units == 1 else 's'} came off the order." if units else ""
    _happened(order, at, f"{money.plain(amount, order.currency)} {order.currency} was refunded.{taken}")
    events.tell(Change("refunded", order, refund=row))
    return row


@transaction.atomic
def mark_as_paid(*, order_id: int) -> PracticeOrder:
    order = _locked(order_id)
    if order.cancelled_at or order.received or order.authorized:
        raise PracticeError("Order cannot be marked as paid.")
    at = timezone.now()
    told = platforms.of(order.shop).pay(order, at=at)
    order.received, order.financial_status = order.total, "PAID"
    order.save(update_fields=["received", "financial_status"])
    _happened(order, at, "The order was marked as paid.")
    if not told:
        events.tell(Change("changed", order))
    return order


@transaction.atomic
def change_address(*, order_id: int, address: Mapping[str, str]) -> PracticeOrder:
    """Send the order somewhere else."""
    order = _locked(order_id)
    if order.cancelled_at:
        raise PracticeError("A cancelled order cannot be edited.")
    platforms.of(order.shop).readdress(order, address)
    order.save(update_fields=["details"])
    _happened(order, timezone.now(), "The shipping address was changed.")
    events.tell(Change("changed", order))
    return order


@transaction.atomic
def edit_quantity(*, line_id: int, quantity: int) -> PracticeOrder:
    """Change how many of a line were ordered; its taxes go along, and the store sums up anew."""
    order = _locked(PracticeLine.objects.get(pk=line_id).order_id)
    line = order.lines.prefetch_related("fulfillment_lines__fulfillment").get(pk=line_id)
    if order.cancelled_at:
        raise PracticeError("A cancelled order cannot be edited.")
    if not platforms.of(order.shop).edits_orders:
        raise PracticeError("Orders cannot be edited here.")
    if quantity < line.fulfilled:
        raise PracticeError(f"{line.fulfilled} of them were sent already.")
    if quantity < line.refunded or quantity < line.fulfilled + line.cancelled:
        raise PracticeError(f"{line.refunded} of them were refunded already.")
    before, line.quantity = line.quantity, quantity
    line.taxes = [_scaled(tax, Decimal(quantity) / before if before else Decimal(0), order) for tax in line.taxes]
    line.save(update_fields=["quantity", "taxes"])
    _sum_up(order)
    _happened(order, timezone.now(), f"{line.title}: {before} became {quantity}.")
    events.tell(Change("edited", order, line=line, delta=quantity - before))
    return order


@transaction.atomic
def delete_order(*, order_id: int) -> None:
    """The order is gone, as if it had never been."""
    order = _locked(order_id)
    events.tell(Change("deleted", order))
    order.delete()


@transaction.atomic
def edit_product(*, variant_id: int, place: str = "", **fields: Any) -> PracticeVariant:
    """Change what is in stock and how it sells; with `place`, where it lies, if the platform has several locations."""
    PracticeVariant.objects.filter(pk=variant_id).update(**fields)
    variant = PracticeVariant.objects.select_related("shop").get(pk=variant_id)
    if place and platforms.of(variant.shop).has_places:
        platforms.of(variant.shop).put(variant, place)
    return variant


def fulfillment_status(order: PracticeOrder) -> str:
    """The display status. Reads the lines with their fulfillment lines: prefetch them."""
    lines = list(order.lines.all())
    if not any(line.fulfilled for line in lines):
        return "UNFULFILLED"
    return "PARTIALLY_FULFILLED" if any(line.unfulfilled > 0 for line in lines) else "FULFILLED"


def payment_status(order: PracticeOrder) -> str:
    """The display status by what was paid and given back; as it stands when nothing was paid."""
    if order.refunded:
        return "REFUNDED" if order.refunded >= order.received else "PARTIALLY_REFUNDED"
    if order.received:
        return "PAID" if order.received >= order.total else "PARTIALLY_PAID"
    return order.financial_status


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


def _track(fulfillment: PracticeFulfillment, trackings: list[dict[str, str]]) -> PracticeFulfillment:
    fulfillment.trackings = trackings
    _update(fulfillment, "Tracking was added.")
    return fulfillment


def _update(fulfillment: PracticeFulfillment, text: str) -> None:
    fulfillment.updated_at = timezone.now()
    fulfillment.save(update_fields=["trackings", "status", "updated_at"])
    _happened(fulfillment.order, fulfillment.updated_at, text)
    events.tell(Change("fulfillment_changed", fulfillment.order, fulfillment=fulfillment))


def _restock(order: PracticeOrder) -> None:
    for line in order.lines.all():
        if line.variant_id:
            order.shop.variants.filter(pk=line.variant_id).update(stock=F("stock") + line.quantity - line.refunded)


def _scaled(tax: Mapping[str, Any], factor: Decimal, order: PracticeOrder) -> dict[str, Any]:
    amount = money.round_half_up(tax_amount(tax) * factor, order.currency)
    return {**tax, "priceSet": {"shopMoney": {"amount": f"{amount:f}", "currencyCode": order.currency}}}


def tax_amount(tax: Mapping[str, Any]) -> Decimal:
    """Of a tax line as it was sent."""
    return Decimal(tax["priceSet"]["shopMoney"]["amount"]) if tax.get("priceSet") else Decimal(0)


def _sum_up(order: PracticeOrder) -> None:
    """The same sums as when the order was created, over what the lines are now."""
    if platforms.of(order.shop).sum_up(order):
        return
    lines = list(order.lines.all())
    items = money.total(line.amount for line in lines)
    beside = [*order.details.get("shippingLines", ()), order.details]
    taxes = [tax for line in lines for tax in line.taxes]
    taxes += [tax for part in beside for tax in part.get("taxLines") or ()]
    order.tax = money.total(tax_amount(tax) for tax in taxes)
    order.discount = min(order.discount, items)
    order.subtotal = items - order.discount
    order.total = order.subtotal + order.shipping + (Decimal(0) if order.taxes_included else order.tax)
    order.financial_status = payment_status(order)
    order.save(update_fields=["tax", "discount", "subtotal", "total", "financial_status"])


def _happened(order: PracticeOrder, at: datetime, text: str) -> None:
    order.updated_at = at
    order.save(update_fields=["updated_at"])
    PracticeEvent.objects.create(order=order, at=at, text=text)


def _standing(fulfillment_id: int) -> PracticeFulfillment:
    order = _locked(PracticeFulfillment.objects.get(pk=fulfillment_id).order_id)
    fulfillment = PracticeFulfillment.objects.get(pk=fulfillment_id)
    fulfillment.order = order
    if fulfillment.status != SUCCESS:
        raise PracticeError("This fulfillment was cancelled.")
    return fulfillment


def _locked(order_id: int) -> PracticeOrder:
    """The order, with its store's row locked: the lock that every change of a store takes first."""
    shop_id = PracticeOrder.objects.values_list("shop_id", flat=True).get(pk=order_id)
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    order = PracticeOrder.objects.get(pk=order_id)
    order.shop = shop
    return order
