"""What a destination, or the settings of its connection, held back is asked about again when those settings change."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from orders import outbox
from orders.enums import OrderStatus, PushStatus
from orders.models import OrderPush
from orders.services import preflight
from orders.services.keys import capture_key
from orders.services.transitions import lock

AT_ONCE = 500  # held orders, oldest first; the others are asked when somebody checks or confirms them


def held(*, connection_id: int, at: datetime) -> None:
    """Promise a check of each order that is held there and can still go on. Each in a transaction of its own."""
    pushes = OrderPush.objects.filter(preflight.still_open(), connection_id=connection_id, status=PushStatus.HELD)
    for order_id in list(pushes.order_by("order__placed_at", "pk").values_list("order_id", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            order = lock(order_id)
            if order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED):
                continue
            preflight.ask(order, at=at)
            if order.status == OrderStatus.CONFIRMED:
                outbox.release_now(capture_key(order), at=at)
