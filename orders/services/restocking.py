"""Units of a refund that go back into stock: told to the stores that can be told, each once.

A promise of its own, made when the money has been given. One that fails is tried again alone and costs the customer
nothing; where a store cannot be told, the history says who has to change its stock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.base import Connector, PutBack
from connectors.errors import NotVisibleError
from connectors.models import ProductLink
from connectors.money import total
from connectors.registry import connector_class, knows
from orders import outbox
from orders.enums import PushStatus, RefundReason, Topic
from orders.models import OrderPush, OutboxMessage, PushLine, Refund, RefundLine
from orders.services import history, notices, sight
from orders.world import World

_THERE = (PushStatus.PUSHED, PushStatus.HELD)  # held: it stands there, and differs from what was sent


def promise(refund: Refund, *, at: datetime) -> None:
    """Inside the transaction that records the refund as given."""
    pushes = OrderPush.objects.filter(order=refund.order, status__in=_THERE).exclude(remote_id="")
    for push in pushes.select_related("connection").order_by("pk"):
        if not _units(refund, push):
            continue
        if push.remote_cancelled:
            text = (
                f"{push.remote_name} is cancelled in {push.connection.name}, which is told of no units: "
                "see there whether they are back in stock, and change it by hand if not."
            )
            history.note(refund.order, kind="push.restock_by_hand", text=text, by=history.STOREWARD, at=at)
        elif _can_be_told(push):
            outbox.post(
                Topic.PUT_BACK,
                order=refund.order,
                push=push,
                connection=push.connection,
                key=f"restock:{refund.public_id}:{push.public_id}",
                payload={"refund": refund.pk},
                at=at,
            )
        else:
            text = f"{push.connection.name} is not told of units that go back into stock: change its stock there."
            history.note(refund.order, kind="push.restock_by_hand", text=text, by=history.STOREWARD, at=at)


def put_back(message: OutboxMessage, world: World) -> Iterator[str]:
    """PUT_BACK: looked for there before it is booked again, once a lost request cannot arrive any more."""
    push = _push_of(message)
    connector = world.connector_for(push.connection)
    if message.maybe_sent_at is not None:
        ends_at = message.maybe_sent_at + timedelta(seconds=connector.horizon_s)
        if ends_at > world.now():
            left = (ends_at - world.now()).total_seconds()
            raise outbox.Postponed("Sent, no answer: looking there before it is sent again.", after_s=left)
    _refuse_forgotten(message, connector, push, at=world.now())
    back = _told(Refund.objects.get(pk=message.payload["refund"]), push)
    yield "formed"
    outbox.mark_sending(message, at=world.now())
    yield "marked"
    try:
        is_booked = connector.put_back(push.remote_id, back)
    except NotVisibleError as hidden:  # one that is gone has nothing to put back
        sight.believe_gone(hidden, made_at=sight.since_of(push), at=world.now())
        is_booked = False
    yield "put back"
    with outbox.finishing(message, at=world.now()):
        kind, text = _came_of_it(push, sum(back.units.values()), is_booked=is_booked)
        history.note(push.order, kind=kind, text=text, by=history.STOREWARD, at=world.now())


def settled(message: OutboxMessage, outcome: outbox.Outcome, *, at: datetime) -> None:
    """The store did not take it: somebody has to change the stock there."""
    if outcome.status == "held":
        push = _push_of(message)
        unsure = message.maybe_sent_at is not None
        begun = "It is not known whether units were" if unsure else "Units were not"
        text = f"{begun} put back into stock in {push.connection.name}: {outcome.reason}"
        history.note(message.order, kind="push.restock_failed", text=text, by=history.STOREWARD, at=at)
        notices.promise_merchant(message.order, kind="push_held", cause_key=message.key, at=at, reason=text)


def _came_of_it(push: OrderPush, units: int, *, is_booked: bool) -> tuple[str, str]:
    counted = f"{units} unit{'' if units == 1 else 's'}"
    if is_booked:
        return "push.restocked", f"{counted} put back into stock in {push.connection.name}."
    text = (
        f"{push.connection.name} had nowhere to put {counted} back: the order is gone or cancelled there, or its stock is "
        "not counted. See there whether they are in stock, and change it by hand if not."
    )
    return "push.restock_by_hand", text


def _refuse_forgotten(message: OutboxMessage, connector: Connector, push: OrderPush, *, at: datetime) -> None:
    """Raises Hold once the key against repeats may be forgotten: units that were booked would be booked a second time."""
    lost_at, keeps = message.first_failed_at, connector.resends_for
    if message.maybe_sent_at is not None and lost_at is not None and keeps is not None and at - lost_at > keeps:
        raise outbox.Hold(
            f"{push.connection.name} did not answer. Look at its stock there, and change it by hand if it lacks them."
        )


def _push_of(message: OutboxMessage) -> OrderPush:
    return OrderPush.objects.select_related("order", "connection__sync_settings").get(messages=message)


def _can_be_told(push: OrderPush) -> bool:
    platform = push.connection.platform
    return knows(platform) and connector_class(platform).capabilities.restock


def _told(refund: Refund, push: OrderPush) -> PutBack:
    """The refund's units that went to this destination, and what the customer got for them."""
    units = _units(refund, push)
    skus = {row.line.sku for row in units}
    links = dict(ProductLink.objects.filter(connection=push.connection, sku__in=skus).values_list("sku", "variant_id"))
    return PutBack(
        reference=f"{push.reference}-{refund.public_id[:12]}",
        units={row.line.public_id: count for row, count in units.items()},
        amount=min(total(row.amount for row in units), refund.amount),
        reason=RefundReason(refund.reason).label,
        variants={row.line.public_id: links[row.line.sku] for row in units if row.line.sku in links},
        took_stock=_took_stock(push),
    )


def _took_stock(push: OrderPush) -> bool:
    """As it was sent; by the setting of today where that was not kept."""
    return not push.connection.sync_settings.bypass_stock_check if push.took_stock is None else push.took_stock


def _units(refund: Refund, push: OrderPush) -> dict[RefundLine, int]:
    """Of each of the refund's lines the units that this destination had. It never had what was given back before."""
    asked = dict(PushLine.objects.filter(push=push).values_list("line_id", "sent_quantity"))
    before = push.sent_at is not None and refund.requested_at <= push.sent_at
    units = {
        row: row.quantity - (row.not_sent if before and asked[row.line_id] is not None else 0)
        for row in refund.lines.select_related("line")
        if row.line_id in asked
    }
    return {row: count for row, count in units.items() if count}
