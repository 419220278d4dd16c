"""What an import must be like. Sentences that were recorded are as they were; the others follow their manner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import F

from connectors import money
from connectors.practice.models import PracticeShop, PracticeVariant
from connectors.practice.squarespace import ids
from connectors.practice.squarespace.answers import MISSING, Refused

CHANNEL_NAME_MAX, REFERENCE_MAX, FULFILLMENTS_MAX = 30, 200, 100
UNEQUAL_SUBTOTAL = "The sum of lineItems.unitPricePaid.value must equal subtotal.value."
TITLED = "lineItems.title must be null or omitted"

_REQUIRED = (
    "channelName",
    "externalOrderReference",
    "createdOn",
    "lineItems",
    "fulfillments",
    "grandTotal",
    "priceTaxInterpretation",
)
_CHOICES = {
    "priceTaxInterpretation": ("EXCLUSIVE", "INCLUSIVE"),
    "fulfillmentStatus": ("PENDING", "FULFILLED"),
    "inventoryBehavior": ("DEDUCT", "SKIP"),
    "shopperFulfillmentNotificationBehavior": ("SEND", "SKIP"),
}
_SHIPMENT = ("shipDate", "carrierName", "service", "trackingNumber")


def check(shop: PracticeShop, body: Mapping[str, Any]) -> list[PracticeVariant | None]:
    """The variant of each line, None for a custom one. Raises Refused."""
    for name in _REQUIRED:
        if body.get(name) is None:
            raise Refused(f"'{name}' is required.", subtype=MISSING)
    _check_text(body, "channelName", CHANNEL_NAME_MAX)
    _check_text(body, "externalOrderReference", REFERENCE_MAX)
    for name, choices in _CHOICES.items():
        if body.get(name) is not None and body[name] not in choices:
            raise Refused(f"'{name}' must be one of {', '.join(choices)}.")
    _check_times(body)
    check_shipments(body["fulfillments"], name="fulfillments")
    _check_people(body)
    variants = _lines(shop, body["lineItems"])
    _check_sums(shop, body)
    return variants


def check_shipments(shipments: Any, *, name: str) -> None:
    if not isinstance(shipments, list) or len(shipments) > FULFILLMENTS_MAX:
        raise Refused(f"'{name}' must be a list of at most {FULFILLMENTS_MAX}.")
    for index, shipment in enumerate(shipments):
        for field in _SHIPMENT:
            if not isinstance(shipment, dict) or not isinstance(shipment.get(field), str):
                raise Refused(f"'{name}[{index}].{field}' is required.", subtype=MISSING)
        moment(shipment["shipDate"], f"{name}[{index}].shipDate")
        url = shipment.get("trackingUrl")
        if url is not None and not str(url).startswith(("https://", "http://")):
            raise Refused(f"'{name}[{index}].trackingUrl' must be a valid URL.")


def deduct(shop: PracticeShop, lines: Sequence[Mapping[str, Any]], variants: Sequence[PracticeVariant | None]) -> None:
    """Take the units from stock. Raises Refused when a tracked variant cannot cover them, and takes nothing."""
    needed: Counter[int] = Counter()
    for line, variant in zip(lines, variants, strict=True):
        if variant and variant.is_tracked:
            needed[variant.pk] += line["quantity"]
    for variant in shop.variants.filter(pk__in=needed).order_by("pk"):
        if variant.stock < needed[variant.pk]:
            raise Refused(f"Insufficient stock for variant {ids.of_variant(variant)}.")
    for pk, units in needed.items():
        shop.variants.filter(pk=pk).update(stock=F("stock") - units)


def amount(value: Any, name: str, currency: str) -> Decimal:
    """Of a money object in the site's currency, as text or number. Raises Refused."""
    try:
        found = Decimal(str(value["value"]))
        fits = found.is_finite() and money.fits(found, currency) and found >= 0
    except (KeyError, TypeError, InvalidOperation):
        fits = False
    if not fits:
        raise Refused(f"'{name}.value' must be an amount of money.")
    if value.get("currency") != currency:
        raise Refused(f"'{name}.currency' must be the site's currency, {currency}.")
    return found


def moment(value: Any, name: str) -> datetime:
    """An ISO 8601 UTC time. Raises Refused."""
    try:
        at = datetime.fromisoformat(value)
        utc = at.tzinfo is not None and not at.utcoffset()
    except (TypeError, ValueError):
        utc = False
    if not utc:
        raise Refused(f"'{name}' must be an ISO 8601 UTC date and time.")
    return at


