"""UPS: the bodies of rates, labels, voids and label recovery, and what their answers say. Nothing here calls anybody.

Sources, looked at in 2026-11: github.com/UPS-API/api-documentation, Rating.yaml and Shipping.yaml (v2409), and the field
descriptions of the same API in github.com/UPS-API/java-api-examples, folders rating/docs and shipping/docs. What they say
and we build on:

- There is no idempotency key: the same shipment sent twice is two shipments, and two charges.
- Label recovery (`POST /labels/v1/recovery`) finds a label of the last 30 days by our reference and the shipper number,
  which must be of six characters. It answers with the label, or with candidates by tracking number; it names no charge.
- A reference number belongs to each package between two places of the US (or of Puerto Rico), else to the shipment.
- A void answers 1 for voided and for already voided, 0 for not voided.
"""

from __future__ import annotations

import base64
import binascii
import math
import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.carriers.base import Place
from connectors.carriers.labels import BoxLabel, Label, LabelRequest, Rate, Recipient
from connectors.errors import OutcomeUnknownError, RejectedError
from connectors.money import Money, MoneyError

MOST_BOXES = 20  # UPS takes 200; an answer with more pictures than this would be longer than we read
SERVICES: Mapping[str, str] = {
    "01": "UPS Next Day Air", "02": "UPS 2nd Day Air", "03": "UPS Ground", "07": "UPS Worldwide Express",
    "08": "UPS Worldwide Expedited", "11": "UPS Standard", "12": "UPS 3 Day Select", "13": "UPS Next Day Air Saver",
    "14": "UPS Next Day Air Early", "54": "UPS Worldwide Express Plus", "59": "UPS 2nd Day Air A.M.",
    "65": "UPS Worldwide Saver", "70": "UPS Access Point Economy", "74": "UPS Express 12:00",
}  # fmt: skip
_POUND_COUNTRIES = ("US", "PR")
_NAME_MAX, _LINE_MAX, _LINES, _CITY_MAX, _POSTCODE_MAX, _PHONE_MAX, _CONTENTS_MAX = 35, 35, 3, 30, 9, 15, 50
_NORTH_AMERICA, _PHONE_NORTH_AMERICA = ("US", "CA", "PR"), 10
_G_PER_LB, _MM_PER_IN = 453.59237, 25.4
_HEAVIEST_G = 70_000  # 150 lb
_OWN_PACKAGING, _TRANSPORT, _PICTURE = "02", "01", "GIF"
_VALUE_TO = ("CA", "PR")  # of parcels from the US
_SHIPPER_NUMBER_LENGTH = 6


def rate_body(request: LabelRequest, *, account: str) -> dict[str, Any]:
    shipment = _shipment(request, account=account, packaging="PackagingType")
    shipment["PaymentDetails"] = {"ShipmentCharge": [_charge(account)]}
    return {"RateRequest": {"Request": {}, "Shipment": shipment}}


def ship_body(request: LabelRequest, *, account: str) -> dict[str, Any]:
    """`validate`: city, state and postal code must go together, or UPS refuses before it charges."""
    shipment = _shipment(request, account=account, packaging="Packaging")
    shipment["Description"] = request.contents[:_CONTENTS_MAX]
    shipment["PaymentInformation"] = {"ShipmentCharge": [_charge(account)]}
    shipment["Service"] = {"Code": request.service}
    reference = {"Value": request.reference}
    if _is_inland(request):
        for package in shipment["Package"]:
            package["ReferenceNumber"] = [reference]
    else:
        shipment["ReferenceNumber"] = [reference]
    return {
        "ShipmentRequest": {
            "Request": {"RequestOption": "validate"},
            "Shipment": shipment,
            "LabelSpecification": _picture(),
        }
    }


def recovery_body(*, account: str, reference: str = "", number: str = "") -> dict[str, Any]:
    """By tracking number, else by our reference."""
    named: dict[str, Any] = {"TrackingNumber": number}
    if not number:
        named = {"ReferenceValues": {"ReferenceNumber": {"Value": reference}, "ShipperNumber": account}}
    return {"LabelRecoveryRequest": {"Request": {}, "LabelSpecification": _picture(), **named}}


def can_recover(account: str) -> bool:
    """UPS looks for references of accounts with six characters alone."""
    return len(account) == _SHIPPER_NUMBER_LENGTH


