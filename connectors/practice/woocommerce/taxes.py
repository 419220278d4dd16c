"""How the store taxes and adds up an order: from its own rates, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from connectors.practice.models import PracticeLine, PracticeOrder, PracticeShop

GST = {
    "id": 1,
    "country": "NZ",
    "state": "",
    "postcode": "",
    "city": "",
    "postcodes": [],
    "cities": [],
    "rate": "15.0000",
    "name": "GST",
    "priority": 1,
    "compound": False,
    "shipping": True,
    "order": 0,
    "class": "standard",
}
Rate = Mapping[str, Any]


def sum_up(order: PracticeOrder) -> None:
    """Compute every tax anew and save the order's sums. Nothing that was sent as a sum counts."""
    cents = Decimal(1).scaleb(-order.shop.settings["decimals"])
    where = _address(order)
    lines = list(order.lines.select_related("variant").order_by("pk"))
    goods = [_tax_line(order, line, where, cents) for line in lines]
    shipping = [_tax_shipping(order, line, lines, where, cents) for line in order.details["shipping_lines"]]
    fees = [(Decimal(fee["total"]), Decimal(0)) for fee in order.details["fee_lines"]]
    order.subtotal = sum((net for net, _ in goods), Decimal(0))
    order.shipping = sum((net for net, _ in shipping), Decimal(0))
    order.tax = sum((tax for _, tax in (*goods, *shipping)), Decimal(0))
    fee_sum = sum((net for net, _ in fees), Decimal(0))
    order.total = max(
        (order.subtotal + order.shipping + order.tax + fee_sum).quantize(cents, ROUND_HALF_UP), Decimal(0)
    )
    before = sum((_rounded(order, Decimal(_kept(order, line)["subtotal"]), cents) for line in lines), Decimal(0))
    order.discount = max(Decimal(0), (before - order.subtotal).quantize(cents, ROUND_HALF_UP))


def without_tax(shop: PracticeShop, price: Decimal, tax_class: str) -> Decimal:
    """A catalogue price as lines have it."""
    if not (shop.taxes_included and shop.settings["calc_taxes"]):
        return price
    percent = sum((Decimal(rate["rate"]) for rate in _rates(shop, shop.settings["base"], tax_class)), Decimal(0))
    return price / (1 + percent / 100)


def _tax_line(
    order: PracticeOrder, line: PracticeLine, where: Mapping[str, str], cents: Decimal
) -> tuple[Decimal, Decimal]:
    """Net and tax of a line as they count in the total."""
    kept = _kept(order, line)
    rates = [] if _is_exempt(order) or not _is_taxable(line) else _rates(order.shop, where, kept["tax_class"])
    taxes = _each(Decimal(kept["total"]), rates)
    if not order.shop.settings["round_at_subtotal"]:
        taxes = [tax.quantize(cents, _mode(order)) for tax in taxes]
    kept["total_tax"] = str(sum(taxes, Decimal(0)))
    kept["subtotal_tax"] = str(_before_discount(kept, taxes, rates, order, cents))
    kept["taxes"] = _by_rate(rates, taxes)
    line.taxes = [_shown(rate, tax, order.currency) for rate, tax in zip(rates, taxes, strict=True)]
    line.save(update_fields=["taxes"])
    return _rounded(order, Decimal(kept["total"]), cents), sum(taxes, Decimal(0))


def _before_discount(
    kept: Mapping[str, Any], taxes: list[Decimal], rates: list[Rate], order: PracticeOrder, cents: Decimal
) -> Decimal:
    """The tax on a line as if nothing had been taken off."""
    if kept["subtotal"] == kept["total"]:
        return sum(taxes, Decimal(0))
    whole = sum(_each(Decimal(kept["subtotal"]), rates), Decimal(0))
    return whole if order.shop.settings["round_at_subtotal"] else whole.quantize(cents, _mode(order))


