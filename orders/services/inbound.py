"""Webhooks, once stored: find the push that each is about and promise to read the truth. No network here."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from connectors.models import InboundEvent, InboundState
from connectors.services import connections
from orders.enums import OutboxStatus, Topic
from orders.models import OrderPush, OutboxMessage
from orders.services import payments, pushes

GRACE = timedelta(hours=1)  # a webhook may come before our own record of the order it is about
UNINSTALLED = frozenset({"app/uninstalled"})


def process(*, event_id: int, at: datetime) -> None:
    """Deal with one event. Safe to run twice and in any order; an event that cannot be placed yet stays new."""
    event = InboundEvent.objects.select_related("connection").get(pk=event_id)
    if event.state != InboundState.NEW:
        return
    if event.gateway:
        payments.notice(gateway=event.gateway, reference=event.remote_order_id, at=at)
        with transaction.atomic():
            _end(event_id, InboundState.DONE, "", at)
        return
    with transaction.atomic():
        _process_store_event(event_id, at)


def process_forgotten(*, at: datetime, limit: int = 200) -> int:
    """Events that wait for longer than a minute: their task was lost, or their order is not recorded yet."""
    forgotten = InboundEvent.objects.filter(state=InboundState.NEW, received_at__lte=at - timedelta(minutes=1))
    keys = list(forgotten.order_by("received_at", "pk").values_list("pk", flat=True)[:limit])
    for key in keys:
        process(event_id=key, at=at)
    return len(keys)


def _process_store_event(event_id: int, at: datetime) -> None:
    event = InboundEvent.objects.select_for_update(of=("self",)).select_related("connection").get(pk=event_id)
    if event.state != InboundState.NEW or event.connection is None:
        return
    if event.topic in UNINSTALLED:
        reason = "The app was uninstalled in the store."
        connections.auth_lost(connection_id=event.connection.pk, reason=reason, at=at)
        _end(event_id, InboundState.DONE, "", at)
        return
    push = _push_of(event)
    if push is not None and push.remote_id:
        _promise(push, event, at)
        _end(event_id, InboundState.DONE, "", at)
    elif at - event.received_at > GRACE or not (event.remote_order_id or event.reference):
        _end(event_id, InboundState.IGNORED, "Not about one of our orders.", at)
    else:
        InboundEvent.objects.filter(pk=event_id).update(attempts=event.attempts + 1)


def _push_of(event: InboundEvent) -> OrderPush | None:
    pushes_there = OrderPush.objects.filter(connection=event.connection).select_related("order", "connection")
    by_id = Q(remote_id=event.remote_order_id) if event.remote_order_id else Q(pk=None)
    by_reference = Q(reference=event.reference) if event.reference else Q(pk=None)
    return pushes_there.filter(by_id | by_reference).order_by("-generation").first()


def _promise(push: OrderPush, event: InboundEvent, at: datetime) -> None:
    """A burst of events about one order is one read: the one that has not begun yet sees them all."""
    not_begun = OutboxMessage.objects.filter(push=push, topic=Topic.PULL_REMOTE, status=OutboxStatus.WAITING, attempts=0)
    if not not_begun.exists():
        pushes.promise_read(push, cause=f"event:{event.pk}", at=at)


def _end(event_id: int, state: InboundState, note: str, at: datetime) -> None:
    InboundEvent.objects.filter(pk=event_id, state=InboundState.NEW).update(state=state, note=note, processed_at=at)
