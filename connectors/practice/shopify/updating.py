"""orderUpdate: what it names is overwritten, what it leaves out stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.practice.shopify.nodes import Node
from connectors.practice.shopify.queries import Call, order_node, orders_of, visible
from connectors.practice.shopify.search import number_of

_NOTE_MAX = 5000


def order_update(call: Call, input: Mapping[str, Any]) -> Node:  # noqa: A002  # the schema's name
    key = number_of(input["id"], "Order")
    row = visible(call).filter(pk=key).first() if key else None
    if row is None:
        return _refused("id", "Order does not exist")
    note = input.get("note") or ""
    if len(note) > _NOTE_MAX:
        return _refused("note", f"Note is too long (maximum is {_NOTE_MAX} characters)")
    if "note" in input:
        row.note = note
    if "customAttributes" in input:
        row.attributes = list(input["customAttributes"] or [])
    row.updated_at = call.at
    row.save(update_fields=["note", "attributes", "updated_at"])
    return {"order": order_node(call, orders_of(call).get(pk=row.pk)), "userErrors": []}


def _refused(field: str, message: str) -> Node:
    return {"order": None, "userErrors": [{"field": [field], "message": message}]}
