"""From an order as a shop tells it to a NewOrder: cleaned, in whole cents, with sums that add up.

A shop takes what people type: a phone number that is none is left out rather than the order. Its own total is the truth;
where the parts do not come to it, the order says so and is not confirmed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256

import phonenumbers

from accounts.services.addresses import is_address
from connectors import money
from connectors.base import Address, Blocker, BlockerCode, OutboundTax
from connectors.storefront import StoreLine, StoreOrder, StorePayment
from orders.enums import Delivery
from orders.models import Channel
from orders.models.fields import ZERO
from orders.models.payment import STORE
from orders.services.intake_body import MOST_ATTRIBUTES, MOST_LINES
from orders.services.intake_reading import MAX_AMOUNT, is_country, province_codes
from orders.services.new_order import NewAddress, NewLine, NewOrder, NewPayment, NewTax

ADDRESS = "shipping_address"
_BAD_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class NotReadable(Exception):
    """Amounts that cannot be an order's."""


def new_order(order: StoreOrder, channel: Channel) -> NewOrder:
    """Raises NotReadable."""
    _check(order)
    currency = order.currency
    lines, cents = _lines(order)
    taxes = _shares([tax for line in order.lines for tax in line.taxes], order.shipping_taxes, currency)
    lines = _with_taxes(lines, order.lines, taxes)
    shipping_taxes = tuple(taxes[len(taxes) - len(order.shipping_taxes) :])
    told = money.total(tax.amount for tax in taxes)
    subtotal = money.total(line.amount for line in lines)
    discount = money.round_half_up(order.discount, currency) + cents
    shipping = money.round_half_up(order.shipping, currency)
    tax = told or money.round_half_up(order.tax, currency)
    whole = subtotal - discount + shipping + (ZERO if order.prices_include_tax else tax)
    if discount > subtotal or whole < 0 or max(subtotal, whole) > MAX_AMOUNT:
        raise NotReadable
    pickup = order.pickup
    new = NewOrder(
        merchant="",  # whose it is, its channel says
        external_id=order.remote_id,
        number=_clean(order.number, 60) or order.remote_id[:60],
        placed_at=order.placed_at,
        currency=currency,
        prices_include_tax=order.prices_include_tax,
        lines=lines,
        subtotal=subtotal,
        discount=discount,
        shipping=shipping,
        shipping_title=_clean(order.shipping_title, 120),
        shipping_taxes=shipping_taxes,
        tax=tax,
        total=whole,
        customer_name=_clean(order.customer_name, 200),
        customer_email=_email(order.customer_email),
        customer_phone=_phone(order.customer_phone, _country(order)),
        customer_note=_clean(order.note, 5000),
        delivery=Delivery.PICKUP if pickup else Delivery.SHIP,
        pickup_name=_clean(pickup.name, 200) if pickup else "",
        pickup_address=_clean(pickup.address, 400) if pickup else "",
        pickup_instructions=_clean(pickup.instructions, 2000) if pickup else "",
        shipping_address=_address(order.shipping_address),
        billing_address=_address(order.billing_address),
        payment=_payment(order, channel),
        attributes=_attributes(order),
        doubts=_doubts(order, whole),
    )
    return replace(new, digest=_digest(new))


def digest_of_gone(how: str) -> str:
    """Of an order that does not stand any more."""
    return sha256(how.encode()).hexdigest()


def _check(order: StoreOrder) -> None:
    amounts = [order.total, order.tax, order.discount, order.shipping, order.refunded]
    amounts += [line.amount for line in order.lines] + [line.discount for line in order.lines]
    readable = money.is_currency(order.currency) and all(
        each.is_finite() and 0 <= each <= MAX_AMOUNT for each in amounts
    )
    ids = {line.remote_id for line in order.lines}
    if not readable or len(ids) != len(order.lines) or len(ids) > MOST_LINES or not 0 < len(order.remote_id) <= 100:
        raise NotReadable
    if any(line.discount > line.amount or not 0 < len(line.remote_id) <= 100 for line in order.lines):
        raise NotReadable


# --- amounts ---------------------------------------------------------------------------------------


def _lines(order: StoreOrder) -> tuple[tuple[NewLine, ...], Decimal]:
    """The lines with a price per unit in whole cents, and by how many cents they come to more than in the shop.

    A line of three for 10.00 has no such price: it gets the next higher one, and the order's discount the difference.
    """
    cent = Decimal(1).scaleb(-money.exponent(order.currency))
    sums = _rounded([line.amount - line.discount for line in order.lines], order.currency)
    units = [
        (whole / line.quantity).quantize(cent, ROUND_CEILING) for line, whole in zip(order.lines, sums, strict=True)
    ]
    lines = tuple(_line(line, unit) for line, unit in zip(order.lines, units, strict=True))
    return lines, money.total(line.amount for line in lines) - money.total(sums)


