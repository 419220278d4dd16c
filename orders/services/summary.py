"""Keeps an order's summary columns equal to the rows below it."""

from __future__ import annotations

from collections.abc import Iterable

from orders.enums import PUSH_SUMMARY_ORDER, FulfillmentStatus, PaymentStatus, PushStatus
from orders.models import Order, OrderLine, OrderPush, Payment


def refresh(order_id: int) -> None:
    """Recompute push, fulfillment and payment status. Call it in the transaction that changed a row below."""
    payment = Payment.objects.filter(order_id=order_id).values_list("status", flat=True).first()
    latest = _latest_generations(OrderPush.objects.filter(order_id=order_id))
    lines = OrderLine.objects.filter(order_id=order_id).values_list("quantity", "fulfilled_quantity")
    Order.objects.filter(pk=order_id).update(
        payment_status=payment or PaymentStatus.NONE,
        push_status=push_summary(latest),
        fulfillment_status=fulfillment_summary(lines),
    )


def push_summary(statuses: Iterable[str]) -> str:
    """The first of PUSH_SUMMARY_ORDER that any push has; empty when there is no push."""
    present = set(statuses)
    return next((status for status in PUSH_SUMMARY_ORDER if status in present), "")


def fulfillment_summary(lines: Iterable[tuple[int, int]]) -> FulfillmentStatus:
    """From (ordered, fulfilled) of every line."""
    pairs = list(lines)
    if pairs and all(fulfilled >= ordered for ordered, fulfilled in pairs):
        return FulfillmentStatus.FULFILLED
    if any(fulfilled for _, fulfilled in pairs):
        return FulfillmentStatus.PARTIAL
    return FulfillmentStatus.UNFULFILLED


def _latest_generations(pushes: Iterable[OrderPush]) -> list[PushStatus]:
    latest: dict[int, OrderPush] = {}
    for push in pushes:
        if push.connection_id not in latest or push.generation > latest[push.connection_id].generation:
            latest[push.connection_id] = push
    return [PushStatus(push.status) for push in latest.values()]
