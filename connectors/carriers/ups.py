"""UPS: pickups on call by the Pickup API and labels by the Rating and Shipping APIs, version v2409, with OAuth client
credentials. What labels are asked with is formed in ups_labels.

Sources, looked at in 2026-11: github.com/UPS-API/api-documentation, Pickup.yaml and OAuthClientCredentials.yaml. A
pickup that exists for the address answers a second request with the same PRN, and pending pickups are listed with our
reference for today and tomorrow: both are used to never have two drivers come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import quote as quote_path

from connectors.carriers import ups_labels
from connectors.carriers.base import Carrier, Confirmation, PickupRequest, Place
from connectors.carriers.labels import BoxLabel, Label, LabelRequest, Rate
from connectors.errors import (
    CredentialsError,
    FieldError,
    HostRefusedError,
    NotOfferedError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from connectors.http import Answer

PRODUCTION, TESTING = "https://onlinetools.ups.com", "https://wwwcie.ups.com"
VERSION, RECOVERY_VERSION = "v2409", "v1"
REFERENCE_MAX, COMPANY_MAX, CONTACT_MAX, STREET_MAX, NOTE_MAX = 35, 27, 22, 73, 57
KEYS = ("client_id", "client_secret")
MOST_PARCELS = 999
HEAVIEST_KG = 9999.9
_CANCELLED = "007"
_SAME_DAY, _FUTURE_DAY = "01", "02"  # ServiceDateOption: today costs no less than a later day
_ACCOUNT_LENGTHS = (6, 10)
_GROUND, _PACKAGE, _BY_ACCOUNT = "003", "01", "01"
_KILOGRAM_COUNTRIES_EXCEPT = ("US", "PR")
_G_PER_LB = 453.59237


class UpsCarrier(Carrier):
    key = "ups"
    label = "UPS"
    quotes = True
    looks_up = True
    looks_ahead_days = 1
    horizon_s = 120.0
    sells_labels = True
    most_boxes = ups_labels.MOST_BOXES

    _token = ""

    def check(self) -> None:
        self._pending()

    def quote(self, request: PickupRequest, *, today: date) -> str:
        path = f"/api/shipments/{VERSION}/pickup/oncall"
        body = quote_body(request, today=today)
        return _cost(self._call("POST", path, within="PickupRateResponse", json=body, changes=False))

    def schedule(self, request: PickupRequest) -> Confirmation:
        _refuse(request)
        path = f"/api/pickupcreation/{VERSION}/pickup"
        made = self._call("POST", path, within="PickupCreationResponse", json=self.body_of(request), changes=True)
        if not made.get("PRN"):
            raise OutcomeUnknownError("UPS answered without a pickup number.")
        return Confirmation(str(made["PRN"]), _cost(made))

    def find(self, request: PickupRequest) -> Confirmation | None:
        for row in self._pending():
            stands = row.get("PickupStatusMessage") != _CANCELLED
            if stands and row.get("ReferenceNumber") == request.reference:
                return Confirmation(row["PRN"])
        return None

    def cancel(self, request: PickupRequest, number: str) -> None:
        """CancelBy 02 is by PRN. One that is called off already is not an error to us."""
        try:
            path, headers = f"/api/shipments/{VERSION}/pickup/02", {"Prn": number}
            self._call("DELETE", path, within="PickupCancelResponse", headers=headers, changes=True)
        except (RejectedError, HostRefusedError):
            if self.find(request) is not None:
                raise

    def rates(self, request: LabelRequest) -> list[Rate]:
        ups_labels.refuse(request)
        body = ups_labels.rate_body(request, account=self.login.account_number)
        path = f"/api/rating/{VERSION}/Shop"
        rates = ups_labels.read_rates(self._call("POST", path, within="RateResponse", json=body, changes=False))
        if not rates:
            raise RejectedError("UPS offers no service for these parcels to this address.")
        return rates

    def buy_label(self, request: LabelRequest) -> Label:
        ups_labels.refuse(request)
        body = ups_labels.ship_body(request, account=self.login.account_number)
        path = f"/api/shipments/{VERSION}/ship"
        return ups_labels.read_label(
            self._call("POST", path, within="ShipmentResponse", json=body, changes=True), request
        )

    def find_label(self, request: LabelRequest) -> Label | None:
        """By our reference; where UPS names tracking numbers instead of labels, each by its number."""
        if not ups_labels.can_recover(self.login.account_number):
            raise NotOfferedError("UPS finds labels by our reference for account numbers of six characters alone.")
        shipment, boxes, candidates = self._recover(reference=request.reference)
        shipments = {shipment} if boxes else set()
        for number in [] if boxes else candidates[: ups_labels.MOST_BOXES + 1]:
            shipment, more, _ = self._recover(number=number)
            shipments.add(shipment)
            boxes += more
        return ups_labels.whole(shipments, boxes, request)

    def void_label(self, number: str) -> None:
        path = f"/api/shipments/{VERSION}/void/cancel/{quote_path(number, safe='')}"
        ups_labels.read_void(self._call("DELETE", path, within="VoidShipmentResponse", changes=True))

    def body_of(self, request: PickupRequest) -> dict[str, Any]:
        """As it leaves, without what is secret."""
        unit = "LBS" if request.place.country_code in _KILOGRAM_COUNTRIES_EXCEPT else "KGS"
        weight = request.weight_g / (_G_PER_LB if unit == "LBS" else 1000)
        return {
            "PickupCreationRequest": {
                "RatePickupIndicator": "Y",
                "Shipper": {
                    "Account": {
                        "AccountNumber": self.login.account_number,
                        "AccountCountryCode": self.login.country_code,
                    }
                },
                "PickupDateInfo": _when(request),
                "PickupAddress": _address(request.place),
                "AlternateAddressIndicator": "Y",
                "PickupPiece": [
                    {
                        "ServiceCode": _GROUND,
                        "Quantity": str(piece.parcels),
                        "DestinationCountryCode": piece.country_code,
                        "ContainerCode": _PACKAGE,
                    }
                    for piece in request.pieces
                ],
                "TotalWeight": {"Weight": f"{max(weight, 0.1):.1f}", "UnitOfMeasurement": unit},
                "OverweightIndicator": "N",
                "PaymentMethod": _BY_ACCOUNT,
                "SpecialInstruction": request.note[:NOTE_MAX],
                "ReferenceNumber": request.reference,
            }
        }

    # --- the calls ---

    def _recover(self, *, reference: str = "", number: str = "") -> tuple[str, list[BoxLabel], list[str]]:
        body = ups_labels.recovery_body(account=self.login.account_number, reference=reference, number=number)
        path = f"/api/labels/{RECOVERY_VERSION}/recovery"
        return ups_labels.read_recovered(
            self._call("POST", path, within="LabelRecoveryResponse", json=body, changes=False)
        )

    def _pending(self) -> list[Mapping[str, Any]]:
        path, headers = f"/api/shipments/{VERSION}/pickup/oncall", {"AccountNumber": self.login.account_number}
        listed = self._call("GET", path, within="PickupPendingStatusResponse", headers=headers, changes=False)
        rows = listed.get("PendingStatus") or []
        return [rows] if isinstance(rows, dict) else list(rows)  # one row comes without its list

    def _call(
        self,
        method: str,
        path: str,
        *,
        within: str,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        changes: bool,
    ) -> Mapping[str, Any]:
        """What the answer holds under this name."""
        answer = self.http.request(
            method,
            self.login.base_url + path,
            headers={"Authorization": f"Bearer {self._access()}", **(headers or {})},
            json=json,
            operation=path.rpartition("/")[2],
            changes=changes,
        )
        found = _read(answer)
        inner = found.get(within) if isinstance(found, dict) else None
        if isinstance(inner, dict):
            return inner
        text = f"UPS answered without {within}."
        raise OutcomeUnknownError(text) if changes else RetryableError(text)

    def _access(self) -> str:
        """One token for all calls of this object; it lives four hours, the object minutes."""
        if not self._token:
            keys = self.login.credentials
            if not all(keys.get(name) for name in KEYS):
                raise CredentialsError("The client ID and secret of this UPS account are missing. Type them in again.")
            answer = self.http.request(
                "POST",
                f"{self.login.base_url}/security/v1/oauth/token",
                headers={"x-merchant-id": self.login.account_number},
                form={"grant_type": "client_credentials"},
                auth=(keys["client_id"], keys["client_secret"]),
                operation="token",
                changes=False,
            )
            if answer.status in (400, 401, 403):
                raise CredentialsError("UPS does not accept the client ID and secret.")
            self._token = str(_read(answer)["access_token"])
        return self._token


def read_login(given: Mapping[str, str], *, base_url: str = "") -> tuple[str, str, dict[str, str]]:
    """Address, account number and credentials, as typed. Raises FieldError.

    `base_url`: where the carrier answers, when that is known without what was typed.
    """
    where = base_url or given["base_url"].strip().rstrip("/") or PRODUCTION
    if not base_url and where not in (PRODUCTION, TESTING):
        raise FieldError("base_url", f"This is {PRODUCTION} or {TESTING}.")
    number = given["account_number"].strip().upper()
    if len(number) not in _ACCOUNT_LENGTHS or not number.isalnum():
        raise FieldError("account_number", "A UPS account number has 6 or 10 letters and digits.")
    return where, number, read_keys(given)


def read_keys(given: Mapping[str, str]) -> dict[str, str]:
    """Credentials, as typed. Raises FieldError."""
    for name in KEYS:
        if not given[name].strip():
            raise FieldError(name, "Copy it from your app at developer.ups.com.")
    return {name: given[name].strip() for name in KEYS}


def _read(answer: Answer) -> Any:
    if answer.status in range(200, 300):
        return answer.json()
    reason = _reason(answer)
    if answer.status == 401:
        raise CredentialsError(f"UPS does not let us in: {reason}")
    raise RejectedError(f"UPS refused: {reason}")


def _cost(answer: Mapping[str, Any]) -> str:
    """Empty when UPS does not say."""
    rate = answer.get("RateResult") or {}
    total = rate.get("GrandTotalOfAllCharge")
    return f"{total} {rate.get('CurrencyCode', '')}".strip() if total else ""


def _reason(answer: Answer) -> str:
    """UPS' own words and their number."""
    try:
        first = answer.json()["response"]["errors"][0]
        return f"{str(first['message'])[:300]} ({str(first['code'])[:20]})"
    except (RetryableError, KeyError, IndexError, TypeError):
        return f"status {answer.status}"


