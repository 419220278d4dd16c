"""What a refused import means for an order. Nothing was created. Only some of the sentences are documented or were
seen; the others are told by the words that such a sentence would hold.
"""

from __future__ import annotations

import re

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.errors import RejectedError
from connectors.squarespace.client import Refusal

# what the message says -> blocker; the first that fits
_BY_TEXT = (
    (r"required header 'idempotency-key'", BlockerCode.INTERNAL_ERROR),
    (r"idempotency", BlockerCode.ALREADY_AT_DESTINATION),
    (r"must equal subtotal|total", BlockerCode.TOTAL_MISMATCH),
    (r"currency", BlockerCode.CURRENCY_UNSUPPORTED),
    (r"stock|inventory|insufficient|not enough", BlockerCode.OUT_OF_STOCK),
    (r"character|too long|exceed|length", BlockerCode.TEXT_TOO_LONG),
    (r"title must be null", BlockerCode.INTERNAL_ERROR),
    (r"variant|product", BlockerCode.SKU_GONE),
    (r"email", BlockerCode.EMAIL_REQUIRED),
    (r"phone", BlockerCode.PHONE_REQUIRED),
    (r"postal|zip", BlockerCode.POSTCODE_INVALID),
    (r"country", BlockerCode.COUNTRY_UNSUPPORTED),
    (r"address\S*\.state|\bstate\b|province", BlockerCode.PROVINCE_UNKNOWN),
    (r"address", BlockerCode.ADDRESS_INCOMPLETE),
)
_OF_A_LINE = frozenset({BlockerCode.SKU_GONE, BlockerCode.OUT_OF_STOCK})


def of_order(refusal: Refusal, order: OutboundOrder) -> RejectedError:
    """The error for an import that was refused."""
    code = _code(refusal.message)
    sku = _sku(refusal.message, order) if code in _OF_A_LINE else ""
    if code == BlockerCode.SKU_GONE and not sku:
        code = BlockerCode.NOT_SELLABLE  # it can be linked anew only when we know which one it is
    blocker = Blocker(code, f"Squarespace says: {refusal}", _field(refusal.message), sku)
    return RejectedError(blocker.message, [blocker])


def _code(message: str) -> BlockerCode:
    for words, code in _BY_TEXT:
        if re.search(words, message, re.IGNORECASE):
            return code
    return BlockerCode.INTERNAL_ERROR


def _field(message: str) -> str:
    """A path such as "lineItems[0].variantId" in the sentence, the first one."""
    match = re.search(r"\b[a-z]+[A-Z]\w*(?:\[\d+\])?(?:\.\w+(?:\[\d+\])?)*", message)
    return match[0] if match else ""


def _sku(message: str, order: OutboundOrder) -> str:
    """The SKU of the line whose variant or place the sentence names, or the only one there is."""
    for line in order.lines:
        if line.variant_id and line.variant_id in message:
            return line.sku
    match = re.search(r"lineItems\[(\d+)\]", message)
    if match and int(match[1]) < len(order.lines):
        return order.lines[int(match[1])].sku
    skus = {line.sku for line in order.lines}
    return skus.pop() if len(skus) == 1 else ""
