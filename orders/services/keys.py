"""The outbox keys of the promises about an order, where more than one service asks for them."""

from __future__ import annotations

from orders.models import Order, OrderPush, Payment


def capture_key(order: Order) -> str:
    """The outbox key of the promise to capture; a new one for each generation of the payment."""
    generation = Payment.objects.filter(order=order).values_list("capture_generation", flat=True).first() or 1
    return f"capture:{order.public_id}:{generation}"


def push_key(push: OrderPush) -> str:
    """The outbox key of the promise to push."""
    return f"push:{push.public_id}"