def _refuse(request: PickupRequest) -> None:
    """What UPS would refuse for its length or number, said in our words."""
    if any(piece.parcels > MOST_PARCELS for piece in request.pieces):
        raise RejectedError(f"UPS takes {MOST_PARCELS} parcels for one country at the most.")
    if request.weight_g / 1000 > HEAVIEST_KG:
        raise RejectedError("This is too heavy for one UPS pickup.")
    if not request.place.phone:
        raise RejectedError("UPS wants a phone number of the pickup address.")


def quote_body(request: PickupRequest, *, today: date) -> dict[str, Any]:
    """What a pickup costs is asked with this; `today` in the zone of the place."""
    place = request.place
    return {
        "PickupRateRequest": {
            "PickupAddress": {
                "AddressLine": place.address1[:STREET_MAX],
                "City": place.city,
                "StateProvince": place.province_code,
                "PostalCode": place.postcode,
                "CountryCode": place.country_code,
                "ResidentialIndicator": "N",
            },
            "AlternateAddressIndicator": "Y",
            "ServiceDateOption": _SAME_DAY if request.opens_at.date() == today else _FUTURE_DAY,
            "PickupDateInfo": _when(request),
        }
    }


def _when(request: PickupRequest) -> dict[str, str]:
    return {
        "CloseTime": f"{request.closes_at:%H%M}",
        "ReadyTime": f"{request.opens_at:%H%M}",
        "PickupDate": f"{request.opens_at:%Y%m%d}",
    }


def _address(place: Place) -> dict[str, Any]:
    street = f"{place.address1} {place.address2}".strip()
    return {
        "CompanyName": place.company[:COMPANY_MAX],
        "ContactName": place.contact[:CONTACT_MAX],
        "AddressLine": [street[:STREET_MAX]],
        "City": place.city[:50],
        "StateProvince": place.province_code,
        "PostalCode": place.postcode[:8],
        "CountryCode": place.country_code,
        "ResidentialIndicator": "N",
        "Phone": {"Number": place.phone[:25]},
    }