def refuse(request: LabelRequest) -> None:
    """What UPS would refuse for what is missing or too long, said in our words. Raises RejectedError."""
    recipient = request.recipient
    for value, words in (
        (recipient.name, "The customer's name"),
        (recipient.address1, "The street of the shipping address"),
        (recipient.city, "The city of the shipping address"),
        (recipient.country_code, "The country of the shipping address"),
    ):
        if not value:
            raise RejectedError(f"{words} is missing.")
    if recipient.country_code != request.sender.country_code and not recipient.phone:
        raise RejectedError("UPS wants the customer's phone number for a parcel abroad.")
    for whose, place in (("your", request.sender), ("the shipping", recipient)):
        if len(_street(place)) > _LINES:
            raise RejectedError(f"The street of {whose} address is longer than UPS' {_LINES} lines of {_LINE_MAX}.")
        if len(place.city) > _CITY_MAX or len(place.postcode) > _POSTCODE_MAX:
            raise RejectedError(f"City or postcode of {whose} address is longer than UPS takes.")
    if not 1 <= len(request.boxes) <= MOST_BOXES:
        raise RejectedError(f"One label is for 1 to {MOST_BOXES} parcels.")
    if any(not 0 < box.weight_g <= _HEAVIEST_G for box in request.boxes):
        raise RejectedError("UPS takes parcels of up to 70 kg, and each needs its weight.")


def read_rates(answer: Mapping[str, Any]) -> list[Rate]:
    """The cheapest first. What UPS negotiated with the account counts before its published price."""
    rates = [_rate(row) for row in _list(answer.get("RatedShipment"))]
    return sorted((rate for rate in rates if rate), key=lambda rate: (rate.amount.amount, rate.service))


def read_label(answer: Mapping[str, Any], request: LabelRequest) -> Label:
    """What was bought. Raises OutcomeUnknownError when the answer does not name it."""
    results = answer.get("ShipmentResults")
    results = results if isinstance(results, dict) else {}
    number = str(results.get("ShipmentIdentificationNumber") or "")
    boxes = [_box(row, "ShippingLabel") for row in _list(results.get("PackageResults"))]
    if not number or len(boxes) != len(request.boxes) or not all(box.number for box in boxes):
        raise OutcomeUnknownError("UPS answered without the numbers of the label.")
    negotiated = results.get("NegotiatedRateCharges") or {}
    published = results.get("ShipmentCharges") or {}
    cost = _money(negotiated.get("TotalCharge")) or _money(published.get("TotalCharges"))
    return Label(number, tuple(boxes), cost)


def read_recovered(answer: Mapping[str, Any]) -> tuple[str, list[BoxLabel], list[str]]:
    """The shipment's number, labels that came along, and the tracking numbers that were named instead."""
    boxes = [_box(row, "LabelImage") for row in _list(answer.get("LabelResults"))]
    found = [box for box in boxes if box.number]
    candidates = [str(row.get("TrackingNumber") or "") for row in _list(answer.get("TrackingCandidate"))]
    return str(answer.get("ShipmentIdentificationNumber") or ""), found, [number for number in candidates if number]


def whole(shipments: set[str], boxes: Sequence[BoxLabel], request: LabelRequest) -> Label | None:
    """One shipment with a label for each box, or none at all. Anything else is for a person to see."""
    if not boxes:
        return None
    if (
        len(shipments) != 1
        or len({box.number for box in boxes}) != len(request.boxes)
        or len(boxes) != len(request.boxes)
    ):
        numbers = ", ".join(sorted({box.number for box in boxes}))
        raise RejectedError(
            f"UPS lists {numbers} under {request.reference}, which is not this shipment as it was asked for."
        )
    return Label(next(iter(shipments)), tuple(boxes), cost=None)


def read_void(answer: Mapping[str, Any]) -> None:
    """Raises RejectedError when UPS did not void it."""
    status = (answer.get("SummaryResult") or {}).get("Status") or {}
    if str(status.get("Code")) != "1":
        raise RejectedError(f"UPS did not void it: {str(status.get('Description') or 'no reason given')[:200]}")


# --- what is sent --------------------------------------------------------------------------------------


def _shipment(request: LabelRequest, *, account: str, packaging: str) -> dict[str, Any]:
    sender, recipient = request.sender, request.recipient
    origin = {
        "Name": sender.company[:_NAME_MAX],
        "AttentionName": sender.contact[:_NAME_MAX],
        "Phone": {"Number": _phone(sender)},
        "Address": _address(sender),
    }
    to = {
        "Name": (recipient.company or recipient.name)[:_NAME_MAX],
        "AttentionName": recipient.name[:_NAME_MAX],
        "Address": _address(recipient) | ({"ResidentialAddressIndicator": "Y"} if recipient.is_private else {}),
    }
    if recipient.phone:
        to["Phone"] = {"Number": _phone(recipient)}
    shipment: dict[str, Any] = {
        "Shipper": origin | {"ShipperNumber": account},
        "ShipFrom": origin,
        "ShipTo": to,
        "ShipmentRatingOptions": {"NegotiatedRatesIndicator": "Y"},
        "Package": [_package(request, index, packaging) for index in range(len(request.boxes))],
    }
    if sender.country_code == "US" and recipient.country_code in _VALUE_TO and request.value is not None:
        whole_units = max(math.ceil(request.value.amount), 1)
        shipment["InvoiceLineTotal"] = {"CurrencyCode": request.value.currency, "MonetaryValue": str(whole_units)}
    return shipment


