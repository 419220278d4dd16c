"""What a person may fill in on a draft: each field by the name that blockers give it, read, checked and written.

Values are text, as they are typed and as they are kept: "shipping_address.city", "lines[0].customs_value".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import pycountry
from django.db.models import CharField

from connectors.money import plain
from orders.enums import AddressKind
from orders.errors import InvalidOrder
from orders.models import Order, OrderAddress, OrderLine
from orders.services import customs
from orders.services.intake_reading import Problems, Reader, is_country, province_codes
from orders.services.new_order import NewAddress
from orders.services.readiness import Facts, LineFacts

ADDRESS = "shipping_address"
_ADDRESS_LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "address1": "Street",
    "address2": "Street, second line",
    "city": "City",
    "country_code": "Country",
    "province_code": "State or province",
    "postcode": "Postcode",
    "phone": "Phone of the address",
}
_LINE_LABELS = {"hs_code": "HS code", "origin_country": "Made in", "customs_value": "Customs value"}
_ORDER_COLUMNS = {
    "customer.name": "customer_name",
    "customer.email": "customer_email",
    "customer.phone": "customer_phone",
    "delivery.place.name": "pickup_name",
    "delivery.place.address": "pickup_address",
    "invoice_number": "invoice_number",
    "invoice_key": "invoice_key",
}
_ALIASES = {  # as destinations name fields
    f"{ADDRESS}.country": f"{ADDRESS}.country_code",
    f"{ADDRESS}.province": f"{ADDRESS}.province_code",
    f"{ADDRESS}.state": f"{ADDRESS}.province_code",
    f"{ADDRESS}.name": f"{ADDRESS}.first_name",
    "customer_email": "customer.email",
    "customer_phone": "customer.phone",
}
_OF_LINE = re.compile(r"lines\[(\d+)\]\.(\w+)")

# Shapes of postcodes (Google's Address Data Service, November 2026); other countries' are taken as they are typed.
_POSTCODES = {
    **dict.fromkeys(("AT", "AU", "BE", "CH", "DK", "HU", "NO", "NZ", "ZA"), r"\d{4}"),
    **dict.fromkeys(("DE", "ES", "FI", "FR", "IT", "KR", "MX", "MY", "TH"), r"\d{5}"),
    **dict.fromkeys(("CN", "IN", "SG"), r"\d{6}"),
    "BR": r"\d{5}-?\d{3}",
    "CA": r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "JP": r"\d{3}-?\d{4}",
    "NL": r"\d{4} ?[A-Z]{2}",
    "PL": r"\d{2}-?\d{3}",
    "PT": r"\d{4}-\d{3}",
    "SE": r"\d{3} ?\d{2}",
    "US": r"\d{5}(-\d{4})?",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in."""

    path: str
    label: str
    section: str  # customer, address, pickup, invoice, customs
    value: str  # what is kept

    @property
    def is_country(self) -> bool:
        return self.path.endswith(("country_code", "origin_country"))


def fields_of(order: Order) -> list[Field]:
    """Every field that this order has, with what is kept. Two queries."""
    shown = [
        Field("customer.name", "Name", "customer", order.customer_name),
        Field("customer.email", "E-mail", "customer", order.customer_email),
        Field("customer.phone", "Phone", "customer", order.customer_phone),
    ]
    if order.has_pickup:
        shown += [
            Field("delivery.place.name", "Place", "pickup", order.pickup_name),
            Field("delivery.place.address", "Its address", "pickup", order.pickup_address),
        ]
    else:
        address = _address_row(order)
        shown += [
            Field(f"{ADDRESS}.{name}", label, "address", getattr(address, name))
            for name, label in _ADDRESS_LABELS.items()
        ]
    shown += [
        Field("invoice_number", "Invoice number", "invoice", order.invoice_number),
        Field("invoice_key", "Invoice key", "invoice", order.invoice_key),
    ]
    return shown + [field for line in _lines(order) for field in _of_line(order, line)]


def values_of(order: Order) -> dict[str, str]:
    return {field.path: field.value for field in fields_of(order)}


def path_of(field: str) -> str:
    """A blocker's field by the name that it has here: destinations say "shipping_address.province" and the like."""
    return _ALIASES.get(field, field)


