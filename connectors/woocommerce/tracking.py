"""Tracking numbers where plugins keep them: in an order's meta data. WooCommerce itself has no field for them.

Keys and shapes: README.md. Whatever has another shape than we know counts as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from connectors.base import Parcel

ITEMS = "_wc_shipment_tracking_items"  # Shipment Tracking, Advanced Shipment Tracking
AFTERSHIP = "_aftership_tracking_items"
SINGLE = ("_tracking_number", "tracking_number", "ywot_tracking_code")
_CARRIER = ("_tracking_provider", "tracking_provider", "ywot_carrier_id")
KEYS = (ITEMS, AFTERSHIP, *SINGLE, *_CARRIER)

_NUMBERS = (
    "tracking_number",
    "number",
    "tracking_code",
    "code",
    "trackingNumber",
)  # in an item of a plugin that we do not know
_CARRIERS = ("custom_tracking_provider", "tracking_provider", "provider", "carrier", "carrier_name", "slug")
_LINKS = ("custom_tracking_link", "tracking_link", "tracking_url", "url", "trackingUrl")
_NUMBER_MAX = 120
_PLACEHOLDERS = ("%number%", "%1$s", "%s")


def of_meta(meta: Mapping[str, Any], links: Mapping[str, str], *, also: str = "") -> tuple[Parcel, ...]:
    """The parcels of an order, each number once. `links`: addresses that a plugin worked out, by number.

    `also`: a key that the merchant named; what stands there comes first.
    """
    found = list(_of_unknown(meta.get(also))) if also and also not in KEYS else []
    found += [*map(_of_item, _dicts(meta.get(ITEMS))), *map(_of_aftership, _dicts(meta.get(AFTERSHIP)))]
    carrier = next((_word(meta.get(key)) for key in _CARRIER if _word(meta.get(key))), "")
    found += [Parcel(carrier, _word(meta.get(key))) for key in SINGLE]
    return tuple(_each_once(found, links))


def with_parcels(meta: Any, parcels: Iterable[Parcel], *, at: datetime) -> list[dict[str, Any]]:
    """The plugins' items with those of these parcels that have a number; one that is there is left as it is."""
    items = [dict(item) for item in _dicts(meta)]
    there = {_word(item.get("tracking_number")) for item in items}
    new = [parcel for parcel in parcels if parcel.number and parcel.number not in there]
    return items + [_item(parcel, at) for parcel in new]


def without_parcels(meta: Any, parcels: Iterable[Parcel]) -> list[dict[str, Any]] | None:
    """The plugins' items without those of these parcels, whoever wrote them; None when none of them is there."""
    gone, items = {parcel.number for parcel in parcels if parcel.number}, _dicts(meta)
    left = [dict(item) for item in items if _word(item.get("tracking_number")) not in gone]
    return left if len(left) < len(items) else None


def needs_links(meta: Any) -> bool:
    """Whether an item names a carrier that its plugin knows the address of, and has none itself."""
    return any(parcel.number and not parcel.url for parcel in map(_of_item, _dicts(meta)))


def of_fulfillment(facts: Mapping[str, Any]) -> tuple[Parcel, ...]:
    """Of one of WooCommerce's own fulfillments."""
    parcel = Parcel(
        _word(facts.get("_shipment_provider")), _word(facts.get("_tracking_number")), _link(facts.get("_tracking_url"))
    )
    return (parcel,) if parcel.number or parcel.url else ()


def links_of(answer: Any) -> dict[str, str]:
    """Number -> address, out of the plugins' own list of an order's shipment trackings."""
    links = {_word(item.get("tracking_number")): _link(item.get("tracking_link")) for item in _dicts(answer)}
    return {number: link for number, link in links.items() if number and link}


def _item(parcel: Parcel, at: datetime) -> dict[str, Any]:
    """As the plugins write one for a carrier that they do not know."""
    return {
        "tracking_provider": "",
        "custom_tracking_provider": parcel.carrier,
        "custom_tracking_link": parcel.url,
        "tracking_number": parcel.number,
        "date_shipped": str(int(at.timestamp())),
        "tracking_id": sha256(parcel.number.encode()).hexdigest()[:32],  # any 32 hex digits
    }


def _of_item(item: Mapping[str, Any]) -> Parcel:
    number = _word(item.get("tracking_number"))
    carrier = _word(item.get("custom_tracking_provider")) or _word(item.get("tracking_provider"))
    return Parcel(carrier, number, _link(_filled(str(item.get("custom_tracking_link") or ""), number)))


def _of_aftership(item: Mapping[str, Any]) -> Parcel:
    return Parcel(_word(item.get("slug")), _word(item.get("tracking_number")))


def _of_unknown(value: Any) -> Iterator[Parcel]:
    """What a plugin that we do not know keeps: numbers as text, or items under the names that plugins share.

    Beside names of its own there are only items: a text there may be a carrier or a date as well.
    """
    if isinstance(value, dict) and not all(str(key).isdecimal() for key in value):
        value = [value] if any(name in value for name in _NUMBERS) else _dicts(value)
    if not isinstance(value, (dict, list)):
        value = re.split(r"[,;\r\n]", _word(value))
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict):
            number, link = _first(each, _NUMBERS), _first(each, _LINKS)
            yield Parcel(_first(each, _CARRIERS), number, _link(_filled(link, number)))
        else:
            word = _word(each)
            is_number = len(word) <= _NUMBER_MAX and not _link(word)  # a longer text is no number
            yield Parcel("", word if is_number else "", _link(word))


def _first(item: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((_word(item.get(name)) for name in names if _word(item.get(name))), "")


def _filled(link: str, number: str) -> str:
    for placeholder in _PLACEHOLDERS:
        link = link.replace(placeholder, number)
    return link


def _each_once(parcels: Iterable[Parcel], links: Mapping[str, str]) -> Iterator[Parcel]:
    seen = set()
    for parcel in parcels:
        key = parcel.number or parcel.url
        if key and key not in seen:
            seen.add(key)
            yield Parcel(parcel.carrier, parcel.number, parcel.url or links.get(parcel.number, ""))


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    """The items of a list, or of an object with numbers for keys: PHP writes that after one was deleted."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def _word(value: Any) -> str:
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _link(value: Any) -> str:
    """An address that can be shown: http or https, without a placeholder that nobody filled."""
    return value if isinstance(value, str) and re.fullmatch(r"https?://[^\s%]+(%[0-9A-Fa-f]{2}[^\s%]*)*", value) else ""
