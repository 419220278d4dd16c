"""What POST /orders and its updates accept: types, known words, and what each line must name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.money import is_currency
from connectors.practice.woocommerce.refusal import Refusal, invalid, wrong_type

STATUSES = (
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)
PHONE_MAX = 100
TEXT_MAX = 65_535  # bytes of a column

_TEXT, _WHOLE, _YES_NO, _LIST = "string", "integer", "boolean", "array"
_ADDRESS = dict.fromkeys(
    (
        "first_name",
        "last_name",
        "company",
        "address_1",
        "address_2",
        "city",
        "state",
        "postcode",
        "country",
        "email",
        "phone",
    ),
    _TEXT,
)
_LINE = {
    "id": _WHOLE,
    "sku": _TEXT,
    "product_id": _WHOLE,
    "variation_id": _WHOLE,
    "quantity": _WHOLE,
    "name": _TEXT,
    "subtotal": _TEXT,
    "total": _TEXT,
    "tax_class": _TEXT,
}
_SHIPPING_LINE = {"id": _WHOLE, "method_id": _TEXT, "method_title": _TEXT, "total": _TEXT}
_FEE_LINE = {"id": _WHOLE, "name": _TEXT, "total": _TEXT, "tax_status": _TEXT}
_META = {"id": _WHOLE, "key": _TEXT}
_COUPON = {"code": _TEXT}
_ROOT = {
    "id": _WHOLE,
    "status": _TEXT,
    "currency": _TEXT,
    "customer_id": _WHOLE,
    "set_paid": _YES_NO,
    "created_via": _TEXT,
    "transaction_id": _TEXT,
    "payment_method": _TEXT,
    "payment_method_title": _TEXT,
    "customer_note": _TEXT,
}
_LISTS = {
    "line_items": _LINE,
    "shipping_lines": _SHIPPING_LINE,
    "fee_lines": _FEE_LINE,
    "meta_data": _META,
    "coupon_lines": _COUPON,
}
_KINDS: Mapping[str, type | tuple[type, ...]] = {_TEXT: str, _WHOLE: int, _YES_NO: bool, _LIST: list}


def check(body: Mapping[str, Any]) -> None:
    """Raises Refusal for what the schema does not take."""
    _types(body, _ROOT, "")
    for name in ("billing", "shipping"):
        _check_address(body.get(name), name)
    for name, schema in _LISTS.items():
        _check_list(body.get(name), name, schema)
    for index, line in enumerate(body.get("line_items") or ()):
        _check_list(line.get("meta_data"), f"line_items[{index}][meta_data]", _META)
    status, currency = body.get("status"), body.get("currency")
    if status is not None and status not in STATUSES:
        raise invalid("status", f"status is not one of {', '.join(STATUSES)}.")
    if currency is not None and not is_currency(currency):
        raise invalid("currency", "currency is not one of AED, AFN, ... and ZMW.")


def check_new(body: Mapping[str, Any]) -> None:
    """Raises Refusal for what a new order lacks, or must not have."""
    if body.get("id"):
        raise Refusal(400, "woocommerce_rest_shop_order_exists", "Cannot create existing shop_order.")
    check_parts(body)


def check_parts(body: Mapping[str, Any]) -> None:
    """The same for a new order and for what is added to one. Raises Refusal."""
    if body.get("customer_id"):
        raise Refusal(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
    for line in _added(body, "line_items"):
        if not any(line.get(key) for key in ("sku", "product_id", "variation_id")):
            raise Refusal(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
        if line.get("quantity") == 0:
            raise Refusal(500, "internal_server_error", "There has been a critical error on this website.")
    for line in _added(body, "shipping_lines"):
        if not line.get("method_id"):
            raise Refusal(400, "woocommerce_rest_invalid_shipping_item", "Shipping method ID is required.")


def kept(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is stored of a new order: a text that its column cannot hold costs the address and all that comes after it.

    Billing comes first, then shipping, then lines and meta data.
    """
    if _overflows(body.get("billing")):
        return {}
    return {"billing": body.get("billing")} if _overflows(body.get("shipping")) else body


def cut_note(text: str) -> str:
    return text.encode()[:TEXT_MAX].decode(errors="ignore")


def _overflows(address: Mapping[str, Any] | None) -> bool:
    given = address or {}
    name = given.get("first_name") or ""
    return len(given.get("phone") or "") > PHONE_MAX or len(name.encode()) > TEXT_MAX


def _added(body: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    return (item for item in body.get(name) or () if not item.get("id"))


def _check_address(address: Any, name: str) -> None:
    if address is None:
        return
    if not isinstance(address, dict):
        raise wrong_type(name, "object")
    _types(address, _ADDRESS, name)
    email = address.get("email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise invalid(name, "Invalid email address.", "rest_invalid_email")


def _check_list(items: Any, name: str, schema: Mapping[str, str]) -> None:
    if items is None:
        return
    if not isinstance(items, list):
        raise wrong_type(name, "array")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise wrong_type(f"{name}[{index}]", "object")
        _types(item, schema, f"{name}[{index}]")


def _types(values: Mapping[str, Any], schema: Mapping[str, str], path: str) -> None:
    for key, kind in schema.items():
        value = values.get(key)
        is_odd_bool = isinstance(value, bool) and kind != _YES_NO
        if value is not None and (is_odd_bool or not isinstance(value, _KINDS[kind])):
            raise wrong_type(f"{path}[{key}]" if path else key, kind)
