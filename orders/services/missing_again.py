"""Lines that a destination left out of an order that it took: sent once more in an order of their own, kept here, or given
back in the store that took the money.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from connectors.models import ConnectionState
from connectors.money import Money, MoneyError
from orders.enums import OrderStatus, PushStatus
from orders.errors import TransitionNotAllowed
from orders.models import OrderPush, PushLine
from orders.services import (
    fulfilled,
    history,
    kept_out,
    marking,
    missing_lines,
    open_units,
    part_amounts,
    partner_amounts,
    references,
    shares,
    slots,
    still_due,
)
from orders.services.transitions import lock

NOTHING = "Nothing of this order is missing there."
NOT_GIVEN = "Nobody said of this part that anything of it was given back."


@transaction.atomic
def send(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Send what is missing to the same destination again, as an order of its own. Raises TransitionNotAllowed."""
    push, rows = _locked(push_id)
    if push.connection.state == ConnectionState.REMOVED:
        raise TransitionNotAllowed(
            f"{push.connection.name} was disconnected: keep the lines here, or connect it again."
        )
    new = _apart(push, rows, status=PushStatus.QUEUED)
    text = f"{by} sends {missing_lines.in_words(rows)} to {push.connection.name} again, as {new.reference}."
    missing_lines.release(push, by=by, at=at, text=text)
    if marking.is_needed(new):
        marking.wait(new, at=at)
    else:
        slots.promise(new, at=at)
    return new


@transaction.atomic
def keep(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """Keep what is missing here: it is shipped from here, or brought back for the destination later. Raises
    TransitionNotAllowed.
    """
    push, rows = _locked(push_id)
    new = _apart(push, rows, status=PushStatus.SKIPPED, reason=kept_out.reason(by))
    text = f"{by} keeps {missing_lines.in_words(rows)} here."
    missing_lines.release(push, by=by, at=at, text=text)
    return new


@transaction.atomic
def given_back(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """A person gave back what is missing, in the store that took the money: nobody waits for it any more.

    Raises TransitionNotAllowed, also where the money is given back here.
    """
    push, rows = _locked(push_id)
    store = missing_lines.paid_elsewhere(push.order)
    if not store:
        raise TransitionNotAllowed("This order was not paid in a store: refund what is missing here.")
    amount = Money(missing_lines.worth(push.order, rows), push.order.currency)
    text = f"{by} gave {missing_lines.in_words(rows)} back in {store}: {amount}."
    history.note(push.order, kind="push.given_back_there", text=text, by=by, at=at, push=push.public_id)
    for row in rows:
        row.given_back_there += missing_lines.units_of(row)
    PushLine.objects.bulk_update(rows, ["given_back_there"])
    fulfilled.recount(push.order_id, by=by, at=at)
    return push


@transaction.atomic
def not_given_back(*, push_id: int, by: str, at: datetime) -> OrderPush:
    """It was said by mistake: what is missing is owed again. Raises TransitionNotAllowed when nobody said it."""
    lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    push = OrderPush.objects.select_related("order__channel").get(pk=push_id)
    rows = list(push.push_lines.filter(given_back_there__gt=0).select_related("line").order_by("line__position"))
    if not rows:
        raise TransitionNotAllowed(NOT_GIVEN)
    units = ", ".join(f"{row.given_back_there} x {row.line.title}" for row in rows)
    text = f"{by}: {units} was not given back in {push.order.channel.name} after all."
    history.note(push.order, kind="push.not_given_back_there", text=text, by=by, at=at, push=push.public_id)
    PushLine.objects.filter(pk__in=[row.pk for row in rows]).update(given_back_there=0)
    fulfilled.recount(push.order_id, by=by, at=at)
    return push


def _locked(push_id: int) -> tuple[OrderPush, list[PushLine]]:
    order = lock(OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id))
    pushes = OrderPush.objects.select_related("order__channel", "connection__sync_settings", "connection__source")
    push = pushes.prefetch_related("push_lines__line").get(pk=push_id)
    rows = missing_lines.owed(push)
    if push.status != PushStatus.HELD or push.remote_cancelled or not rows:
        raise TransitionNotAllowed(NOTHING)
    if order.status != OrderStatus.CONFIRMED or open_units.is_unpaid(order):
        raise TransitionNotAllowed(f"Order {order.number} is not confirmed and paid: nothing of it is sent.")
    if push.reexports.open().exists():
        raise TransitionNotAllowed("This is set to re-export: withdraw that first.")
    return push, rows


def _apart(push: OrderPush, rows: list[PushLine], *, status: PushStatus, reason: str = "") -> OrderPush:
    """A push beside this one with the lines that it lacks, and their part of its amounts; shipping stays where it is."""
    order = push.order
    gone = tuple(row.line for row in rows)
    kept = tuple(row.line for row in push.push_lines.all() if row.line not in gone)
    others = [
        other for other in part_amounts.standing(order.pushes.select_related("connection")) if other.pk != push.pk
    ]
    settled = [partner_amounts.of_order(other, shares.of(other)) for other in others]
    lost = tuple(part_amounts.unrouted(order))
    parts = [
        shares.Part(kept),
        shares.Part(gone, goes_out=False),
        *([shares.Part(lost, goes_out=False)] if lost else []),
    ]
    try:
        stays, goes = shares.split(order, parts, settled=settled)[:2]
    except MoneyError as error:
        raise TransitionNotAllowed(
            "The amounts of this order cannot be shared out anew: re-export it instead."
        ) from error
    if stays.total + goes.total != push.total:
        raise TransitionNotAllowed("The amounts of this order were changed since it was sent: re-export it instead.")
    part_amounts.save_share(push, stays)
    held = still_due.of(push, [row for row in push.push_lines.all() if row not in rows], stays, as_sent=True)
    push.given_back, push.due_total = held.given_back, None if held.share.total == push.total else held.share.total
    push.save(update_fields=["given_back", "due_total"])
    last = order.pushes.filter(connection=push.connection).aggregate(last=Max("generation"))["last"]
    new = OrderPush.objects.create(
        order=order, connection=push.connection, generation=last + 1, beside=True, status=status, reason=reason,
        reference=references.reference_of(order, generation=last + 1), **asdict(goes),
    )  # fmt: skip
    PushLine.objects.filter(pk__in=[row.pk for row in rows]).update(push=new, missing=False)
    return new
