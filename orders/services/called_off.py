"""Pushes of which every unit was given back before it was sent: they end, and go on when the refund is withdrawn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PushStatus, Topic
from orders.models import Order, OrderPush, PushLine
from orders.models.fields import ZERO
from orders.services import by_hand, fulfilled, history, looks, marking, open_units, preflight, slots, still_due
from orders.services.keys import capture_key, push_key
from orders.services.transitions import move_push

REASON = "All of it was given back before it was sent."
_LIVE = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
_HERE = (PushStatus.WAITING, PushStatus.QUEUED, PushStatus.HELD)
_ON_A_PRODUCT = ("sku:", "stock:")  # conditions that a line of which nothing goes does not wait for


def follow_refund(order: Order, *, by: str, at: datetime) -> None:
    """A refund was promised: units are counted anew, what has nothing left to send ends, the rest goes with what is left.

    Inside a transaction, under the order's lock. A push that is being sent, or may be there, ends when its worker looks.
    """
    fulfilled.recount(order.pk, by=by, at=at)
    if order.status not in _LIVE:
        return
    ended = [_end(push, at=at) for push in _pushes(order) if push.status in _HERE and not push.remote_id]
    if any(ended):
        fulfilled.recount(order.pk, by=by, at=at)


def follow_withdrawal(order: Order, *, by: str, at: datetime) -> None:
    """A refund was withdrawn: what ended for it takes its usual way again. Inside a transaction, under the order's lock."""
    fulfilled.recount(order.pk, by=by, at=at)
    order.refresh_from_db(fields=["status"])
    ended = [push for push in _pushes(order) if push.status == PushStatus.SKIPPED and push.reason == REASON]
    for push in ended if order.status == OrderStatus.CONFIRMED else ():
        if not still_due.of_nothing(push):
            push.given_back = ZERO
            push.save(update_fields=["given_back"])
            _go_on(push, at=at)
    if order.status == OrderStatus.CONFIRMED:
        _tell_unasked(order, at=at)


def is_over(push: OrderPush) -> bool:
    """Whether nothing of a push, read with its lines, is left to send."""
    rows = list(push.push_lines.all())
    return bool(rows) and not any(still_due.units_of(row) for row in rows)


def still_asked(order: Order, pushes: Iterable[OrderPush]) -> list[OrderPush]:
    """Pushes that stand at their stores, or are on their way there, of an open order all of which was given back before
    it was sent: orders.services.looks has the same in SQL.

    They are cancelled there with the order, and sent otherwise. Reads the order's lines.
    """
    lines = order.lines.all()
    if order.status != OrderStatus.CONFIRMED or not lines or any(line.due_quantity for line in lines):
        return []
    return [push for push in pushes if push.status not in looks.ELSEWHERE and not push.remote_cancelled]


def _pushes(order: Order) -> list[OrderPush]:
    related = ("order__merchant", "connection__sync_settings")
    return list(OrderPush.objects.filter(order=order).select_related(*related).order_by("pk"))


def _end(push: OrderPush, *, at: datetime) -> bool:
    promised = push.messages.filter(topic=Topic.PUSH_ORDER).exclude(status=OutboxStatus.DONE).exists()
    if not still_due.of_nothing(push):
        if promised and push.wait_for.startswith(_ON_A_PRODUCT):
            outbox.release_now(push_key(push), at=at)
        return False
    if promised and not outbox.withdraw(push_key(push), at=at):
        return False
    move_push(
        push, to=PushStatus.SKIPPED, by=history.STOREWARD, at=at, reason=REASON, blockers=[], checking=False,
        given_back=still_due.given_back(push),
        text=f"Not sent to {push.connection.name}: all of it was given back before.",
    )  # fmt: skip
    return True


def _tell_unasked(order: Order, *, at: datetime) -> None:
    """Units that come back after their destination was sent the rest: nobody but the merchant can send them."""
    units = open_units.unasked([order])
    rows = PushLine.objects.filter(line__in=units, push__order=order).exclude(push__status__in=looks.ELSEWHERE)
    for row in rows.select_related("line", "push__connection").order_by("line__position"):
        text = (
            f"{row.push.connection.name} was not asked for {units[row.line_id]} x {row.line.title}: send it from here."
        )
        history.note(order, kind="push.unasked", text=text, by=history.STOREWARD, at=at, push=row.push.public_id)


def _go_on(push: OrderPush, *, at: datetime) -> None:
    if preflight.awaits_last_check(push):
        status, wait_for, reason = preflight.ready(push.order)
        move_push(push, to=status, by=history.STOREWARD, at=at, wait_for=wait_for, reason=reason)
        outbox.renew(capture_key(push.order), at=at)
    elif marking.is_needed(push):
        marking.wait(push, at=at)
    elif by_hand.is_needed(push):
        by_hand.wait(push, at=at)
    else:
        slots.promise(push, at=at)
