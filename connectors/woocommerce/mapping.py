"""Our order as the body of POST /orders, and the notes that stand beside it.

WooCommerce takes every amount without tax and adds its own taxes: what the customer paid is divided by the rate that
the order tells, with six decimals, so that the store's sum is what was paid. Facts and sources: README.md.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors import money
from connectors.base import Address, OutboundLine, OutboundOrder, OutboundTax
from connectors.woocommerce import taxes

CREATED_VIA = "storeward"  # writable and a filter since WooCommerce 9.9
REFERENCE, LINE_ID = "storeward_reference", "_storeward_line"  # keys of order and line meta_data

PHONE_MAX = 100  # a longer one makes WooCommerce lose lines and addresses, silently
TRANSACTION_ID_MAX = 100  # cut there
TEXT_MAX = 1000  # ours: far below the 64 KiB that make WooCommerce lose lines and addresses
NOTE_MAX = 10_000  # ours

_FINE = Decimal("0.000001")  # six decimals: with two, every third order is a cent off (measured)
PREFIXED = {"DE": "DE-", "DO": "DO-", "DZ": "DZ-", "EG": "EG", "JP": "JP", "TH": "TH-", "TR": "TR"}

_ORDER, _LINE, _LINK, _SETTING, _FIXED = "order", "line", "product link", "connection setting", "always the same"
_TAXES = "the store's tax settings"
# Where each part of the body comes from, for the preview.
SOURCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("currency", "transaction_id", "customer_note", "shipping"), (_ORDER,)),
    **dict.fromkeys(("status", "set_paid", "created_via", "payment_method"), (_FIXED,)),
    **dict.fromkeys(("billing", "payment_method_title"), (_ORDER, _SETTING)),
    "shipping_lines": (_ORDER, _TAXES),
    "line_items": (_LINE, _LINK, _TAXES),
    "meta_data": (_ORDER, _TAXES),
}


def order_body(order: OutboundOrder, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` as reading.settings kept them. Nothing of it depends on the clock: the same order, the same body."""
    body: dict[str, Any] = {
        **_payment(order),
        "currency": order.currency,
        "created_via": CREATED_VIA,
        "transaction_id": order.reference,
        "payment_method": CREATED_VIA,
        "payment_method_title": f"{'Paid' if _is_paid(order) else 'Ordered'} on {order.channel_name}",
        "customer_note": order.customer_note,
        "billing": _billing(order),
        "shipping": _address(order.shipping_address) if order.shipping_address else {},
        "shipping_lines": [_shipping_line(order)],
        "meta_data": [{"key": REFERENCE, "value": order.reference}, {"key": "storeward_order", "value": order.number}],
    }
    if _is_untaxed(order) and taxes.are_computed(settings):
        body["meta_data"].append(dict(taxes.EXEMPT))
    return {**body, **_amounts(order, body, settings)}


def notes(order: OutboundOrder) -> tuple[str, ...]:
    """The order notes, each on its own: where the order comes from, and how the goods reach the customer.

    They are shown as HTML: whatever a person typed is escaped.
    """
    origin = [order.options.note, *(f"{key}: {value}" for key, value in order.attributes.items() if key and value)]
    return tuple(text for text in (_text(origin), _text(_delivery(order))) if text)


def _delivery(order: OutboundOrder) -> list[str]:
    if order.pickup:
        place = ", ".join(part for part in (order.pickup.name, order.pickup.address) if part)
        who = [f"Customer: {order.customer_name}", order.customer_phone]
        return [f"Click & Collect from: {place}", order.pickup.instructions, ", ".join(part for part in who if part)]
    to = order.shipping_address or Address()
    street = (to.address1, to.address2, to.city, to.province_code, to.postcode, to.country_code)
    name = f"{to.first_name} {to.last_name}".strip()
    where = ", ".join(part for part in (name, to.company, *street) if part)
    phone = to.phone or order.customer_phone
    return [f"Delivery: {order.shipping_title or 'Standard'}", f"To: {where}", f"Phone: {phone}" if phone else ""]


def _text(lines: Iterable[str]) -> str:
    return html.escape("\n".join(line for line in lines if line), quote=False)


def _payment(order: OutboundOrder) -> dict[str, Any]:
    """Paid orders are there to be packed, or are done; others wait, with their stock taken. Completed means paid there."""
    if not _is_paid(order):
        return {"status": "on-hold"}
    return {"status": "completed" if order.options.fulfilled else "processing", "set_paid": True}


def _is_paid(order: OutboundOrder) -> bool:
    return order.options.fulfilled or order.options.mark_paid


# --- who and where -------------------------------------------------------------------------------


