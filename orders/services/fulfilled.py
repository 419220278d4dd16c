"""What an order's fulfillments come to: its lines, its status, whether it is complete."""

from __future__ import annotations

from datetime import datetime

from orders.enums import FulfillmentStatus
from orders.models import Fulfillment, Order, OrderLine
from orders.services import decisions, shipments, summary


def recount(order_id: int, *, by: str, at: datetime) -> None:
    """Make lines, order and headline agree with the fulfillments that stand, no line beyond what was ordered.

    Inside a transaction, under the order's lock.
    """
    sent = shipments.sent(Fulfillment.objects.filter(order=order_id))
    for line in OrderLine.objects.filter(order=order_id):
        units = min(sent.get(line.pk, 0), line.quantity)
        if units != line.fulfilled_quantity:
            OrderLine.objects.filter(pk=line.pk).update(fulfilled_quantity=units)
    summary.refresh(order_id)
    status = Order.objects.values_list("fulfillment_status", flat=True).get(pk=order_id)
    decide = decisions.complete if status == FulfillmentStatus.FULFILLED else decisions.reopen
    decide(order_id=order_id, by=by, at=at)