def _line(line: StoreLine, unit: Decimal) -> NewLine:
    return NewLine(
        external_id=line.remote_id,
        sku=_clean(line.sku, 120),
        title=_clean(line.title, 300) or "Item",
        quantity=line.quantity,
        unit_price=unit,
        requires_shipping=line.requires_shipping,
    )


def _rounded(amounts: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Each in whole cents, so that together they are the sum of all in whole cents."""
    done, before, rounded = ZERO, ZERO, []
    for amount in amounts:
        before += amount
        until = money.round_half_up(before, currency)
        rounded.append(max(until - done, ZERO))
        done = until
    return rounded


def _shares(lines: Iterable[OutboundTax], shipping: Iterable[OutboundTax], currency: str) -> list[NewTax]:
    """All taxes of lines and shipping in their order, in whole cents that come to what they come to together."""
    told = [*lines, *shipping]
    amounts = _rounded([max(tax.amount, ZERO) for tax in told], currency)
    return [
        NewTax(_clean(tax.title, 60) or "Tax", min(max(tax.rate, ZERO), Decimal(1)), amount)
        for tax, amount in zip(told, amounts, strict=True)
    ]


def _with_taxes(lines: Sequence[NewLine], told: Sequence[StoreLine], taxes: Sequence[NewTax]) -> tuple[NewLine, ...]:
    found, start = [], 0
    for line, of in zip(lines, told, strict=True):
        found.append(replace(line, taxes=tuple(taxes[start : start + len(of.taxes)])))
        start += len(of.taxes)
    return tuple(found)


def _doubts(order: StoreOrder, whole: Decimal) -> tuple[Blocker, ...]:
    return (*_unseen(order), *_total_doubts(order, whole))


def _unseen(order: StoreOrder) -> tuple[Blocker, ...]:
    """Why there is no address although the customer gave one."""
    if order.pickup or "shipping_address" not in order.hidden:
        return ()
    text = (
        "The store does not let Storeward see the customer's name and address: its app is not approved for customers' data"
        " there. Type the address here, or have the app approved and sync the orders again."
    )
    return (Blocker(BlockerCode.SCOPE_MISSING, text, ADDRESS),)


def _total_doubts(order: StoreOrder, whole: Decimal) -> tuple[Blocker, ...]:
    if whole == order.total:
        return ()
    there, here = (money.named(each, order.currency) for each in (order.total, whole))
    text = (
        f"The store says that the order comes to {there}, its lines, shipping and taxes come to {here}. Look there for a "
        "tip, a gift card or a fee, and cancel or change the order there."
    )
    return (Blocker(BlockerCode.TOTAL_MISMATCH, text, "total", f"{order.total.normalize():f}"),)


def _payment(order: StoreOrder, channel: Channel) -> NewPayment | None:
    """What the shop has taken; what it has not, or not all of it, is no payment yet."""
    if order.payment != StorePayment.PAID:
        return None
    paid_at: datetime = order.paid_at or order.placed_at
    reference = f"{channel.pk}:{order.remote_id}"[:120]
    amount = money.round_half_up(order.total, order.currency)
    return NewPayment(STORE, reference, amount, authorized_at=paid_at, expires_at=None, captured_at=paid_at)


# --- words -----------------------------------------------------------------------------------------


def _clean(text: str, longest: int) -> str:
    return _BAD_CHARACTERS.sub("", text).strip()[:longest].strip()


def _email(text: str) -> str:
    address = _clean(text, 255)
    return address if is_address(address) and len(address) <= 254 else ""


def _phone(text: str, country: str) -> str:
    """E.164; empty for what is no number."""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _country(order: StoreOrder) -> str:
    given = order.shipping_address or order.billing_address
    return given.country_code.upper() if given and is_country(given.country_code.upper()) else ""


def _address(given: Address | None) -> NewAddress | None:
    if given is None:
        return None
    country = given.country_code.upper() if is_country(given.country_code.upper()) else ""
    province = given.province_code.upper().removeprefix(f"{country}-")
    return NewAddress(
        first_name=_clean(given.first_name, 100),
        last_name=_clean(given.last_name, 100),
        company=_clean(given.company, 200),
        address1=_clean(given.address1, 200),
        address2=_clean(given.address2, 200),
        city=_clean(given.city, 100),
        province_code=province if province in province_codes(country) else "",
        postcode=_clean(given.postcode, 20),
        country_code=country,
        phone=_phone(given.phone, country),
    )


def _attributes(order: StoreOrder) -> dict[str, str]:
    pairs = ((_clean(key, 60), _clean(value, 500)) for key, value in order.attributes.items())
    return dict([(key, value) for key, value in pairs if key and value][:MOST_ATTRIBUTES])


def _digest(new: NewOrder) -> str:
    return sha256(json.dumps(asdict(new), default=str, sort_keys=True).encode()).hexdigest()