def sums(shop: PracticeShop, body: Mapping[str, Any]) -> dict[str, Decimal]:
    """The totals as they were sent; one that was not is zero."""
    names = ("subtotal", "shippingTotal", "discountTotal", "taxTotal", "grandTotal")
    return {name: amount(body[name], name, shop.currency) if body.get(name) else Decimal(0) for name in names}


def _check_text(body: Mapping[str, Any], name: str, longest: int) -> None:
    if not isinstance(body[name], str) or not body[name].strip():
        raise Refused(f"'{name}' must be a text.")
    if len(body[name]) > longest:
        raise Refused(f"'{name}' exceeds {longest} characters.")


def _check_times(body: Mapping[str, Any]) -> None:
    moment(body["createdOn"], "createdOn")
    if body.get("fulfilledOn") is not None:
        moment(body["fulfilledOn"], "fulfilledOn")
    elif body.get("fulfillmentStatus") == "FULFILLED":
        raise Refused("'fulfilledOn' is required when 'fulfillmentStatus' is FULFILLED.", subtype=MISSING)


def _check_people(body: Mapping[str, Any]) -> None:
    email = body.get("customerEmail")
    if email is not None and (not isinstance(email, str) or email.count("@") != 1):
        raise Refused("'customerEmail' must be an email address.")
    for name in ("billingAddress", "shippingAddress"):
        address = body.get(name)
        if address is None:
            continue
        if not isinstance(address, dict) or not all(isinstance(part, str | None) for part in address.values()):
            raise Refused(f"'{name}' must be an address.")
        country = address.get("countryCode")
        if country and (len(country) != 2 or not country.isupper()):
            raise Refused(f"'{name}.countryCode' must be an ISO 3166-1 alpha-2 code.")


def _lines(shop: PracticeShop, lines: Any) -> list[PracticeVariant | None]:
    if not isinstance(lines, list) or not lines:
        raise Refused("'lineItems' must not be empty.")
    return [_line(shop, line, index) for index, line in enumerate(lines)]


def _line(shop: PracticeShop, line: Any, index: int) -> PracticeVariant | None:
    given = line if isinstance(line, dict) else {}
    units = given.get("quantity")
    if not isinstance(units, int) or isinstance(units, bool) or units < 1:
        raise Refused(f"'lineItems[{index}].quantity' must be at least 1.")
    amount(given.get("unitPricePaid"), f"lineItems[{index}].unitPricePaid", shop.currency)
    match given.get("lineItemType"):
        case "PHYSICAL_PRODUCT":
            if given.get("title") is not None:
                raise Refused(TITLED)
            return _variant(shop, given.get("variantId"), index)
        case "CUSTOM":
            if not given.get("title") or given.get("variantId") is not None:
                raise Refused(f"'lineItems[{index}]' needs a title and no variantId.")
            return None
    raise Refused(f"'lineItems[{index}].lineItemType' must be PHYSICAL_PRODUCT or CUSTOM.")


def _variant(shop: PracticeShop, variant_id: Any, index: int) -> PracticeVariant:
    if not isinstance(variant_id, str) or not variant_id:
        raise Refused(f"'lineItems[{index}].variantId' is required.", subtype=MISSING)
    variant = shop.variants.filter(pk=ids.variant_pk(variant_id)).first()
    if variant is None:
        raise Refused(f"'lineItems[{index}].variantId' does not exist: {variant_id}.")
    return variant


def _check_sums(shop: PracticeShop, body: Mapping[str, Any]) -> None:
    told = sums(shop, body)
    lines = money.total(
        amount(line["unitPricePaid"], "unitPricePaid", shop.currency) * line["quantity"] for line in body["lineItems"]
    )
    if body.get("subtotal") is None or told["subtotal"] != lines:
        raise Refused(UNEQUAL_SUBTOTAL, subtype=None)
    for lines_name, total_name in (("shippingLines", "shippingTotal"), ("discountLines", "discountTotal")):
        parts = body.get(lines_name) or []
        if parts and money.total(_part(part, lines_name, shop) for part in parts) != told[total_name]:
            raise Refused(f"The sum of {lines_name}.amount.value must equal {total_name}.value.")
    if told["subtotal"] + told["shippingTotal"] + told["taxTotal"] - told["discountTotal"] != told["grandTotal"]:
        raise Refused("grandTotal.value must equal subtotal + shippingTotal + taxTotal - discountTotal.")


def _part(part: Any, name: str, shop: PracticeShop) -> Decimal:
    given = part if isinstance(part, dict) else {}
    label = "method" if name == "shippingLines" else "name"
    if not isinstance(given.get(label), str) or not given[label]:
        raise Refused(f"'{name}.{label}' is required.", subtype=MISSING)
    return amount(given.get("amount"), f"{name}.amount", shop.currency)
