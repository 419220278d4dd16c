"""What WooCommerce's refusals of an order mean, and what its silent ones look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.errors import RejectedError
from connectors.woocommerce.client import said
from connectors.woocommerce.mapping import REFERENCE

_BY_CODE = {
    "woocommerce_rest_required_product_reference": (BlockerCode.CUSTOM_LINE, "lines"),
    "woocommerce_rest_invalid_shipping_item": (BlockerCode.SHIPPING_METHOD_UNMAPPED, "shipping_title"),
}
_BY_PARAMETER = {"currency": (BlockerCode.CURRENCY_UNSUPPORTED, "currency")}


def of_order(answer: Mapping[str, Any], order: OutboundOrder) -> RejectedError:
    """The error for a 400 to POST /orders; nothing was created."""
    blockers = tuple(_blockers(answer, order))
    return RejectedError(blockers[0].message, blockers)


def _blockers(answer: Mapping[str, Any], order: OutboundOrder) -> Iterator[Blocker]:
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    parameters = data.get("params")
    if answer.get("code") == "rest_invalid_param" and isinstance(parameters, dict) and parameters:
        details = data.get("details")
        for name, message in parameters.items():
            yield _of_parameter(str(name), str(message), details if isinstance(details, dict) else {}, order)
        return
    code, field = _BY_CODE.get(str(answer.get("code")), (BlockerCode.INTERNAL_ERROR, ""))
    yield Blocker(code, f"WooCommerce refused the order: {said(answer)}", field)


def _of_parameter(name: str, message: str, details: Mapping[str, Any], order: OutboundOrder) -> Blocker:
    detail = details.get(name)
    if isinstance(detail, dict) and detail.get("code") == "rest_invalid_email":
        text = f"WooCommerce does not take the e-mail address: {message[:200]} Correct it or do not share it."
        return Blocker(BlockerCode.EMAIL_REQUIRED, text, "customer_email", order.customer_email)
    code, field = _BY_PARAMETER.get(name, (BlockerCode.INTERNAL_ERROR, name))
    return Blocker(code, f"WooCommerce refused the order: {message[:300]}", field)


def differences(body: Mapping[str, Any], answer: Mapping[str, Any], order: OutboundOrder) -> tuple[Blocker, ...]:
    """What a stored order lacks of the body that was sent: WooCommerce takes much with a 201 and forgets it.

    Totals are compared by whoever reads the order back.
    """
    stored = answer["line_items"]
    carried = [pair["value"] for pair in answer["meta_data"] if pair["key"] == REFERENCE]
    if len(stored) < len(body["line_items"]) or carried != [order.reference]:
        message = "WooCommerce stored only a part of the order. Something in it is too long or a plugin changed it."
        return (Blocker(BlockerCode.INTERNAL_ERROR, message),)
    return tuple(_strangers(body, stored, order))


def _strangers(body: Mapping[str, Any], stored: list[Mapping[str, Any]], order: OutboundOrder) -> Iterator[Blocker]:
    """An unknown product becomes a line without name or product."""
    for index, (sent, line) in enumerate(zip(body["line_items"], stored, strict=False)):
        if sent["product_id"] not in (line["product_id"], line["variation_id"]):
            sku = order.lines[index].sku
            message = f"The product linked to SKU {sku} is gone from the store. Link another."
            yield Blocker(BlockerCode.SKU_GONE, message, f"lines[{index}].sku", sku)
