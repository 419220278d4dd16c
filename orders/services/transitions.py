"""The only place where the status of an order, a payment or a push changes: table, row and history together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection as database

from accounts.formed import Read
from connectors import rows
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import Order, OrderEvent, OrderPush, Payment
from orders.services import history, looks, push_copies, summary
from orders.states import ORDER_TRANSITIONS, PAYMENT_TRANSITIONS, PUSH_TRANSITIONS

_LOCKED = ("pk", "status", "revision", "called_off_units")


class OrderBusy(Exception):
    """One of several orders is being decided about by somebody else."""


class Locked(NamedTuple):
    """What an order says that is locked."""

    status: OrderStatus
    revision: int
    called_off_units: int


class PushNow(NamedTuple):
    """What a push's row says, whose order is locked."""

    pk: int
    order_id: int
    connection_id: int
    generation: int
    status: str
    remote_id: str
    remote_cancelled: bool
    total: Decimal
    given_back: Decimal
    remote_refunded: Decimal
    beside: bool


def lock(order_id: int) -> Order:
    """The order, for this transaction alone. Everything that decides about an order takes this lock first."""
    return Order.objects.select_for_update(of=("self",)).select_related("merchant", "channel").get(pk=order_id)


def lock_status(order_id: int) -> OrderStatus:
    """The same lock where the order's status is all that is asked."""
    return OrderStatus(Order.objects.select_for_update().values_list("status", flat=True).get(pk=order_id))


def lock_many(order_ids: Collection[int]) -> dict[int, Locked]:
    """The same lock for several orders at one go. Raises OrderBusy when somebody else has one of several: who holds
    some and waits for others could be waited for."""
    alone = len(order_ids) == 1 or not database.features.has_select_for_update_skip_locked
    found = {
        pk: Locked(OrderStatus(status), revision, units)
        for pk, status, revision, units in (_wait if alone else _skip)(order_ids)
    }
    if len(found) < len(order_ids):
        raise OrderBusy
    return found


_wait: Read[tuple[int, str, int, int]] = Read(
    lambda keys: Order.objects.select_for_update().filter(pk__in=keys).values_list(*_LOCKED)
)
_skip: Read[tuple[int, str, int, int]] = Read(
    lambda keys: Order.objects.select_for_update(skip_locked=True).filter(pk__in=keys).values_list(*_LOCKED)
)


def pushes_of(order_ids: Collection[int]) -> dict[int, PushNow]:
    """All pushes of orders that are locked, by their keys."""
    return {found[0]: PushNow(*found) for found in _pushes_of(order_ids)}


_pushes_of: Read[tuple[Any, ...]] = Read(
    lambda keys: OrderPush.objects.filter(order__in=keys).values_list(*PushNow._fields)
)


def move_order(order: Order, *, to: OrderStatus, by: str, at: datetime, text: str, **fields: Any) -> None:
    """Change a locked order's status and the fields that go with it. Raises TransitionNotAllowed."""
    came_from = order.status
    if to not in ORDER_TRANSITIONS[came_from]:
        raise TransitionNotAllowed(_already(order))
    order.status = to
    for name, value in fields.items():
        setattr(order, name, value)
    order.save(update_fields=["status", *fields])
    history.note(order, kind=f"order.{to}", text=text, by=by, at=at, axis="order", **{"from": came_from, "to": to})


def move_payment(payment: Payment, *, to: PaymentStatus, by: str, at: datetime, text: str, **fields: Any) -> None:
    """Change a payment's status under the order's lock. Raises TransitionNotAllowed."""
    came_from = payment.status
    _check(PAYMENT_TRANSITIONS, came_from, to, f"The payment is {PaymentStatus(came_from).label.lower()} already.")
    payment.status = to
    for name, value in fields.items():
        setattr(payment, name, value)
    payment.save(update_fields=["status", *fields])
    history.note(
        payment.order, kind=f"payment.{to}", text=text, by=by, at=at, axis="payment", **{"from": came_from, "to": to}
    )
    summary.refresh(payment.order_id)


