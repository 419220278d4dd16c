"""orderCreate: check, claim stock, sum up, store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime

from connectors import money
from connectors.practice import dials, services
from connectors.practice.models import PracticeEvent, PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.shopify import customers, places, rules
from connectors.practice.shopify.nodes import time_text

_KEPT = (
    "billingAddress",
    "shippingAddress",
    "customer",
    "email",
    "phone",
    "poNumber",
    "sourceUrl",
    "processedAt",
    "discountCode",
    "shippingLines",
    "taxLines",
    "transactions",
    "metafields",
    "fulfillment",
)


def create_order(shop_id: int, order: Mapping[str, Any], options: Mapping[str, Any], *, at: datetime) -> PracticeOrder:
    """Inside a transaction. Raises rules.OrderRefused, and then nothing of it may be kept."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    variants = rules.check(shop, order, at=at)
    place, custom_id = _custom_id(order)
    if custom_id and dials.is_on(shop, "unique_ids") and shop.orders.filter(custom_id=custom_id).exists():
        raise rules.IdTaken(place)
    rules.claim_stock(order["lineItems"], variants, options["inventoryBehaviour"])
    prices = [_price(line, variant) for line, variant in zip(order["lineItems"], variants, strict=True)]
    sums = rules.sums(order, prices, shop.currency)
    status, authorized, received = rules.payments(order, sums.total)
    row = PracticeOrder.objects.create(
        shop=shop,
        customer=customers.take(shop, order, at=at),
        name=_next_name(shop),
        source_identifier=order.get("sourceIdentifier") or "",
        custom_id=custom_id,
        created_at=at,
        updated_at=at,
        currency=shop.currency,
        taxes_included=bool(order.get("taxesIncluded")),
        subtotal=sums.subtotal,
        discount=sums.discount,
        shipping=sums.shipping,
        tax=sums.tax,
        total=sums.total,
        authorized=authorized,
        received=received,
        financial_status=status,
        note=order.get("note") or "",
        tags=split_tags(order.get("tags") or []),
        attributes=list(order.get("customAttributes") or []),
        details={
            **{name: _plain(order[name]) for name in _KEPT if order.get(name) is not None},
            **_clamped(order, at),
        },
    )
    _store_lines(row, order["lineItems"], variants, prices)
    text = f"The order was created by an app: {money.plain(row.total, row.currency)} {row.currency}."
    PracticeEvent.objects.create(order=row, at=at, text=text)
    if order.get("fulfillmentStatus") == "FULFILLED":
        _fulfill(row, order["fulfillment"], at=at)
    return row


def _clamped(order: Mapping[str, Any], at: datetime) -> dict[str, str]:
    """A time still to come becomes now, since version 2026-07; earlier versions refused it."""
    processed_at = parse_datetime(order.get("processedAt") or "")
    return {"processedAt": time_text(at)} if processed_at and processed_at > at else {}


def _fulfill(row: PracticeOrder, sent: Mapping[str, Any], *, at: datetime) -> None:
    """All lines, from the location, in as many parcels as tracking numbers were told."""
    place = places.name_of(row.shop, sent["locationId"])
    PracticeEvent.objects.create(order=row, at=at, text=f"All items are sent from {place}.")
    numbers = [*(sent.get("trackingNumbers") or ()), *([sent["trackingNumber"]] if sent.get("trackingNumber") else ())]
    parcels = [{"number": number, "company": sent.get("trackingCompany") or ""} for number in numbers]
    services.fulfill(order_id=row.pk, quantities=None, parcels=parcels)


def split_tags(given: Sequence[str]) -> list[str]:
    """Shopify splits tags at commas, drops doubles and sorts."""
    return sorted({part.strip() for tag in given for part in tag.split(",") if part.strip()})


def metafield_key(field: Mapping[str, Any]) -> str:
    return f"{field.get('namespace') or ''}.{field.get('key') or ''}"


def _next_name(shop: PracticeShop) -> str:
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    return f"#{shop.last_number}"


def _store_lines(
    row: PracticeOrder,
    lines: Sequence[Mapping[str, Any]],
    variants: Sequence[PracticeVariant | None],
    prices: Sequence[Decimal],
) -> None:
    PracticeLine.objects.bulk_create(
        PracticeLine(
            order=row,
            variant=variant,
            sku=line.get("sku") or (variant.sku if variant else ""),
            title=(line.get("title") or (variant.title if variant else ""))[:300],
            quantity=line["quantity"],
            price=price,
            taxes=[_plain(tax) for tax in line.get("taxLines") or []],
            properties=[{"key": item["name"], "value": item["value"]} for item in line.get("properties") or []],
            requires_shipping=bool(line.get("requiresShipping")),
        )
        for line, variant, price in zip(lines, variants, prices, strict=True)
    )


def _price(line: Mapping[str, Any], variant: PracticeVariant | None) -> Decimal:
    """The price that was sent goes before the variant's own."""
    if line.get("priceSet"):
        return rules.amount_of(line["priceSet"])
    return variant.price if variant else Decimal(0)


def _custom_id(order: Mapping[str, Any]) -> tuple[int, str]:
    """The id metafield's place, and it in the form that orderByIdentifier looks for; empty when there is none."""
    for place, field in enumerate(order.get("metafields") or []):
        if field.get("type") == "id":
            return place, f"{metafield_key(field)}={field.get('value')}"[:400]
    return 0, ""


def _plain(value: Any) -> Any:
    """JSON of what was sent: decimals as text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"{value:f}" if isinstance(value, Decimal) else value
