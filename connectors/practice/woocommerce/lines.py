"""Lines of an order over the API: what is stored of those that are sent, and how standing ones are changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import F

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeShop, PracticeVariant
from connectors.practice.woocommerce import taxes
from connectors.practice.woocommerce.refusal import Refusal


def store(order: PracticeOrder, lines: Iterable[Mapping[str, Any]]) -> None:
    """New lines. An unknown product makes a nameless one."""
    for line in lines:
        variant = _product(order.shop, line)
        quantity = line["quantity"] if line.get("quantity") is not None else 1
        tax_class = line.get("tax_class") or (variant.details.get("tax_class", "") if variant else "")
        total = _total(order, line, variant, quantity, tax_class)
        row = PracticeLine.objects.create(
            order=order,
            variant=variant,
            sku=variant.sku if variant else "",
            title=line.get("name") or (variant.title if variant else ""),
            quantity=quantity,
            price=total / quantity,
            properties=[pair for pair in map(_pair, line.get("meta_data") or ()) if pair["key"]],
            requires_shipping=True,
        )
        subtotal = amount(line.get("subtotal"), total)
        order.details["lines"][str(row.pk)] = {
            "subtotal": str(subtotal),
            "total": str(total),
            "unit_subtotal": str(subtotal / quantity),
            "unit_total": str(total / quantity),
            "total_tax": "0",
            "tax_class": tax_class,
        }


def change(order: PracticeOrder, lines: Iterable[Mapping[str, Any]]) -> None:
    """Lines without an id are added, those with one changed, and taken away by a quantity of 0. Raises Refusal.

    Stock that the order has taken follows.
    """
    if order.details["has_stock"]:
        move_stock(order, 1)
    for given in lines:
        if given.get("id"):
            _change_one(order, given)
        else:
            store(order, [given])
    if order.details["has_stock"]:
        move_stock(order, -1)


def move_stock(order: PracticeOrder, sign: int) -> None:
    for line in order.lines.all():
        tracked = order.shop.variants.filter(pk=line.variant_id or 0, is_tracked=True)
        tracked.update(stock=F("stock") + sign * line.quantity)


def _change_one(order: PracticeOrder, given: Mapping[str, Any]) -> None:
    row = order.lines.filter(pk=given["id"]).first()
    if row is None:
        text = "Order item ID provided is not associated with order."
        raise Refusal(400, "woocommerce_rest_invalid_item_id", text)
    row.quantity = given["quantity"] if given.get("quantity") is not None else row.quantity
    if not row.quantity:
        del order.details["lines"][str(row.pk)]
        row.delete()
        return
    kept = order.details["lines"][str(row.pk)]
    for name in ("subtotal", "total"):
        if given.get(name) is not None:
            kept[name] = str(amount(given[name], Decimal(0)))
        kept[f"unit_{name}"] = str(Decimal(kept[name]) / row.quantity)
    row.price = Decimal(kept["total"]) / row.quantity
    row.save(update_fields=["quantity", "price"])


def with_shipping(known: list[dict[str, Any]], lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The shipping lines that stand, with those that were sent: changed by their id, else added."""
    rows = {row["id"]: row for row in known}
    for line in lines:
        number = line.get("id") or max(rows, default=0) + 1
        known_line = rows.get(number, {})
        rows[number] = {**known_line, **_shipping_line({**known_line, **without_null(line)}, number)}
    return list(rows.values())


def _product(shop: PracticeShop, line: Mapping[str, Any]) -> PracticeVariant | None:
    """By SKU before any id, by the variation's id before the product's. An unknown one is no error."""
    if line.get("sku"):
        return shop.variants.filter(sku__iexact=line["sku"]).first()
    return shop.variants.filter(pk=line.get("variation_id") or line.get("product_id") or 0).first()


def _total(
    order: PracticeOrder, line: Mapping[str, Any], variant: PracticeVariant | None, quantity: int, tax_class: str
) -> Decimal:
    """What was sent, without tax; the catalogue's price when nothing was, which less than nothing of it does not have."""
    units = max(quantity, 0)
    catalogue = taxes.without_tax(order.shop, variant.price, tax_class) * units if variant else Decimal(0)
    return amount(line.get("total"), catalogue)


def amount(text: str | None, otherwise: Decimal) -> Decimal:
    """ "1,000.50" is 1000.50 there, and what is no number is 0."""
    if text is None:
        return otherwise
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def without_null(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent: null is as good as left out."""
    return {key: value for key, value in given.items() if value is not None}


def _pair(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": meta.get("key") or "", "value": meta.get("value")}


def _shipping_line(line: Mapping[str, Any], number: int) -> dict[str, Any]:
    known = {"method_id": line["method_id"], "method_title": line.get("method_title") or ""}
    return {"id": number, **known, "total": str(amount(line.get("total"), Decimal(0))), "total_tax": "0"}
