"""The doors of a practice UPS to rates and labels: what it would cost, selling, finding again, voiding."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from connectors.practice.carriers import label_rules
from connectors.practice.carriers.door import door, read_body, success
from connectors.practice.carriers.label_picture import draw
from connectors.practice.carriers.models import PracticeCarrier, PracticeLabel
from connectors.practice.carriers.rules import Refused

RECOVERABLE = timedelta(days=30)


@require_POST
@door
def shop(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    shipment = read_body(request, "RateRequest").get("Shipment") or {}
    label_rules.check_rate(carrier, shipment)
    rated = []
    for code, (_, _, days) in label_rules.services(shipment).items():
        published = label_rules.charge(shipment, code)
        row = {"Service": {"Code": code}, "TotalCharges": _charge(published, shipment)}
        rated.append(row | _negotiated(shipment, published) | _promised(days))
    return success("RateResponse", {"RatedShipment": rated})


@require_POST
@door
def ship(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    """The same request twice is two shipments, as it is at UPS."""
    wish = read_body(request, "ShipmentRequest")
    reference, shipment = label_rules.check_ship(carrier, wish), wish["Shipment"]
    published = label_rules.charge(shipment, shipment["Service"]["Code"])
    numbers = [_number(carrier) for _ in label_rules.packages(shipment)]
    with transaction.atomic():
        carrier = PracticeCarrier.objects.select_for_update().get(pk=carrier.pk)
        row = PracticeLabel.objects.create(
            carrier=carrier,
            number=numbers[0],
            reference=reference,
            packages=numbers,
            body=wish,
            charge=label_rules.negotiated(published),
            currency=label_rules.currency(shipment),
            created_at=timezone.now(),
        )
        loses = carrier.loses_next_answer
        PracticeCarrier.objects.filter(pk=carrier.pk).update(loses_next_answer=False)
    if loses:
        return HttpResponse("", status=504)
    results = {
        "ShipmentCharges": {"TotalCharges": _charge(published, shipment)},
        "ShipmentIdentificationNumber": row.number,
        "PackageResults": _alone([_package(row, number, "ShippingLabel", "ImageFormat") for number in numbers]),
    }
    return success("ShipmentResponse", {"ShipmentResults": results | _negotiated(shipment, published)})


@require_POST
@door
def recover(request: HttpRequest, carrier: PracticeCarrier) -> HttpResponse:
    """By tracking number the label; by reference the label of one package, else candidates."""
    wish = read_body(request, "LabelRecoveryRequest")
    number, named = wish.get("TrackingNumber") or "", wish.get("ReferenceValues") or {}
    rows = PracticeLabel.objects.filter(carrier=carrier, voided_at=None, created_at__gt=timezone.now() - RECOVERABLE)
    if number:
        found = [(row, each) for row in rows.order_by("pk") for each in row.packages if each == number]
    else:
        if len(named.get("ShipperNumber") or "") != 6 or named["ShipperNumber"] != carrier.account_number:
            raise Refused("300101", "Missing or invalid shipper number.")
        reference = (named.get("ReferenceNumber") or {}).get("Value") or ""
        found = [(row, each) for row in rows.filter(reference=reference).order_by("pk") for each in row.packages]
    if not found:
        raise Refused("300103", "No shipment found.")
    if len(found) > 1:
        return success("LabelRecoveryResponse", {"TrackingCandidate": [{"TrackingNumber": each} for _, each in found]})
    [(row, each)] = found
    label = _package(row, each, "LabelImage", "LabelImageFormat")
    return success("LabelRecoveryResponse", {"ShipmentIdentificationNumber": row.number, "LabelResults": label})


@require_http_methods(["DELETE"])
@door
def void(request: HttpRequest, carrier: PracticeCarrier, number: str) -> HttpResponse:
    row = PracticeLabel.objects.filter(carrier=carrier, number=number).first()
    if row is None or row.created_at < timezone.now() - RECOVERABLE:
        raise Refused("190102", "No shipment found within the allowed void period.")
    PracticeLabel.objects.filter(pk=row.pk, voided_at=None).update(voided_at=timezone.now())
    return success("VoidShipmentResponse", {"SummaryResult": {"Status": {"Code": "1", "Description": "Voided"}}})


def _number(carrier: PracticeCarrier) -> str:
    """18 signs that begin with 1Z and the account, as UPS' do."""
    return f"1Z{carrier.account_number}{secrets.randbelow(10**10):010d}"


def _package(row: PracticeLabel, number: str, label: str, kind: str) -> dict[str, Any]:
    to = row.body["Shipment"]["ShipTo"]
    picture = draw(number, service=row.body["Shipment"]["Service"]["Code"], to=_lines(to), reference=row.reference)
    return {
        "TrackingNumber": number,
        label: {kind: {"Code": "GIF"}, "GraphicImage": base64.b64encode(picture).decode()},
    }


def _lines(to: dict[str, Any]) -> Iterable[str]:
    address = to["Address"]
    yield to["Name"]
    yield from address["AddressLine"]
    yield f"{address['City']} {address.get('StateProvinceCode') or ''} {address.get('PostalCode') or ''}"
    yield address["CountryCode"]


def _charge(amount: Decimal, shipment: dict[str, Any]) -> dict[str, str]:
    return {"CurrencyCode": label_rules.currency(shipment), "MonetaryValue": str(amount)}


def _negotiated(shipment: dict[str, Any], published: Decimal) -> dict[str, Any]:
    if "NegotiatedRatesIndicator" not in (shipment.get("ShipmentRatingOptions") or {}):
        return {}
    return {"NegotiatedRateCharges": {"TotalCharge": _charge(label_rules.negotiated(published), shipment)}}


def _promised(days: str) -> dict[str, Any]:
    return {"GuaranteedDelivery": {"BusinessDaysInTransit": days}} if days else {}


def _alone(rows: list[dict[str, Any]]) -> Any:
    """One row comes without its list, as UPS sends it."""
    return rows[0] if len(rows) == 1 else rows
