"""A push with all that forming it reads, several at one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Model

from accounts.formed import Read
from connectors.models import Connection, ProductLink
from connectors.together import Together
from orders.models import OrderAddress, OrderPush, OutboxMessage, PushLine


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
    found = {push.pk: push for push in _pushes(sorted({wanted.push_id for wanted in all_wanted}))}
    pushes = list(found.values())
    _connect(pushes)
    _hang(pushes, "push_lines", _lines(list(found)), of="push_id")
    addresses = _addresses(sorted({push.order_id for push in pushes}))
    _hang([push.order for push in pushes], "addresses", addresses, of="order_id")
    _link(pushes)
    for wanted in all_wanted:
        wanted.push = found.get(wanted.push_id)


_read: Together[Wanted] = Together(read_all)


def rows_and_links(push: OrderPush) -> tuple[list[PushLine], dict[str, str]]:
    """Its rows with their lines, in the order's order, and the variants of their SKUs there."""
    if push.links is not None:
        return list(push.push_lines.all()), push.links
    lines = list(push.push_lines.select_related("line").order_by("line__position"))
    return lines, _links(push.connection_id, {row.line.sku for row in lines})


def _connect(pushes: Sequence[OrderPush]) -> None:
    known = {connection.pk: connection for connection in _connections(sorted({push.connection_id for push in pushes}))}
    for push in pushes:
        push.connection = known[push.connection_id]


def _hang(above: Sequence[Model], name: str, below: Iterable[Model], *, of: str) -> None:
    """Rows below others, so that `name` of these finds them without asking."""
    known: dict[int, list[Model]] = {}
    for row in below:
        known.setdefault(getattr(row, of), []).append(row)
    for one in above:
        rows = getattr(one, name).all()
        rows._result_cache, rows._prefetch_done = known.get(one.pk, []), True
        vars(one).setdefault("_prefetched_objects_cache", {})[name] = rows


def _link(pushes: Sequence[OrderPush]) -> None:
    for connection_id in {push.connection_id for push in pushes}:
        alike = [push for push in pushes if push.connection_id == connection_id]
        known = _links(connection_id, {row.line.sku for push in alike for row in push.push_lines.all()})
        for push in alike:
            push.links = known


def _links(connection_id: int, skus: Collection[str]) -> dict[str, str]:
    return dict(_variants(sorted(skus), connection_id))


_pushes: Read[OrderPush] = Read(
    lambda keys: OrderPush.objects.filter(pk__in=keys).select_related(
        "order__channel", "order__merchant", "order__payment"
    )
)
_connections: Read[Connection] = Read(
    lambda keys: Connection.objects.filter(pk__in=keys).select_related("sync_settings", "source")
)
_lines: Read[PushLine] = Read(
    lambda keys: PushLine.objects.filter(push__in=keys).select_related("line").order_by("line__position")
)
_addresses: Read[OrderAddress] = Read(lambda keys: OrderAddress.objects.filter(order__in=keys))
_variants: Read[tuple[str, str]] = Read(
    lambda keys, of: ProductLink.objects.filter(connection=of, sku__in=keys).values_list("sku", "variant_id"),
    text=True,
    of=True,
)
