"""What the errors of S&S mean for an order. They come with a 4xx, or beside the orders on a 200; nothing was placed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.errors import RejectedError, RetryableError
from connectors.http import Answer
from connectors.ssactivewear import reading

TEXT_MAX = 300

# (what the message says, what the field is called) -> blocker; the first that fits. Either may be empty.
_BY_TEXT = (
    (r"out of stock", "", BlockerCode.OUT_OF_STOCK),
    (r"not found|discontinued|invalid identifier", "identifier|line", BlockerCode.SKU_GONE),
    (r"identifier .*(not found|discontinued)", "", BlockerCode.SKU_GONE),
    (r"", "paymentprofile", BlockerCode.PAYMENT_PROFILE_MISSING),
    (r"payment|credit card|profile", "", BlockerCode.PAYMENT_PROFILE_MISSING),
    (r"", "shippingmethod", BlockerCode.SHIPPING_METHOD_UNMAPPED),
    (r"shipping method", "", BlockerCode.SHIPPING_METHOD_UNMAPPED),
    (r"", r"\bzip$", BlockerCode.POSTCODE_INVALID),
    (r"", r"\bstate$", BlockerCode.PROVINCE_UNKNOWN),
    (r"", "address|city", BlockerCode.ADDRESS_INCOMPLETE),
    (r"\baddress\b", "", BlockerCode.ADDRESS_INCOMPLETE),
)


def of_order(answer: Answer, order: OutboundOrder) -> RejectedError:
    """The error for a 4xx to an order. S&S answers 404 to JSON that it cannot read."""
    found = errors(answer)
    if found:
        return of_lines(found, order)
    text = f"S&S Activewear refused the order with status {answer.status}."
    return RejectedError(text, [Blocker(BlockerCode.INTERNAL_ERROR, text)])


def of_lines(found: Iterable[Any], order: OutboundOrder) -> RejectedError:
    """The error for errors as S&S lists them, of the order or of its lines."""
    blockers = list({(each.code, each.field): each for each in (_blocker(error, order) for error in found)}.values())
    return RejectedError(blockers[0].message, blockers)


def errors(answer: Answer) -> list[Any]:
    """The `errors` of a 4xx; a bare `message` with a code counts as one. Empty when it is not S&S that speaks."""
    try:
        body = reading.folded(answer.json())
    except RetryableError:
        return []
    if not isinstance(body, dict):
        return []
    listed = body.get("errors")
    if isinstance(listed, list) and listed:
        return listed
    return [{"message": body["message"]}] if body.get("code") and body.get("message") else []


def said(error: Any) -> str:
    """The words of one error, whose shape is documented only in part."""
    if isinstance(error, dict):
        return str(error.get("message") or json.dumps(error, default=str))[:TEXT_MAX]
    return str(error)[:TEXT_MAX]


def _blocker(error: Any, order: OutboundOrder) -> Blocker:
    words = said(error)
    named = str(error.get("field") or "") if isinstance(error, dict) else ""
    field, sku = _line(error, order) or (named, "")
    for text, place, code in _BY_TEXT:
        if re.search(text, words, re.IGNORECASE) and re.search(place, named, re.IGNORECASE):
            return Blocker(code, f"S&S Activewear says: {words}", field, sku)
    return Blocker(BlockerCode.INTERNAL_ERROR, f"S&S Activewear refused the order: {words}", field, sku)


def _line(error: Any, order: OutboundOrder) -> tuple[str, str] | None:
    """Field and SKU of the line that an error is about: the one whose identifier it names, else the only one."""
    named = set(_words(error))
    for index, line in enumerate(order.lines):
        if line.variant_id in named:
            return f"lines[{index}].sku", line.sku
    about_lines = re.search(r"identifier|stock|line", said(error), re.IGNORECASE)
    return ("lines[0].sku", order.lines[0].sku) if len(order.lines) == 1 and about_lines else None


def _words(error: Any) -> Iterator[str]:
    yield from re.findall(r"[\w-]+", said(error))
    if isinstance(error, dict):
        yield from (str(value) for value in error.values())
