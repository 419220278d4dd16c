"""refundCreate: money in the store's books, units off the order and back into stock. Either may be nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F
from graphql import GraphQLError

from connectors.practice import services
from connectors.practice.models import PracticeLine, PracticeOrder, PracticeRefund
from connectors.practice.services import PracticeError
from connectors.practice.shopify import nodes, places
from connectors.practice.shopify.nodes import Node
from connectors.practice.shopify.queries import Call, order_node, orders_of
from connectors.practice.shopify.search import number_of

_RESTOCKS = frozenset({"CANCEL", "RETURN"})


def refund_create(call: Call, input: Mapping[str, Any]) -> Node:  # noqa: A002  # the schema's name
    """The key of @idempotent is asked for at run time since 2026-04."""
    if not call.idempotency_key:
        text = "The @idempotent directive is required for this mutation but was not provided."
        raise GraphQLError(text, extensions={"code": "BAD_REQUEST"})
    try:
        given = _given(call, input, call.idempotency_key)
    except PracticeError as error:
        return {"refund": None, "order": None, "userErrors": [{"field": ["input"], "message": str(error)}]}
    fresh = orders_of(call).get(pk=given.order_id)
    return {"refund": nodes.refund(given, fresh), "order": order_node(call, fresh), "userErrors": []}


def _given(call: Call, given: Mapping[str, Any], key: str) -> PracticeRefund:
    number = number_of(given["orderId"], "Order")
    order = orders_of(call).filter(pk=number).first() if number else None
    if order is None:
        raise PracticeError("Order does not exist")
    earlier = order.refunds.filter(key=key).first()
    if earlier is not None:
        return earlier
    items = given.get("refundLineItems") or ()
    lines = _checked(call, order, items)
    amounts = [item["amount"] for item in given.get("transactions") or () if item["kind"] == "REFUND"]
    row = services.refund(
        order_id=order.pk,
        amount=sum(filter(None, amounts), Decimal(0)),
        note=given.get("note") or "",
        key=key,
        lines=[
            {"line": line.pk, "quantity": item["quantity"], "restock": _restock_type(item)}
            for line, item in zip(lines, items, strict=True)
        ],
    )
    for line, item in zip(lines, items, strict=True):
        _take_off(line, item["quantity"], _restock_type(item))
    return row


def _checked(call: Call, order: PracticeOrder, items: Sequence[Mapping[str, Any]]) -> list[PracticeLine]:
    """The line of each item. Raises PracticeError."""
    known = {line.pk: line for line in order.lines.all()}
    lines = [known.get(number_of(item["lineItemId"], "LineItem") or 0) for item in items]
    taken: Counter[int] = Counter()
    unsent: Counter[int] = Counter()
    for line, item in zip(lines, items, strict=True):
        if line is None:
            raise PracticeError("Refund line items line item does not belong to the order")
        taken[line.pk] += item["quantity"]
        unsent[line.pk] += item["quantity"] if _restock_type(item) == "CANCEL" else 0
        if item["quantity"] < 1 or taken[line.pk] > line.quantity - line.refunded:
            raise PracticeError("Quantity cannot refund more items than were purchased")
        if unsent[line.pk] > line.unfulfilled:
            raise PracticeError("Quantity cannot remove more items than are unfulfilled")
        if _restock_type(item) in _RESTOCKS and places.name_of(call.shop, item.get("locationId")) is None:
            raise PracticeError("Location must be specified and valid when restocking")
    return [line for line in lines if line is not None]


def _restock_type(item: Mapping[str, Any]) -> str:
    return item.get("restockType") or "NO_RESTOCK"


def _take_off(line: PracticeLine, units: int, restock: str) -> None:
    PracticeLine.objects.filter(pk=line.pk).update(
        refunded=F("refunded") + units, cancelled=F("cancelled") + (units if restock == "CANCEL" else 0)
    )
    if restock in _RESTOCKS and line.variant_id:
        line.order.shop.variants.filter(pk=line.variant_id, is_tracked=True).update(stock=F("stock") + units)
