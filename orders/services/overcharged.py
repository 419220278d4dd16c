"""An order that was edited in its destination to more than was paid for it: a person has the rest paid, or mends it there.

No money moves by it here. Once the destination shows what was paid again, nothing is left to do.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connectors.money import Money
from orders.enums import OrderStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush
from orders.models.fields import ZERO
from orders.services import history, looks
from orders.services.push_records import compares_totals
from orders.services.transitions import lock


def of(push: OrderPush) -> Decimal:
    """By how much its destination holds more than was paid, until somebody has dealt with just that; else zero."""
    live = push.order.status in (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
    if not live or push.status != PushStatus.PUSHED or push.remote_total is None or not compares_totals(push):
        return ZERO
    if push.remote_total == push.accepted_total:
        return ZERO
    return max(push.remote_total - push.expected_total, ZERO)


@transaction.atomic
def settle(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """A person has dealt with what it holds too much; a later edit asks anew. Raises TransitionNotAllowed when it is not so."""
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection").get(pk=push_id)
    more = of(push)
    if not more:
        raise TransitionNotAllowed(f"{push.connection.name} does not hold more than was paid.")
    push.accepted_total = push.remote_total
    push.save(update_fields=["accepted_total"])
    looks.refresh(push.order_id)
    text = f"{by} has dealt with the {Money(more, push.order.currency)} that {push.remote_name} is more in {push.connection.name}."
    history.note(push.order, kind="push.total_settled", text=text, by=by, at=at, push=push.public_id)
    return push
