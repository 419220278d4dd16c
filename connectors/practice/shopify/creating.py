"""orderCreate: check, claim stock, sum up, store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeShop
from connectors.practice.shopify import rules

_KEPT = ("billingAddress", "shippingAddress", "customer", "email", "phone", "poNumber", "sourceUrl", "shippingLines", "taxLines")


def create_order(
    shop_id: int, order: Mapping[str, Any], options: Mapping[str, Any], *, at: datetime
) -> PracticeOrder:
    """Inside a transaction. Raises rules.OrderRefused, and then nothing of it was done."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    draft = rules.check(shop, order, at=at)
    rules.claim_stock(draft, options.get("inventoryBehaviour") or "BYPASS")
    sums = rules.sums(order)
    status, received = rules.financial_status(order, sums.total)
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    row = PracticeOrder.objects.create(
        shop=shop,
        name=f"#{shop.last_number}",
        source_identifier=order.get("sourceIdentifier") or "",
        custom_id=_custom_id(order),
        created_at=at,
        updated_at=at,
        currency=order.get("currency") or shop.currency,
        taxes_included=bool(order.get("taxesIncluded")),
        subtotal=sums.subtotal,
        discount=sums.discount,
        shipping=sums.shipping,
        tax=sums.tax,
        total=sums.total,
        received=received,
        financial_status=status,
        note=order.get("note") or "",
        tags=sorted(set(order.get("tags") or [])),
        attributes=list(order.get("customAttributes") or []),
        details={name: _plain(order[name]) for name in _KEPT if order.get(name) is not None},
    )
    PracticeLine.objects.bulk_create(_line(row, line, draft, index) for index, line in enumerate(order["lineItems"]))
    return row


def _line(row: PracticeOrder, line: Mapping[str, Any], draft: rules.Draft, index: int) -> PracticeLine:
    variant = draft.variants[index]
    given = line.get("priceSet")
    return PracticeLine(
        order=row,
        variant=variant,
        sku=line.get("sku") or (variant.sku if variant else ""),
        title=line.get("title") or (variant.title if variant else ""),
        quantity=line["quantity"],
        price=Decimal(given["shopMoney"]["amount"]) if given else (variant.price if variant else Decimal(0)),
        taxes=[_plain(tax) for tax in line.get("taxLines") or []],
        properties=[{"key": item["name"], "value": item["value"]} for item in line.get("properties") or []],
        requires_shipping=bool(line.get("requiresShipping")),
    )


def _custom_id(order: Mapping[str, Any]) -> str:
    for metafield in order.get("metafields") or []:
        if metafield.get("type") == "id":
            return str(metafield["value"])
    return ""


def _plain(value: Any) -> Any:
    """JSON of what was sent: decimals as text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"{value:f}" if isinstance(value, Decimal) else value
