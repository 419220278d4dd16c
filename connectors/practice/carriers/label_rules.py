"""What UPS refuses of rates and labels, by its published schema (Rating.yaml and Shipping.yaml, v2409, looked at 2026-11).

The numbers of refusals are UPS' where they were found, else made up in their manner; the driver decides by none of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.practice.carriers.models import PracticeCarrier
from connectors.practice.carriers.rules import Refused

MOST_PACKAGES = 200
NEGOTIATED = Decimal("0.9")
_POUND_COUNTRIES = ("US", "PR")
_HEAVIEST = {"LBS": Decimal(150), "KGS": Decimal(70)}
_LIMITS = {"Name": 35, "City": 30, "CountryCode": 2}
_FORMATS = ("GIF", "ZPL", "EPL", "SPL", "PNG")
_POSTCODES = {
    "US": re.compile(r"\d{5}(-?\d{4})?"),
    "CA": re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d"),
    "NZ": re.compile(r"\d{4}"),
}
_STATES = {
    "NJ": ("07", "08"),
    "NY": ("10", "11", "12", "13", "14"),
    "GA": ("30", "31", "39"),
    "CA": ("90", "91", "92", "93", "94", "95", "96"),
}
_CURRENCIES = {"US": "USD", "PR": "USD", "CA": "CAD", "NZ": "NZD", "AU": "AUD", "GB": "GBP", "JP": "JPY"}
# base charge, charge for each kilogram, guaranteed days; by service
_INLAND_US = {
    "03": ("9.10", "0.90", ""),
    "12": ("14.20", "1.40", "3"),
    "02": ("19.80", "2.30", "2"),
    "01": ("38.50", "3.60", "1"),
}
_INLAND = {"11": ("11.40", "1.10", ""), "65": ("24.00", "2.10", "1"), "07": ("29.50", "2.60", "1")}
_ABROAD = {"08": ("44.00", "6.20", ""), "65": ("52.00", "7.10", "3"), "07": ("61.00", "8.40", "2")}


def check_rate(carrier: PracticeCarrier, shipment: Mapping[str, Any]) -> None:
    """Raises Refused at the first thing that is wrong, as UPS does; so do the others."""
    _check_account(carrier, shipment, "PaymentDetails")
    for party in ("Shipper", "ShipFrom", "ShipTo"):
        _check_party(party, shipment.get(party))
    _check_packages(shipment, "PackagingType")


def check_ship(carrier: PracticeCarrier, wish: Mapping[str, Any]) -> str:
    """The reference that it is found under."""
    if (wish.get("Request") or {}).get("RequestOption") not in ("validate", "nonvalidate"):
        raise Refused("120010", "Missing or invalid RequestOption.")
    shipment = wish.get("Shipment") or {}
    _check_account(carrier, shipment, "PaymentInformation")
    for party in ("Shipper", "ShipFrom", "ShipTo"):
        _check_party(party, shipment.get(party))
    if not shipment.get("Service", {}).get("Code"):
        raise Refused("120100", "Missing or invalid service code.")
    if shipment["Service"]["Code"] not in services(shipment):
        raise Refused("111210", "The requested service is unavailable between the selected locations.")
    _check_packages(shipment, "Packaging")
    if _is_abroad(shipment):
        _check_abroad(shipment)
    picture = (wish.get("LabelSpecification") or {}).get("LabelImageFormat") or {}
    if picture.get("Code") not in _FORMATS:
        raise Refused("120604", "Missing or invalid label print method code.")
    return _reference(shipment)


def services(shipment: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    if _is_abroad(shipment):
        return _ABROAD
    return _INLAND_US if _country(shipment, "ShipFrom") in _POUND_COUNTRIES else _INLAND


def charge(shipment: Mapping[str, Any], service: str) -> Decimal:
    """The published one."""
    base, each, _ = services(shipment)[service]
    weights = [Decimal(row["PackageWeight"]["Weight"]) for row in packages(shipment)]
    pounds = _country(shipment, "ShipFrom") in _POUND_COUNTRIES
    kilograms = sum(weights) * (Decimal("0.45359237") if pounds else 1)
    return (Decimal(base) * len(weights) + Decimal(each) * kilograms).quantize(Decimal("0.01"), ROUND_HALF_UP)


def negotiated(published: Decimal) -> Decimal:
    return (published * NEGOTIATED).quantize(Decimal("0.01"), ROUND_HALF_UP)


def currency(shipment: Mapping[str, Any]) -> str:
    return _CURRENCIES.get(_country(shipment, "Shipper"), "USD")


def packages(shipment: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = shipment.get("Package") or []
    return rows if isinstance(rows, list) else [rows]


def _check_account(carrier: PracticeCarrier, shipment: Mapping[str, Any], payment: str) -> None:
    charges = (shipment.get(payment) or {}).get("ShipmentCharge") or []
    charges = charges if isinstance(charges, list) else [charges]
    billed = {(row.get("BillShipper") or {}).get("AccountNumber") for row in charges if row.get("Type") == "01"}
    if (shipment.get("Shipper") or {}).get("ShipperNumber") != carrier.account_number:
        raise Refused("120100", "Missing or invalid shipper number.")
    if billed != {carrier.account_number}:
        raise Refused("120502", "Missing or invalid payment information.")


def _check_party(name: str, party: Any) -> None:
    if not isinstance(party, dict) or not isinstance(party.get("Address"), dict):
        raise Refused("120200", f"Missing or invalid {name}.")
    address = party["Address"]
    for field, most in _LIMITS.items():
        value = party.get("Name") if field == "Name" else address.get(field)
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            raise Refused("120202", f"Missing or invalid {name} {field}.")
    lines = address.get("AddressLine")
    if not isinstance(lines, list) or not 1 <= len(lines) <= 3 or not all(0 < len(line) <= 35 for line in lines):
        raise Refused("120202", f"Missing or invalid {name} AddressLine.")
    _check_town(name, address)


def _check_town(name: str, address: Mapping[str, Any]) -> None:
    country, postcode, state = (
        address.get(field) or "" for field in ("CountryCode", "PostalCode", "StateProvinceCode")
    )
    shape = _POSTCODES.get(country)
    if shape and not shape.fullmatch(postcode):
        raise Refused("120206", f"Missing or invalid {name} postal code.")
    if country in ("US", "CA") and not state:
        raise Refused("120207", f"Missing or invalid {name} state or province code.")
    if country == "US" and state in _STATES and not postcode.startswith(_STATES[state]):
        raise Refused("111285", f"The postal code {postcode} is invalid for {state} United States.")


def _check_packages(shipment: Mapping[str, Any], packaging: str) -> None:
    rows = packages(shipment)
    if not 1 <= len(rows) <= MOST_PACKAGES:
        raise Refused("120300", "Missing or invalid Package.")
    pounds = _country(shipment, "ShipFrom") in _POUND_COUNTRIES
    for row in rows:
        if not (row.get(packaging) or {}).get("Code"):
            raise Refused("120301", f"Missing or invalid {packaging}.")
        _check_weight(row.get("PackageWeight") or {}, "LBS" if pounds else "KGS")
        _check_size(row.get("Dimensions"), "IN" if pounds else "CM")


def _check_weight(weight: Mapping[str, Any], unit: str) -> None:
    if not re.fullmatch(r"\d{1,5}(\.\d)?", str(weight.get("Weight") or "")) or Decimal(weight["Weight"]) <= 0:
        raise Refused("120500", "Missing or invalid package weight.")
    if (weight.get("UnitOfMeasurement") or {}).get("Code") != unit:
        raise Refused("111057", "This measurement system is not valid for the selected country or territory.")
    if Decimal(weight["Weight"]) > _HEAVIEST[unit]:
        raise Refused("111035", f"The maximum per package weight is {_HEAVIEST[unit]} {unit}.")


def _check_size(size: Mapping[str, Any] | None, unit: str) -> None:
    if size is None:
        return
    if (size.get("UnitOfMeasurement") or {}).get("Code") != unit:
        raise Refused("111057", "This measurement system is not valid for the selected country or territory.")
    sides = [str(size.get(side) or "") for side in ("Length", "Width", "Height")]
    if not all(re.fullmatch(r"\d{1,6}(\.\d{1,2})?", side) for side in sides):
        raise Refused("120510", "Missing or invalid package dimensions.")


def _check_abroad(shipment: Mapping[str, Any]) -> None:
    if not shipment.get("Description"):
        raise Refused("120120", "Missing or invalid description of goods.")
    for name in ("Shipper", "ShipTo"):
        party = shipment[name]
        if not party.get("AttentionName") or not (party.get("Phone") or {}).get("Number"):
            raise Refused("120214", f"Missing or invalid {name} attention name or phone number.")
    to_value = _country(shipment, "ShipFrom") == "US" and _country(shipment, "ShipTo") in ("CA", "PR")
    if to_value and not (shipment.get("InvoiceLineTotal") or {}).get("MonetaryValue"):
        raise Refused("120950", "Missing or invalid invoice line total.")


def _reference(shipment: Mapping[str, Any]) -> str:
    """Of the packages inside the US, or inside Puerto Rico; of the shipment anywhere else."""
    of_packages = [row for package in packages(shipment) for row in package.get("ReferenceNumber") or []]
    of_shipment = shipment.get("ReferenceNumber") or []
    inland = not _is_abroad(shipment) and _country(shipment, "ShipFrom") in _POUND_COUNTRIES
    if (of_shipment and inland) or (of_packages and not inland):
        raise Refused("120541", "The reference number is not allowed at this level.")
    rows = of_packages or of_shipment
    values = [str(row.get("Value") or "") for row in rows]
    if any(not 1 <= len(value) <= 35 for value in values):
        raise Refused("120542", "Missing or invalid reference number value.")
    return next(iter(values), "")


def _is_abroad(shipment: Mapping[str, Any]) -> bool:
    return _country(shipment, "ShipFrom") != _country(shipment, "ShipTo")


def _country(shipment: Mapping[str, Any], party: str) -> str:
    return str((shipment.get(party) or {}).get("Address", {}).get("CountryCode") or "")
