"""Pushing by hand: paid orders wait until somebody sends them, now and with a price of shipping where that is free to choose."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connectors import conditions
from connectors.money import fits, named
from connectors.services import suppliers
from orders import outbox
from orders.enums import OrderStatus, PushStatus, Topic
from orders.errors import FeeRefused, TransitionNotAllowed
from orders.models import Order, OrderPush
from orders.services import history, preflight, terms
from orders.services.keys import push_key
from orders.services.transitions import lock, move_push

REASON = "Waiting until you push it."
FEE_MOST = 10  # times what the items come to: more is a slip of the decimal point


def is_needed(push: OrderPush) -> bool:
    """Whether the settings leave it to a person who has not done it yet. Suppliers and partners have their own set-up."""
    connection = push.connection
    if connection.source_id is not None:
        return False
    return connection.sync_settings.push_by_hand and not push.pushed_by and not suppliers.is_supplier(connection)


def wait(push: OrderPush, *, at: datetime) -> None:
    """Paid, and not to be sent yet. Inside a transaction, under the order's lock."""
    move_push(
        push,
        to=PushStatus.WAITING,
        by=history.STOREWARD,
        at=at,
        reason=REASON,
        wait_for=conditions.pushed_by_hand(push.pk),
        blockers=[],
        text=f"{preflight.no_more_to_take(push.order)} {push.connection.name} gets it when it is pushed.",
    )


def can_push(push: OrderPush) -> bool:
    """Paid, and kept back by a person's word, the clock, or the price of shipping that was typed."""
    if push.status == PushStatus.HELD:
        return push.shipping_fee is not None and not push.remote_id and push.connection.source_id is None
    return push.status == PushStatus.WAITING and (push.waits_for_hand or push.waits_for_slot)


@transaction.atomic
def push_now(*, push_id: int, by: str, at: datetime, shipping_fee: Decimal | None = None) -> OrderPush:
    """Send a push that waits for a person, or for its connection's next time, at once; or one whose price was refused.

    `shipping_fee` in the order's currency; None: by the rules, or the order's own. Raises TransitionNotAllowed when it
    does not wait for that, FeeRefused for a price that is impossible or would break what the customer paid.
    """
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order", "connection__sync_settings").get(pk=push_id)
    if push.order.status != OrderStatus.CONFIRMED or not can_push(push):
        raise TransitionNotAllowed(
            f"Nothing of order {push.order.number} waits to be pushed to {push.connection.name}."
        )
    if shipping_fee is not None:
        _refuse_fee(push, shipping_fee)
    _send(push, by=by, at=at, fee=shipping_fee)
    return push


@transaction.atomic
def push_order(*, order_id: int, by: str, at: datetime) -> Order:
    """Send all of an order that waits to be pushed. Raises TransitionNotAllowed when nothing does."""
    order = lock(order_id)
    pushes = OrderPush.objects.filter(order=order)
    waiting = [push for push in pushes.select_related("order", "connection").order_by("pk") if can_push(push)]
    if order.status != OrderStatus.CONFIRMED or not waiting:
        raise TransitionNotAllowed(f"Nothing of order {order.number} waits to be pushed.")
    for push in waiting:
        _send(push, by=by, at=at, fee=None)
    return order


def _send(push: OrderPush, *, by: str, at: datetime, fee: Decimal | None) -> None:
    charged = "" if fee is None else f" Shipping costs {named(fee, push.order.currency)} there."
    text = f"{by} pushed it to {push.connection.name}.{charged}"
    move_push(push, to=PushStatus.QUEUED, by=by, at=at, text=text, pushed_by=by[:254], shipping_fee=fee, blockers=[])
    key = push_key(push)
    if not outbox.release_now(key, at=at) and not outbox.renew(key, at=at):
        outbox.post(Topic.PUSH_ORDER, order=push.order, push=push, connection=push.connection, key=key, at=at)


def _refuse_fee(push: OrderPush, fee: Decimal) -> None:
    why = terms.why_no_fee(push, push.order)
    if why:
        raise FeeRefused(why)
    if not fee.is_finite() or fee < 0 or not fits(fee, push.order.currency):
        raise FeeRefused(f"Give the shipping fee in {push.order.currency}, not below 0.")
    if fee > FEE_MOST * push.subtotal:
        raise FeeRefused(
            f"The shipping fee is more than {FEE_MOST} times what the items come to. Check the decimal point."
        )
