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

OfPush = tuple[int, int, int, bool, str]  # order, connection, generation, beside, status

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
    payment = next(iter(_payment_of([order_id])), ("",))[0]
    counted = [(max(ordered - off, 0), sent, ready) for ordered, off, sent, ready in _units_of([order_id])]
    pushes = (found[1:] for found in _pushes_of([order_id]))
    summed = push_summary(_latest_generations(pushes))
    _write_all(payment or PaymentStatus.NONE, summed, fulfillment_summary(counted))([order_id])


def refresh_pushes(
    order_ids: Collection[int], *, pushes: Iterable[OfPush] | None = None, look_at: Collection[int] | None = None
) -> None:
    """The same of several orders where nothing but the status of a push changed: a push does this twice.

    `pushes` are all of these orders' as they are by now; they are read when they are not given. `look_at` are those of
    which a person may have to look now or no longer; all of them when it is not given.
    """
    known: dict[int, list[tuple[int, int, bool, str]]] = {order_id: [] for order_id in order_ids}
    for order_id, connection, generation, beside, status in _pushes_of(order_ids) if pushes is None else pushes:
        known[order_id].append((connection, generation, beside, status))
    alike: dict[tuple[str, bool], list[int]] = {}
    for order_id, found in known.items():
        looked_at = look_at is None or order_id in look_at
        alike.setdefault((push_summary(_latest_generations(found)), looked_at), []).append(order_id)
    for (summed, looked_at), ids in alike.items():
        _write_summary(summed, looked_at)(ids)


_pushes_of: Read[OfPush] = Read(
    lambda keys: OrderPush.objects.filter(order__in=keys).values_list(
        "order_id", "connection_id", "generation", "beside", "status"
    )
)


_payment_of: Read[tuple[str]] = Read(lambda keys: Payment.objects.filter(order__in=keys).values_list("status"))
_units_of: Read[tuple[int, int, int, int]] = Read(
    lambda keys: (
        OrderLine.objects.filter(order__in=keys)
        .annotate(ready=_READY_UNITS)
        .values_list("quantity", "called_off_quantity", "fulfilled_quantity", "ready")
    )
)


@cache
def _write_all(payment: str, pushes: str, fulfillment: str) -> Change:
    """One for each combination that occurs: forming the statement takes longer than carrying it out."""
    return Change(
        lambda keys: Order.objects.filter(pk__in=keys),
        payment_status=payment,
        push_status=_unless_lines_go_nowhere(pushes),
        fulfillment_status=fulfillment,
        needs_look=looks.needs_look(),
    )


@cache
def _write_summary(summed: str, looked_at: bool) -> Change:
    look = {"needs_look": looks.needs_look()} if looked_at else {}
    return Change(lambda keys: Order.objects.filter(pk__in=keys), push_status=_unless_lines_go_nowhere(summed), **look)


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


def _unless_lines_go_nowhere(summed: str) -> Case:
    return Case(When(_GOES_SOMEWHERE, then=Value(summed)), default=Value(PushStatus.HELD.value))


def _latest_generations(pushes: Iterable[tuple[int, int, bool, str]]) -> list[PushStatus]:
    """Of (connection, generation, beside, status), the status of the last one at each connection, and of those beside it."""
    latest: dict[tuple[int, int], tuple[int, str]] = {}
    for connection, generation, beside, status in pushes:
        key = (connection, generation if beside else 0)
        if key not in latest or generation > latest[key][0]:
            latest[key] = (generation, status)
    return [PushStatus(status) for _, status in latest.values()]