def _package(request: LabelRequest, index: int, packaging: str) -> dict[str, Any]:
    """Rounded up, in the units of the country that the parcel leaves: UPS takes no mixture."""
    box, in_pounds = request.boxes[index], request.sender.country_code in _POUND_COUNTRIES
    weight = math.ceil(round(box.weight_g * 10 / (_G_PER_LB if in_pounds else 1000), 6)) / 10
    package: dict[str, Any] = {
        packaging: {"Code": _OWN_PACKAGING},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "LBS" if in_pounds else "KGS"}, "Weight": f"{weight:.1f}"},
    }
    if box.size_mm is not None:
        per_unit = _MM_PER_IN if in_pounds else 10
        sides = sorted((math.ceil(round(side / per_unit, 6)) for side in box.size_mm), reverse=True)
        length, width, height = map(str, sides)
        unit = {"Code": "IN" if in_pounds else "CM"}
        package["Dimensions"] = {"UnitOfMeasurement": unit, "Length": length, "Width": width, "Height": height}
    return package


def _address(place: Place | Recipient) -> dict[str, Any]:
    return {
        "AddressLine": _street(place),
        "City": place.city,
        "StateProvinceCode": place.province_code[:5],
        "PostalCode": place.postcode,
        "CountryCode": place.country_code,
    }


def _street(place: Place | Recipient) -> list[str]:
    """In lines of UPS' length; nothing is cut off, so that there may be too many."""
    given = (place.address1, place.address2)
    return [line for part in given if part for line in textwrap.wrap(part, _LINE_MAX, break_long_words=True)]


def _phone(place: Place | Recipient) -> str:
    """Digits alone; in North America without the 1 in front."""
    digits = "".join(sign for sign in place.phone if sign.isdigit())
    is_long = len(digits) == _PHONE_NORTH_AMERICA + 1 and digits.startswith("1")
    return digits[1:] if is_long and place.country_code in _NORTH_AMERICA else digits[:_PHONE_MAX]


def _charge(account: str) -> dict[str, Any]:
    return {"Type": _TRANSPORT, "BillShipper": {"AccountNumber": account}}


def _picture() -> dict[str, Any]:
    return {
        "LabelImageFormat": {"Code": _PICTURE},
        "HTTPUserAgent": "Mozilla/4.5",
        "LabelStockSize": {"Height": "6", "Width": "4"},
    }


def _is_inland(request: LabelRequest) -> bool:
    country = request.sender.country_code
    return country in _POUND_COUNTRIES and request.recipient.country_code == country


# --- what is answered ----------------------------------------------------------------------------------


def _rate(row: Mapping[str, Any]) -> Rate | None:
    """None for a service without a price."""
    code = str((row.get("Service") or {}).get("Code") or "")
    negotiated = row.get("NegotiatedRateCharges") or {}
    amount = _money(negotiated.get("TotalCharge")) or _money(row.get("TotalCharges"))
    if not code or amount is None:
        return None
    days = str((row.get("GuaranteedDelivery") or {}).get("BusinessDaysInTransit") or "")
    return Rate(code, SERVICES.get(code, f"UPS service {code}"), amount, int(days) if days.isdigit() else None)


def _box(row: Mapping[str, Any], name: str) -> BoxLabel:
    """A picture that cannot be read is none: the number is what was paid for."""
    picture = row.get(name)
    text = str(picture.get("GraphicImage") or "") if isinstance(picture, dict) else ""
    try:
        image = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        image = b""
    return BoxLabel(str(row.get("TrackingNumber") or ""), image if image.startswith(b"GIF8") else b"")


def _money(charge: Any) -> Money | None:
    """None when it is no amount: a label whose price cannot be read is bought all the same."""
    if not isinstance(charge, dict):
        return None
    try:
        return Money(Decimal(str(charge.get("MonetaryValue"))), str(charge.get("CurrencyCode")))
    except (InvalidOperation, MoneyError):
        return None


def _list(rows: Any) -> list[Mapping[str, Any]]:
    """One row comes without its list."""
    found = rows if isinstance(rows, list) else [rows]
    return [row for row in found if isinstance(row, dict)]
