"""Orders of a store that was disconnected: held, as the page said before, and taken up again once it is connected anew.

No worker serves the lane of a disconnected store, so its pushes would say "queued" for ever. Connecting a store again
makes another connection: what is held moves over to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from connectors.base import Blocker, BlockerCode
from connectors.models import Connection, ConnectionState, ProductLink, PurchaseOrder
from connectors.services import desk_heir
from orders import outbox
from orders.enums import OrderStatus, OutboxStatus, PaymentStatus, PushStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage
from orders.models.push import OrderPushQuerySet
from orders.services import history, payments, preflight, sync_faults
from orders.services.keys import capture_key, push_key
from orders.services.transitions import lock, move_push

AT_ONCE = 200
_OPEN = (OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED)
_UNSENT = (PushStatus.WAITING, PushStatus.QUEUED)
_PERHAPS_THERE = (PushStatus.SENDING, PushStatus.UNKNOWN)


def hold_all(*, at: datetime) -> int:
    """Once a minute: hold what still waits for stores that were disconnected. Returns how many were held."""
    rows = OrderPush.objects.filter(
        connection__state=ConnectionState.REMOVED, status__in=(*_UNSENT, *_PERHAPS_THERE), order__status__in=_OPEN
    )
    ids = list(rows.order_by("order_id", "pk").values_list("pk", flat=True)[:AT_ONCE])
    return sum(hold(push_id, at=at) for push_id in ids)


@transaction.atomic
def hold(push_id: int, *, at: datetime) -> bool:
    """False while somebody can still find out whether it is there: then its own handler ends it."""
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    row = OrderPush.objects.select_related("order", "connection__source").get(pk=push_id)
    message = row.messages.filter(key=push_key(row)).exclude(status=OutboxStatus.DONE).first()
    unsent = row.status in _UNSENT and (message is None or outbox.withdraw(message.key, at=at))
    if not unsent and not _nobody_can_look(row, message):
        return False
    blocker = _unsent(row.connection) if unsent else _perhaps_there(row)
    move_push(
        row, to=PushStatus.HELD, by=history.STOREWARD, at=at, text=f"Not sent: {preflight.disconnected(row.connection)}",
        reason=blocker.message, blockers=[blocker.as_json()], checking=False,
    )  # fmt: skip
    sync_faults.report(row, [blocker], at=at)
    return True


def take_up_all(*, at: datetime) -> int:
    """Once a minute: what is held for a store that was connected anew goes on there. Returns how many pushes do."""
    held = OrderPush.objects.filter(status=PushStatus.HELD, remote_id="", order__status__in=_OPEN)
    booked = _booked()
    removed = Connection.objects.filter(state=ConnectionState.REMOVED, source=None)
    taken = 0
    for old in removed.filter(Q(pk__in=held.values("connection")) | Q(pk__in=booked.values("connection"))).order_by(
        "pk"
    ):
        heir = _heir(old)
        if heir is not None:
            ids = list(held.filter(connection=old).order_by("order_id", "pk").values_list("pk", flat=True)[:AT_ONCE])
            taken += sum(_take_up(push_id, heir.pk, at=at) for push_id in ids)
            if len(ids) < AT_ONCE:  # an order's later push goes before its earlier one
                _hand_over_book(old, heir, list(booked.filter(connection=old).order_by("-pk")[:AT_ONCE]), at=at)
    return taken


def _booked() -> OrderPushQuerySet:
    """What suppliers that were disconnected have, by our own book: its tracking comes in through the new connection."""
    row = PurchaseOrder.objects.filter(connection=OuterRef("connection"), reference=OuterRef("reference"))
    there = OrderPush.objects.filter(connection__state=ConnectionState.REMOVED, connection__source=None)
    return there.exclude(remote_id="").filter(Exists(row))


def _nobody_can_look(push: OrderPush, message: OutboxMessage | None) -> bool:
    speaker = push.connection.source or push.connection
    stopped = message is None or message.status != OutboxStatus.RUNNING
    return speaker.state == ConnectionState.REMOVED and stopped and push.status in (*_UNSENT, *_PERHAPS_THERE)


def _unsent(connection: Connection) -> Blocker:
    again = "" if connection.source_id else "Connect it again and this goes on by itself, or "
    advice = f"{again}move its lines to another store, or send them yourself."
    text = f"{preflight.disconnected(connection)} {advice[0].upper()}{advice[1:]}"
    return Blocker(BlockerCode.SYNC_TURNED_OFF, text)


def _perhaps_there(push: OrderPush) -> Blocker:
    name = push.connection.name
    text = f"{name} was disconnected while this was being sent: look for {push.reference} there, or connect it again."
    return Blocker(BlockerCode.OUTCOME_UNKNOWN, text)


def _heir(old: Connection) -> Connection | None:
    """The merchant's newest connection to the same shop that takes orders."""
    return Connection.objects.same_shop_as(old).filter(is_destination=True, sync_settings__sync_orders=True).first()


