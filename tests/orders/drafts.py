"""Orders that lack something, for tests."""

from __future__ import annotations

from typing import Any

from orders.enums import OrderStatus
from orders.models import Order
from orders.services import drafts
from tests.factories import NOON, make_order

BY = {"by": "ana@kauri.example", "at": NOON}


def make_draft(*args: Any, address: dict[str, str] | None = None, **fields: Any) -> Order:
    """A draft whose shipping address has these values in place of the usual; without any, no city."""
    order = make_order(*args, **fields)
    order.addresses.filter(kind="shipping").update(**({"city": ""} if address is None else address))
    drafts.reconsider(order_id=order.pk, **BY)
    order.refresh_from_db()
    assert order.status == OrderStatus.DRAFT
    return order


def fill(order: Order, seen: dict[str, str] | None = None, by: str = "ana@kauri.example", **given: str) -> Order:
    """Fill in fields of the shipping address."""
    values = {f"shipping_address.{name}": value for name, value in given.items()}
    return drafts.save(order_id=order.pk, given=values, seen=seen or {}, by=by, at=NOON)


def fields(order: Order) -> list[str]:
    """What a fresh look finds missing, by field."""
    return [blocker["field"] for blocker in Order.objects.get(pk=order.pk).blockers]
