"""Which messages are carried out next, and by whom: fairly among connections, within what each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, prefetch_related_objects

from accounts.formed import AT_ONCE, Read
from connectors import rows
from connectors.models import Connection
from connectors.services import limits
from orders.enums import OutboxStatus, Topic
from orders.models import Lane, OutboxMessage
from orders.models.outbox import payload_version
from orders.outbox.handlers import HANDLERS

CLAIM_SIZE = 16  # messages of one lane per claim
_ANY_ROOM: Mapping[int, int] = {}
EVERY, CLEAN, SUSPECT = Q(), Q(crashes=0), Q(crashes__gt=0)  # messages, by whether a worker died at them


def known() -> Q:
    """Messages that this code understands; a newer one waits for the newer code while both run."""
    return Q(payload_version__lte=payload_version())


def due(at: datetime) -> Q:
    """Messages that may be carried out now, as far as they themselves are concerned."""
    return Q(status=OutboxStatus.WAITING, wait_for="", next_attempt_at__lte=at) & known()


def ready_lanes(at: datetime) -> Q:
    """Lanes that may be served: no connection is needed, or theirs takes calls."""
    return Q(connection=None) | Q(connection__in=Connection.objects.filter(limits.ready(at)))


def claim(
    *, at: datetime, limit: int = CLAIM_SIZE, among: Q = EVERY, room: Mapping[int, int] = _ANY_ROOM
) -> list[OutboxMessage]:
    """Lease up to `limit` due messages of the lane that was served longest ago. Empty when nothing is due.

    A suspect comes alone; who carries out several messages at once keeps the others away from it with `among`. A lane
    whose connection takes nothing now is passed over, and so is one that `room`, by the lane's id, has no place for.
    """
    full = [lane_id for lane_id, left in room.items() if left <= 0]
    with transaction.atomic():
        while (lane := _next_lane(at, among, full)) is not None:
            messages = _first_due(lane, at, among, min(limit, room.get(lane.pk, limit)))
            admission = _admitted(lane, messages, at)
            if admission.count or not messages:
                return _lease(lane, messages[: admission.count], admission, at)
        return []


def suspect_is_due(*, at: datetime) -> bool:
    return _lanes_with_due(at, SUSPECT).exists()


def _next_lane(at: datetime, among: Q, full: Sequence[int]) -> Lane | None:
    if len(full) > AT_ONCE:
        return _fairly(_lanes_with_due(at, among).exclude(pk__in=full)).first()
    if full:
        return next(iter(_first_lane_beside(among, payload_version())(full, at=at)), None)
    return next(iter(_first_lane(among, payload_version()).once(at=at)), None)


def _fairly(lanes: QuerySet[Lane]) -> QuerySet[Lane]:
    found: QuerySet[Lane] = _locking(lanes.select_related("connection"))
    return found.order_by(F("served_at").asc(nulls_first=True), "pk")


@cache
def _first_lane(among: Q, _version: int) -> Read[Lane]:
    return Read(lambda at: _fairly(_lanes_with_due(at, among))[:1], at=True, keys=False)


@cache
def _first_lane_beside(among: Q, _version: int) -> Read[Lane]:
    """One that is none of the keys: a busy pump asks for it all the time."""
    return Read(lambda full, at: _fairly(_lanes_with_due(at, among).exclude(pk__in=full))[:1], at=True)


def _lanes_with_due(at: datetime, among: Q) -> QuerySet[Lane]:
    has_due = Exists(OutboxMessage.objects.filter(due(at), among, lane=OuterRef("pk")))
    return Lane.objects.filter(has_due).filter(ready_lanes(at))


def _first_due(lane: Lane, at: datetime, among: Q, limit: int) -> list[OutboxMessage]:
    """The first suspect by itself when it is the first of all, else clean ones."""
    first = _due_of(among, limit, payload_version()).once(lane.pk, at=at)
    if first and first[0].crashes:
        return first[:1]
    return [message for message in first if not message.crashes]


@cache
def _due_of(among: Q, limit: int, _version: int) -> Read[OutboxMessage]:
    return Read(
        lambda lane, at: _locking(OutboxMessage.objects.filter(due(at), among, lane=lane)).order_by(
            "next_attempt_at", "pk"
        )[:limit],
        of=True,
        at=True,
        keys=False,
    )


def _admitted(lane: Lane, messages: list[OutboxMessage], at: datetime) -> limits.Admission:
    if lane.connection is None:
        return limits.Admission(len(messages))
    platform, verbs = lane.connection.platform, [HANDLERS[message.topic].asks for message in messages]
    costs, requests = ([price(platform, verb) for verb in verbs] for price in (limits.cost, limits.requests))
    return limits.admit(lane.connection.pk, costs=costs, requests=requests, at=at)


def _lease(lane: Lane, messages: list[OutboxMessage], admission: limits.Admission, at: datetime) -> list[OutboxMessage]:
    """Those very messages, as they were read; none when somebody else has one of them by now."""
    if not messages:
        return []
    lease_until = at + timedelta(seconds=settings.LEASE_S)
    rows.change(Lane, {"served_at": at}, "id = %s", [lane.pk])
    for attempts in {message.attempts for message in messages}:
        keys = [message.pk for message in messages if message.attempts == attempts]
        leased = {"status": OutboxStatus.RUNNING, "attempts": attempts + 1, "lease_until": lease_until}
        unchanged = f"id IN ({', '.join(['%s'] * len(keys))}) AND attempts = %s AND status = %s"
        if rows.change(OutboxMessage, leased, unchanged, [*keys, attempts, OutboxStatus.WAITING.value]) < len(keys):
            transaction.set_rollback(True)  # they are locked, and SQLite lets one writer in: this must not happen
            return []
    for message in messages:
        message.status, message.lease_until = OutboxStatus.RUNNING, lease_until
        message.attempts += 1
        message.lane, message.probe, message.place = lane, admission.probe, admission.place
    # A push has all that it needs read with others (orders/services/loading.py).
    prefetch_related_objects([each for each in messages if each.topic != Topic.PUSH_ORDER], "order__merchant")
    return messages


def _locking(wanted: Any) -> Any:
    """FOR UPDATE SKIP LOCKED where there is such a thing; SQLite's IMMEDIATE transactions let one writer in at a time.

    NO KEY, so that nobody who posts to the lane meanwhile has to wait.
    """
    if database.features.has_select_for_update_skip_locked:
        return wanted.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return wanted
