"""An import: once per idempotency key, checked, taken from stock, stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors import money
from connectors.practice import events, services
from connectors.practice.models import PracticeEvent, PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.platforms import Change
from connectors.practice.squarespace import rules
from connectors.practice.squarespace.answers import Refused


@transaction.atomic
def import_order(shop_id: int, body: Mapping[str, Any], *, key: str, at: datetime) -> tuple[PracticeOrder, bool]:
    """The order, and whether it is new: the same key and body again is the same order. Raises Refused."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    earlier = shop.orders.filter(details__idempotencyKey=key).first()
    if earlier is not None:
        if earlier.details["digest"] != digest:
            raise Refused("This Idempotency-Key was used with other parameters.")
        return earlier, False
    variants = rules.check(shop, body)
    if body.get("inventoryBehavior") == "DEDUCT":
        rules.deduct(shop, body["lineItems"], variants)
    row = _store(shop, body, variants, at)
    row.details |= {"idempotencyKey": key, "digest": digest}
    row.save(update_fields=["details"])
    events.tell(Change("created", row))
    if body.get("fulfillmentStatus") == "FULFILLED":
        services.fulfill(order_id=row.pk, quantities=None, parcels=parcels(body["fulfillments"]))
    return row, True


def parcels(shipments: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Shipments as the practice pages have them."""
    return [
        {
            "number": shipment["trackingNumber"],
            "company": f"{shipment['carrierName']} {shipment['service']}".strip(),
            "url": shipment.get("trackingUrl") or "",
        }
        for shipment in shipments
    ]


def _store(
    shop: PracticeShop, body: Mapping[str, Any], variants: list[PracticeVariant | None], at: datetime
) -> PracticeOrder:
    told = rules.sums(shop, body)
    row = PracticeOrder.objects.create(
        shop=shop,
        name=next_name(shop),
        source_identifier=body["externalOrderReference"],
        created_at=rules.moment(body["createdOn"], "createdOn"),
        updated_at=at,
        currency=shop.currency,
        taxes_included=body["priceTaxInterpretation"] == "INCLUSIVE",
        subtotal=told["subtotal"] - told["discountTotal"],
        discount=told["discountTotal"],
        shipping=told["shippingTotal"],
        tax=told["taxTotal"],
        total=told["grandTotal"],
        received=told["grandTotal"],
        financial_status="PAID",
        details={"sent": dict(body), **_shown(body)},
    )
    _store_lines(row, body, variants)
    text = f"The order was imported by an app: {money.plain(row.total, row.currency)} {row.currency}."
    PracticeEvent.objects.create(order=row, at=at, text=text)
    return row


def _store_lines(row: PracticeOrder, body: Mapping[str, Any], variants: list[PracticeVariant | None]) -> None:
    PracticeLine.objects.bulk_create(
        PracticeLine(
            order=row,
            variant=variant,
            sku=variant.sku if variant else "",
            title=(variant.title if variant else str(line["title"]))[:300],
            quantity=line["quantity"],
            price=rules.amount(line["unitPricePaid"], "unitPricePaid", row.currency),
            requires_shipping=variant is not None,
        )
        for line, variant in zip(body["lineItems"], variants, strict=True)
    )


def next_name(shop: PracticeShop) -> str:
    """Squarespace counts from 1."""
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    return f"#{shop.last_number}"


def _shown(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the practice pages show of an order, by the names they know."""
    addresses = {name: shown_address(body[name]) for name in ("billingAddress", "shippingAddress") if body.get(name)}
    return {
        **addresses,
        "email": body.get("customerEmail") or "",
        "shippingLines": [{"title": line["method"]} for line in body.get("shippingLines") or []],
        "transactions": [{"gateway": body["channelName"]}],
    }


def shown_address(address: Mapping[str, Any]) -> dict[str, Any]:
    return {**address, "provinceCode": address.get("state"), "zip": address.get("postalCode")}
