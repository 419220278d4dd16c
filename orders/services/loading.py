"""A push with all that forming it reads, several at one go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, prefetch_related_objects

from connectors.models import ProductLink
from connectors.together import Together
from orders.models import OrderLine, OrderPush, OutboxMessage, PushLine

_LINES = Prefetch("push_lines", PushLine.objects.select_related("line").order_by("line__position"))


@dataclass(slots=True)
class Wanted:
    push_id: int
    push: OrderPush | None = None


def whole(push_id: int) -> OrderPush:
    """As it is now. Raises OrderPush.DoesNotExist."""
    wanted = Wanted(push_id)
    _read(wanted)
    if wanted.push is None:
        raise OrderPush.DoesNotExist
    return wanted.push


def push_of(message: OutboxMessage) -> OrderPush:
    """The push that a message is about as it is now, with its order and its destination's settings."""
    return OrderPush.objects.select_related("order", "connection__sync_settings").get(pk=message.push_id or 0)


def read_all(all_wanted: Sequence[Wanted]) -> None:
    rows = OrderPush.objects.select_related("order__channel", "order__merchant", "order__payment")
    rows = rows.prefetch_related("connection__sync_settings", "connection__source")
    found = rows.in_bulk([wanted.push_id for wanted in all_wanted])
    prefetch_related_objects(list(found.values()), _LINES, "order__addresses")
    _link(list(found.values()))
    for wanted in all_wanted:
        wanted.push = found.get(wanted.push_id)


_read: Together[Wanted] = Together(read_all)


def lines_and_links(push: OrderPush) -> tuple[list[OrderLine], dict[str, str]]:
    """Its lines in their order, and the variants of their SKUs there."""
    if push.links is not None:
        return [row.line for row in push.push_lines.all()], push.links
    lines = [row.line for row in push.push_lines.select_related("line").order_by("line__position")]
    return lines, _links(push.connection_id, {line.sku for line in lines})


def _link(pushes: Sequence[OrderPush]) -> None:
    for connection_id in {push.connection_id for push in pushes}:
        alike = [push for push in pushes if push.connection_id == connection_id]
        known = _links(connection_id, {row.line.sku for push in alike for row in push.push_lines.all()})
        for push in alike:
            push.links = known


def _links(connection_id: int, skus: Collection[str]) -> dict[str, str]:
    links = ProductLink.objects.filter(connection_id=connection_id, sku__in=skus)
    return dict(links.values_list("sku", "variant_id"))
