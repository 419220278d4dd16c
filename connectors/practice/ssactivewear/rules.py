"""What POST Orders refuses before it looks at products. Property names count in any case, as they do there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.practice.models import PracticeShop
from connectors.practice.ssactivewear.answers import Error

METHODS = {
    "1": "Ground",
    "2": "UPS Next Day Air",
    "3": "UPS 2nd Day Air",
    "6": "Will Call / PickUp",
    "8": "Messenger Pickup / PickUp",
    "14": "FedEx Ground",
    "16": "UPS 3 Day Select",
    "17": "UPS Next Day Air Early AM",
    "19": "UPS Saturday",
    "20": "UPS Saturday Early",
    "21": "UPS Next Day Air Saver",
    "22": "UPS 2nd Day Air AM",
    "26": "FedEx Next Day Priority",
    "27": "FedEx Next Day Standard",
    "40": "UPS Ground",
    "48": "FedEx 2nd Day Air",
    "54": "Misc Cheapest",
}
_PREFERENCES = ("fewest", "fastest")
_FLAGS = ("testorder", "shipblind", "autoselectwarehouse", "rejectlineerrors", "rejectlineerrors_email")
_TEXTS = ("ponumber", "emailconfirmation", "shippingmethod", "promotioncode", "autoselectwarehouse_warehouses")
_ZIPS = {"USD": r"\d{5}", "CAD": r"[A-Z]\d[A-Z] ?\d[A-Z]\d"}


class OrderRefused(Exception):
    """Nothing was placed; `errors` say why."""

    def __init__(self, *errors: Error) -> None:
        super().__init__("; ".join(error["message"] for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Wish:
    """One line as it was asked for."""

    identifier: str
    quantity: int
    warehouse: str  # empty: not named


def folded(value: Any) -> Any:
    """The same with every property name in lower case."""
    if isinstance(value, dict):
        return {str(key).lower(): folded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [folded(item) for item in value]
    return value


def check(shop: PracticeShop, order: Mapping[str, Any]) -> list[Wish]:
    """The lines. Raises OrderRefused with all that is wrong at once. `order` is folded."""
    errors = [*_types(order), *_choices(order), *_address(shop, order), *_payment(shop, order), *_lines(order)]
    if errors:
        raise OrderRefused(*errors)
    return [
        Wish(str(line["identifier"]), line["qty"], str(line.get("warehouseabbr") or "").upper())
        for line in order["lines"]
    ]


def _types(order: Mapping[str, Any]) -> Iterator[Error]:
    for name in _FLAGS:
        if not isinstance(order.get(name, False), bool):
            yield _error(name, "The value is not true or false.")
    for name in _TEXTS:
        if not isinstance(order.get(name) or "", str):
            yield _error(name, "The value is not text.")


def _choices(order: Mapping[str, Any]) -> Iterator[Error]:
    if (order.get("shippingmethod") or "1") not in METHODS:
        yield _error("shippingMethod", "The shipping method is invalid.")
    if (order.get("autoselectwarehouse_preference") or "fewest") not in _PREFERENCES:
        yield _error("AutoSelectWarehouse_Preference", "The preference is invalid.")


def _address(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Error]:
    address = order.get("shippingaddress")
    if not isinstance(address, dict):
        yield _error("shippingAddress", "The shippingAddress field is required.")
        return
    for part in ("address", "city", "state", "zip"):
        value = address.get(part)
        if not isinstance(value, str) or not value.strip():
            yield _error(f"shippingAddress.{part}", f"The {part} field is required.")
    if (
        isinstance(address.get("zip"), str)
        and address["zip"]
        and not re.fullmatch(_ZIPS[shop.currency], address["zip"])
    ):
        yield _error("shippingAddress.zip", "The zip code is invalid.")
    if isinstance(address.get("state"), str) and address["state"] and not re.fullmatch(r"[A-Z]{2}", address["state"]):
        yield _error("shippingAddress.state", "The state is invalid.")


def _payment(shop: PracticeShop, order: Mapping[str, Any]) -> Iterator[Error]:
    profile = order.get("paymentprofile")
    if profile is None:
        return
    if not isinstance(profile, dict) or type(profile.get("profileid")) is not int:
        yield _error("paymentProfile", "The payment profile is invalid.")
        return
    saved = shop.settings["profiles"].get(profile.get("email"), [])
    if all(each["profileID"] != profile["profileid"] for each in saved):
        yield _error("paymentProfile", "The payment profile was not found.")


def _lines(order: Mapping[str, Any]) -> Iterator[Error]:
    lines = order.get("lines")
    if not isinstance(lines, list) or not lines:
        yield _error("lines", "The order has no lines.")
        return
    for line in lines:
        if not isinstance(line, dict) or not isinstance(line.get("identifier"), str | int) or not line["identifier"]:
            yield _error("lines.identifier", "The identifier field is required.")
        elif type(line.get("qty")) is not int or line["qty"] < 1:
            yield _error("lines.qty", "The qty must be a whole number of at least 1.")


def _error(field: str, message: str) -> Error:
    return {"field": field, "message": message}