def move_push(
    push: OrderPush,
    *,
    to: PushStatus,
    by: str,
    at: datetime,
    text: str = "",
    reason: str = "",
    wait_for: str = "",
    **fields: Any,
) -> None:
    """Change a push's status; without `text` it leaves no line in the history. Raises TransitionNotAllowed."""
    moves = PushMoves(by=by, at=at)
    moves.move(push, to=to, text=text, reason=reason, wait_for=wait_for, **fields)
    moves.write()


class PushMoves:
    """Changes of pushes, and their lines in the history, that are written together: a statement for each kind of row.

    The pushes' orders are locked, and all is in one transaction. `among` are all pushes of these orders, where they have
    been read already.
    """

    def __init__(self, *, by: str, at: datetime, among: Mapping[int, PushNow] | None = None) -> None:
        self._by, self._at, self._among = by, at, among
        self._changed: dict[int, tuple[OrderPush, set[str]]] = {}
        self._moved: set[int] = set()  # orders
        self._looked_at: set[int] = set()  # orders that needed a look for one of these pushes, as far as it tells
        self._lines: list[OrderEvent] = []

    def move(
        self, push: OrderPush, *, to: PushStatus, text: str = "", reason: str = "", wait_for: str = "", **fields: Any
    ) -> None:
        """As move_push, once all is written. One whose copies nobody has decided about is held, whoever moves it."""
        came_from = push.status
        if push.undecided_copies and to in (PushStatus.PUSHED, PushStatus.HELD):
            to, reason = PushStatus.HELD, reason or push_copies.blocker(push).message
            fields["blockers"] = push_copies.with_it(push, fields.get("blockers", push.blockers))
        if came_from != to:
            _check(PUSH_TRANSITIONS, came_from, to, f"This push is {PushStatus(came_from).label.lower()} already.")
        self.change(push, **fields, status=to, reason=reason[:500], wait_for=wait_for)
        self._moved.add(push.order_id)
        if text:
            self.note(push, kind=f"push.{to}", text=text, axis="push", **{"from": came_from, "to": to})

    def change(self, push: OrderPush, **fields: Any) -> None:
        """Fields that are not its status."""
        if self._among is not None and not looks.left_alone(push):
            self._looked_at.add(push.order_id)
        for name, value in fields.items():
            setattr(push, name, value)
        self._changed.setdefault(push.pk, (push, set()))[1].update(fields)

    def note(self, push: OrderPush, *, kind: str, text: str, **data: Any) -> None:
        event = history.line(
            push.order, kind=kind, text=text, by=self._by, at=self._at, **{"push": push.public_id, **data}
        )
        self._lines.append(event)

    def write(self) -> None:
        alike: dict[tuple[str, ...], list[OrderPush]] = {}
        for push, fields in self._changed.values():
            alike.setdefault(tuple(sorted(fields)), []).append(push)
        for names, pushes in alike.items():
            rows.write(pushes, names)
        history.add(self._lines)
        if self._among is None:
            summary.refresh_pushes(self._moved)
        else:
            look_at = self._may_need_a_look(self._among)
            summary.refresh_pushes(self._moved, pushes=self._as_changed(self._among), look_at=look_at)

    def _may_need_a_look(self, among: Mapping[int, PushNow]) -> set[int]:
        """Orders for which that can be different now. To ask is the dearest statement of a push."""
        before = {row.order_id for row in among.values() if row.given_back > 0 or row.remote_refunded > 0}
        now = {push.order_id for push, _ in self._changed.values() if not looks.left_alone(push)}
        return self._looked_at | before | now

    def _as_changed(self, among: Mapping[int, PushNow]) -> Iterator[summary.OfPush]:
        for row in among.values():
            changed = self._changed.get(row.pk)
            status = row.status if changed is None else changed[0].status
            if row.order_id in self._moved:
                yield row.order_id, row.connection_id, row.generation, row.beside, status


def _check(table: Mapping[str, frozenset[str]], came_from: str, to: str, refusal: str) -> None:
    if to not in table[came_from]:
        raise TransitionNotAllowed(refusal)


def _already(order: Order) -> str:
    status = OrderStatus(order.status).label.lower()
    who = f" by {order.decided_by}" if order.decided_by else ""
    return f"Order {order.number} is already {status}{who}."
