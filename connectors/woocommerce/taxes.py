"""The taxes that a store will compute, from its settings and rates. WooCommerce's rules, read in its source:

WC_Abstract_Order (get_tax_location, calculate_taxes, update_taxes, calculate_totals), WC_Tax, wc_round_tax_total;
November 2026. `settings` is what reading.settings kept of the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from connectors.woocommerce import postcodes

STANDARD = "standard"
EXEMPT = {"key": "is_vat_exempt", "value": "yes"}
PICKUP = "local_pickup"

_PLACE = ("country", "state", "postcode", "city")
Rate = Mapping[str, Any]


def are_computed(settings: Mapping[str, Any]) -> bool:
    """Whether the store puts taxes on orders at all."""
    return bool(settings.get("taxes_enabled"))


def are_known(settings: Mapping[str, Any]) -> bool:
    """False before the first check, and where the table of rates is too long to be kept."""
    return "taxes_enabled" in settings and (not are_computed(settings) or settings.get("rates") is not None)


def place(body: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, str]:
    """Where an order with this body is taxed. Goods that are collected are taxed where the store is."""
    based_on = settings["tax_based_on"]
    shipping, billing = body.get("shipping") or {}, body.get("billing") or {}
    address = billing if based_on == "billing" or not shipping.get("country") else shipping
    collected = any(line["method_id"] == PICKUP for line in body.get("shipping_lines", ()))
    if collected or based_on == "base" or not address.get("country"):
        address = settings["base"]
    return {part: str(address.get(part) or "") for part in _PLACE}


def rates(settings: Mapping[str, Any], at: Mapping[str, str], tax_class: str | None) -> list[Rate]:
    """The rates for a class of goods at a place: the most particular one of each priority."""
    if tax_class is None:
        return []
    fitting = [rate for rate in settings["rates"] if rate["class"] == tax_class and _fits(rate, at)]
    best: dict[int, Rate] = {}
    for rate in sorted(fitting, key=_particular):
        best.setdefault(rate["priority"], rate)
    return list(best.values())


def of(amount: Decimal, applied: Sequence[Rate]) -> list[Decimal]:
    """The tax of each rate on a net amount, not rounded. Compound rates tax the others' tax too."""
    taxes = [amount * _share(rate) for rate in applied if not rate["compound"]]
    for rate in applied:
        if rate["compound"]:
            taxes.append((amount + sum(taxes)) * _share(rate))
    return taxes


def combined(applied: Sequence[Rate]) -> Decimal:
    """All rates as one, a fraction."""
    return sum(of(Decimal(1), applied), Decimal(0))


def shipping_rates(settings: Mapping[str, Any], at: Mapping[str, str], tax_classes: Iterable[str | None]) -> list[Rate]:
    """The rates on shipping: of its own class, or of the first class among the goods."""
    tax_class = settings["shipping_tax_class"]
    if tax_class == "inherit":
        found = {each for each in tax_classes if each is not None}
        tax_class = STANDARD if STANDARD in found else min(found, default=None)
    return [rate for rate in rates(settings, at, tax_class) if rate["shipping"]]


def total(body: Mapping[str, Any], settings: Mapping[str, Any], tax_classes: Sequence[str | None]) -> Decimal:
    """What the store will hold as the order's total. `tax_classes`: of each line, None where it is not taxed."""
    goods = [Decimal(line["total"]) for line in body["line_items"]]
    shipping = [Decimal(line["total"]) for line in body["shipping_lines"]]
    step = Decimal(1).scaleb(-settings["decimals"])
    late = settings["round_at_subtotal"]
    taxes = _taxes(body, settings, tax_classes, goods, shipping)
    if not late:
        mode = ROUND_HALF_DOWN if settings["prices_include_tax"] else ROUND_HALF_UP
        taxes = [tax.quantize(step, mode) for tax in taxes]
        goods = [net.quantize(step, ROUND_HALF_UP) for net in goods]
    shipping = [net.quantize(step, ROUND_HALF_UP) for net in shipping]
    return sum([*goods, *shipping, *taxes], Decimal(0)).quantize(step, ROUND_HALF_UP)


def _taxes(
    body: Mapping[str, Any],
    settings: Mapping[str, Any],
    tax_classes: Sequence[str | None],
    goods: Sequence[Decimal],
    shipping: Sequence[Decimal],
) -> list[Decimal]:
    if not are_computed(settings) or EXEMPT in body["meta_data"]:
        return []
    at = place(body, settings)
    on_goods = [of(net, rates(settings, at, each)) for net, each in zip(goods, tax_classes, strict=True)]
    on_shipping = [of(net, shipping_rates(settings, at, tax_classes)) for net in shipping]
    return [tax for part in (*on_goods, *on_shipping) for tax in part]


def _share(rate: Rate) -> Decimal:
    return Decimal(rate["percent"]) / 100


def _fits(rate: Rate, at: Mapping[str, str]) -> bool:
    country, state = at["country"].upper(), at["state"].upper()
    if rate["country"] not in ("", country) or rate["state"] not in ("", state):
        return False
    if rate["cities"] and at["city"].upper() not in rate["cities"]:
        return False
    wanted = rate["postcodes"]
    return not wanted or any(postcodes.fits(pattern, at["postcode"], country=country) for pattern in wanted)


def _particular(rate: Rate) -> tuple[Any, ...]:
    """Sorts rates as WooCommerce does: by priority, and a named country, state, postcode or city first."""
    return (
        rate["priority"],
        rate["country"] == "",
        rate["state"] == "",
        -len(rate["postcodes"]),
        -len(rate["cities"]),
        rate["id"],
    )
