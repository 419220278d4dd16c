"""POST /orders/batch: every item for itself, and always a 200."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.woocommerce import documents, ordering, rules
from connectors.practice.woocommerce.refusal import Refusal

MOST = 100

_KINDS = ("create", "update", "delete")


def orders(shop: PracticeShop, body: Mapping[str, Any], *, at: datetime) -> dict[str, list[dict[str, Any]]]:
    """Inside a transaction, under the store's lock. Raises Refusal for too many items alone."""
    items = {kind: list(body.get(kind) or ()) for kind in _KINDS}
    if sum(map(len, items.values())) > MOST:
        text = f"Unable to accept more than {MOST} items for this request."
        raise Refusal(413, "woocommerce_rest_request_entity_too_large", text)

    def create(item: Mapping[str, Any]) -> PracticeOrder:
        return ordering.create(shop.pk, _unchecked(item), at=at)

    def update(item: Mapping[str, Any]) -> PracticeOrder:
        return ordering.update(_known(shop, item.get("id")), _unchecked(item), at=at)

    def delete(number: int) -> PracticeOrder:
        return ordering.trash(_known(shop, number), at=at)

    done: dict[str, Callable[[Any], PracticeOrder]] = {"create": create, "update": update, "delete": delete}
    return {kind: [_one(done[kind], item) for item in items[kind]] for kind in _KINDS if items[kind]}


def _one(change: Callable[[Any], PracticeOrder], item: Any) -> dict[str, Any]:
    try:
        with transaction.atomic():
            try:
                return documents.order(change(item))
            except Refusal as refusal:
                if not refusal.leaves:
                    raise
                refused = refusal
    except Refusal as refusal:
        refused = refusal
    return {"id": 0, "error": refused.body}


def _unchecked(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A status that does not exist is no error here: the order is pending."""
    return {**item, "status": "pending"} if item.get("status") not in (None, *rules.STATUSES) else item


def _known(shop: PracticeShop, number: Any) -> PracticeOrder:
    row = shop.orders.select_related("shop").filter(pk=number).first() if isinstance(number, int) else None
    if row is None:
        raise Refusal(400, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return row
