"""Drafts: orders that lack something. Filled in by a person or an integration, looked at again whenever data or
requirements change, and sent on their way once nothing is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from connectors.base import Blocker, BlockerCode
from orders.enums import OrderStatus, PaymentStatus, PushStatus
from orders.errors import ChangedMeanwhile, TransitionNotAllowed
from orders.models import Order, OrderPush, StoreOrigin
from orders.services import (
    draft_faults,
    draft_fields,
    history,
    preflight,
    readiness,
    requirements,
    rerouting,
    store_reading,
    summary,
)
from orders.services.transitions import lock, move_order
from orders.world import World

EDITED = "order.edited"  # data["changes"]: a list of {"field", "label", "from", "to"}
NO_LINK = "Waiting for a product link."
_UNDECIDED = (OrderStatus.DRAFT, OrderStatus.PENDING)
_COUNTRY = f"{draft_fields.ADDRESS}.country_code"


@transaction.atomic
def save(*, order_id: int, given: Mapping[str, str], seen: Mapping[str, str], by: str, at: datetime) -> Order:
    """Fill in a draft, or what a destination misses; once nothing is missing the order waits for its confirmation.

    `seen` is what the editor was shown, by field; empty when it does not matter. Raises TransitionNotAllowed when there
    is nothing to fill in, ChangedMeanwhile when somebody else has changed what was seen, InvalidOrder for what is wrong.
    """
    order = lock(order_id)
    if not to_mend(order) and order.status != OrderStatus.DRAFT:
        raise TransitionNotAllowed(_no_draft(order))
    kept = draft_fields.values_of(order)
    theirs = {path: kept[path] for path, value in seen.items() if path in kept and kept[path] != value}
    if theirs:
        raise ChangedMeanwhile(_changed_by(order), theirs)
    values = draft_fields.read(order, given, kept)
    changes = {path: value for path, value in values.items() if kept[path] != value}
    if changes:
        _note(order, kept, changes, by=by, at=at)
        draft_fields.write(order, changes)
    if _COUNTRY in changes:
        rerouting.route_again(order_id=order_id, at=at)
    was_draft = order.status == OrderStatus.DRAFT
    order = reconsider(order_id=order_id, by=by, at=at)
    if changes and not was_draft and order.status == OrderStatus.PENDING:
        preflight.ask(order, at=at)
    return order


@transaction.atomic
def reconsider(*, order_id: int, by: str, at: datetime) -> Order:
    """Look again at what an undecided order lacks: a complete draft goes on, an order that lacks something goes back.

    Safe to repeat; nothing happens to an order that has been decided.
    """
    order = lock(order_id)
    if order.status not in _UNDECIDED:
        return order
    gaps = gaps_of(order)
    lost = [item for item in order.blockers if item["code"] == BlockerCode.NO_DESTINATION]
    gone = readiness.unpayable(order)
    blockers = [*(blocker.as_json() for blocker in (*gaps, *([gone] if gone else []))), *lost]
    lacked_link = lacks_link(order)
    if gaps and order.status == OrderStatus.PENDING:
        text = f"Back to the drafts: {gaps[0].message}"
        move_order(order, to=OrderStatus.DRAFT, by=by, at=at, text=text, blockers=blockers)
        draft_faults.report(order, gaps, at=at)
        summary.refresh(order.pk)
    elif not gaps and order.status == OrderStatus.DRAFT:
        text = "Complete: nothing is missing any more."
        move_order(order, to=OrderStatus.PENDING, by=by, at=at, text=text, blockers=blockers)
        OrderPush.objects.filter(order=order, status__in=preflight.OPEN).update(checked_at=None)
        summary.refresh(order.pk)
        preflight.ask(order, at=at)
    elif blockers != order.blockers:
        order.blockers = blockers
        order.save(update_fields=["blockers"])
        summary.refresh(order.pk)
        if gaps:
            draft_faults.report(order, gaps, at=at)
    if order.status == OrderStatus.DRAFT and lacks_link(order) and not lacked_link:
        preflight.ask_alone(order, at=at)
    return order


def gaps_of(order: Order, values: Mapping[str, str] | None = None) -> tuple[Blocker, ...]:
    """What a stored order lacks; with `values` in place of some that are kept."""
    needs = requirements.needs_of(order.merchant, order.channel)
    source_id = order.channel.connection_id
    linked = needs.link and requirements.has_link(
        order.merchant, (line.sku for line in order.lines.all()), source_id=source_id
    )
    facts = draft_fields.facts_of(
        order,
        {**draft_fields.values_of(order), **(values or {})},
        is_paid=order.payment_status != PaymentStatus.NONE,
        is_linked=linked,
    )
    has_address = facts.address is not None and bool(facts.address.address1)
    return (*readiness.missing(facts, needs), *_doubts(order, has_address=has_address))


def _doubts(order: Order, *, has_address: bool) -> Iterator[Blocker]:
    """What only the store where the order was placed can mend; an address that it hides can be typed here."""
    rows = StoreOrigin.objects.filter(order=order).values_list("doubts", flat=True)
    found = (Blocker.from_json(item) for doubts in rows for item in doubts)
    return (doubt for doubt in found if not (has_address and doubt.field == store_reading.ADDRESS))


def to_mend(order: Order) -> list[Blocker]:
    """What can be filled in on an order that nobody decided about: what it lacks, and what its destinations miss."""
    if order.status not in _UNDECIDED:
        return []
    held = [push for push in order.pushes.all() if push.status == PushStatus.HELD]
    found = [*order.blocker_list, *(blocker for push in held for blocker in push.blocker_list)]
    return [
        replace(blocker, field=draft_fields.path_of(blocker.field))
        for blocker in found
        if draft_fields.section_of(blocker.field)
    ]


def lacks_link(order: Order) -> bool:
    return any(item["code"] == BlockerCode.UNMAPPED_SKU for item in order.blockers)


def look_for_links(order_id: int, world: World) -> Iterator[str]:
    """Ask the destinations of a draft that needs a product link whether they have its SKUs; links found are kept."""
    order = Order.objects.get(pk=order_id)
    if order.status != OrderStatus.DRAFT or not lacks_link(order):
        return
    for push in OrderPush.objects.filter(order=order, status__in=preflight.OPEN).select_related("order", "connection"):
        yield "looking for products"
        preflight.examine(push, world)
        yield "looked for products"


def last_edit(order: Order) -> str:
    """Who filled in the order last; empty when nobody has."""
    return order.events.filter(kind=EDITED).order_by("-at", "-pk").values_list("by", flat=True).first() or ""


def _note(order: Order, kept: Mapping[str, str], changes: Mapping[str, str], *, by: str, at: datetime) -> None:
    """Names in the sentence, values beside it: they are the customer's, and taken out when the customer asks."""
    rows = [
        {"field": path, "label": draft_fields.label_of(order, path), "from": kept[path], "to": value}
        for path, value in sorted(changes.items())
    ]
    text = f"{by} changed: {', '.join(row['label'] for row in rows)}."
    history.note(order, kind=EDITED, text=text, by=by, at=at, changes=rows)


def _no_draft(order: Order) -> str:
    status = OrderStatus(order.status).label.lower()
    who = last_edit(order)
    return f"Nothing is missing in order {order.number}: it is {status}{f', filled in by {who}' if who else ''}."


def _changed_by(order: Order) -> str:
    who = last_edit(order) or "Somebody"
    return f"{who} changed this order while you were at it. Nothing of yours is saved yet: look at it and save again."
