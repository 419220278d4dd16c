"""POST Orders: check, find the products, spread them over warehouses, and store one order for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from connectors import money
from connectors.practice.models import PracticeEvent, PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.ssactivewear import rules, stock
from connectors.practice.ssactivewear.answers import NOT_FOUND, Error
from connectors.practice.ssactivewear.rules import OrderRefused, Wish

_FIRST_NUMBER = 90_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    orders: tuple[PracticeOrder, ...]
    line_errors: tuple[Error, ...] = ()  # only when the order said that it takes what there is


@dataclass(frozen=True, slots=True)
class _Part:
    """Units of one product from one warehouse."""

    variant: PracticeVariant
    warehouse: str
    units: int


@transaction.atomic
def place(shop_id: int, body: Mapping[str, Any], *, at: datetime) -> Placed:
    """Raises OrderRefused, and then nothing was placed. The same order again is placed again."""
    shop = PracticeShop.objects.select_for_update().get(pk=shop_id)
    order = rules.folded(body)
    wishes = rules.check(shop, order)
    parts, errors = _spread(shop, order, wishes)
    if errors and order.get("rejectlineerrors", True):
        raise OrderRefused(*errors)
    by_warehouse: dict[str, list[_Part]] = defaultdict(list)
    for part in parts:
        by_warehouse[part.warehouse].append(part)
    rows = [_store(shop, order, code, own, at=at) for code, own in by_warehouse.items()]
    return Placed(tuple(rows), tuple(errors))


def products(shop: PracticeShop, identifiers: Iterable[str], *, own: bool) -> dict[str, PracticeVariant]:
    """On sale, by the identifier that was given. `own`: the merchant's own SKU counts too, which an order does not take."""
    found: dict[str, PracticeVariant] = {}
    for identifier in identifiers:
        number = int(identifier) if identifier.isascii() and identifier.isdigit() and len(identifier) < 19 else 0
        which = Q(sku=identifier) | Q(pk=number) | Q(pk=number - 82_178_000_000)
        if own:
            which |= Q(details__your_sku=identifier)
        variant = shop.variants.filter(which, is_active=True).order_by("pk").first()
        if variant:
            found[identifier] = variant
    return found


# --- spreading -------------------------------------------------------------------------------------


def _spread(
    shop: PracticeShop, order: Mapping[str, Any], wishes: Sequence[Wish]
) -> tuple[list[_Part], list[dict[str, str]]]:
    """Which warehouse sends what, and why some lines are not sent."""
    known = products(shop, {wish.identifier for wish in wishes}, own=False)
    there = {variant.pk: stock.by_warehouse(variant) for variant in known.values()}
    codes = _codes(order, wishes, known, there)
    parts: list[_Part] = []
    errors: list[dict[str, str]] = []
    for wish in wishes:
        variant = known.get(wish.identifier)
        if variant is None:
            errors.append({"field": "Identifier", "message": f"Identifier {wish.identifier}: {NOT_FOUND}"})
            continue
        mine = codes if order.get("autoselectwarehouse") else [wish.warehouse or next(iter(there[variant.pk]))]
        available = sum(there[variant.pk].get(code, 0) for code in mine)
        if available < wish.quantity:
            errors.append(_out_of_stock(wish, variant, available))
        else:
            parts += _take(wish, variant, mine, there[variant.pk])
    return parts, errors


def _codes(
    order: Mapping[str, Any],
    wishes: Sequence[Wish],
    known: Mapping[str, PracticeVariant],
    there: Mapping[int, Mapping[str, int]],
) -> list[str]:
    """The warehouses that may send, first one that has everything: that makes the fewest parcels."""
    named = str(order.get("autoselectwarehouse_warehouses") or "")
    allowed = [code.strip().upper() for code in named.split(",") if code.strip()] or list(stock.CODES)
    needed: dict[int, int] = defaultdict(int)
    for wish in wishes:
        if wish.identifier in known:
            needed[known[wish.identifier].pk] += wish.quantity
    complete = [code for code in allowed if all(there[pk].get(code, 0) >= units for pk, units in needed.items())]
    return [*complete[:1], *(code for code in allowed if code not in complete[:1])]


