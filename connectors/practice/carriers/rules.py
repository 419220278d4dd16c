"""What UPS refuses of a pickup, by its published schema (Pickup.yaml, v2409, looked at 2026-11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.practice.carriers.models import PracticeCarrier

LEAD = timedelta(hours=1)  # between the request, or the ready time, and the close time
FARTHEST = timedelta(days=14)
_SUNDAY = 6
_SAME_DAY, _FUTURE_DAY = _SERVICE_DATES = ("01", "02")  # ServiceDateOption
_TOP = (
    "RatePickupIndicator",
    "PickupDateInfo",
    "PickupAddress",
    "AlternateAddressIndicator",
    "PickupPiece",
    "PaymentMethod",
)
_ADDRESS = {"CompanyName": 27, "ContactName": 22, "City": 50, "CountryCode": 2}
_PIECE = ("ServiceCode", "Quantity", "DestinationCountryCode", "ContainerCode")


class Refused(Exception):
    """With the number that goes with the words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(carrier: PracticeCarrier, wish: Mapping[str, Any], *, at: datetime) -> date:
    """The day of service. Raises Refused at the first thing that is wrong, as UPS does."""
    for name in _TOP:
        if not wish.get(name):
            raise Refused("9510101", f"Missing or invalid {name}.")
    _check_account(carrier, wish)
    _check_address(wish["PickupAddress"])
    _check_pieces(wish["PickupPiece"])
    _check_weight(wish.get("TotalWeight"))
    if len(wish.get("SpecialInstruction", "")) > 57 or len(wish.get("ReferenceNumber", "")) > 35:
        raise Refused("9510102", "SpecialInstruction or ReferenceNumber is too long.")
    return check_window(carrier, wish["PickupDateInfo"], at=at)


def check_quote(carrier: PracticeCarrier, wish: Mapping[str, Any], *, at: datetime) -> date:
    """The same of what is only asked the price of."""
    option = wish.get("ServiceDateOption")
    if not wish.get("PickupAddress") or option not in _SERVICE_DATES:
        raise Refused("9510101", "Missing or invalid PickupAddress or ServiceDateOption.")
    day = check_window(carrier, wish.get("PickupDateInfo") or {}, at=at)
    is_today = day == at.astimezone(ZoneInfo(carrier.time_zone)).date()
    if is_today != (option == _SAME_DAY):
        raise Refused("9510117", "The ServiceDateOption does not fit the pickup date.")
    return day


def check_window(carrier: PracticeCarrier, info: Mapping[str, Any], *, at: datetime) -> date:
    try:
        day = datetime.strptime(info["PickupDate"], "%Y%m%d").date()  # noqa: DTZ007  # a date
        ready, close = _time(info["ReadyTime"]), _time(info["CloseTime"])
    except (KeyError, TypeError, ValueError):
        raise Refused("9510103", "Invalid pickup date or time: yyyyMMdd and HHmm.") from None
    zone = ZoneInfo(carrier.time_zone)
    now = at.astimezone(zone)
    if day < now.date():
        raise Refused("9510113", "The pickup date is in the past.")
    if day > now.date() + FARTHEST:
        raise Refused("9510114", "The pickup date is too far ahead.")
    if day.weekday() == _SUNDAY:
        raise Refused("9510115", "There is no service on the requested day.")
    begins = max(datetime.combine(day, ready, tzinfo=zone), now)
    if datetime.combine(day, close, tzinfo=zone) - begins < LEAD:
        raise Refused("9510116", "The close time is too early for the ready time.")
    return day


def _time(text: str) -> time:
    if len(text) != 4 or not text.isdigit():
        raise ValueError(text)
    return time(int(text[:2]), int(text[2:]))


def _check_account(carrier: PracticeCarrier, wish: Mapping[str, Any]) -> None:
    if wish["PaymentMethod"] != "01":
        raise Refused("9510104", "This payment method is not allowed.")
    account = (wish.get("Shipper") or {}).get("Account") or {}
    given = (account.get("AccountNumber"), account.get("AccountCountryCode"))
    if given != (carrier.account_number, carrier.country_code):
        raise Refused("9510105", "Invalid shipper account number or country.")


def _check_address(address: Mapping[str, Any]) -> None:
    for name, most in _ADDRESS.items():
        if not 1 <= len(str(address.get(name) or "")) <= most:
            raise Refused("9510106", f"Missing or invalid PickupAddress.{name}.")
    lines = address.get("AddressLine")
    lines = [lines] if isinstance(lines, str) else lines or []
    if len(lines) != 1 or not 1 <= len(lines[0]) <= 73:
        raise Refused("9510106", "Missing or invalid PickupAddress.AddressLine.")
    if address.get("ResidentialIndicator") not in ("Y", "N"):
        raise Refused("9510106", "Missing or invalid PickupAddress.ResidentialIndicator.")
    if not (address.get("Phone") or {}).get("Number"):
        raise Refused("9510107", "Missing or invalid PickupAddress.Phone.")


def _check_pieces(pieces: Any) -> None:
    for piece in pieces if isinstance(pieces, list) else [pieces]:
        for name in _PIECE:
            if not isinstance(piece.get(name), str) or not piece[name]:
                raise Refused("9510108", f"Missing or invalid PickupPiece.{name}.")
        if not piece["Quantity"].isdigit() or not 1 <= int(piece["Quantity"]) <= 999:
            raise Refused("9510108", "Missing or invalid PickupPiece.Quantity.")


def _check_weight(weight: Mapping[str, Any] | None) -> None:
    if weight is None:
        return
    try:
        amount = float(weight["Weight"])
    except (KeyError, TypeError, ValueError):
        raise Refused("9510109", "Missing or invalid TotalWeight.Weight.") from None
    if not 0 < amount <= 99_999 or weight.get("UnitOfMeasurement") not in ("LBS", "KGS"):
        raise Refused("9510109", "Missing or invalid TotalWeight.")