@transaction.atomic
def _take_up(push_id: int, heir_id: int, *, at: datetime) -> bool:
    """False when the order has a part for the new connection already: a person has moved it."""
    order = lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order__merchant", "connection").get(pk=push_id)
    taken = OrderPush.objects.filter(order=order, connection_id=heir_id).exists()
    if push.status != PushStatus.HELD or order.status not in _OPEN or taken:
        return False
    heir = Connection.objects.select_related("sync_settings").get(pk=heir_id)
    _keep_links(push, heir)
    _move(push, heir)
    text = f"{heir.name} is connected again: this goes on."
    if push.messages.filter(key=push_key(push)).exclude(status=OutboxStatus.DONE).exists():
        move_push(push, to=PushStatus.QUEUED, by=history.STOREWARD, at=at, text=text, blockers=[])
        outbox.release_now(push_key(push), at=at)  # it may be there: its handler looks first
        return True
    status, wait_for, reason = preflight.ready(order)
    move_push(push, to=status, by=history.STOREWARD, at=at, text=text, reason=reason, wait_for=wait_for, blockers=[])
    _go_on(order, at=at)
    return True


def _hand_over_book(old: Connection, heir: Connection, pushes: Iterable[OrderPush], *, at: datetime) -> None:
    """What was sent is shown, and told of, at the new connection; the newest first, for it is on its way."""
    with transaction.atomic():
        desk_heir.hand_over_files(old_id=old.pk, heir_id=heir.pk)
    for push in pushes:
        _hand_over(push.pk, heir, at=at)


@transaction.atomic
def _hand_over(push_id: int, heir: Connection, *, at: datetime) -> None:
    order = lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order__merchant", "connection").get(pk=push_id)
    there = OrderPush.objects.filter(order=order, connection=heir, generation=push.generation)
    if push.connection_id == heir.pk or there.exists():
        return
    _move(push, heir)
    text = f"{heir.name} is connected again: its tracking for {push.reference} is taken in there."
    history.note(order, kind="push.handed_over", text=text, by=history.STOREWARD, at=at, push=push.public_id)


def _move(push: OrderPush, heir: Connection) -> None:
    """With all that is promised about it, and what our own book knows of it: a doubt stays a doubt."""
    desk_heir.hand_over_order(push.reference, old_id=push.connection_id, heir_id=heir.pk)
    OrderPush.objects.filter(pk=push.pk).update(connection=heir)
    outbox.move_to(heir, push=push)
    push.connection = heir


def _keep_links(push: OrderPush, heir: Connection) -> None:
    """Products that were linked there are linked here: it is the same shop."""
    skus = push.push_lines.values("line__sku")
    links = ProductLink.objects.filter(connection=push.connection_id, sku__in=skus)
    copies = [
        ProductLink(
            connection=heir, sku=link.sku, variant_id=link.variant_id, variant_title=link.variant_title,
            source=link.source, checked_at=link.checked_at,
        )
        for link in links
    ]  # fmt: skip
    ProductLink.objects.bulk_create(copies, ignore_conflicts=True)


def _go_on(order: Order, *, at: datetime) -> None:
    """From where the order stands: the decision, the money, or the push."""
    if order.status == OrderStatus.PENDING:
        preflight.ask(order, at=at)
    elif order.status == OrderStatus.CONFIRMED:
        capturing = OutboxMessage.objects.filter(topic=Topic.CAPTURE_PAYMENT, key=capture_key(order))
        if capturing.exclude(status=OutboxStatus.DONE).exists():
            preflight.ask(order, at=at)
            outbox.release_now(capture_key(order), at=at)
        elif order.payment_status != PaymentStatus.FAILED:
            payments.promise_pushes(order, at=at)
