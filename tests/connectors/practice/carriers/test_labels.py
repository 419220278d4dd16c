"""What the practice UPS refuses of rates and labels, asked without our driver."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.practice.carriers.endpoint import open_carrier
from connectors.practice.carriers.models import PracticeCarrier, PracticeLabel

pytestmark = pytest.mark.django_db
ROOT = "/practice/carriers/ups"
SHIP, SHOP, RECOVERY = (
    f"{ROOT}/api/{path}" for path in ("shipments/v2409/ship", "rating/v2409/Shop", "labels/v1/recovery")
)


@pytest.fixture
def there() -> PracticeCarrier:
    carrier = open_carrier(slug="ups", name="Practice UPS", country_code="US", time_zone="America/New_York")
    carrier.token, carrier.token_expires_at = "t", timezone.now() + timedelta(hours=1)
    carrier.save()
    return carrier


def party(**fields: Any) -> dict[str, Any]:
    address = {
        "AddressLine": ["1 Main Street"], "City": "Allendale", "StateProvinceCode": "NJ", "PostalCode": "07401",
        "CountryCode": "US",
    }  # fmt: skip
    return {
        "Name": "Kauri & Clay",
        "AttentionName": "Ana",
        "Phone": {"Number": "2125550100"},
        "Address": address | fields,
    }


def shipment(there: PracticeCarrier) -> dict[str, Any]:
    account = there.account_number
    weight = {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": "5.3"}
    return {
        "Shipper": party() | {"ShipperNumber": account},
        "ShipFrom": party(),
        "ShipTo": party(City="Atlanta", StateProvinceCode="GA", PostalCode="30301"),
        "Service": {"Code": "03"},
        "PaymentInformation": {"ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": account}}]},
        "Package": [{"Packaging": {"Code": "02"}, "PackageWeight": weight, "ReferenceNumber": [{"Value": "SWL-1"}]}],
    }


def send(url: str, body: dict[str, Any], token: str = "t") -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post(url, json.dumps(body), content_type="application/json", headers=headers)


def ship(wanted: dict[str, Any], **rest: Any) -> Any:
    label = {"LabelSpecification": {"LabelImageFormat": {"Code": "GIF"}}, "Request": {"RequestOption": "validate"}}
    return send(SHIP, {"ShipmentRequest": label | {"Shipment": wanted} | rest})


def changed(wanted: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value set; None takes it away."""
    result = copy.deepcopy(wanted)
    *way, last = path.split(".")
    place: Any = result
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result


def test_the_same_request_twice_is_two_labels_and_two_charges(there: PracticeCarrier):
    first, second = ship(shipment(there)), ship(shipment(there))

    assert (first.status_code, second.status_code) == (200, 200)
    assert PracticeLabel.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("Package.0.PackageWeight", None, "package weight"),
        ("Package.0.PackageWeight.Weight", "0", "package weight"),
        ("Package.0.PackageWeight.Weight", "5.35", "package weight"),
        ("Package.0.PackageWeight.Weight", "151", "maximum per package weight"),
        ("Package.0.PackageWeight.UnitOfMeasurement", {"Code": "KGS"}, "measurement system"),
        ("Package.0.Packaging", None, "Packaging"),
        ("Package", [], "Package"),
        ("Service.Code", "99", "unavailable"),
        ("Service.Code", "", "service code"),
        ("Shipper.ShipperNumber", "ZZZZZZ", "shipper number"),
        ("PaymentInformation", None, "payment information"),
        ("ShipTo.Address.City", "", "ShipTo City"),
        ("ShipTo.Address.PostalCode", "3030", "postal code"),
        ("ShipTo.Address.PostalCode", "10001", "invalid for GA"),
        ("ShipTo.Address.StateProvinceCode", "", "state or province"),
        ("ShipTo.Address.AddressLine", ["x" * 36], "AddressLine"),
        ("ShipTo.Name", "x" * 36, "ShipTo Name"),
        ("ReferenceNumber", [{"Value": "SWL-1"}], "not allowed at this level"),
        ("Package.0.ReferenceNumber", [{"Value": "x" * 36}], "reference number value"),
    ],
)
def test_what_ups_would_refuse_is_refused(there: PracticeCarrier, path: str, value: Any, said: str):
    response = ship(changed(shipment(there), path, value))

    assert response.status_code == 400
    assert said in response.json()["response"]["errors"][0]["message"]
    assert not PracticeLabel.objects.exists()