def _by_rate(rates: Iterable[Rate], taxes: Iterable[Decimal]) -> list[dict[str, Any]]:
    return [{"id": rate["id"], "total": str(tax)} for rate, tax in zip(rates, taxes, strict=True)]


def tax_lines(order: PracticeOrder) -> list[dict[str, Any]]:
    """The rates that were charged anywhere in the order, each once."""
    parts = [*order.details["lines"].values(), *order.details["shipping_lines"]]
    charged = {tax["id"] for part in parts for tax in part.get("taxes", ())}
    return [
        {
            "id": number,
            "rate_code": f"{rate['country']}-{rate['name']}-{rate['priority']}".upper(),
            "rate_id": rate["id"],
            "label": rate["name"],
            "compound": rate["compound"],
            "rate_percent": float(rate["rate"]),
        }
        for number, rate in enumerate(order.shop.settings["rates"], start=1)
        if rate["id"] in charged
    ]


def _rounded(order: PracticeOrder, net: Decimal, cents: Decimal) -> Decimal:
    """A line's sum as it counts: in whole cents, unless the store rounds at the end."""
    return net if order.shop.settings["round_at_subtotal"] else net.quantize(cents, ROUND_HALF_UP)


def _tax_shipping(
    order: PracticeOrder,
    shipping: dict[str, Any],
    lines: Iterable[PracticeLine],
    where: Mapping[str, str],
    cents: Decimal,
) -> tuple[Decimal, Decimal]:
    tax_class = _shipping_class(order, lines)
    exempt = _is_exempt(order) or tax_class is None
    rates = [] if exempt else [rate for rate in _rates(order.shop, where, tax_class or "") if rate["shipping"]]
    taxes = _each(Decimal(shipping["total"]), rates)
    if not order.shop.settings["round_at_subtotal"]:
        taxes = [tax.quantize(cents, _mode(order)) for tax in taxes]
    shipping["total_tax"] = str(sum(taxes, Decimal(0)))
    shipping["taxes"] = _by_rate(rates, taxes)
    return Decimal(shipping["total"]).quantize(cents, ROUND_HALF_UP), sum(taxes, Decimal(0))


def _each(net: Decimal, rates: list[Rate]) -> list[Decimal]:
    taxes: list[Decimal] = []
    for rate in sorted(rates, key=lambda rate: bool(rate["compound"])):
        base = net + sum(taxes, Decimal(0)) if rate["compound"] else net
        taxes.append(base * Decimal(rate["rate"]) / 100)
    return taxes


def _rates(shop: PracticeShop, where: Mapping[str, str], tax_class: str) -> list[Rate]:
    """One rate per priority, the one that names most."""
    if not shop.settings["calc_taxes"]:
        return []
    chosen: dict[int, Rate] = {}
    for rate in shop.settings["rates"]:
        if rate["class"] != (tax_class or "standard") or not _is_there(rate, where):
            continue
        known = chosen.get(rate["priority"])
        if known is None or _names(rate) > _names(known):
            chosen[rate["priority"]] = rate
    return [chosen[priority] for priority in sorted(chosen)]


def _is_there(rate: Rate, where: Mapping[str, str]) -> bool:
    return all(
        not wanted or where.get(part, "").upper() in wanted
        for part, wanted in (
            ("country", [rate["country"]] if rate["country"] else []),
            ("state", [rate["state"]] if rate["state"] else []),
            ("city", [city.upper() for city in rate["cities"]]),
        )
    ) and _is_in_postcodes(rate["postcodes"], where.get("postcode", ""), where.get("country", "").upper())