def section_of(field: str) -> str:
    """Where a blocker about this field is mended; empty when that is not by filling something in."""
    path = path_of(field)
    if path.startswith("customer."):
        return "customer"
    if path.startswith(ADDRESS):
        return "address"
    if path.startswith("delivery.place"):
        return "pickup"
    if path.startswith("invoice_"):
        return "invoice"
    return "customs" if _OF_LINE.fullmatch(path) and path.split(".")[1] in _LINE_LABELS else ""


def facts_of(order: Order, values: Mapping[str, str], *, is_paid: bool, is_linked: bool) -> Facts:
    """What readiness looks at, with these values in place of those that are kept."""
    parts = {name: values.get(f"{ADDRESS}.{name}", "") for name in _ADDRESS_LABELS}
    lines = _lines(order)
    return Facts(
        is_paid=is_paid,
        total=order.total,
        customer_name=values["customer.name"],
        delivery=order.delivery,
        pickup_name=values.get("delivery.place.name", ""),
        address=NewAddress(**parts) if any(parts.values()) else None,
        has_invoice=bool(values["invoice_number"] or values["invoice_key"]),
        lines=tuple(
            LineFacts(line.requires_shipping, *(values[f"lines[{line.position}].{name}"] for name in _LINE_LABELS))
            for line in lines
        ),
        home=order.merchant.country_code,
        is_linked=is_linked,
    )


# --- reading -----------------------------------------------------------------------------------------


