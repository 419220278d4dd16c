"""What the parts of an order carry once some have left: those keep theirs, the rest is shared out anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from django.db.models import QuerySet

from orders.enums import PushStatus, Topic
from orders.models import Order, OrderLine, OrderPush
from orders.services import partner_amounts, routing, shares, still_due

_LEFT = (PushStatus.SENDING, PushStatus.UNKNOWN, PushStatus.PUSHED, PushStatus.CANCELLED)


def has_left(push: OrderPush) -> bool:
    """Whether it is at its destination, or may be: from then on its lines and amounts stand."""
    if push.remote_id or push.status in _LEFT:
        return True
    return push.messages.filter(topic=Topic.PUSH_ORDER, maybe_sent_at__isnull=False).exists()


def share_out(order: Order, pushes: Sequence[OrderPush]) -> set[int]:
    """Share out what the pushes that have left do not carry. The primary keys of those whose amounts changed."""
    pushes = standing(pushes)
    left = [push for push in pushes if has_left(push)]
    parts = {push: _part(push) for push in pushes if push not in left and push.push_lines.all()}
    lost = shares.Part(tuple(unrouted(order)), goes_out=False)
    given = [*parts.values(), *([lost] if lost.lines else [])]
    settled = [partner_amounts.of_order(push, shares.of(push)) for push in left]
    shared = {
        push: partner_amounts.with_shipping(order, push.connection, share, typed=push.shipping_fee)
        for push, share in zip(parts, shares.split(order, given, settled=settled), strict=False)
    }
    changed = set()
    for push in pushes:
        share = shared.get(push, shares.Share())
        if push not in left and share != shares.of(push):
            save_share(push, share)
            changed.add(push.pk)
    return changed


def standing(pushes: Iterable[OrderPush]) -> list[OrderPush]:
    """Without those that a re-export followed."""
    found = list(pushes)
    replaced = {(push.connection_id, push.generation - 1) for push in found if not push.beside}
    return [push for push in found if (push.connection_id, push.generation) not in replaced]


def charge_by_rules(push: OrderPush) -> bool:
    """Charge what the partnership's rules say now for sending what is still due, unless an amount was typed.

    For a push that is not there, under its order's lock; True when that changed it. Other destinations have no such price.
    """
    if push.connection.source_id is None or push.shipping_fee is not None:
        return False
    own = partner_amounts.of_order(push, shares.of(push))
    rows = list(push.push_lines.select_related("line").order_by("line__position"))
    share = partner_amounts.with_shipping(push.order, push.connection, own, items=still_due.of(push, rows, own).share)
    if share == shares.of(push):
        return False
    save_share(push, share)
    return True


def unrouted(order: Order) -> QuerySet[OrderLine]:
    """The lines that go nowhere."""
    return OrderLine.objects.filter(order=order, push_lines=None).order_by("position")


def _part(push: OrderPush) -> shares.Part:
    lines = sorted((row.line for row in push.push_lines.all()), key=lambda line: line.position)
    is_partners = routing.is_partners(push.connection)
    return shares.Part(tuple(lines), goes_out=push.status != PushStatus.SKIPPED, own_shipping=is_partners)


def save_share(push: OrderPush, share: shares.Share) -> None:
    for name, value in asdict(share).items():
        setattr(push, name, value)
    push.save(update_fields=shares.AMOUNTS)