def _is_in_postcodes(wanted: Iterable[str], postcode: str, country: str) -> bool:
    """Each is one postcode, the beginning of some ("10*", "SW1A 1*") or a range ("1010...1099", "SW1...SW9"); none is anywhere.

    wc_get_wildcard_postcodes and wc_postcode_location_matcher: alone it is the postcode as it is bare or as its country
    writes it, a beginning is one of how its country writes it.
    """
    bare = postcode.upper().replace(" ", "").replace("-", "")
    gap, sign = _GAPS.get(country, (0, ""))
    written = f"{bare[:gap]}{sign}{bare[gap:]}".strip(" -") if gap else bare
    patterns = {bare, written, *(f"{written[:length]}*" for length in range(1, len(written) + 1))}
    codes = [each.upper().strip() for each in wanted]
    return not codes or any(code in patterns or ("..." in code and _is_in_range(code, bare)) for code in codes)


_GAPS = {"GB": (-3, " "), "CA": (-3, " "), "IE": (3, " "), "BR": (-3, "-"), "PL": (-3, "-"), "JP": (3, "-"),
         "PT": (4, "-"), "US": (5, "-"), "PR": (5, "-"), "NL": (4, " ")}  # fmt: skip


def _is_in_range(code: str, bare: str) -> bool:
    ends = [end.strip() for end in code.split("...")]
    if len(ends) != 2 or not bare:
        return False
    if not all(map(str.isdecimal, ends)):
        given = _in_digits(bare)
        lowest, highest = (_in_digits(end.replace(" ", "").replace("-", "")).ljust(len(given), "0") for end in ends)
        return int(lowest) <= int(given) <= int(highest)
    if bare.isdecimal():
        return int(ends[0]) <= int(bare) <= int(ends[1])
    return ends[0] <= bare <= ends[1]


_LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _in_digits(bare: str) -> str:
    return "".join(f"{int(each) if each.isdecimal() else max(_LETTERS.find(each), 0):02}" for each in bare)


def _names(rate: Rate) -> tuple[bool, bool, int, int]:
    return bool(rate["country"]), bool(rate["state"]), len(rate["postcodes"]), len(rate["cities"])


def _address(order: PracticeOrder) -> Mapping[str, str]:
    """Where the order is taxed: for what is collected, and where no country is told, at the store."""
    shop, kept = order.shop, order.details
    based_on = shop.settings["tax_based_on"]
    collected = any(line["method_id"] == "local_pickup" for line in kept["shipping_lines"])
    shipping, billing = kept["shipping"], kept["billing"]
    address: Mapping[str, str] = shipping if based_on == "shipping" and shipping.get("country") else billing
    if based_on == "base" or collected or not address.get("country"):
        base: Mapping[str, str] = shop.settings["base"]
        return base
    return address


def _shipping_class(order: PracticeOrder, lines: Iterable[PracticeLine]) -> str | None:
    chosen: str = order.shop.settings["shipping_tax_class"]
    if chosen != "inherit":
        return chosen
    classes = sorted(_kept(order, line)["tax_class"] for line in lines if _is_taxable(line))
    return classes[0] if classes else None  # the standard class is empty and so the first


def _is_taxable(line: PracticeLine) -> bool:
    return line.variant is None or line.variant.details.get("tax_status", "taxable") == "taxable"


def _is_exempt(order: PracticeOrder) -> bool:
    return any(pair["key"] == "is_vat_exempt" and pair["value"] == "yes" for pair in order.details["meta_data"])


def _mode(order: PracticeOrder) -> str:
    return ROUND_HALF_DOWN if order.shop.taxes_included else ROUND_HALF_UP


def _kept(order: PracticeOrder, line: PracticeLine) -> dict[str, Any]:
    kept: dict[str, Any] = order.details["lines"][str(line.pk)]
    return kept


def _shown(rate: Rate, tax: Decimal, currency: str) -> dict[str, Any]:
    """As the shared pages show a tax."""
    amount = {"amount": f"{tax:.2f}", "currencyCode": currency}
    return {
        "id": rate["id"],
        "title": rate["name"],
        "rate": str(Decimal(rate["rate"]) / 100),
        "priceSet": {"shopMoney": amount},
    }
