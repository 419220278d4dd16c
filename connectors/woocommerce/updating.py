"""Changing an order that stands in the store: the keys of POST /orders/<id> (WooCommerce REST API v3, November 2026).

WooCommerce reckons an order's taxes anew when an address is sent: one that is taxed otherwise is refused beforehand,
since the total would no longer be what the customer paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.errors import RejectedError
from connectors.woocommerce import mapping, preflight, reading, taxes

FIELDS = frozenset({"note", "attributes", "shipping_address", "billing_address"})  # of connectors.base.UPDATABLE
ROW_FIELDS = f"{reading.ORDER_FIELDS},billing,shipping,shipping_lines"

_ADDRESS = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "state",
    "postcode",
    "country",
    "phone",
)
_OVER = frozenset({"cancelled", "completed", "failed", "refunded", "trash"})
_BY_FIELD = {"shipping_address": "shipping", "billing_address": "billing"}


@reading.shaped()
def body(
    row: Mapping[str, Any], order: OutboundOrder, settings: Mapping[str, Any], fields: frozenset[str]
) -> dict[str, Any]:
    """What to send; empty when order notes alone tell what was changed.

    Raises RejectedError for an order that is over, or that would come to another total. A change of one in the trash
    would take it out of there.
    """
    if row["status"] in _OVER:
        text = f"The order is {row['status']} in WooCommerce: it is not changed any more."
        raise RejectedError(text, [Blocker(BlockerCode.CHANGED_AT_DESTINATION, text, "status", row["status"])])
    whole = mapping.order_body(order, settings)
    too_long = tuple(preflight.texts(order, whole))
    if too_long:
        raise RejectedError(too_long[0].message, too_long)
    given: dict[str, Any] = {"customer_note": whole["customer_note"]} if "note" in fields else {}
    for field, key in _BY_FIELD.items():
        if field in fields:
            given[key] = {**dict.fromkeys(_ADDRESS, ""), **whole[key]}
    _refuse_other_taxes(row, {**row, **given}, settings)
    return given


def _refuse_other_taxes(before: Mapping[str, Any], after: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    exempt = any(
        pair["key"] == taxes.EXEMPT["key"] and pair["value"] == taxes.EXEMPT["value"] for pair in before["meta_data"]
    )
    if exempt or not taxes.are_computed(settings):
        return
    here, there = taxes.place(before, settings), taxes.place(after, settings)
    if here == there or (taxes.are_known(settings) and _taxed_alike(here, there, settings)):
        return
    text = "WooCommerce would tax the order otherwise at its new address, and its total would not be what was paid."
    raise RejectedError(text, [Blocker(BlockerCode.TOTAL_MISMATCH, text, "shipping_address")])


def _taxed_alike(here: Mapping[str, str], there: Mapping[str, str], settings: Mapping[str, Any]) -> bool:
    classes = {rate["class"] for rate in settings["rates"]}
    return all(taxes.rates(settings, here, each) == taxes.rates(settings, there, each) for each in classes)
