"""Moves of lines that cannot be meant. All raise RoutingRefused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from django.db.models import Count

from connectors.models import Connection, ProductLink
from orders.enums import PushStatus
from orders.errors import RoutingRefused
from orders.models import Order, OrderLine
from orders.services import routing


def refuse_copies(order: Order, line_ids: Sequence[int]) -> None:
    """A line goes to one destination: sending it to two would sell it twice."""
    named = Counter(line_ids)
    twice = OrderLine.objects.filter(pk__in=[pk for pk, times in named.items() if times > 1]).first()
    if twice is not None:
        raise RoutingRefused(f"{twice} cannot go to two destinations: each line goes to one.")
    copied = OrderLine.objects.filter(order=order).annotate(pushes=Count("push_lines")).filter(pushes__gt=1)
    if copied.exists():
        raise RoutingRefused("This order goes to several destinations in full: its lines cannot be moved.")


def targets(order: Order, asked: Set[int]) -> dict[int, Connection]:
    """The order's destinations by primary key, when all that are asked for are among them and take orders."""
    could_go = routing.destinations(order.merchant, source_id=order.channel.connection_id)
    standing = {connection.pk: connection for connection in could_go}
    if not asked <= standing.keys():
        raise RoutingRefused("This store is no destination of yours.")
    for pk in asked:
        if routing.first_status(standing[pk]) == PushStatus.SKIPPED:
            raise RoutingRefused(f"Order sync is off for {standing[pk].name}: nothing would be sent there.")
    return standing


def refuse_unlinked(line: OrderLine, target: Connection) -> None:
    """A line for which no check comes any more before it is sent needs its product link already."""
    if not ProductLink.objects.filter(connection=target, sku=line.sku).exists():
        if routing.is_partners(target):
            raise RoutingRefused(
                f"{target.name} does not share {line.sku or line.title} with you: it stays where it is."
            )
        text = f"The payment is taken, and {target.name} has no product linked to {line.sku or line.title}. Link one first."
        raise RoutingRefused(text)
