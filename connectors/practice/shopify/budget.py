"""The query budget: what a request costs, and the bucket of 2000 points that it is taken from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

from connectors.practice import dials
from connectors.practice.models import PracticeShop
from connectors.practice.shopify.documents import Request

BUCKET, RESTORE_PER_S = 2000.0, 100.0  # as recorded in shops of the standard plan
MAX_COST = 1000
_FREE = frozenset({"pageInfo", "userErrors", "orderCancelUserErrors", "shopMoney", "presentmentMoney"})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a request asked for and what the bucket holds after it."""

    cost: int
    available: float
    enough: bool

    def as_node(self) -> dict[str, Any]:
        return {
            "requestedQueryCost": self.cost,
            "actualQueryCost": self.cost if self.enough else None,
            "throttleStatus": {
                "maximumAvailable": BUCKET,
                "currentlyAvailable": int(self.available),
                "restoreRate": RESTORE_PER_S,
            },
        }


@transaction.atomic
def spend(shop: PracticeShop, cost: int) -> Receipt:
    """Take the cost from the store's bucket, when it holds that much."""
    emptied = dials.take(shop, "throttled") is not None
    fresh, now = PracticeShop.objects.select_for_update().get(pk=shop.pk), timezone.now()
    restored = (now - fresh.bucket_at).total_seconds() * RESTORE_PER_S if fresh.bucket_at else BUCKET
    held = 0.0 if emptied else min(fresh.bucket + max(restored, 0.0), BUCKET)
    enough = held >= cost
    left = held - cost if enough else held
    PracticeShop.objects.filter(pk=shop.pk).update(bucket=left, bucket_at=now)
    return Receipt(cost, left, enough)


def cost_of(request: Request) -> int:
    """Points asked for: an object 1, a mutation 10, a connection 2 + 2·ln(first) times its node.

    Fitted to published records of 735 documents; Shopify does not publish the rule.
    """
    base = 10 if request.operation.operation == OperationType.MUTATION else 0
    return base + _cost(request.operation.selection_set, request)


def _cost(selection: SelectionSetNode, request: Request) -> int:
    return sum(_field_cost(node, request) for node in _fields(selection, request))


def _field_cost(node: FieldNode, request: Request) -> int:
    if node.selection_set is None or node.name.value in _FREE:
        return 0
    below = _cost(node.selection_set, request)
    first = _first(node, request.variables)
    if node.name.value == "nodes" and first is None:
        return max(below, 1)
    if first is None:
        return 1 + below
    return 2 + max(1, math.floor(2 * math.log(max(first, 1)))) * max(below, 1)


def _fields(selection: SelectionSetNode, request: Request) -> Iterator[FieldNode]:
    """The fields, those of fragments too."""
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(request.fragments[node.name.value].selection_set, request)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, request)


def _first(node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    """The size of the page asked for; None for what has no pages."""
    for argument in node.arguments:
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                return int(variables.get(argument.value.name.value) or 1)
    return None