def _take(wish: Wish, variant: PracticeVariant, codes: Iterable[str], there: dict[str, int]) -> list[_Part]:
    """Takes out of `there`, so that two lines of one product do not get the same units."""
    parts, left = [], wish.quantity
    for code in codes:
        units = min(left, there.get(code, 0))
        if units > 0:
            parts.append(_Part(variant, code, units))
            there[code] -= units
            left -= units
    return parts


def _out_of_stock(wish: Wish, variant: PracticeVariant, available: int) -> dict[str, str]:
    """The words of the real one, as its clients show them."""
    text = f"Identifier {wish.identifier} ({variant.title}) - Out Of Stock (Ordered: {wish.quantity} Available: {available})"
    return {"field": "Lines", "message": text}


# --- storing ---------------------------------------------------------------------------------------


def _store(
    shop: PracticeShop, order: Mapping[str, Any], warehouse: str, parts: Sequence[_Part], *, at: datetime
) -> PracticeOrder:
    """One order of one warehouse. A test is cancelled at once and takes no stock."""
    is_test, is_paid = bool(order.get("testorder")), order.get("paymentprofile") is not None
    total = money.total(part.variant.price * part.units for part in parts)
    row = PracticeOrder.objects.create(
        shop=shop,
        name=_next_number(shop),
        source_identifier=order.get("ponumber") or "",
        created_at=at,
        updated_at=at,
        cancelled_at=at if is_test else None,
        currency=shop.currency,
        taxes_included=False,
        subtotal=total,
        total=total,
        received=total if is_paid else 0,
        financial_status="PAID" if is_paid else "",
        tags=[warehouse],
        attributes=_shown(order, warehouse),
        details=_details(order, warehouse),
    )
    PracticeLine.objects.bulk_create(_line(row, part) for part in parts)
    if not is_test:
        for part in parts:
            stock.take(part.variant, part.warehouse, part.units)
    text = "A test: placed and cancelled." if is_test else f"Placed by the API, to be sent from {warehouse}."
    PracticeEvent.objects.create(order=row, at=at, text=text)
    return row


def _line(row: PracticeOrder, part: _Part) -> PracticeLine:
    return PracticeLine(
        order=row,
        variant=part.variant,
        sku=part.variant.sku,
        title=part.variant.title,
        quantity=part.units,
        price=part.variant.price,
        requires_shipping=True,
    )


def _details(order: Mapping[str, Any], warehouse: str) -> dict[str, Any]:
    """What the API gives back, and the same in the words that the shared pages read."""
    address, code = order["shippingaddress"], order.get("shippingmethod") or "1"
    shown = {
        "company": address.get("customer", ""),
        "firstName": address.get("attn", ""),
        "address1": address["address"],
        "city": address["city"],
        "provinceCode": address["state"],
        "zip": address["zip"],
    }
    return {
        "warehouse": warehouse,
        "terms": "Credit Card" if order.get("paymentprofile") else "Net 30",
        "method": rules.METHODS[code],
        "blind": bool(order.get("shipblind", False)),
        "address": {part: address.get(part, "") for part in ("customer", "attn", "address", "city", "state", "zip")},
        "poNumber": order.get("ponumber") or "",
        "shippingAddress": shown,
        "shippingLines": [{"title": rules.METHODS[code], "code": code}],
    }


def _shown(order: Mapping[str, Any], warehouse: str) -> list[dict[str, str]]:
    profile = order.get("paymentprofile")
    paid = f"Profile {profile['profileid']}" if profile else "On account"
    return [
        {"key": "Warehouse", "value": warehouse},
        {"key": "Ship blind", "value": "Yes" if order.get("shipblind") else "No"},
        {"key": "Payment", "value": paid},
    ]


def _next_number(shop: PracticeShop) -> str:
    shop.last_number += 1
    shop.save(update_fields=["last_number"])
    return str(_FIRST_NUMBER + shop.last_number)
