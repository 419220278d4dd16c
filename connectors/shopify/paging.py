"""An order with more lines, or more fulfillment orders, than one answer holds: read page by page, whole in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.shopify import reading
from connectors.shopify.reading import MalformedAnswerError

Node = Mapping[str, Any]
Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]  # operation and variables -> data


def restockable(ask: Ask, order_id: str) -> Node | None:
    """An order with all its lines, without its fulfillment orders; None when it is not shown."""
    first, lines, after = None, [], None
    while True:
        order: Node | None = reading.field(ask("order_restock", {"id": order_id, "after": after}), "order")
        if order is None:
            return None
        first = first or order
        nodes, after = reading.page(reading.field(order, "lineItems"))
        lines += nodes
        if after is None:
            return {**first, "lineItems": {"nodes": lines}}


def fulfillment_orders(ask: Ask, order_id: str) -> list[Node] | None:
    """All fulfillment orders of an order that the token may see, with all their lines; None when it is not shown."""
    groups: list[Node] = []
    after = None
    while True:
        order: Node | None = reading.field(ask("order_fulfillment_orders", {"id": order_id, "after": after}), "order")
        if order is None:
            return None
        nodes, after = reading.page(reading.field(order, "fulfillmentOrders"))
        groups += [_whole(ask, node) for node in nodes]
        if after is None:
            return groups


def _whole(ask: Ask, group: Node) -> Node:
    lines, after = reading.page(reading.field(group, "lineItems"))
    while after is not None:
        asked = {"id": reading.field(group, "id"), "after": after}
        more: Node | None = reading.field(ask("fulfillment_order_lines", asked), "fulfillmentOrder")
        if more is None:
            raise MalformedAnswerError("A fulfillment order went away while it was read.")
        nodes, after = reading.page(reading.field(more, "lineItems"))
        lines += nodes
    return {**group, "lineItems": {"nodes": lines}}
