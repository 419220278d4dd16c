"""From a marketplace's JSON body to a NewOrder: shapes, codes, and sums that must add up to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors import money
from connectors.gateway import registry as gateways
from orders.enums import Delivery
from orders.errors import InvalidOrder
from orders.services import customs
from orders.services.intake_reading import Problems, Reader, is_country, province_codes
from orders.services.new_order import NewAddress, NewLine, NewOrder, NewPayment, NewTax, digest_of

MOST_LINES = 500
MOST_TAXES = 10
MOST_ATTRIBUTES = 30
CLOCK_SKEW = timedelta(minutes=5)  # how far a channel's clock may run ahead of ours


def read(body: Any, *, at: datetime) -> NewOrder:
    """Raises InvalidOrder, which names every problem with its field."""
    problems = Problems()
    reader = Reader(body, problems)
    if problems.found:
        raise InvalidOrder(problems.found)
    order = _order(reader, body, at)
    reader.end()
    if not problems.found:
        _add_up(order, problems)
    if problems.found:
        raise InvalidOrder(problems.found)
    return order


def _order(reader: Reader, body: Mapping[str, Any], at: datetime) -> NewOrder:
    currency = reader.choice(
        "currency", money.is_currency, code="unknown_currency", message="This is not an ISO 4217 currency code."
    )
    placed_at = reader.moment("placed_at")
    if placed_at and placed_at > at + CLOCK_SKEW:
        reader.note("placed_at", "in_the_future", "An order cannot be placed in the future.")
    ship_by = reader.moment("ship_by", required=False)
    if ship_by and placed_at and ship_by <= placed_at:
        reader.note("ship_by", "before_placed_at", "An order cannot be due before it was placed.")
    shipping_address = _address(reader.part("shipping_address"))
    billing_address = _address(reader.part("billing_address"))
    country = (shipping_address or billing_address or NewAddress()).country_code
    return NewOrder(
        merchant=reader.text("merchant", most=60, required=True),
        external_id=reader.text("external_id", most=100, required=True),
        number=reader.text("number", most=60, required=True),
        placed_at=placed_at or at,
        currency=currency,
        prices_include_tax=reader.flag("prices_include_tax"),
        lines=_lines(reader, currency),
        subtotal=reader.amount("subtotal", currency),
        discount=reader.amount("discount", currency, default="0"),
        tax=reader.amount("tax", currency, default="0"),
        total=reader.amount("total", currency),
        shipping_address=shipping_address,
        billing_address=billing_address,
        payment=_payment(reader.part("payment"), currency),
        attributes=reader.texts("attributes", most=MOST_ATTRIBUTES),
        ship_by=ship_by,
        invoice_number=reader.text("invoice_number", most=60),
        invoice_key=customs.invoice_key(reader, "invoice_key"),
        digest=digest_of(body),
        **_shipping(reader.part("shipping"), currency),
        **_customer(reader.part("customer"), country),
        **_delivery(reader),
    )


def _lines(reader: Reader, currency: str) -> tuple[NewLine, ...]:
    lines, seen = [], set()
    for part in reader.parts("lines", least=1, most=MOST_LINES):
        line = NewLine(
            external_id=part.text("id", most=100, required=True),
            sku=part.text("sku", most=120),
            title=part.text("title", most=300, required=True),
            quantity=part.whole("quantity", least=1, most=100_000),
            unit_price=part.amount("unit_price", currency),
            taxes=_taxes(part, currency),
            requires_shipping=part.flag("requires_shipping", default=True),
            hs_code=customs.hs_code(part, "hs_code"),
            origin_country=customs.country(part, "origin_country"),
            customs_value=customs.value(part, "customs_value", currency),
        )
        part.end()
        if line.external_id in seen:
            part.note("id", "duplicate_id", "Another line has this id.")
        seen.add(line.external_id)
        lines.append(line)
    return tuple(lines)


def _taxes(reader: Reader, currency: str) -> tuple[NewTax, ...]:
    taxes = []
    for part in reader.parts("taxes", least=0, most=MOST_TAXES):
        title = part.text("title", most=60, required=True)
        taxes.append(NewTax(title, part.rate("rate"), part.amount("amount", currency)))
        part.end()
    return tuple(taxes)


def _shipping(part: Reader | None, currency: str) -> dict[str, Any]:
    if part is None:
        return {"shipping": Decimal(0), "shipping_title": "", "shipping_taxes": ()}
    values = {
        "shipping": part.amount("amount", currency),
        "shipping_title": part.text("title", most=120),
        "shipping_taxes": _taxes(part, currency),
    }
    part.end()
    return values


def _customer(part: Reader | None, country: str) -> dict[str, Any]:
    if part is None:
        return dict.fromkeys(("customer_name", "customer_email", "customer_phone", "customer_note"), "")
    values = {
        "customer_name": part.text("name", most=200),
        "customer_email": part.email("email"),
        "customer_phone": part.phone("phone", country),
        "customer_note": part.text("note", most=5000),
    }
    part.end()
    return values


def _delivery(reader: Reader) -> dict[str, Any]:
    values = {"delivery": Delivery.SHIP, "pickup_name": "", "pickup_address": "", "pickup_instructions": ""}
    part = reader.part("delivery")
    if part is None:
        return values
    method = part.choice(
        "method", lambda value: value in Delivery.values, code="unknown_method", message='This is "ship" or "pickup".'
    )
    place = part.part("place")
    part.end()
    values["delivery"] = Delivery(method) if method else Delivery.SHIP
    if place is not None:
        values["pickup_name"] = place.text("name", most=200)
        values["pickup_address"] = place.text("address", most=400)
        values["pickup_instructions"] = place.text("instructions", most=2000)
        place.end()
        if method == Delivery.SHIP:
            place.note("", "not_a_pickup", "A place to pick up belongs to the delivery method pickup.")
    return values


def _address(part: Reader | None) -> NewAddress | None:
    if part is None:
        return None
    country = part.text("country_code", most=2)
    if country and not is_country(country):
        part.note("country_code", "unknown_country", "This is not an ISO 3166-1 country code, as NZ.")
        country = ""
    address = NewAddress(
        first_name=part.text("first_name", most=100),
        last_name=part.text("last_name", most=100),
        company=part.text("company", most=200),
        address1=part.text("address1", most=200),
        address2=part.text("address2", most=200),
        city=part.text("city", most=100),
        province_code=_province(part, country),
        postcode=part.text("postcode", most=20),
        country_code=country,
        phone=part.phone("phone", country),
    )
    part.end()
    return address


def _province(part: Reader, country: str) -> str:
    """The subdivision's code without its country: "AUK" for "NZ-AUK" as well."""
    code = part.text("province_code", most=10).upper().removeprefix(f"{country}-")
    if code and country and code not in province_codes(country):
        part.note("province_code", "unknown_province", f"{country} has no subdivision {code} in ISO 3166-2.")
        return ""
    return code


