"""Why S&S Activewear would refuse an order, found without asking it. Its total is a cost and is not predicted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pycountry

from connectors import preflight
from connectors.base import Account, Address, Blocker, BlockerCode, OutboundOrder, RemoteVariant
from connectors.ssactivewear import mapping

PO_MAX = 30  # no limit is documented; longer than this is none of our references

_PO = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")  # a comma would divide it, others cannot stand in a path
_POSTCODES = {"US": re.compile(r"\d{5}(-\d{4})?"), "CA": re.compile(r"[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d")}
_COUNTRIES = {"US": "the United States", "CA": "Canada"}


def blockers(order: OutboundOrder, variants: Mapping[str, RemoteVariant], account: Account) -> tuple[Blocker, ...]:
    """`variants` by id, fresh."""
    chosen = order.options.supplier.warehouses
    where = f" at S&S Activewear in {', '.join(chosen)}." if chosen else " at S&S Activewear."
    return (
        *preflight.linked(order, variants, place="S&S Activewear"),
        *preflight.stocked(order, _in_warehouses(variants, chosen), where=where),  # it sends what it has, no bypass
        *_destination(order, mapping.country(account)),
        *unsendable(order),
    )


def unsendable(order: OutboundOrder) -> tuple[Blocker, ...]:
    """What must not be sent whatever S&S would say to it: a PO number that cannot be found again, an unknown choice."""
    return (*_choices(order), *_po_number(order))


def _in_warehouses(variants: Mapping[str, RemoteVariant], chosen: tuple[str, ...]) -> Mapping[str, RemoteVariant]:
    """With the units of the chosen warehouses alone, where the merchant chose some."""
    if not chosen:
        return variants
    return {
        key: replace(variant, stock=sum(units for code, units in variant.stock_by_place if code in chosen))
        for key, variant in variants.items()
    }


def _destination(order: OutboundOrder, country: str) -> Iterator[Blocker]:
    if order.pickup and order.options.supplier.store_address is None:
        message = "The customer collects this order. Have S&S Activewear send to your store to fulfil it."
        yield Blocker(BlockerCode.PICKUP_LOCATION_UNMAPPED, message, "pickup", order.pickup.name)
        return
    place = mapping.ship_to(order)
    yield from preflight.complete(place, preflight.FULL_ADDRESS_PARTS, name=order.customer_name)
    if place.country_code and place.country_code != country:
        message = f"This account of S&S Activewear sends to {_COUNTRIES[country]} only, not to {place.country_code}."
        yield Blocker(BlockerCode.COUNTRY_UNSUPPORTED, message, "shipping_address.country", place.country_code)
        return
    yield from _malformed(place, country)


def _malformed(place: Address, country: str) -> Iterator[Blocker]:
    if place.postcode and not _POSTCODES[country].fullmatch(place.postcode.strip()):
        message = f"{place.postcode} is no postcode in {_COUNTRIES[country]}."
        yield Blocker(BlockerCode.POSTCODE_INVALID, message, "shipping_address.postcode", place.postcode)
    if place.province_code and not _is_province(country, place.province_code):
        message = f"{place.province_code} is no state or province of {_COUNTRIES[country]}."
        yield Blocker(BlockerCode.PROVINCE_UNKNOWN, message, "shipping_address.province", place.province_code)


def _is_province(country: str, code: str) -> bool:
    found = pycountry.subdivisions.get(code=f"{country}-{code}")  # type: ignore[no-untyped-call]  # its only untyped one
    return found is not None


def _choices(order: OutboundOrder) -> Iterator[Blocker]:
    chosen = order.options.supplier
    if chosen.shipping_method and chosen.shipping_method not in mapping.SHIPPING_METHODS:
        message = f"S&S Activewear has no shipping method {chosen.shipping_method}. Choose one of its own."
        yield Blocker(BlockerCode.SHIPPING_METHOD_UNMAPPED, message, "shipping_method", chosen.shipping_method)
    number = chosen.payment_profile_id
    if bool(number) != bool(chosen.payment_email) or (number and not (number.isascii() and number.isdigit())):
        message = "The payment profile needs its number and the e-mail address it is saved under. Choose it again."
        yield Blocker(BlockerCode.PAYMENT_PROFILE_MISSING, message, "payment_profile", number)


def _po_number(order: OutboundOrder) -> Iterator[Blocker]:
    number = mapping.po_number(order)
    if len(number) > PO_MAX:
        message = f"The PO number has {len(number)} characters; {PO_MAX} are sent at most."
        yield Blocker(BlockerCode.TEXT_TOO_LONG, message, "reference", number)
    elif not _PO.fullmatch(number):
        message = "A PO number may hold letters, digits, spaces, - and _ only: S&S Activewear could not find it again."
        yield Blocker(BlockerCode.INTERNAL_ERROR, message, "reference", number)
