"""Keeps an order's summary columns equal to the rows below it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from django.db.models import Case, Q, Sum, Value, When
from django.db.models.functions import Coalesce

from accounts.formed import Change, Read
from orders.enums import FulfillmentStatus, OrderStatus, PaymentStatus, PushStatus, ShipmentStatus
from orders.models import Order, OrderLine, OrderPush, Payment
from orders.services import looks
from orders.states import PUSH_SUMMARY_ORDER

OfPush = tuple[int, int, int, str]  # order, connection, generation, status

# A draft's blockers say what is missing; those of any other order are lines that go nowhere.
_GOES_SOMEWHERE = Q(blockers=[]) | Q(status=OrderStatus.DRAFT)

# Units of a line that wait for the customer to pick them up.
_READY_UNITS = Coalesce(
    Sum("fulfillment_lines__quantity", filter=Q(fulfillment_lines__fulfillment__status=ShipmentStatus.READY)), 0
)


def refresh(order_id: int) -> None:
    """Recompute push, fulfillment and payment status, and whether a person should look.

    Call it in the transaction that changed a row below.
    """
    payment = Payment.objects.filter(order_id=order_id).values_list("status", flat=True).first()
    lines = OrderLine.objects.filter(order_id=order_id).annotate(ready=_READY_UNITS)
    counted = [(line.due_quantity, line.fulfilled_quantity, line.ready) for line in lines]
    Order.objects.filter(pk=order_id).update(
        payment_status=payment or PaymentStatus.NONE,
        push_status=_pushes(order_id),
        fulfillment_status=fulfillment_summary(counted),
        needs_look=looks.needs_look(),
    )


def refresh_pushes(order_ids: Collection[int], *, pushes: Iterable[OfPush] | None = None) -> None:
    """The same of several orders where nothing but the status of a push changed: a push does this twice.

    `pushes` are all of these orders' as they are by now; they are read when they are not given.
    """
    known: dict[int, list[tuple[int, int, str]]] = {order_id: [] for order_id in order_ids}
    for order_id, connection, generation, status in _pushes_of(order_ids) if pushes is None else pushes:
        known[order_id].append((connection, generation, status))
    alike: dict[str, list[int]] = {}
    for order_id, found in known.items():
        alike.setdefault(push_summary(_latest_generations(found)), []).append(order_id)
    for summed, ids in alike.items():
        _write_summary(summed)(ids)


_pushes_of: Read[OfPush] = Read(
    lambda keys: OrderPush.objects.filter(order__in=keys).values_list(
        "order_id", "connection_id", "generation", "status"
    )
)


@cache
def _write_summary(summed: str) -> Change:
    return Change(
        lambda keys: Order.objects.filter(pk__in=keys),
        push_status=_unless_lines_go_nowhere(summed),
        needs_look=looks.needs_look(),
    )


def push_summary(statuses: Iterable[str]) -> str:
    """The first of PUSH_SUMMARY_ORDER that any push has; empty when there is no push."""
    present = set(statuses)
    return next((status for status in PUSH_SUMMARY_ORDER if status in present), "")


def fulfillment_summary(lines: Iterable[tuple[int, int, int]]) -> FulfillmentStatus:
    """From (due, fulfilled, ready for pickup) of every line. What was given back before it was sent is not due."""
    counted = [line for line in lines if any(line)]
    if counted and all(fulfilled >= due for due, fulfilled, _ in counted):
        return FulfillmentStatus.FULFILLED
    if counted and all(fulfilled + ready >= due for due, fulfilled, ready in counted):
        return FulfillmentStatus.READY
    if any(fulfilled for _, fulfilled, _ in counted):
        return FulfillmentStatus.PARTIAL
    return FulfillmentStatus.UNFULFILLED


def _pushes(order_id: int) -> Case:
    statuses = _latest_generations(
        OrderPush.objects.filter(order_id=order_id).values_list("connection_id", "generation", "status")
    )
    return _unless_lines_go_nowhere(push_summary(statuses))


def _unless_lines_go_nowhere(summed: str) -> Case:
    return Case(When(_GOES_SOMEWHERE, then=Value(summed)), default=Value(PushStatus.HELD.value))


def _latest_generations(pushes: Iterable[tuple[int, int, str]]) -> list[PushStatus]:
    """Of (connection, generation, status), the status of the last one at each connection."""
    latest: dict[int, tuple[int, str]] = {}
    for connection, generation, status in pushes:
        if connection not in latest or generation > latest[connection][0]:
            latest[connection] = (generation, status)
    return [PushStatus(status) for _, status in latest.values()]