def _payment(part: Reader | None, currency: str) -> NewPayment | None:
    if part is None:
        return None
    known = gateways.names()
    gateway = part.choice(
        "gateway", lambda value: value in known, code="unknown_gateway", message=f"This is one of: {', '.join(known)}."
    )
    reference = part.text("reference", most=120, required=True)
    amount = part.amount("amount", currency)
    authorized_at = part.moment("authorized_at")
    expires_at = part.moment("expires_at", required=False)
    part.end()
    if authorized_at is None:
        return None
    if expires_at and expires_at <= authorized_at:
        part.note("expires_at", "before_authorized_at", "An authorization ends after it begins.")
    return NewPayment(gateway, reference, amount, authorized_at, expires_at)


def _add_up(order: NewOrder, problems: Problems) -> None:
    """The sums, each to the currency's last decimal."""
    _same(problems, "subtotal", order.subtotal, money.total(line.amount for line in order.lines), order.currency)
    taxes = [tax.amount for line in order.lines for tax in line.taxes] + [tax.amount for tax in order.shipping_taxes]
    if taxes or order.tax:
        _same(problems, "tax", order.tax, money.total(taxes), order.currency)
    total = order.subtotal - order.discount + order.shipping
    if not order.prices_include_tax:
        total += order.tax
    _same(problems, "total", order.total, total, order.currency)
    if order.discount > order.subtotal:
        problems.add("discount", "out_of_range", "A discount cannot be larger than the lines it is given on.")
    if order.prices_include_tax and order.tax > order.total:
        problems.add("tax", "out_of_range", "Tax that is inside the prices cannot be more than the total.")
    if order.payment:
        _same(problems, "payment.amount", order.payment.amount, order.total, order.currency)


def _same(problems: Problems, field: str, given: Decimal, expected: Decimal, currency: str) -> None:
    if given != expected:
        shown = money.plain(expected, currency)
        problems.add(field, "does_not_add_up", f"This does not add up: {shown} {currency} was expected.")
