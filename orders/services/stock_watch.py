"""Orders that wait for stock: their products are read every now and then, and go on when there is enough of them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from logging import getLogger

from django.db.models import Max, Min, Sum

from connectors import conditions
from connectors.base import RemoteVariant
from connectors.errors import ConnectorError
from connectors.models import Connection, ProductLink
from connectors.services import limits
from orders.attempt import Attempt
from orders.enums import OutboxStatus
from orders.models import OutboxMessage, PushLine
from orders.world import World

logger = getLogger(__name__)

AT_ONCE = 500  # products per call; the next call goes on behind them
EVERY = timedelta(minutes=5)  # as often as it is called: which products are whose turn is told by the clock
PAUSE, LONGEST_PAUSE = (
    timedelta(minutes=5),
    timedelta(hours=1),
)  # per attempt that was refused although there was enough
BUDGET = timedelta(seconds=15)  # for all connections of one call


@dataclass(frozen=True, slots=True)
class Awaited:
    """One product that orders wait for at one connection."""

    key: str
    connection_id: int
    sku: str  # empty: the destination did not say which product
    due_at: datetime  # not before: a store may refuse what it shows enough of


def look(*, world: World) -> int:
    """Read what is waited for, once per connection, and let go on what is there. Returns how many products came back.

    Network: never in a transaction. One connection that fails delays no other. Safe to repeat.
    """
    began, back = world.now(), 0
    awaited = sorted(_turn(list(_awaited()), at=began), key=lambda each: each.connection_id)
    rows = Connection.objects.filter(limits.eligible(began)).select_related("source")
    connections = rows.in_bulk({each.connection_id for each in awaited})
    for connection_id, group in groupby(awaited, key=lambda each: each.connection_id):
        if world.now() - began > BUDGET:
            break
        if connection_id in connections:
            back += _look_contained(connections[connection_id], list(group), world)
    return back


def _awaited() -> Iterator[Awaited]:
    waiting = OutboxMessage.objects.filter(status=OutboxStatus.WAITING, wait_for__startswith="stock:")
    keys = waiting.values("wait_for").annotate(refused_at=Max("next_attempt_at"), times=Min("attempts"))
    for row in keys.order_by("wait_for"):
        _, connection_id, sku = row["wait_for"].split(":", 2)
        due_at = row["refused_at"] + min(PAUSE * row["times"], LONGEST_PAUSE)
        yield Awaited(row["wait_for"], int(connection_id), sku, due_at)


def _turn(awaited: Sequence[Awaited], *, at: datetime) -> Sequence[Awaited]:
    """All of them, or those whose turn it is: each comes up again after a round."""
    if len(awaited) <= AT_ONCE:
        return awaited
    first = int(at.timestamp() // EVERY.total_seconds()) * AT_ONCE % len(awaited)
    return [*awaited[first:], *awaited[:first]][:AT_ONCE]


def _look_contained(connection: Connection, awaited: Sequence[Awaited], world: World) -> int:
    due = [each for each in awaited if each.due_at <= world.now()]
    links = dict(
        ProductLink.objects.filter(connection=connection, sku__in=[each.sku for each in due]).values_list(
            "sku", "variant_id"
        )
    )
    attempt = Attempt(world)
    try:
        seen = attempt.world.connector_for(connection).read_variants(sorted(set(links.values()))) if links else {}
    except ConnectorError as error:
        attempt.failed(error)
        logger.info("stock not read", extra={"connection_id": connection.pk, "error": type(error).__name__})
        return 0
    except Exception:
        attempt.broke_off()
        logger.exception("stock not read", extra={"connection_id": connection.pk})
        return 0
    attempt.answered()
    wanted = _wanted(due)
    back = [each.key for each in due if _is_back(each, links, seen, wanted.get(each.key, 1))]
    for key in back:
        conditions.cleared(key)
    return len(back)


def _wanted(awaited: Sequence[Awaited]) -> dict[str, int]:
    """Units that the smallest push wants of each product."""
    keys = {each.key: each.sku for each in awaited}
    rows = PushLine.objects.filter(push__messages__wait_for__in=keys, push__messages__status=OutboxStatus.WAITING)
    counted = rows.values("push__messages__wait_for", "push_id", "line__sku").annotate(units=Sum("line__quantity"))
    wanted: dict[str, int] = {}
    for row in counted.order_by("push_id", "line__sku"):
        key, units = row["push__messages__wait_for"], int(row["units"])
        if row["line__sku"] == keys[key]:
            wanted[key] = min(units, wanted.get(key, units))
    return wanted


def _is_back(awaited: Awaited, links: Mapping[str, str], seen: Mapping[str, RemoteVariant], units: int) -> bool:
    """Also when the product is unlinked or gone: the check that follows says what to do about that."""
    variant = seen.get(links.get(awaited.sku, ""))
    return variant is None or variant.stock is None or variant.stock >= units