def _billing(order: OutboundOrder) -> dict[str, str]:
    """Without an e-mail key unless the merchant shares it: an empty one is refused, and a given one gets mails."""
    billing = _address(order.billing)
    if "phone" not in billing and order.customer_phone:
        billing["phone"] = order.customer_phone
    if not (billing.get("first_name") or billing.get("last_name")) and order.customer_name:
        billing["first_name"] = order.customer_name
    if order.options.share_customer_email and order.customer_email:
        billing["email"] = order.customer_email
    return billing


def _address(address: Address) -> dict[str, str]:
    fields = {
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "address_1": address.address1,
        "address_2": address.address2,
        "city": address.city,
        "state": _state(address),
        "postcode": address.postcode,
        "country": address.country_code,
        "phone": address.phone,
    }
    return {key: value for key, value in fields.items() if value}


def _state(address: Address) -> str:
    """WooCommerce's own list (i18n/states.php, November 2026) has ISO codes, in some countries with a prefix."""
    prefix = PREFIXED.get(address.country_code, "")
    return f"{prefix}{address.province_code}" if address.province_code else ""


def _shipping_line(order: OutboundOrder) -> dict[str, Any]:
    """Sent even when it costs nothing: it says how the goods reach the customer."""
    if order.pickup:
        return {"method_id": taxes.PICKUP, "method_title": f"Click & Collect: {order.pickup.name}"}
    return {"method_id": "flat_rate", "method_title": order.shipping_title or "Delivery"}


# --- amounts -------------------------------------------------------------------------------------


def _amounts(order: OutboundOrder, body: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    at = taxes.place(body, settings) if taxes.are_computed(settings) and taxes.are_known(settings) else None
    untold = _standard_rates(order, settings, at)
    shares = _shares(order)
    lines = [
        _line(line, share, _Net(order, line.taxes, untold[0], settings))
        for line, share in zip(order.lines, shares, strict=True)
    ]
    shipping = _Net(order, order.shipping_taxes, untold[1], settings)
    shipping_line = {**body["shipping_lines"][0], "total": shipping.of(order.shipping)}
    return {"line_items": lines, "shipping_lines": [shipping_line]}


class _Net:
    """Turns amounts as the order tells them into what is sent, for one line or for shipping."""

    def __init__(
        self, order: OutboundOrder, told: Sequence[OutboundTax], untold: Decimal, settings: Mapping[str, Any]
    ) -> None:
        self._inside = order.prices_include_tax
        self._store_adds = taxes.are_computed(settings)
        self._rate = sum((tax.rate for tax in told), Decimal(0)) if _tells_taxes(order) else untold
        self._told = sum((tax.amount for tax in told), Decimal(0))

    def of(self, amount: Decimal) -> str:
        """Without tax where the store adds it; else with it, or the customer would have paid too much."""
        if self._store_adds:
            net = amount / (1 + self._rate) if self._inside else amount
        else:
            net = amount if self._inside else amount + self._told
        return f"{net.quantize(_FINE, ROUND_HALF_UP):f}"


def _line(line: OutboundLine, discount: Decimal, net: _Net) -> dict[str, Any]:
    """`product_id` takes the id of a variation as well. The difference of the two sums is shown as discount."""
    amount = line.unit_price * line.quantity
    return {
        "product_id": int(line.variant_id) if line.variant_id.isdigit() else 0,
        "quantity": line.quantity,
        "subtotal": net.of(amount),
        "total": net.of(amount - discount),
        "meta_data": [{"key": LINE_ID, "value": line.line_id}],
    }


def _tells_taxes(order: OutboundOrder) -> bool:
    return bool(order.shipping_taxes or any(line.taxes for line in order.lines))


def _is_untaxed(order: OutboundOrder) -> bool:
    """No tax was charged, and none is inside: the store must add none."""
    return not order.prices_include_tax and not order.tax and not _tells_taxes(order)


def _standard_rates(
    order: OutboundOrder, settings: Mapping[str, Any], at: Mapping[str, str] | None
) -> tuple[Decimal, Decimal]:
    """For goods and for shipping, where prices include a tax that the order does not tell: the store's own."""
    if at is None or _tells_taxes(order):
        return Decimal(0), Decimal(0)
    goods = taxes.combined(taxes.rates(settings, at, taxes.STANDARD))
    return goods, taxes.combined(taxes.shipping_rates(settings, at, [taxes.STANDARD]))


def _shares(order: OutboundOrder) -> list[Decimal]:
    """The order's discount spread over its lines by their amounts, in whole cents that add up to it."""
    amounts = [line.unit_price * line.quantity for line in order.lines]
    items = money.total(amounts)
    discount = min(order.discount, items)
    shares, before, done = [], Decimal(0), Decimal(0)
    for amount in amounts:
        before += amount
        until = money.round_half_up(discount * before / items, order.currency) if items else Decimal(0)
        shares.append(until - done)
        done = until
    return shares
