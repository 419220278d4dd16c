"""How many messages speak to one connection at a time, where its driver says how many its platform bears.

The places that are taken stand in the connection's row, so that all workers share them, each as the instant until which
it counts: one whose worker died is free by then. A connection without a free place has `full_until`, and its lane is
passed over until somebody leaves.

A capture asks its destinations before it takes the money, and stands in another lane: when it finds no place, the next
that is free is kept for it, or a burst of pushes would take each of them. Polls and people wait for nobody and count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from connectors import rows
from connectors.models import Connection
from connectors.registry import connector_class, knows

COUNTS_FOR = timedelta(minutes=2)  # as long as a lease
COME_AGAIN_S = 2.0  # whoever finds no place and stands in another lane

KEPT_FOR = timedelta(seconds=6)  # a place for whoever found none, who comes again before

COLUMNS = ("places", "full_until", "place_kept_until")


def has_room(at: datetime) -> Q:
    """Connections with a free place, or without a bound."""
    return Q(full_until=None) | Q(full_until__lte=at)


def left(connection: Connection, *, at: datetime, first: bool = False) -> int | None:
    """How many more may speak to it; None where there is no bound. A place that is kept is for who comes `first`."""
    bound = _bound(connection)
    if bound is None:
        return None
    kept = not first and _is_kept(connection, at)
    return max(bound - len(_taken(connection, at)) - kept, 0)


def take(connection: Connection, count: int, *, at: datetime, first: bool = False) -> datetime | None:
    """Take so many places of a row that is locked. What each of them is left with; None where there is no bound."""
    if _bound(connection) is None:
        return None
    until = at + COUNTS_FOR
    if first and count:
        connection.place_kept_until = None
    _write(connection, [*_taken(connection, at), *[until] * count], at=at)
    return until if count else None


@transaction.atomic
def keep_one(connection_id: int, *, at: datetime) -> None:
    """For somebody who found none: the next that is free is kept for a moment."""
    connection = _locked(connection_id)
    if connection is not None and _bound(connection) is not None:
        connection.place_kept_until = at + KEPT_FOR
        _write(connection, _taken(connection, at), at=at)


@contextmanager
def beside(connection: Connection, *, at: datetime) -> Iterator[None]:
    """Take a place while a poll asks, also when none is free: it waits for nobody, and others see that it is there."""
    if _bound(connection) is None:
        yield
        return
    with transaction.atomic():
        locked = _locked(connection.pk)
        until = None if locked is None else take(locked, 1, at=at)
    try:
        yield
    finally:
        if until is not None:
            leave(connection.pk, until)


@transaction.atomic
def leave(connection_id: int, until: datetime) -> None:
    """Give one place back; nothing happens when it has run out or the connection is gone."""
    connection = _locked(connection_id)
    if connection is None or until.isoformat() not in connection.places:
        return
    taken = [datetime.fromisoformat(each) for each in connection.places]
    taken.remove(until)
    _write(connection, taken, at=until - COUNTS_FOR)


def _locked(connection_id: int) -> Connection | None:
    locked = Connection.objects.select_for_update(no_key=True).only("platform", *COLUMNS)
    return locked.filter(pk=connection_id).first()


def _bound(connection: Connection) -> int | None:
    return connector_class(connection.platform).at_once if knows(connection.platform) else None


def _taken(connection: Connection, at: datetime) -> list[datetime]:
    return [until for until in map(datetime.fromisoformat, connection.places) if until > at]


def _is_kept(connection: Connection, at: datetime) -> bool:
    return connection.place_kept_until is not None and connection.place_kept_until > at


def _write(connection: Connection, taken: Sequence[datetime], *, at: datetime) -> None:
    """With `full_until`: until then no place is free for a lane, unless somebody leaves."""
    ends, bound = sorted(taken), _bound(connection)
    connection.places = [until.isoformat() for until in ends]
    connection.full_until = None
    if bound is not None:
        connection.full_until = _free_from(ends, bound)
        if _is_kept(connection, at):
            kept_until = connection.place_kept_until or at
            fewer = _free_from(ends, bound - 1) if bound > 1 else kept_until
            waits = [until for until in (connection.full_until, fewer and min(fewer, kept_until)) if until]
            connection.full_until = max(waits, default=None)
    rows.write([connection], COLUMNS)


def _free_from(ends: Sequence[datetime], bound: int) -> datetime | None:
    return ends[len(ends) - bound] if len(ends) >= bound else None