@pytest.mark.parametrize(("path", "value"), [("ShipTo.AttentionName", ""), ("ShipTo.Phone", None), ("Description", "")])
def test_a_parcel_abroad_needs_more(there: PracticeCarrier, path: str, value: Any):
    wanted = shipment(there) | {"Description": "Stools", "Service": {"Code": "08"}}
    wanted["ShipTo"] = party(City="Tokyo", StateProvinceCode="", PostalCode="100-0001", CountryCode="JP")
    wanted = changed(wanted, "Package.0.ReferenceNumber", None)

    assert ship(changed(wanted, path, value)).status_code == 400
    assert ship(wanted).status_code == 200


@pytest.mark.parametrize(
    "rest", [{"Request": {}}, {"LabelSpecification": {}}, {"LabelSpecification": {"LabelImageFormat": {"Code": "PDF"}}}]
)
def test_a_request_that_is_not_whole_is_refused(there: PracticeCarrier, rest: dict[str, Any]):
    assert ship(shipment(there), **rest).status_code == 400


def test_nobody_comes_in_without_a_token_that_lives(there: PracticeCarrier):
    assert send(SHOP, {}, token="other").status_code == 401
    PracticeCarrier.objects.update(token_expires_at=timezone.now())
    assert send(SHOP, {}).status_code == 401


def test_published_prices_are_told_unless_negotiated_ones_are_asked_for(there: PracticeCarrier):
    wanted = shipment(there)
    wanted["PaymentDetails"] = wanted["PaymentInformation"]
    wanted["Package"][0]["PackagingType"] = {"Code": "02"}

    plain = send(SHOP, {"RateRequest": {"Shipment": wanted}}).json()["RateResponse"]["RatedShipment"][0]
    wanted["ShipmentRatingOptions"] = {"NegotiatedRatesIndicator": "Y"}
    bid = send(SHOP, {"RateRequest": {"Shipment": wanted}}).json()["RateResponse"]["RatedShipment"][0]

    assert plain["TotalCharges"] == bid["TotalCharges"] == {"CurrencyCode": "USD", "MonetaryValue": "11.26"}
    assert "NegotiatedRateCharges" not in plain
    assert bid["NegotiatedRateCharges"]["TotalCharge"]["MonetaryValue"] == "10.13"


@pytest.mark.parametrize("number", ["ZZZZZZ", "A1B2C3D4E5", ""])
def test_a_reference_is_found_under_its_own_shipper_number_alone(there: PracticeCarrier, number: str):
    ship(shipment(there))
    named = {"ReferenceNumber": {"Value": "SWL-1"}, "ShipperNumber": number}

    refused = send(RECOVERY, {"LabelRecoveryRequest": {"ReferenceValues": named}})
    found = send(
        RECOVERY, {"LabelRecoveryRequest": {"ReferenceValues": named | {"ShipperNumber": there.account_number}}}
    )

    assert (refused.status_code, found.status_code) == (400, 200)


def test_labels_of_more_than_thirty_days_ago_are_not_found(there: PracticeCarrier):
    ship(shipment(there))
    row = PracticeLabel.objects.get()
    PracticeLabel.objects.update(created_at=timezone.now() - timedelta(days=31))

    assert send(RECOVERY, {"LabelRecoveryRequest": {"TrackingNumber": row.number}}).status_code == 400
