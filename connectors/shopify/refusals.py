"""What Shopify's userErrors mean for an order. They stand in a mutation's payload on a 200; nothing was created."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.errors import ConnectionGoneError, ConnectorError, NotVisibleError, RejectedError, RetryableError
from connectors.shopify.reading import ALL_ORDERS

TRIAL_LIMIT = "Too many attempts. Please try again later."  # development and trial shops: five orders a minute
TRIAL_WAIT_S = 15.0

_BY_CODE = {
    "INVENTORY_CLAIM_FAILED": (BlockerCode.OUT_OF_STOCK, "Shopify has too little stock of a product in this order."),
    "TAX_LINE_RATE_MISSING": (BlockerCode.TAX_MISSING, "A tax in this order has no rate."),
}
_TAKEN_PHONE = r"phone has already been taken"  # of a customer (recorded)
# (what the message says, what the field's path names) -> blocker; the first that fits. Either may be empty.
_BY_TEXT = (
    (r"order line items is invalid", "", BlockerCode.SKU_GONE),
    (r"line items title can't be blank", "", BlockerCode.SKU_GONE),
    (r"is too long", "", BlockerCode.TEXT_TOO_LONG),
    (r"phone", "", BlockerCode.PHONE_REQUIRED),
    (r"email", "", BlockerCode.EMAIL_REQUIRED),
    (r"\bzip\b|postal", "", BlockerCode.POSTCODE_INVALID),
    (r"province|state", "address", BlockerCode.PROVINCE_UNKNOWN),
    (r"country", "address", BlockerCode.COUNTRY_UNSUPPORTED),
    (r"already been taken", "metafields", BlockerCode.ALREADY_AT_DESTINATION),
    (r"", "address", BlockerCode.ADDRESS_INCOMPLETE),
)


def of_order(errors: Iterable[Mapping[str, Any]], order: OutboundOrder) -> ConnectorError:
    """The error for userErrors of orderCreate."""
    errors = list(errors)
    if any(error["message"] == TRIAL_LIMIT for error in errors):
        return throttled()
    if any(error.get("code") == "SHOP_DORMANT" for error in errors):
        return ConnectionGoneError("The shop is dormant: Shopify takes no orders for it until its plan is renewed.")
    blockers = _unique(_blocker(error, order) for error in errors)
    return RejectedError(blockers[0].message, blockers)


def of_cancelling(error: Mapping[str, Any]) -> None:
    """Raise for a cancellation that Shopify refused; one that was done before is what we wanted."""
    said = str(error["message"])
    if "already been canceled" in said:
        return
    if "already in progress" in said:
        raise RetryableError("Shopify is still cancelling the order.", after_s=10)
    if said == TRIAL_LIMIT:
        raise throttled()
    blocker = Blocker(BlockerCode.CHANGED_AT_DESTINATION, f"Shopify does not cancel the order: {said[:300]}")
    raise RejectedError(blocker.message, [blocker])


def not_visible(shown_for: timedelta) -> NotVisibleError:
    """An order that is not shown where it may only be too old for that."""
    text = (
        f"Shopify does not show this order: it was deleted, or it is older than {shown_for.days} days and the app lacks"
        f" the permission {ALL_ORDERS}. Look in the shop."
    )
    return NotVisibleError(text, [Blocker(BlockerCode.NOT_VISIBLE, text, "scope", ALL_ORDERS)], shown_for=shown_for)


def throttled() -> RetryableError:
    message = "A trial shop takes five orders a minute; this one has to wait."
    return RetryableError(message, code="rate_limited", after_s=TRIAL_WAIT_S, throttled=True)


def path(error: Mapping[str, Any]) -> str:
    """The field as "lineItems[0].taxLines": Shopify sends indexes as numbers or as text, and a leading "order"."""
    parts = [str(part) for part in error.get("field") or ()]
    if parts[:1] == ["order"]:
        parts = parts[1:]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).lstrip(".")


def _blocker(error: Mapping[str, Any], order: OutboundOrder) -> Blocker:
    said, field = str(error["message"])[:300], path(error)
    known = _BY_CODE.get(error.get("code") or "")
    if known:
        return Blocker(known[0], f"{known[1]} Shopify says: {said}", field, _sku(field, order))
    if re.search(_TAKEN_PHONE, said, re.IGNORECASE):
        text = (
            "Another customer of the shop has this phone number. Change it there, or turn off that customers are created in"
            f" the connection's settings. Shopify says: {said}"
        )
        return Blocker(BlockerCode.PHONE_REQUIRED, text, field)
    for words, place, code in _BY_TEXT:
        if re.search(words, said, re.IGNORECASE) and place in field.lower():
            return _of_line(Blocker(code, f"Shopify says: {said}", field, _sku(field, order)))
    return Blocker(BlockerCode.INTERNAL_ERROR, f"Shopify refused the order: {said}", field)


def _of_line(blocker: Blocker) -> Blocker:
    """A product that is gone can be linked anew only when Shopify lets us know which one it is."""
    if blocker.code == BlockerCode.SKU_GONE and not blocker.value:
        message = f"A product of this order is gone from the shop. {blocker.message}"
        return Blocker(BlockerCode.NOT_SELLABLE, message, blocker.field)
    return blocker


def _sku(field: str, order: OutboundOrder) -> str:
    """The SKU of the line that the path points to, or the only one there is."""
    match = re.match(r"lineItems\[(\d+)\]", field)
    if match and int(match[1]) < len(order.lines):
        return order.lines[int(match[1])].sku
    skus = {line.sku for line in order.lines}
    return skus.pop() if len(skus) == 1 else ""


def _unique(blockers: Iterable[Blocker]) -> list[Blocker]:
    """One blocker per code and field: Shopify says the same thing in two sentences."""
    return list({(blocker.code, blocker.field): blocker for blocker in blockers}.values())