def read(order: Order, given: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """What was typed, as it is to be kept. Raises InvalidOrder, which names every problem with its field."""
    problems = Problems()
    values: dict[str, str] = {}
    for path in given.keys() - kept.keys():
        problems.add(path, "unknown_field", "This is no field of the order that can be filled in.")
    known = {path: value for path, value in given.items() if path in kept}
    country = _country(known, kept, problems, values)
    for path in sorted(known.keys() - values.keys()):
        values[path] = _read_one(order, path, known[path], country, problems)
    _check_postcode(values, kept, country, problems)
    if problems.found:
        raise InvalidOrder(sorted(problems.found, key=lambda problem: problem.field))
    return values


def _country(known: Mapping[str, str], kept: Mapping[str, str], problems: Problems, values: dict[str, str]) -> str:
    """The country that province, postcode and phone numbers are read by."""
    path = f"{ADDRESS}.country_code"
    if path not in known:
        return kept.get(path, "")
    values[path] = customs.country(Reader({"country_code": known[path]}, problems, ADDRESS), "country_code")
    return values[path]


def _read_one(order: Order, path: str, value: str, country: str, problems: Problems) -> str:
    parent, _, name = path.rpartition(".")
    reader = Reader({name: value}, problems, parent)
    if _OF_LINE.fullmatch(path):
        return _read_of_line(order, reader, name)
    match path:
        case "customer.email":
            return reader.email(name)
        case "customer.phone" | "shipping_address.phone":
            return reader.phone(name, country)
        case "shipping_address.province_code":
            return _province(reader, country)
        case "shipping_address.postcode":
            return reader.text(name, most=20).upper()
        case "invoice_key":
            return customs.invoice_key(reader, name)
    return reader.text(name, most=_most(path))


def _read_of_line(order: Order, reader: Reader, name: str) -> str:
    if name == "hs_code":
        return customs.hs_code(reader, name)
    if name == "origin_country":
        return customs.country(reader, name)
    value = customs.value(reader, name, order.currency)
    return "" if value is None else plain(value, order.currency)


def _province(reader: Reader, country: str) -> str:
    """The subdivision's code, also from its name: "AUK" for "Auckland" and for "NZ-AUK"."""
    typed = reader.text("province_code", most=60)
    code = typed.upper().removeprefix(f"{country}-")
    if not typed or (country and code in province_codes(country)):
        return code
    if not country:
        reader.note("province_code", "country_missing", "Choose the country first.")
        return ""
    named = provinces(country).get(typed.casefold())
    if named is None:
        reader.note("province_code", "unknown_province", f"{country} has no state or province {typed} in ISO 3166-2.")
        return ""
    return named


def _check_postcode(values: Mapping[str, str], kept: Mapping[str, str], country: str, problems: Problems) -> None:
    path = f"{ADDRESS}.postcode"
    if not {path, f"{ADDRESS}.country_code"} & values.keys():
        return
    postcode, shape = values.get(path, kept.get(path, "")), _POSTCODES.get(country)
    if postcode and shape and not re.fullmatch(shape, postcode):
        problems.add(path, "postcode_invalid", f"A postcode in {country_name(country)} does not look like this.")


@cache
def provinces(country: str) -> Mapping[str, str]:
    """Codes of a country's subdivisions by their names, in lower case."""
    found = pycountry.subdivisions.get(country_code=country) or []  # type: ignore[no-untyped-call]
    return {item.name.casefold(): item.code.partition("-")[2] for item in found}


@cache
def province_names(country: str) -> tuple[tuple[str, str], ...]:
    """Codes and names of a country's subdivisions, by name."""
    found = pycountry.subdivisions.get(country_code=country) or []  # type: ignore[no-untyped-call]
    return tuple(sorted(((item.code.partition("-")[2], item.name) for item in found), key=lambda pair: pair[1]))


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """Codes and names of all countries, by name."""
    return tuple(sorted(((row.alpha_2, row.name) for row in pycountry.countries), key=lambda pair: pair[1]))


def country_name(code: str) -> str:
    found = pycountry.countries.get(alpha_2=code) if is_country(code) else None
    return found.name if found else code


def _most(path: str) -> int:
    """How many characters the field's column holds."""
    model, name = (Order, _ORDER_COLUMNS[path]) if path in _ORDER_COLUMNS else (OrderAddress, path.rpartition(".")[2])
    column = model._meta.get_field(name)
    assert isinstance(column, CharField)  # noqa: S101  # as the models declare them
    assert column.max_length  # noqa: S101
    return column.max_length


# --- writing -----------------------------------------------------------------------------------------


def write(order: Order, values: Mapping[str, str]) -> None:
    """Keep what was read, on the locked order and on the rows below it."""
    columns = {_ORDER_COLUMNS[path]: value for path, value in values.items() if path in _ORDER_COLUMNS}
    for column, value in columns.items():
        setattr(order, column, value)
    order.search_text = _search_text(order)
    order.save(update_fields=[*columns, "search_text"])
    parts = {path.rpartition(".")[2]: value for path, value in values.items() if path.startswith(ADDRESS)}
    if parts:
        OrderAddress.objects.update_or_create(order=order, kind=AddressKind.SHIPPING, defaults=parts)
    changed = _by_line(values)
    lines = [line for line in _lines(order) if line.position in changed]
    for line in lines:
        for column, kept in changed[line.position].items():
            setattr(line, column, kept)
    OrderLine.objects.bulk_update(lines, list(_LINE_LABELS), batch_size=100)


def label_of(order: Order, path: str) -> str:
    """The field's name in a sentence."""
    of_line = _OF_LINE.fullmatch(path)
    if of_line:
        return f"{_LINE_LABELS[of_line[2]]} of line {int(of_line[1]) + 1}"
    return next((field.label for field in fields_of(order) if field.path == path), path)


def _by_line(values: Mapping[str, str]) -> dict[int, dict[str, str | Decimal | None]]:
    found: dict[int, dict[str, str | Decimal | None]] = {}
    for path, value in values.items():
        of_line = _OF_LINE.fullmatch(path)
        if of_line:
            kept = (Decimal(value) if value else None) if of_line[2] == "customs_value" else value
            found.setdefault(int(of_line[1]), {})[of_line[2]] = kept
    return found


def _address_row(order: Order) -> OrderAddress:
    """The shipping address, empty where there is none."""
    rows = [row for row in order.addresses.all() if row.kind == AddressKind.SHIPPING]
    return rows[0] if rows else OrderAddress(order=order, kind=AddressKind.SHIPPING)


def _lines(order: Order) -> list[OrderLine]:
    return sorted(order.lines.all(), key=lambda line: line.position)


def _of_line(order: Order, line: OrderLine) -> Iterable[Field]:
    value = "" if line.customs_value is None else plain(line.customs_value, order.currency)
    kept = {"hs_code": line.hs_code, "origin_country": line.origin_country, "customs_value": value}
    for name, label in _LINE_LABELS.items():
        yield Field(f"lines[{line.position}].{name}", label, "customs", kept[name])


def _search_text(order: Order) -> str:
    """As intake writes it."""
    words = [order.number, order.external_id, order.customer_name, order.customer_email]
    words.append(order.attributes.get("po_number", ""))
    return " ".join(filter(None, [*words, *(line.sku for line in _lines(order))])).lower()[:4000]
